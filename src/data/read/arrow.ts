/** Arrow files and streams (Feather 2), a record batch at a time. The only import of apache-arrow, which users add. */
import type * as arrowTypes from 'apache-arrow'
import type { Data, DataType, Field, RecordBatch } from 'apache-arrow'
import type { FileHandle } from 'node:fs/promises'
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { checkFile, checkStream } from './arrow-heads.ts'
import { cellColumn, unread, unsupported, wantedColumns, whyDamaged } from './cells.ts'
import { chunksOf } from './places.ts'
import type { Places } from './places.ts'

type Arrow = typeof arrowTypes

const MAGIC = 'ARROW1'
/** Values that are taken out of a batch at a time: texts of many rows may be the same long one. */
const SLICE_ROWS = 64

/** @throws UserError when apache-arrow is not installed, or the file is damaged */
export async function readArrow(places: Places, config: DataConfig): Promise<Table> {
  const limit = config.limit ?? Infinity
  let columns: Columns | undefined
  for await (const opened of batchesOf(places, config)) {
    columns ??= new Columns(opened, places.file, 0)
    columns.add(opened.batch, 0, Math.min(opened.batch.numRows, limit - columns.rows))
    if (columns.rows >= limit) break
  }
  if (!columns?.rows) throw noRows(places.file)
  return columns.finish()
}

/** As `readArrow`, tables of at most `partRows` rows; memory holds one record batch. */
export async function* readArrowParts(places: Places, config: DataConfig, partRows: number): AsyncGenerator<Table> {
  let firstRow = 0
  for await (const opened of batchesOf(places, config)) {
    const { numRows } = opened.batch
    for (let start = 0; start < numRows; start += partRows) {
      const columns = new Columns(opened, places.file, firstRow)
      columns.add(opened.batch, start, Math.min(start + partRows, numRows))
      firstRow += columns.rows
      yield columns.finish()
    }
  }
  if (firstRow === 0) throw noRows(places.file)
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
      // Of a dictionary's texts each is decoded once.
      const child = batch.getChild(name)!
      const vector = this.#opened.arrow.DataType.isDictionary(child.type) ? child.memoize() : child
      const cellOf = plainOf(vector.type, this.#opened.arrow)
      for (let at = start; at < end; at += SLICE_ROWS) {
        const values = reading(this.#path, () =>
          Array.from(vector.slice(at, Math.min(at + SLICE_ROWS, end)) as Iterable<unknown>, (value) =>
            cellOf && value !== null ? cellOf(value) : value,
          ),
        )
        cells.add(values)
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
  if (DataType.isDictionary(type)) return plainOf(type.dictionary as DataType, { DataType } as Arrow)
  if (DataType.isDecimal(type)) return (value) => decimalOf(value as Uint32Array, type.scale)
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type))
    return (value) => Array.from(value as Iterable<unknown>)
  return undefined
}

/** What `lacking` can hold against the file, down to its numbers and texts. */
function isTaken(type: DataType, { DataType }: Arrow): boolean {
  const isNested = (of: DataType) => DataType.isStruct(of) || DataType.isUnion(of) || DataType.isMap(of)
  const isList = (of: DataType) => DataType.isList(of) || DataType.isLargeList(of) || DataType.isFixedSizeList(of)
  if (DataType.isDictionary(type)) return !isNested(type.dictionary) && !isList(type.dictionary)
  if (!isList(type)) return !isNested(type)
  const [{ type: item }] = type.children as [Field]
  return !isNested(item) && !isList(item) && !DataType.isDictionary(item)
}

/** Of words of 32 bits, the lowest first, in two's complement. */
function decimalOf(words: Uint32Array, scale: number): number {
  const whole = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n)
  return Number(BigInt.asIntN(32 * words.length, whole)) / 10 ** scale
}

/** @throws UserError in place of what the library throws */
function reading<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw damaged(path, cause)
  }
}

function damaged(path: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause
  const why = whyDamaged(cause)
  if (why.includes('compressed but codec not found')) {
    return new UserError(
      `Expected an Arrow file with plain buffers, but those of ${path} are compressed, as Feather's are by default. ` +
        "Write it without (pandas: `to_feather(path, compression='uncompressed')`), or as Parquet, compressed or not.",
      { cause },
    )
  }
  return new UserError(`Expected a whole Arrow file, but ${path} is damaged or of an unknown kind: ${why}`, { cause })
}

