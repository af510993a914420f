/**
 * What the pages of a Parquet file declare, held against their own bytes before the library makes anything of it: it fills
 * runs and lists as long as they say they are. Format: Thrift's compact protocol; Parquet's Encodings.md.
 */
import type { ColumnMetaData, Compressors, PageHeader, SchemaTree } from 'hyparquet'
import { decompressPage } from 'hyparquet/src/datapage.js'
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js'
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js'

/** Of one page, unpacked: what a file declares is not believed beyond it. Writers make pages of about 1 MiB. */
export const MAX_PAGE_BYTES = 2 ** 28
/** Of structs in one another: the file's own are nested 7 deep. */
const MAX_DEPTH = 32
/** Of statistics: a decimal among them takes time with the square of its length. */
const MAX_STATISTIC_BYTES = 2 ** 16
const MAX_DECIMAL_BYTES = 64
/** Of a varint of 64 bits. */
const MAX_VARINT_BYTES = 10
/** Values that fill the last run of packed bits up. */
const MOST_PADDING = 512

class Bytes {
  at: number
  readonly view: DataView

  constructor(view: DataView, at: number) {
    this.view = view
    this.at = at
  }

  byte(): number {
    return this.view.getUint8(this.at++)
  }

  varint(): number {
    let value = 0
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.byte()
      value += (byte & 127) * 2 ** (7 * i)
      if (byte < 128) return value
    }
    throw new Error(`a number at byte ${this.at} is longer than ${MAX_VARINT_BYTES} bytes`)
  }

  skip(bytes: number): void {
    if (bytes > this.view.byteLength - this.at)
      throw new Error(`${bytes} bytes are declared, ${this.view.byteLength} are there`)
    this.at += bytes
  }
}

/** Of a footer or the head of a page. @throws Error where a list, a text or a number is longer than what there is */
export function checkStruct(view: DataView, start: number): void {
  checkFields(new Bytes(view, start), 0)
}

const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12]
/** Of a column's metadata, which lie that deep in a footer. */
const [STATISTICS, COLUMN_DEPTH] = [12, 3]

function checkFields(bytes: Bytes, depth: number, mostBytes = Infinity): void {
  if (depth > MAX_DEPTH) throw new Error('its structs are nested too deep')
  let id = 0
  for (;;) {
    const head = bytes.byte()
    if ((head & 15) === 0) return
    id = head >> 4 ? id + (head >> 4) : bytes.varint() / 2
    const isStatistics = depth === COLUMN_DEPTH && id === STATISTICS
    checkElement(bytes, head & 15, depth, isStatistics ? MAX_STATISTIC_BYTES : mostBytes)
  }
}

function checkElement(bytes: Bytes, type: number, depth: number, mostBytes: number): void {
  switch (type) {
    case TRUE:
    case FALSE:
      return
    case BYTE:
      return bytes.skip(1)
    case I16:
    case I32:
    case I64:
      return void bytes.varint()
    case DOUBLE:
      return bytes.skip(8)
    case BINARY: {
      const length = bytes.varint()
      if (length > mostBytes) throw new Error(`a statistic has ${length} bytes`)
      return bytes.skip(length)
    }
    case STRUCT:
      return checkFields(bytes, depth + 1, mostBytes)
    case LIST: {
      const head = bytes.byte()
      const count = head >> 4 === 15 ? bytes.varint() : head >> 4
      const left = bytes.view.byteLength - bytes.at
      if (count > left) throw new Error(`a list of ${count} is declared where ${left} bytes are left`)
      const inner = head & 15
      for (let i = 0; i < count; i++) checkElement(bytes, inner <= FALSE ? BYTE : inner, depth + 1, mostBytes)
      if (depth > MAX_DEPTH) throw new Error('its lists are nested too deep')
      return
    }
    default:
      throw new Error(`a field of unknown type ${type}`)
  }
}

/** Pages of a column of a row group, one after another. Both methods throw where one declares other than what it holds. */
export class PageCheck {
  readonly #chunk: ColumnMetaData
  readonly #compressors: Compressors
  readonly #mostBytes: number
  readonly #name: string
  readonly #levels: { readonly repetition: number; readonly definition: number }
  readonly #hasLongDecimals: boolean
  #values = 0
  #unpacked = 0

