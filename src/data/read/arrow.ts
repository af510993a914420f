/** Arrow files and streams (Feather 2), a record batch at a time. The only import of apache-arrow, which users add. */
import type * as arrowTypes from 'apache-arrow'
import type { Data, DataType, RecordBatch } from 'apache-arrow'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { answered, answeredChunks } from './answer.ts'
import { checkFile, checkStream } from './arrow-heads.ts'
import { cellColumn, unread, wantedColumns, whyDamaged } from './cells.ts'

type Arrow = typeof arrowTypes

const MAGIC = 'ARROW1'
/** Values that are taken out of a batch at a time. */
const SLICE_ROWS = 4096

/** @throws UserError when apache-arrow is not installed, or the file is damaged */
export async function readArrow(path: string, config: DataConfig): Promise<Table> {
  const limit = config.limit ?? Infinity
  let columns: Columns | undefined
  for await (const opened of batchesOf(path, config)) {
    columns ??= new Columns(opened, path, 0)
    columns.add(opened.batch, 0, Math.min(opened.batch.numRows, limit - columns.rows))
    if (columns.rows >= limit) break
  }
  if (!columns?.rows) throw noRows(path)
  return columns.finish()
}

/** As `readArrow`, tables of at most `partRows` rows; memory holds one record batch. */
export async function* readArrowParts(path: string, config: DataConfig, partRows: number): AsyncGenerator<Table> {
  let firstRow = 0
  for await (const opened of batchesOf(path, config)) {
    const { numRows } = opened.batch
    for (let start = 0; start < numRows; start += partRows) {
      const columns = new Columns(opened, path, firstRow)
      columns.add(opened.batch, start, Math.min(start + partRows, numRows))
      firstRow += columns.rows
      yield columns.finish()
    }
  }
  if (firstRow === 0) throw noRows(path)
}

const noRows = (path: string): UserError => new UserError(`Expected rows of data in ${path}, got none`)

interface OpenedBatch {
  readonly arrow: Arrow
  readonly batch: RecordBatch
  /** Of all columns, and of those that are asked for. */
  readonly names: readonly string[]
  readonly wanted: readonly string[]
}

/** The columns of a table, as they come. */
class Columns {
  rows = 0
  readonly #opened: OpenedBatch
  readonly #path: string
  readonly #firstRow: number
  readonly #cells

  constructor(opened: OpenedBatch, path: string, firstRow: number) {
    this.#opened = opened
    this.#path = path
    this.#firstRow = firstRow
    this.#cells = new Map(opened.wanted.map((name) => [name, cellColumn(name, path)]))
  }