async function* batchesOf(places: Places, config: DataConfig): AsyncGenerator<OpenedBatch> {
  const arrow = await import('apache-arrow').catch((cause: unknown) => {
    throw new UserError(`Reading ${places.file} needs the package apache-arrow: npm install apache-arrow`, { cause })
  })
  try {
    // Either has an overload of its own.
    const reader = await arrow.RecordBatchReader.from((await sourceOf(places)) as FileHandle)
    await reader.open()
    const names = reader.schema.fields.map(({ name }) => String(name))
    const wanted = wantedColumns(names, config)
    for (const { name, type } of reader.schema.fields as Field[]) {
      if (wanted.includes(name) && !isTaken(type, arrow)) throw unsupported(name, places.file, `\`${type}\``)
    }
    for await (const batch of reader) {
      // Of no columns there could be as many as it likes.
      if (!(batch.numRows <= 8 * places.bytes)) throw new Error(`${batch.numRows} rows are declared`)
      checkBatch(batch, wanted, arrow)
      yield { arrow, batch, names, wanted }
    }
  } catch (cause) {
    throw damaged(places.file, cause)
  }
}

/** A file is read where its footer says, a stream from its beginning on. */
async function sourceOf(places: Places): Promise<Pick<FileHandle, 'fd'> | AsyncIterable<Uint8Array>> {
  const { bytes: size } = places
  const bytesAt = async (start: number, length: number): Promise<Buffer> => {
    if (start < 0 || start + length > size) throw new Error(`it ends at byte ${size}`)
    const bytes = Buffer.alloc(length)
    await places.fill(bytes, start)
    return bytes
  }
  const start = await bytesAt(0, MAGIC.length)
  if (start.toString('latin1') !== MAGIC) {
    if (!(await checkStream(bytesAt, size))) throw noRows(places.file)
    return chunksOf(places, 0, size)
  }
  // The length of the footer, and the same letters.
  if (size < 2 * (4 + MAGIC.length)) throw new Error(`it has ${size} bytes`)
  const end = await bytesAt(size - 4 - MAGIC.length, 4 + MAGIC.length)
  const footer = end.readInt32LE(0)
  if (end.toString('latin1', 4) !== MAGIC) throw new Error(`it does not end in ${MAGIC}: it is truncated`)
  if (footer < 0 || footer > size - end.length)
    throw new Error(`${footer} bytes of footer are declared, it has ${size}`)
  await checkFile(await bytesAt(size - end.length - footer, footer), bytesAt, size)
  const read = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
    if (position < 0 || position + length > size) throw new Error(`it ends at byte ${size}`)
    await places.fill(buffer.subarray(offset, offset + length), position)
    return { bytesRead: length, buffer }
  }
  const source = { fd: 0, stat: async () => ({ size }), read, close: async () => {} }
  return source
}

/** What a batch declares is held against the bytes that are there, before anything is made of it. */
function checkBatch(batch: RecordBatch, wanted: readonly string[], { DataType }: Arrow): void {
  for (const name of wanted) {
    const [data] = batch.getChild(name)!.data
    if (!data || data.length !== batch.numRows) {
      throw new Error(`column ${name} has ${data?.length ?? 0} rows of ${batch.numRows}`)
    }
    const lacks = lacking(data, data.length, DataType)
    if (lacks !== undefined) throw new Error(`column ${name} declares ${batch.numRows} rows, but has ${lacks}`)
  }
}

/** What is too short for `length` values, in words. */
function lacking(data: Data, length: number, DataType: Arrow['DataType']): string | undefined {
  const { type } = data
  if (DataType.isNull(type)) return undefined
  if (DataType.isDictionary(type)) {
    for (const part of data.dictionary!.data) {
      const lacks = lacking(part, part.length, DataType)
      if (lacks !== undefined) return `${lacks}, in its dictionary`
    }
  }
  const bytes = (data.nullBitmap as Uint8Array | undefined)?.length ?? 0
  if (bytes > 0 && 8 * bytes < length) return `${bytes} bytes of what is missing`
  if (DataType.isFixedSizeList(type)) return lackingItems(data, length * type.listSize, DataType)
  const isList = DataType.isList(type) || DataType.isLargeList(type)
  if (isList || isText(type, DataType)) {
    const offsets = data.valueOffsets as ArrayLike<number | bigint>
    if (offsets.length < length + 1) return `${offsets.length} places of values`
    // What many rows share would be made for each of them.
    for (let i = 0; i < length; i++)
      if (!(offsets[i]! >= 0 && offsets[i]! <= offsets[i + 1]!)) return 'values that overlap'
    const last = Number(offsets[length])
    if (isList) return lackingItems(data, last, DataType)
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
