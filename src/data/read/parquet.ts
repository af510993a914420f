/** Parquet, a row group and a column at a time. */
import { brotliDecompressSync, unzipSync, zstdDecompressSync } from 'node:zlib'
import { setImmediate } from 'node:timers/promises'
import { parquetMetadataAsync, parquetRead } from 'hyparquet'
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, SchemaElement } from 'hyparquet'
import { compressors as others } from 'hyparquet-compressors'
import { getSchemaPath } from 'hyparquet/src/schema.js'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Column, Table } from '../table.ts'
import { cellColumn, unread, wantedColumns, whyDamaged } from './cells.ts'
import { checkPages, checkStruct } from './parquet-heads.ts'
import type { Places } from './places.ts'

/** Values that a byte of the file may stand for on the average, and how many anyway: a run of equal ones takes a few bytes. */
const MOST_VALUES_PER_BYTE = 64
const FREE_VALUES = 2 ** 22
/** Likewise bytes of pages, unpacked. */
const MOST_BYTES_PER_BYTE = 1032
const FREE_BYTES = 2 ** 30
/** Parts of a name: a list of numbers has three. */
const MAX_PARTS = 8
/** Values that the library would make objects of, of any size. */
const NOT_READ = new Set<unknown>(['VARIANT', 'GEOMETRY', 'GEOGRAPHY', 'FILE'])

/** Node's own know where to end. */
const compressors: Compressors = {
  SNAPPY: others.SNAPPY!,
  LZ4: others.LZ4!,
  LZ4_RAW: others.LZ4_RAW!,
  GZIP: (input, bytes) => unzipSync(input, { maxOutputLength: Math.max(1, bytes) }),
  BROTLI: (input, bytes) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, bytes) }),
  ZSTD: (input, bytes) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, bytes) }),
}

/** @throws UserError when the file is truncated, damaged, or holds a column of another kind than numbers, texts and dates */
export async function readParquet(places: Places, config: DataConfig): Promise<Table> {
  const { read } = await openParquet(places, config)
  return read(0, config.limit ?? Infinity)
}

/** As `readParquet`, a table for each row group. */
export async function* readParquetParts(places: Places, config: DataConfig): AsyncGenerator<Table> {
  const { groups, read } = await openParquet(places, config)
  let start = 0
  for (const rows of groups) {
    if (rows > 0) yield await read(start, start + rows)
    start += rows
  }
}

interface OpenedParquet {
  /** Rows of each row group. */
  readonly groups: readonly number[]
  /** @param first row that is read, and the one at which to end */
  readonly read: (first: number, end: number) => Promise<Table>
}

async function openParquet(places: Places, config: DataConfig): Promise<OpenedParquet> {
  const { file: path, bytes } = places
  const damaged = (cause: unknown): UserError => {
    const why = whyDamaged(cause)
    return new UserError(`Expected a whole Parquet file, but ${path} is damaged or of an unknown kind: ${why}`, {
      cause,
    })
  }
  const reading = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw cause instanceof UserError ? cause : damaged(cause)
    }
  }
  const file = bufferOf(places)
  const { metadata, names } = await reading(async () => {
    await checkFooter(file)
    const metadata = await parquetMetadataAsync(file)
    checkMetadata(metadata, bytes)
    return { metadata, names: topLevel(metadata.schema, metadata.schema[0]?.num_children ?? 0) }
  })
  const wanted = new Set(wantedColumns(names, config))
  const groups = metadata.row_groups.map((group) => Number(group.num_rows))
  const read = async (first: number, end: number): Promise<Table> => {
    const found = new Map<string, Column[]>()
    for (const name of wanted) {
      const cells = cellColumn(name, path)
      let start = 0
      for (const [group, rows] of groups.entries()) {
        const [rowStart, rowEnd] = [Math.max(start, first), Math.min(start + rows, end)]
        start += rows
        if (rowEnd <= rowStart) continue
        await reading(() => checkColumn(file, metadata.row_groups[group]!.columns, metadata.schema, name))
        const chunks: { columnData: ArrayLike<unknown>; rowStart: number }[] = []
        const onChunk = (chunk: (typeof chunks)[number]) => void chunks.push(chunk)
        await reading(() => parquetRead({ file, metadata, compressors, columns: [name], rowStart, rowEnd, onChunk }))
        chunks.sort((a, b) => a.rowStart - b.rowStart)
        // Pages come whole although a part of them was asked for.
        for (const { columnData, rowStart: at } of chunks) {
          const [from, to] = [Math.max(0, rowStart - at), Math.min(columnData.length, rowEnd - at)]
          const whole = from === 0 && to === columnData.length
          cells.add(whole ? columnData : Array.prototype.slice.call(columnData, from, Math.max(from, to)))
        }
        await setImmediate()
      }
      found.set(name, cells.finish())
    }
    const columns = [...found.values()].flat()
    const [one] = columns
    if (!one) throw new UserError(`Expected a column or more in ${path}, got none`)
    const rows = one.values.length / one.width
    if (rows === 0) throw new UserError(`Expected rows of data in ${path}, got none`)
    const [odd] = columns.filter((column) => column.values.length / column.width !== rows)
    if (odd) throw damaged(new Error(`column ${odd.name} has other than ${rows} rows`))
    return {
      file: path,
      firstRow: first,
      rows,
      columns: names.flatMap((name) => found.get(name) ?? unread(name, rows)),
    }
  }
  return { groups, read }
}