  /** The rows of `batch` from `start` to `end`. */
  add(batch: RecordBatch, start: number, end: number): void {
    for (const [name, cells] of this.#cells) {
      const vector = batch.getChild(name)!
      const cellOf = plainOf(vector.type, this.#opened.arrow)
      for (let at = start; at < end; at += SLICE_ROWS) {
        const values = Array.from(vector.slice(at, Math.min(at + SLICE_ROWS, end)) as Iterable<unknown>)
        cells.add(cellOf ? values.map((value) => (value === null ? null : cellOf(value))) : values)
      }
    }
    this.rows += end - start
  }

  finish(): Table {
    const columns = this.#opened.names.flatMap((name) => this.#cells.get(name)?.finish() ?? unread(name, this.rows))
    return { file: this.#path, firstRow: this.#firstRow, rows: this.rows, columns }
  }
}

/** How a value of the library becomes a plain one, where it is not. */
function plainOf(type: DataType, { DataType }: Arrow): ((value: unknown) => unknown) | undefined {
  if (DataType.isTimestamp(type) || DataType.isDate(type)) return (value) => new Date(Number(value))
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) return (value) => Array.from(value as Iterable<unknown>)
  return undefined
}

async function* batchesOf(path: string, config: DataConfig): AsyncGenerator<OpenedBatch> {
  const arrow = await import('apache-arrow').catch((cause: unknown) => {
    throw new UserError(`Reading ${path} needs the package apache-arrow: npm install apache-arrow`, { cause })
  })
  let file: OpenedArrow | undefined
  try {
    file = await openArrow(path, config.timeoutSeconds)
    // Either has an overload of its own.
    const reader = await arrow.RecordBatchReader.from(file.source as FileHandle)
    await reader.open()
    const names = reader.schema.fields.map(({ name }) => String(name))
    const wanted = wantedColumns(names, config)
    for await (const batch of reader) {
      checkBatch(batch, wanted, arrow)
      yield { arrow, batch, names, wanted }
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const why = whyDamaged(cause)
    throw new UserError(`Expected a whole Arrow file, but ${path} is damaged or of an unknown kind: ${why}`, { cause })
  } finally {
    await file?.close()
  }
}

interface OpenedArrow {
  readonly source: Pick<FileHandle, 'fd'> | AsyncIterable<Uint8Array>
  readonly close: () => Promise<void>
}

/** A file is read where its footer says, a stream from its beginning on; whatever is asked of the system has its deadline. */
async function openArrow(path: string, seconds: number | undefined): Promise<OpenedArrow> {
  const handle = await answered(path, open(path), seconds)
  try {
    const { size } = await answered(path, handle.stat(), seconds)
    const read = async (into: Uint8Array, offset: number, length: number, position: number) => {
      const result = await answered(path, handle.read(into, offset, length, position), seconds)
      if (result.bytesRead === 0 && length > 0) throw new Error(`it ends at byte ${position}`)
      return result
    }
    const bytesAt = async (start: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(length)
      for (let filled = 0; filled < length;) {
        filled += (await read(bytes, filled, length - filled, start + filled)).bytesRead
      }
      return bytes
    }
    const start = await bytesAt(0, MAGIC.length)
    if (start.toString('latin1') !== MAGIC) {
      await checkStream(bytesAt, size)
      return {
        source: answeredChunks(path, createReadStream(path), seconds),
        close: () => handle.close(),
      }
    }
    // The length of the footer, and the same letters.
    if (size < 2 * (4 + MAGIC.length)) throw new Error(`it has ${size} bytes`)
    const end = await bytesAt(size - 4 - MAGIC.length, 4 + MAGIC.length)
    const footer = end.readInt32LE(0)
    if (end.toString('latin1', 4) !== MAGIC) throw new Error(`it does not end in ${MAGIC}: it is truncated`)
    if (footer < 0 || footer > size - end.length)
      throw new Error(`${footer} bytes of footer are declared, it has ${size}`)
    await checkFile(await bytesAt(size - end.length - footer, footer), bytesAt, size)
    const source = { fd: handle.fd, stat: async () => ({ size }), read, close: async () => {} }
    return { source, close: () => handle.close() }
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/** What a batch declares is held against the bytes that are there, before anything is made of it. */
function checkBatch(batch: RecordBatch, wanted: readonly string[], { DataType }: Arrow): void {
  let isEmpty = wanted.length > 0
  for (const name of wanted) {
    const [data] = batch.getChild(name)!.data
    if (!data || data.length !== batch.numRows) {
      throw new Error(`column ${name} has ${data?.length ?? 0} rows of ${batch.numRows}`)
    }
    const lacks = lacking(data, data.length, DataType)
    if (lacks !== undefined) throw new Error(`column ${name} declares ${batch.numRows} rows, but has ${lacks}`)
    isEmpty &&= DataType.isNull(data.type)
  }
  if (isEmpty && batch.numRows > 0) throw new Error('it has columns without values only')
}

/** What is too short for `length` values, in words. */
function lacking(data: Data, length: number, DataType: Arrow['DataType']): string | undefined {
  const { type } = data
  if (DataType.isNull(type)) return undefined
  const bytes = (data.nullBitmap as Uint8Array | undefined)?.length ?? 0
  if (bytes > 0 && 8 * bytes < length) return `${bytes} bytes of what is missing`
  if (DataType.isFixedSizeList(type)) return lackingItems(data, length * type.listSize, DataType)
  if (DataType.isList(type) || isText(type, DataType)) {
    const offsets = data.valueOffsets as ArrayLike<number | bigint>
    if (offsets.length < length + 1) return `${offsets.length} places of values`
    const last = Number(offsets[length])
    if (DataType.isList(type)) return lackingItems(data, last, DataType)
    const held = (data.values as Uint8Array).length
    return last > held ? `${held} bytes of texts` : undefined
  }
  if (!ArrayBuffer.isView(data.values)) return undefined
  const held = (data.values as unknown as ArrayLike<number>).length
  const needed = DataType.isBool(type) ? Math.ceil(length / 8) : length * data.stride
  return held < needed ? `${held} values` : undefined
}

const isText = (type: unknown, DataType: Arrow['DataType']): boolean =>
  DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isBinary(type) || DataType.isLargeBinary(type)

function lackingItems(data: Data, items: number, DataType: Arrow['DataType']): string | undefined {
  const [child] = data.children as Data[]
  if (!child || !(child.length >= items)) return `${child?.length ?? 0} values in lists`
  return lacking(child, items, DataType)
}
