/** Parquet, a row group and a column at a time. The only import of hyparquet. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors as decompress } from 'hyparquet-compressors'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Column, Table } from '../table.ts'
import { cellColumn, unread, wantedColumns, whyDamaged } from './cells.ts'

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
  const file = await reading(() => asyncBufferFromFile(path))
  const metadata = await reading(() => parquetMetadataAsync(file))
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data: chunk } of columns) {
      const end =
        chunk && Number(chunk.dictionary_page_offset ?? chunk.data_page_offset) + Number(chunk.total_compressed_size)
      if (!(end !== undefined && end <= bytes))
        throw damaged(new Error(`a column ends at byte ${end}, the file at ${bytes}`))
    }
  }
  const limit = config.limit ?? Infinity
  const root = metadata.schema[0]
  const names = topLevel(metadata.schema, root?.num_children ?? 0)
  const wanted = new Set(wantedColumns(names, config))
  const found = new Map<string, Column[]>()
  for (const name of wanted) {
    const cells = cellColumn(name, path)
    let start = 0
    for (const group of metadata.row_groups) {
      const rowEnd = Math.min(start + Number(group.num_rows), limit)
      if (rowEnd <= start) break
      const rowStart = start
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
      start = rowEnd
      await setImmediate()
    }
    found.set(name, cells.finish())
  }
  const read = [...found.values()].flat()
  const first = read[0]
  if (!first) throw new UserError(`Expected a column or more in ${path}, got none`)
  const rows = first.values.length / first.width
  if (rows === 0) throw new UserError(`Expected rows of data in ${path}, got none`)
  const [odd] = read.filter((column) => column.values.length / column.width !== rows)
  if (odd) throw damaged(new Error(`column ${odd.name} has other than ${rows} rows`))
  return { file: path, rows, columns: names.flatMap((name) => found.get(name) ?? unread(name, rows)) }
}

/** Names of the columns, nested ones by their outermost: the schema is a list in depth-first order. */
function topLevel(schema: readonly { name: string; num_children?: number | undefined }[], children: number): string[] {
  const names: string[] = []
  let at = 1
  const skip = (): void => {
    const inner = schema[at++]?.num_children ?? 0
    for (let i = 0; i < inner; i++) skip()
  }
  for (let i = 0; i < children; i++) {
    const entry = schema[at]
    if (!entry) break
    names.push(entry.name)
    skip()
  }
  return names
}
