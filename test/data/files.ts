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

export function idx(dims: readonly number[], data: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header[2] = type
  header[3] = dims.length
  dims.forEach((dim, i) => header.writeUInt32BE(dim, 4 + 4 * i))
  return Buffer.concat([header, data])
}

export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false, version = 1): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = fortran ? 'True' : 'False'
  const text = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${dims}), }\n`)
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version, 0)}`, 'latin1')
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  length.writeUIntLE(text.length, 0, length.length)
  return Buffer.concat([start, length, text, data])
}
