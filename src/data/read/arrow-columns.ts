/**
 * The columns of an Arrow batch, some rows at a time, however many the batch has: each buffer is read from its first byte
 * on, as far as the rows go. Format: Arrow columnar format, "Physical memory layout" and "RecordBatch message".
 */
import type * as arrowTypes from 'apache-arrow'
import type { Data, DataType, Field } from 'apache-arrow'
import { openBuffer } from './arrow-buffers.ts'
import type { ArrowBuffer } from './arrow-buffers.ts'
import type { Batch } from './arrow-heads.ts'
import type { Places } from './places.ts'

export type Arrow = typeof arrowTypes

/** Rows of a column, from its first on. */
export interface ColumnRows {
  /** The next so many. @throws Error where there are fewer, or less of them than they say */
  take(rows: number): Promise<Data>
}

/** Of items that belong to no row so many are read at a time. */
const SKIP = 1 << 16

const isList = (type: DataType, { DataType: Of }: Arrow): boolean => Of.isList(type) || Of.isLargeList(type)
const isText = (type: DataType, { DataType: Of }: Arrow): boolean =>
  Of.isUtf8(type) || Of.isLargeUtf8(type) || Of.isBinary(type) || Of.isLargeBinary(type)
const hasLongOffsets = (type: DataType, { DataType: Of }: Arrow): boolean =>
  Of.isLargeList(type) || Of.isLargeUtf8(type) || Of.isLargeBinary(type)

/** Takes the columns of a batch one after another, in the order of the schema. */
export class BatchReader {
  /** What the columns that were opened take: their buffers unpacked, and each value as a number. */
  bytes = 0
  readonly #places: Places
  readonly #bodyAt: number
  readonly #bodyBytes: number
  readonly #batch: Batch
  readonly #arrow: Arrow
  readonly #opened: ArrowBuffer[] = []
  #node = 0
  #buffer = 0

  constructor(places: Places, body: { start: number; bytes: number }, batch: Batch, arrow: Arrow) {
    this.#places = places
    this.#bodyAt = body.start
    this.#bodyBytes = body.bytes
    this.#batch = batch
    this.#arrow = arrow
  }

  async close(): Promise<void> {
    for (const buffer of this.#opened) await buffer.close()
  }

  #nextNode(): Batch['nodes'][number] {
    const node = this.#batch.nodes[this.#node++]
    if (node) return node
    throw new Error(`its ${this.#batch.nodes.length} parts are fewer than its columns`)
  }

