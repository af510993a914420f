/** Parquet: whole a column at a time, in parts a page of each. */
import { brotliDecompressSync, unzipSync, zstdDecompressSync } from 'node:zlib'
import { setImmediate } from 'node:timers/promises'
import { parquetMetadataAsync } from 'hyparquet'
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, RowGroup } from 'hyparquet'
import { compressors as others } from 'hyparquet-compressors'
import { getSchemaPath } from 'hyparquet/src/schema.js'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { cellColumn, damagedFile, noRows, unread, unsupported, wantedColumns, whyDamaged } from './cells.ts'
import type { CellColumn } from './cells.ts'
import { checkStruct } from './parquet-heads.ts'
import { ColumnRows, startOf } from './parquet-pages.ts'
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
  const file = await openParquet(places, config)
  const cells = file.cells()
  let rows = 0
  for (const group of file.groups) {
    const count = Math.min(Number(group.num_rows), (config.limit ?? Infinity) - rows)
    if (count <= 0) continue
    // One after another: a page is let go before the next column's are read.
    for (const [name, column] of cells) await file.take(file.rowsOf(group, name), count, column)
    rows += count
  }
  return file.table(cells, 0, rows)
}

/** As `readParquet`, tables of at most `partRows` rows, or of about `partBytes`; memory holds a page of each column. */
export async function* readParquetParts(
  places: Places,
  config: DataConfig,
  partRows: number,
  partBytes: number,
): AsyncGenerator<Table> {
  const file = await openParquet(places, config)
  let firstRow = 0
  for (const group of file.groups) {
    const rows = Number(group.num_rows)
    const columns = new Map(rows > 0 ? file.wanted.map((name) => [name, file.rowsOf(group, name)]) : [])
    const most = Math.max(1, Math.min(partRows, Math.floor(partBytes / bytesOfRow(group, file.wanted))))
    for (let left = rows; left > 0;) {
      const count = Math.min(most, left)
      const cells = file.cells()
      for (const [name, column] of cells) await file.take(columns.get(name)!, count, column)
      yield file.table(cells, firstRow, count)
      firstRow += count
      left -= count
    }
  }
  if (firstRow === 0) throw noRows(places.file)
}

/** About so many, as numbers or texts. */
function bytesOfRow({ columns, num_rows: rows }: RowGroup, wanted: readonly string[]): number {
  let bytes = 0
  for (const { meta_data: chunk } of columns) {
    if (!chunk || !wanted.includes(chunk.path_in_schema[0]!)) continue
    bytes += Math.max(8 * Number(chunk.num_values), Number(chunk.total_uncompressed_size))
  }
  return bytes / Number(rows)
}

interface OpenedParquet {
  readonly groups: readonly RowGroup[]
  /** Names of the columns that are asked for. */
  readonly wanted: readonly string[]
  readonly cells: () => Map<string, CellColumn>
  readonly rowsOf: (group: RowGroup, name: string) => ColumnRows
  readonly take: (from: ColumnRows, rows: number, into: CellColumn) => Promise<void>
  readonly table: (cells: ReadonlyMap<string, CellColumn>, firstRow: number, rows: number) => Table
}

async function openParquet(places: Places, config: DataConfig): Promise<OpenedParquet> {
  const { file: path, bytes } = places
  const damaged = (cause: unknown): UserError => {
    if (cause instanceof UserError) return cause
    const why = whyDamaged(cause)
    return new UserError(damagedFile('Parquet', path, why), { cause })
  }
  const file = bufferOf(places)
  try {
    await checkFooter(file)
    // Columns of places are bytes like others; looking for them, the library goes round for ever where a count is negative.
    const metadata = await parquetMetadataAsync(file, { geoparquet: false })
    checkMetadata(metadata, bytes)
    const { schema, row_groups: groups } = metadata
    const names = topLevel(schema, schema[0]?.num_children ?? 0)
    const wanted = [...new Set(wantedColumns(names, config))]
    if (wanted.length === 0)
      throw new UserError(
        `Expected a column or more in ${path}, got none. Look at data.features, data.target and data.drop`,
      )
    const mostBytes = FREE_BYTES + MOST_BYTES_PER_BYTE * bytes
    return {
      groups,
      wanted,
      cells: () => new Map(wanted.map((name) => [name, cellColumn(name, path)])),
      rowsOf(group, name) {
        try {
          const chunk = chunkOf(group, metadata, name, path)
          return new ColumnRows({ file, chunk, schema, compressors, mostBytes })
        } catch (cause) {
          throw damaged(cause)
        }
      },
      async take(from, rows, into) {
        try {
          await from.take(rows, (values) => into.add(values))
        } catch (cause) {
          throw damaged(cause)
        }
        await setImmediate()
      },
      table(cells, firstRow, rows) {
        if (rows === 0) throw noRows(path)
        const columns = names.flatMap((name) => cells.get(name)?.finish() ?? unread(name, rows))
        return { file: path, firstRow, rows, columns }
      },
    }
  } catch (cause) {
    throw damaged(cause)
  }
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
      const end = startOf(chunk) + Number(chunk.total_compressed_size)
      if (!(end <= bytes)) throw new Error(`a column ends at byte ${end}, the file at ${bytes}`)
      const values = Number(chunk.num_values) * chunk.path_in_schema.length
      if (!(values <= FREE_VALUES + MOST_VALUES_PER_BYTE * bytes))
        throw new Error(`a column declares ${values} values, which ${bytes} bytes hardly hold`)
    }
  }
}

/** Where a row group has a column. @throws for one of several parts, or of a kind that is not read */
function chunkOf({ columns }: RowGroup, { schema }: FileMetaData, name: string, path: string): ColumnMetaData {
  const chunks = columns.flatMap(({ meta_data: chunk }) => (chunk?.path_in_schema[0] === name ? chunk : []))
  const [chunk] = chunks
  if (!chunk) throw new Error(`a row group without column ${name} is declared`)
  const parts = new Set(chunks.map((chunk) => chunk.path_in_schema.join('.')))
  if (parts.size < chunks.length) throw new Error(`column ${name} is declared twice`)
  if (parts.size > 1) throw unsupported(name, path, `a structure of ${parts.size} parts`)
  if (chunk.path_in_schema.length > MAX_PARTS) throw new Error(`column ${name} is nested too deep`)
  const odd = getSchemaPath(schema, chunk.path_in_schema).find(({ element }) =>
    NOT_READ.has(element.logical_type?.type),
  )
  if (odd) throw unsupported(name, path, `values of kind ${odd.element.logical_type!.type}`)
  return chunk
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
