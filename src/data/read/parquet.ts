/** Parquet, a row group and a column at a time. The only import of hyparquet. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import type { AsyncBuffer, ColumnMetaData } from 'hyparquet'
import { compressors as decompress } from 'hyparquet-compressors'
import { parquetHeader } from 'hyparquet/src/column.js'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Column, Table } from '../table.ts'
import { answered } from './answer.ts'
import { cellColumn, unread, wantedColumns, whyDamaged } from './cells.ts'

/** Values that a byte of the file may stand for on the average, and how many anyway: a run of equal ones takes a few bytes. */
const MOST_VALUES_PER_BYTE = 64
const FREE_VALUES = 2 ** 22

/** Of one page, unpacked: what a file declares is not believed beyond it. Writers make pages of about 1 MiB. */
const MAX_PAGE_BYTES = 2 ** 28

const compressors = Object.fromEntries(
  Object.entries(decompress).map(([name, unpack]) => [
    name,
    (input: Uint8Array, bytes: number) => {
      if (bytes > MAX_PAGE_BYTES) throw new Error(`a page declares ${bytes} bytes, more than ${MAX_PAGE_BYTES}`)
      return unpack(input, bytes)
    },
  ]),
)

/** @throws UserError when the file is truncated, damaged, or holds a column of another kind than numbers, texts and dates */
export async function readParquet(path: string, bytes: number, config: DataConfig): Promise<Table> {
  const { read } = await openParquet(path, bytes, config)
  return read(0, config.limit ?? Infinity)
}

/** As `readParquet`, a table for each row group. */
export async function* readParquetParts(path: string, bytes: number, config: DataConfig): AsyncGenerator<Table> {
  const { groups, read } = await openParquet(path, bytes, config)
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

async function openParquet(path: string, bytes: number, config: DataConfig): Promise<OpenedParquet> {
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
  const onDisk = await reading(() => answered(path, asyncBufferFromFile(path), config.timeoutSeconds))
  const file = {
    byteLength: onDisk.byteLength,
    slice: (start: number, end?: number) =>
      answered(path, Promise.resolve(onDisk.slice(start, end)), config.timeoutSeconds),
  }
  const metadata = await reading(() => parquetMetadataAsync(file))
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data: chunk } of columns) {
      const end =
        chunk && Number(chunk.dictionary_page_offset ?? chunk.data_page_offset) + Number(chunk.total_compressed_size)
      if (!(end !== undefined && end <= bytes))
        throw damaged(new Error(`a column ends at byte ${end}, the file at ${bytes}`))
      const values = Number(chunk!.num_values)
      if (!(values <= FREE_VALUES + MOST_VALUES_PER_BYTE * bytes))
        throw damaged(new Error(`a column declares ${values} values, which ${bytes} bytes hardly hold`))
    }
  }
  const root = metadata.schema[0]
  const names = topLevel(metadata.schema, root?.num_children ?? 0)
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
        await reading(() => checkPages(file, metadata.row_groups[group]!.columns, name))
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

/** Values are made as many as a page declares: they are counted before. */
async function checkPages(
  file: AsyncBuffer,
  columns: readonly { readonly meta_data?: ColumnMetaData | undefined }[],
  name: string,
): Promise<void> {
  for (const { meta_data: chunk } of columns) {
    if (chunk?.path_in_schema[0] !== name) continue
    const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset)
    const reader = {
      view: new DataView(await file.slice(start, start + Number(chunk.total_compressed_size))),
      offset: 0,
    }
    let values = 0
    while (reader.offset < reader.view.byteLength - 1) {
      const { data_page_header: data, data_page_header_v2: newer, compressed_page_size: size } = parquetHeader(reader)
      const declared = data?.num_values ?? newer?.num_values ?? 0
      values += declared
      reader.offset += size
      if (!(declared >= 0 && values <= Number(chunk.num_values) && size >= 0))
        throw new Error(`pages of column ${name} declare ${values} values, the column ${chunk.num_values}`)
    }
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