  async #nextBuffer(): Promise<ArrowBuffer> {
    const found = this.#batch.buffers[this.#buffer++]
    if (!found) throw new Error(`its ${this.#batch.buffers.length} buffers are fewer than its columns have`)
    const [start, end] = [this.#bodyAt + found.start, this.#bodyAt + this.#bodyBytes]
    if (!(found.start >= 0)) throw new Error(`a buffer is declared at byte ${start}`)
    const buffer = await openBuffer(this.#places, { start, end, bytes: found.bytes }, this.#batch.codec)
    this.#opened.push(buffer)
    this.bytes += buffer.bytes
    return buffer
  }

  /** Leaves the next column, of any type, out. */
  skip(type: DataType): void {
    const { DataType: Of } = this.#arrow
    this.#node++
    if (Of.isNull(type)) return
    const isUnion = Of.isUnion(type)
    if (!isUnion || this.#batch.isOld) this.#buffer++
    const isDense = Of.isDenseUnion(type)
    const hasOffsets = isText(type, this.#arrow) || isList(type, this.#arrow) || Of.isMap(type) || isDense
    if (hasOffsets) this.#buffer++
    const isNested = isList(type, this.#arrow) || Of.isMap(type) || Of.isStruct(type) || Of.isFixedSizeList(type)
    if (!isNested) this.#buffer++
    if (isNested || isUnion) for (const child of type.children as Field[]) this.skip(child.type)
  }

  /** The next column, of numbers, texts or lists of them; of one that refers to a dictionary, the places there. */
  async open(type: DataType, rows?: number): Promise<ColumnRows> {
    const { DataType: Of, makeData } = this.#arrow
    const { rows: all, missing } = this.#nextNode()
    if (rows !== undefined && rows !== all) throw new Error(`a column has ${all} rows of ${rows}`)
    this.bytes += 8 * all
    let taken = 0
    const counted = (take: (rows: number) => Promise<object>, as: DataType = type): ColumnRows => ({
      take: async (rows) => {
        if (!(rows >= 0 && taken + rows <= all))
          throw new Error(`there are ${all - taken} rows where ${rows} are declared`)
        taken += rows
        return makeData({ type: as, length: rows, ...(await take(rows)) } as never)
      },
    })
    if (Of.isNull(type)) return counted(async () => ({}))
    const bits = await this.#nextBuffer()
    const validity = missing > 0 && bits.bytes > 0 ? bitsOf(bits) : undefined
    const nulls = async (rows: number) => (validity ? { nullBitmap: await validity(rows) } : {})
    if (Of.isBool(type)) {
      const values = bitsOf(await this.#nextBuffer())
      return counted(async (rows) => ({ ...(await nulls(rows)), data: await values(rows) }))
    }
    if (Of.isFixedSizeList(type)) {
      const child = await this.open(type.children[0].type)
      return counted(async (rows) => ({ ...(await nulls(rows)), child: await child.take(rows * type.listSize) }))
    }
    const isOfItems = isList(type, this.#arrow)
    if (isOfItems || isText(type, this.#arrow)) {
      const offsets = offsetsOf(await this.#nextBuffer(), hasLongOffsets(type, this.#arrow))
      const values = isOfItems ? await this.open((type.children as [Field])[0].type) : await this.#nextBuffer()
      return counted(async (rows) => {
        const { before, items, valueOffsets } = await offsets(rows)
        for (let left = before; left > 0; left -= SKIP) await values.take(Math.min(left, SKIP))
        const taken = await values.take(items)
        return { ...(await nulls(rows)), valueOffsets, ...(isOfItems ? { child: taken } : { data: taken }) }
      })
    }
    const stored: DataType = Of.isDictionary(type) ? type.indices : type
    const width = stored.ArrayType.BYTES_PER_ELEMENT * makeData({ type: stored, length: 0 } as never).stride
    const values = await this.#nextBuffer()
    return counted(async (rows) => ({ ...(await nulls(rows)), data: await values.take(rows * width) }), stored)
  }
}

/** A bit for each row; those of the next ones may begin within a byte. */
function bitsOf(buffer: ArrowBuffer): (rows: number) => Promise<Uint8Array> {
  let last = 0
  /** Of `last` so many are taken; 0 where none of it is left. */
  let used = 0
  return async (rows) => {
    const end = used + rows
    const fresh = await buffer.take(Math.ceil(end / 8) - (used > 0 ? 1 : 0))
    const bytes = used > 0 ? Uint8Array.of(last, ...fresh) : fresh
    const shift = used
    used = end % 8
    last = bytes[end >> 3] ?? 0
    return shift === 0 ? bytes : bytes.map((byte, i) => (byte >> shift) | ((bytes[i + 1] ?? 0) << (8 - shift)))
  }
}

/** Where the items of each row begin and end, counted from those of the first one; `before`: items that belong to no row. */
function offsetsOf(buffer: ArrowBuffer, isLong: boolean) {
  let last: number | undefined
  return async (rows: number) => {
    const valueOffsets = isLong ? new BigInt64Array(rows + 1) : new Int32Array(rows + 1)
    if (rows === 0) return { before: 0, items: 0, valueOffsets }
    const isFirst = last === undefined
    const bytes = await buffer.take((rows + (isFirst ? 1 : 0)) * valueOffsets.BYTES_PER_ELEMENT)
    const places = isLong ? new BigInt64Array(bytes.buffer) : new Int32Array(bytes.buffer)
    const start: number = last ?? Number(places[0])
    if (start < 0) throw new Error(`values are declared at place ${start}`)
    let end = start
    for (let row = 1; row <= rows; row++) {
      const place = Number(places[isFirst ? row : row - 1])
      // What many rows share would be made for each of them.
      if (!(place >= end)) throw new Error('values overlap')
      end = place
      valueOffsets[row] = isLong ? BigInt(place - start) : place - start
    }
    last = end
    return { before: isFirst ? start : 0, items: end - start, valueOffsets }
  }
}
