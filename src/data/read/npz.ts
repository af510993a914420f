import { UserError } from '../../errors.ts'
import type { OpenedArray } from './elements.ts'
import { readerOf } from './file.ts'
import { openNpy } from './npy.ts'
import type { Places } from './places.ts'
import { listZip, startOf, unpackEntry } from './zip.ts'
import type { ZipEntry } from './zip.ts'

/** Each is unpacked beside the others. */
const MAX_ARRAYS = 1024

export interface NamedArray {
  readonly name: string
  readonly array: OpenedArray
  readonly close: () => Promise<void>
}

/** Opens the arrays of an NPZ file, a zip of NPY files; `wanted` chooses among them by name. */
export async function openNpz(places: Places, wanted?: readonly string[]): Promise<NamedArray[]> {
  const entries = (await listZip(places)).filter(({ name }) => name.endsWith('.npy'))
  if (entries.length === 0) throw new UserError(`Expected NPY arrays in ${places.file}, found none`)
  const some = entries.filter((entry) => wanted?.includes(nameOf(entry)))
  const chosen = some.length > 0 ? some : entries
  if (chosen.length > MAX_ARRAYS) {
    throw new UserError(
      `Expected at most ${MAX_ARRAYS} arrays in ${places.file}, got ${chosen.length}. Choose by data.features and data.target`,
    )
  }
  const arrays: NamedArray[] = []
  try {
    for (const entry of chosen) arrays.push(await openEntry(places, entry))
    checkRows(arrays, places.file)
    return arrays
  } catch (error) {
    await closeAll(arrays)
    throw error
  }
}

export async function closeAll(arrays: readonly NamedArray[]): Promise<void> {
  for (const { close } of arrays) await close()
}

const nameOf = ({ name }: ZipEntry): string => name.replace(/\.npy$/, '')

async function openEntry(places: Places, entry: ZipEntry): Promise<NamedArray> {
  const where = `${places.file} (${entry.name})`
  const chunks = unpackEntry(places, entry)
  const reader = readerOf(chunks, where, entry.bytes, true)
  const start = entry.isDeflated ? undefined : await startOf(places, entry)
  const at = start === undefined ? undefined : within(places, start, where)
  return { name: nameOf(entry), array: await openNpy(reader, at), close: reader.close }
}

/** What lies in the file uncompressed can be read at any place. */
const within = (places: Places, start: number, file: string): Places => ({
  ...places,
  file,
  fill: (into, place) => places.fill(into, start + place),
})

function checkRows(arrays: readonly NamedArray[], file: string): void {
  const [first] = arrays
  const odd = arrays.find(({ array }) => array.rows !== first!.array.rows)
  if (!odd) return
  throw new UserError(
    `Expected arrays of equally many rows in ${file}, got ${first!.name} with ${first!.array.rows} and ` +
      `${odd.name} with ${odd.array.rows}. Choose arrays by data.features and data.target`,
  )
}