function bufferOf(places: Places): AsyncBuffer {
  return {
    byteLength: places.bytes,
    async slice(start, end = places.bytes) {
      if (!(start >= 0 && start <= end && end <= places.bytes))
        throw new Error(`bytes ${start} to ${end} are declared, it has ${places.bytes}`)
      const bytes = new Uint8Array(end - start)
      await places.fill(bytes, start)
      return bytes.buffer
    },
  }
}

/** The length of the footer and four letters end a file; one that ends otherwise is refused by the library. */
async function checkFooter(file: AsyncBuffer): Promise<void> {
  const tail = Buffer.from(await file.slice(Math.max(0, file.byteLength - 8)))
  if (tail.length < 8 || tail.toString('latin1', 4) !== 'PAR1') return
  const start = file.byteLength - 8 - tail.readUInt32LE(0)
  if (start >= 0) checkStruct(new DataView(await file.slice(start, file.byteLength - 8)), 0)
}

function checkMetadata({ row_groups: groups }: FileMetaData, bytes: number): void {
  for (const { columns, num_rows: rows } of groups) {
    if (!(Number(rows) >= 0)) throw new Error(`a group of ${rows} rows is declared`)
    for (const { meta_data: chunk } of columns) {
      if (!chunk) throw new Error('a column without metadata is declared')
      const end = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset) + Number(chunk.total_compressed_size)
      if (!(end <= bytes)) throw new Error(`a column ends at byte ${end}, the file at ${bytes}`)
      const values = Number(chunk.num_values) * chunk.path_in_schema.length
      if (!(values <= FREE_VALUES + MOST_VALUES_PER_BYTE * bytes))
        throw new Error(`a column declares ${values} values, which ${bytes} bytes hardly hold`)
    }
  }
}

/** The parts of a row group that a column is made of. */
async function checkColumn(
  file: AsyncBuffer,
  chunks: readonly { readonly meta_data?: ColumnMetaData | undefined }[],
  schema: SchemaElement[],
  name: string,
): Promise<void> {
  const paths = new Set<string>()
  for (const { meta_data: chunk } of chunks) {
    if (chunk?.path_in_schema[0] !== name) continue
    const path = chunk.path_in_schema.join('.')
    // Of two the library waits for one: what the other throws would end the process.
    if (paths.has(path)) throw new Error(`column ${path} is declared twice`)
    paths.add(path)
    if (chunk.path_in_schema.length > MAX_PARTS) throw new Error(`column ${name} is nested too deep`)
    const odd = getSchemaPath(schema, chunk.path_in_schema).find(({ element }) =>
      NOT_READ.has(element.logical_type?.type),
    )
    if (odd)
      throw new Error(
        `column ${name} holds values of kind ${odd.element.logical_type!.type}: leave it out with data.drop`,
      )
    const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset)
    const view = new DataView(await file.slice(start, start + Number(chunk.total_compressed_size)))
    checkPages(view, chunk, schema, compressors, FREE_BYTES + MOST_BYTES_PER_BYTE * file.byteLength)
  }
}

/** Names of the columns, nested ones by their outermost: the schema is a list in depth-first order. */
function topLevel(schema: readonly { name: string; num_children?: number | undefined }[], children: number): string[] {
  const names: string[] = []
  let at = 1
  const skip = (): void => {
    const inner = schema[at++]?.num_children ?? 0
    for (let i = 0; i < inner && at < schema.length; i++) skip()
  }
  for (let i = 0; i < children; i++) {
    const entry = schema[at]
    if (!entry) break
    names.push(entry.name)
    skip()
  }
  return names
}
