import { setImmediate } from 'node:timers/promises'
import { unzipSync, type UnzipFileInfo } from 'fflate'
import { UserError } from '../../errors.ts'
import type { Column } from '../table.ts'
import { readerOf, type ByteReader } from './file.ts'
import { readNpy } from './npy.ts'

const MAX_DEFLATE_RATIO = 1032

/** Reads the arrays of an NPZ file (a zip of NPY files), each as one column of its name; `wanted` chooses among them. */
export async function readNpz(reader: ByteReader, wanted?: readonly string[]): Promise<Column[]> {
  if (!reader.exact) throw new UserError(`Expected an NPZ file, got one inside gzip: ${reader.file}. Unpack it first`)
  const bytes = new Uint8Array(reader.atMost)
  await reader.fill(bytes, 'the zip file')
  const entries = listEntries(bytes, reader.file)
  const names = entries.map((entry) => entry.name.replace(/\.npy$/, ''))
  const chosen = wanted && wanted.some((name) => names.includes(name)) ? names.filter((n) => wanted.includes(n)) : names
  const columns: Column[] = []
  for (const name of chosen) {
    const entry = entries[names.indexOf(name)]!
    const where = `${reader.file} (${entry.name})`
    const content = unzip(bytes, entry, where)
    const matrix = await readNpy(readerOf(once(content), where, content.length, true))
    columns.push({ kind: 'numbers', name, width: matrix.width, values: matrix.values })
    await setImmediate()
  }
  const rows = columns.map((column) => column.values.length / column.width)
  const odd = rows.findIndex((n) => n !== rows[0])
  if (odd > 0) {
    throw new UserError(
      `Expected arrays of equally many rows in ${reader.file}, got ${columns[0]!.name} with ${rows[0]} and ` +
        `${columns[odd]!.name} with ${rows[odd]}. Choose arrays by data.features and data.target`,
    )
  }
  return columns
}

function listEntries(bytes: Uint8Array, file: string): UnzipFileInfo[] {
  const entries: UnzipFileInfo[] = []
  try {
    unzipSync(bytes, { filter: (entry) => (entries.push(entry), false) })
  } catch (error) {
    throw damaged(file, error)
  }
  const arrays = entries.filter((entry) => entry.name.endsWith('.npy'))
  if (arrays.length === 0) throw new UserError(`Expected NPY arrays in ${file}, found none`)
  return arrays
}

function unzip(bytes: Uint8Array, entry: UnzipFileInfo, where: string): Uint8Array {
  if (entry.size > bytes.length || entry.originalSize > entry.size * MAX_DEFLATE_RATIO + 64) {
    throw new UserError(
      `Expected ${entry.originalSize} bytes in ${where}, which ${entry.size} compressed bytes in a file of ` +
        `${bytes.length} cannot hold: the file is truncated or damaged. Copy it again`,
    )
  }
  try {
    return unzipSync(bytes, { filter: (other) => other.name === entry.name })[entry.name]!
  } catch (error) {
    throw damaged(where, error)
  }
}

function damaged(file: string, error: unknown): UserError {
  return new UserError(
    `Expected a whole zip file, but ${file} is truncated or damaged (${String(error)}). Copy it again`,
  )
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}
