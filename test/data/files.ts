import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { UserError } from '../../src/errors.ts'
import type { DataConfig } from '../../src/data/config.ts'
import { readTable } from '../../src/data/read/table.ts'
import type { Table } from '../../src/data/table.ts'

/** A folder that goes away after the test file, and a function that writes a file there and gives its path. */
export function temporaryFiles(): (name: string, contents: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), 'brigantine-data-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  return (name, contents) => {
    const path = join(folder, name)
    writeFileSync(path, contents)
    return path
  }
}

export async function read(file: string, config: Partial<DataConfig> = {}): Promise<Table> {
  return (await readTable(file, undefined, { source: file, ...config })).table
}

/** The message of the UserError that `action` throws; any other outcome fails the test. */
export async function userError(action: () => unknown): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
  throw new Error('Expected a UserError, got none')
}

/** Values of a column, by name. */
export function valuesOf(table: Table, name: string): unknown[] {
  const column = table.columns.find((candidate) => candidate.name === name)
  if (!column) throw new Error(`no column ${name} among ${table.columns.map((c) => c.name).join(', ')}`)
  return Array.from(column.values as ArrayLike<unknown>)
}

export { idx, npy } from './formats.ts'