  /** @param path from the root of the schema to the column @param mostBytes of all pages, unpacked */
  constructor(chunk: ColumnMetaData, path: SchemaTree[], compressors: Compressors, mostBytes: number) {
    const { element } = path.at(-1)!
    const isDecimal = element.converted_type === 'DECIMAL'
    if (isDecimal && element.type_length! > MAX_DECIMAL_BYTES)
      throw new Error(`decimals of ${element.type_length} bytes`)
    this.#chunk = chunk
    this.#compressors = compressors
    this.#mostBytes = mostBytes
    this.#name = chunk.path_in_schema.join('.')
    this.#levels = { repetition: getMaxRepetitionLevel(path), definition: getMaxDefinitionLevel(path) }
    this.#hasLongDecimals = isDecimal && element.type === 'BYTE_ARRAY'
  }

  /** Before anything else of the page is read. @param left bytes of the column behind the head */
  head(header: PageHeader, left: number): void {
    const { data_page_header: data, data_page_header_v2: newer, dictionary_page_header: known } = header
    const { compressed_page_size: size, uncompressed_page_size: full } = header
    const declared = data?.num_values ?? newer?.num_values ?? 0
    this.#values += declared
    this.#unpacked += full
    if (!(declared >= 0 && this.#values <= Number(this.#chunk.num_values)))
      throw new Error(
        `pages of column ${this.#name} declare ${this.#values} values, the column ${this.#chunk.num_values}`,
      )
    if (!(size >= 0 && size <= left && full >= 0 && full <= MAX_PAGE_BYTES))
      throw new Error(`a page of column ${this.#name} declares ${size} bytes, and ${full} unpacked`)
    if (this.#unpacked > this.#mostBytes)
      throw new Error(`pages of column ${this.#name} declare ${this.#unpacked} bytes`)
    if (known && !(known.num_values >= 0 && known.num_values <= full))
      throw new Error(`a page of column ${this.#name} declares ${known.num_values} values in ${full} bytes`)
  }

  /** Before the library makes anything of it. @param bytes of the page, behind its head */
  body(header: PageHeader, bytes: Uint8Array): void {
    const { data_page_header: data, data_page_header_v2: newer, dictionary_page_header: known } = header
    const full = header.uncompressed_page_size
    const { repetition, definition } = this.#levels
    if (header.type === 'DATA_PAGE' && data) {
      const page = this.#unpack(bytes, full)
      if (repetition > 0) checkRuns(page, repetition, data.num_values)
      const there = definition > 0 ? checkRuns(page, definition, data.num_values) : data.num_values
      checkValues(page, data.encoding, this.#chunk.type, there, this.#hasLongDecimals)
    } else if (header.type === 'DATA_PAGE_V2' && newer) {
      const before = [newer.repetition_levels_byte_length, newer.definition_levels_byte_length] as const
      const there = newer.num_values - newer.num_nulls
      if (!(
        before[0] >= 0 &&
        before[1] >= 0 &&
        before[0] + before[1] <= Math.min(bytes.length, full) &&
        there >= 0 &&
        there <= newer.num_values
      ))
        throw new Error(
          `a page of column ${this.#name} declares ${newer.num_nulls} of ${newer.num_values} values to be missing`,
        )
      const heads = bytesOf(bytes)
      if (repetition > 0) checkRuns(heads, repetition, newer.num_values, before[0])
      heads.at = before[0]
      if (definition > 0) checkRuns(heads, definition, newer.num_values, before[1])
      const [rest, length] = [bytes.subarray(before[0] + before[1]), full - before[0] - before[1]]
      const page = newer.is_compressed !== false && length > 0 ? this.#unpack(rest, length) : bytesOf(rest)
      checkValues(page, newer.encoding, this.#chunk.type, there, this.#hasLongDecimals)
    } else if (this.#hasLongDecimals && known) checkLengths(this.#unpack(bytes, full), known.num_values)
  }

  #unpack(packed: Uint8Array, length: number): Bytes {
    return bytesOf(decompressPage(packed, length, this.#chunk.codec, this.#compressors))
  }
}

const bytesOf = (page: Uint8Array): Bytes => new Bytes(new DataView(page.buffer, page.byteOffset, page.byteLength), 0)

function checkValues(page: Bytes, encoding: string, type: string, values: number, hasLongDecimals: boolean): void {
  if (encoding === 'DELTA_BINARY_PACKED' || encoding === 'DELTA_LENGTH_BYTE_ARRAY') checkDeltas(page, values)
  else if (encoding === 'DELTA_BYTE_ARRAY') checkPrefixes(page, values)
  else if (encoding === 'RLE') checkRuns(page, 1, values)
  else if (encoding.endsWith('_DICTIONARY') && type !== 'BOOLEAN') {
    const bits = page.byte()
    if (bits > 32) throw new Error(`indices of ${bits} bits`)
    if (bits > 0) checkRuns(page, 2 ** bits - 1, values, page.view.byteLength - page.at)
  } else if (encoding.endsWith('_DICTIONARY')) checkRuns(page, 1, values)
  if (!hasLongDecimals) return
  if (encoding === 'PLAIN') checkLengths(page, values)
  else if (!encoding.endsWith('_DICTIONARY')) throw new Error(`decimals of any length in encoding ${encoding}`)
}

/**
 * Runs of equal values and of packed bits. Without `length` it is before them.
 * @returns how many of the values are `most`
 */
function checkRuns(page: Bytes, most: number, values: number, length?: number): number {
  const bits = 32 - Math.clz32(most)
  const end = (length ?? page.view.getUint32(page.at, true)) + (length === undefined ? (page.at += 4) : page.at)
  let [seen, equal] = [0, 0]
  while (seen < values) {
    const head = page.varint()
    const count = head % 2 === 1 ? 8 * Math.floor(head / 2) : head / 2
    if (count > values + MOST_PADDING) throw new Error(`a run of ${count} values is declared in a page of ${values}`)
    const held = Math.min(count, values - seen)
    if (head % 2 === 1) {
      const start = page.at
      // Of levels alone the values are told apart: they are narrow.
      if (bits <= 8) for (let i = 0; i < held; i++) equal += bitsAt(page, 8 * start + i * bits, bits) === most ? 1 : 0
      // A last run may be cut short.
      page.at = Math.min(start + (count / 8) * bits, page.view.byteLength)
    } else {
      let value = 0
      for (let i = 0; i < (bits + 7) >> 3; i++) value += page.byte() * 2 ** (8 * i)
      if (value === most) equal += held
    }
    seen += count
  }
  page.at = Math.min(end, page.view.byteLength)
  return equal
}

function bitsAt({ view }: Bytes, from: number, bits: number): number {
  const at = from >> 3
  const pair = (view.getUint8(at) | ((at + 1 < view.byteLength ? view.getUint8(at + 1) : 0) << 8)) >> (from & 7)
  return pair & (2 ** bits - 1)
}

/** Blocks of differences. */
function checkDeltas(page: Bytes, values: number): void {
  const [block, parts] = [page.varint(), page.varint()]
  const each = block / parts
  if (!(block <= 2 ** 20 && parts <= 2 ** 10 && each >= 8 && each % 8 === 0))
    throw new Error(`blocks of ${block} values in ${parts} parts`)
  page.varint()
  page.varint()
  for (let seen = 1; seen < values;) {
    page.varint()
    const widths = page.at
    page.skip(parts)
    for (let i = 0; i < parts && seen < values; i++, seen += each) {
      const bits = page.view.getUint8(widths + i)
      if (bits > 64) throw new Error(`differences of ${bits} bits`)
      page.at = Math.min(page.at + (each / 8) * bits, page.view.byteLength)
    }
  }
}

/** Each text begins as the one before it does. */
function checkPrefixes(page: Bytes, values: number): void {
  const lengths = [0, 1].map(() => {
    const reader = { view: page.view, offset: page.at }
    checkDeltas(page, values)
    const found = new Int32Array(values)
    if (values > 0) deltaBinaryUnpack(reader, values, found)
    page.at = reader.offset
    return found
  })
  let [before, sum] = [0, 0]
  for (let i = 0; i < values; i++) {
    const [prefix, suffix] = [lengths[0]![i]!, lengths[1]![i]!]
    if (!(prefix >= 0 && prefix <= before && suffix >= 0)) throw new Error(`a text of ${before} bytes lends ${prefix}`)
    sum += before = prefix + suffix
    if (sum > MAX_PAGE_BYTES) throw new Error(`texts of more than ${MAX_PAGE_BYTES} bytes in a page`)
  }
}

function checkLengths(page: Bytes, values: number): void {
  for (let i = 0; i < values; i++) {
    const length = page.view.getUint32(page.at, true)
    if (length > MAX_DECIMAL_BYTES) throw new Error(`a decimal of ${length} bytes`)
    page.skip(4 + length)
  }
}
