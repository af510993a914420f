/** A column of one of Parquet's row groups, a page at a time: memory holds its dictionary and one page. */
import type { AsyncBuffer, ColumnMetaData, Compressors, DecodedArray, SchemaElement } from 'hyparquet'
import { assembleNested } from 'hyparquet/src/assemble.js'
import { parquetHeader, readPage } from 'hyparquet/src/column.js'
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { getMaxRepetitionLevel, getSchemaPath } from 'hyparquet/src/schema.js'
import { checkStruct, PageCheck } from './parquet-heads.ts'

/** What is read for the head of a page: mostly it has some 50 bytes, but statistics of long texts have as many as they like. */
const HEAD_BYTES = [2 ** 16, 2 ** 24]

export interface ColumnPart {
  readonly file: AsyncBuffer
  readonly chunk: ColumnMetaData
  readonly schema: SchemaElement[]
  readonly compressors: Compressors
  /** Unpacked, of all pages. */
  readonly mostBytes: number
}

/** The values of each page's rows. A row of a list may go on in the next page: then it comes with that one. */
async function* pagesOf({ file, chunk, schema, compressors, mostBytes }: ColumnPart): AsyncGenerator<DecodedArray> {
  const schemaPath = getSchemaPath(schema, chunk.path_in_schema)
  const decoder = {
    ...chunk,
    pathInSchema: chunk.path_in_schema,
    schemaPath,
    element: schemaPath.at(-1)!.element,
    compressors,
    parsers: DEFAULT_PARSERS,
  }
  const check = new PageCheck(chunk, schemaPath, compressors, mostBytes)
  const [, column] = schemaPath
  /** As a row is, not as its levels are. */
  const plain = (rows: DecodedArray): DecodedArray => {
    if (!column!.children.length) return rows
    const found = new Map([[chunk.path_in_schema.join('.'), rows]])
    assembleNested(found, column!, DEFAULT_PARSERS)
    return found.get(column!.element.name) ?? []
  }
  const isRepeated = getMaxRepetitionLevel(schemaPath) > 0
  let at = startOf(chunk)
  const end = at + Number(chunk.total_compressed_size)
  let dictionary: DecodedArray | undefined
  let open: unknown[] = []
  while (at < end - 1) {
    const { header, bytes } = await headAt(file, at, end)
    at += bytes
    const size = header.compressed_page_size
    check.head(header, end - at)
    const view = new DataView(await file.slice(at, at + size))
    at += size
    check.body(header, new Uint8Array(view.buffer))
    const { data = [] } = readPage({ view, offset: 0 }, header, decoder, dictionary, isRepeated ? open : undefined, 0)
    if (header.type === 'DICTIONARY_PAGE') dictionary = convert(data, decoder)
    else if (!isRepeated) yield plain(data)
    else {
      open = data.slice(-1) as unknown[]
      yield plain(data.slice(0, -1))
    }
  }
  if (open.length > 0) yield plain(open)
}

export const startOf = (chunk: ColumnMetaData): number => Number(chunk.dictionary_page_offset || chunk.data_page_offset)

async function headAt(file: AsyncBuffer, at: number, end: number) {
  for (const [i, most] of HEAD_BYTES.entries()) {
    const view = new DataView(await file.slice(at, Math.min(end, at + most)))
    const reader = { view, offset: 0 }
    try {
      checkStruct(view, 0)
      return { header: parquetHeader(reader), bytes: reader.offset }
    } catch (cause) {
      if (i === HEAD_BYTES.length - 1 || at + most >= end) throw cause
    }
  }
  throw new Error('internal: no length of heads is tried')
}

/** Rows of a column, as many at a time as are asked for. */
export class ColumnRows {
  readonly #name: string
  readonly #pages: AsyncGenerator<DecodedArray>
  #page: DecodedArray = []
  #taken = 0

  constructor(part: ColumnPart) {
    this.#name = part.chunk.path_in_schema.join('.')
    this.#pages = pagesOf(part)
  }

  /** Gives `use` the next `rows` of them, some at a time. @throws Error where the pages have fewer */
  async take(rows: number, use: (values: DecodedArray) => void): Promise<void> {
    for (let left = rows; left > 0;) {
      const held = this.#page.length - this.#taken
      if (held === 0) {
        const { done, value } = await this.#pages.next()
        if (done === true) throw new Error(`column ${this.#name} has ${left} rows less than its row group`)
        this.#page = value
        this.#taken = 0
        continue
      }
      const count = Math.min(held, left)
      use(count === this.#page.length ? this.#page : this.#page.slice(this.#taken, this.#taken + count))
      this.#taken += count
      left -= count
    }
  }
}
