import { Readable, pipeline } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import type { Options } from 'csv-parse'
import { UserError } from '../../errors.ts'
import { DEFAULT_MISSING } from '../config.ts'
import type { ColumnRef, DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { checkColumns, isReferred, numberBuilder, parseNumber, textBuilder, type ColumnBuilder } from './columns.ts'
import { prepend } from './file.ts'
import type { OpenedFile } from './file.ts'
import { plainLines } from './plain-lines.ts'
import type { Lines } from './plain-lines.ts'

/** What the readers of text need of a `DataConfig`. */
export type TextOptions = Pick<DataConfig, 'header' | 'delimiter' | 'missing' | 'limit'> & {
  /** Columns that are text even where they look like numbers. */
  text?: readonly ColumnRef[] | undefined
}

/** Rows by which the header and the types of the columns are told. */
const SAMPLE_ROWS = 1000
const MAX_RECORD_BYTES = 1 << 24

/**
 * Reads CSV (RFC 4180, quoted fields, any line end, byte order mark), blanks around fields cut off.
 * A column is numeric if more than half of its first 1,000 values that are not missing are numbers, else text.
 */
export async function readCsv(opened: OpenedFile, options: TextOptions): Promise<Table> {
  const { value } = await readCsvParts(opened, options, Infinity).next()
  return value!
}

/** As `readCsv`, in tables of `partRows` rows (the first of 1,000 at least), the last of fewer. */
export async function* readCsvParts(
  opened: OpenedFile,
  options: TextOptions,
  partRows: number,
): AsyncGenerator<Table, undefined> {
  const reader = tableReader(opened.file, options)
  const limit = options.limit ?? Infinity
  // One more than the limit: the first may be the header.
  const enough = (): boolean => reader.count() > limit
  const chunks = takeUntil(opened.chunks, enough)
  try {
    for await (const { records, lines } of linesOf(chunks, options.delimiter ?? detectDelimiter(opened.head))) {
      for (const [i, record] of records.entries()) {
        if (!enough()) reader.add(record, lines[i]!)
        if (reader.ready() >= partRows) yield reader.take()
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new UserError(
      `Expected CSV in ${opened.file}, got a field that does not parse: ${error.message}. ` +
        'Fields that hold quotes or the delimiter are written "like ""this"""',
    )
  }
  if (reader.isLeft()) yield reader.take()
}

export const PARSING = {
  record_delimiter: ['\r\n', '\n', '\r'],
  info: true,
  trim: true,
  relax_column_count: true,
  skip_empty_lines: true,
  max_record_size: MAX_RECORD_BYTES,
} satisfies Options

/** Cut at the delimiter as far as nothing is quoted, and parsed from there on. */
export async function* linesOf(chunks: AsyncGenerator<Uint8Array>, delimiter: string): AsyncGenerator<Lines> {
  const rest = yield* plainLines(chunks, delimiter, MAX_RECORD_BYTES)
  if (!rest) return
  const parser = parse({ ...PARSING, delimiter, bom: rest.line === 1 })
  Object.assign(parser.info, { lines: rest.line })
  const source = Readable.from(prepend(rest.bytes, chunks), { objectMode: false })
  // The callback must be there; the error itself comes out of the iteration.
  const parsed = pipeline(source, parser, () => {})
  for await (const { record, info } of parsed as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
    yield { records: [record], lines: [info.lines] }
  }
}

/** Ends early without the error that leaving a pipeline would be. */
async function* takeUntil(chunks: AsyncGenerator<Uint8Array>, enough: () => boolean): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (enough()) return
    yield chunk
  }
}

/** Collects a sample, decides on header and types, then fills columns as rows come. */
function tableReader(file: string, options: TextOptions) {
  const missing = new Set(options.missing ?? DEFAULT_MISSING)
  const sample: (readonly string[])[] = []
  const sampleLines: number[] = []
  let lines: number[] = []
  /** Rows of the tables that were taken. */
  let before = 0
  let makers: (() => ColumnBuilder)[] | undefined
  let builders: ColumnBuilder[] | undefined
  let width = 0

  const fill = (record: readonly string[], line: number): void => {
    const row = lines.length
    lines.push(line)
    for (let i = 0; i < width; i++) {
      const cell = record[i]!
      if (missing.has(cell)) continue
      const builder = builders![i]!
      const value = builder.kind === 'numbers' ? parseNumber(cell) : undefined
      if (value === undefined) builder.addText(row, cell)
      else builder.addNumber(row, value)
    }
  }
  const begin = (): void => {
    const hasHeader = options.header === 'auto' || options.header === undefined ? isHeader(sample) : options.header
    const names = hasHeader ? headerNames(sample.shift() ?? [], file) : Array.from({ length: width }, (_, i) => `${i}`)
    if (hasHeader) sampleLines.shift()
    makers = names.map((name, i) => {
      const forced = isReferred(options.text ?? [], name, i, width)
      const isOfText = forced || isText(sample, i, missing)
      return () => (isOfText ? textBuilder(name) : numberBuilder(name))
    })
    builders = makers.map((make) => make())
    sample.forEach((record, i) => fill(record, sampleLines[i]!))
    sample.length = 0
  }

  return {
    /** Rows so far; those that can be taken; whether some are left at the end of the file. */
    count: () => before + sample.length + lines.length,
    ready: () => lines.length,
    isLeft: () => !builders || lines.length > 0,
    add(record: readonly string[], line: number): void {
      if (width === 0) {
        checkColumns(record.length, file)
        width = record.length
      }
      if (record.length !== width) {
        throw new UserError(
          `Expected ${width} fields as in the first line of ${file}, got ${record.length} in line ${line}. ` +
            'Mend the line, or name another data.delimiter',
        )
      }
      if (builders) return fill(record, line)
      sample.push(record)
      sampleLines.push(line)
      if (sample.length > SAMPLE_ROWS) begin()
    },
    take(): Table {
      if (!builders) begin()
      if (lines.length === 0) throw new UserError(`Expected rows of data in ${file}, got none`)
      const columns = builders!.map((builder) => builder.finish(lines.length))
      const table = { file, rows: lines.length, columns, lines: Uint32Array.from(lines) }
      before += lines.length
      lines = []
      builders = makers!.map((make) => make())
      return table
    },
  }
}

/** A header has texts only, and none of them comes again in its own column. */
function isHeader(sample: readonly (readonly string[])[]): boolean {
  const first = sample[0] ?? []
  if (first.every((cell) => cell === '') || first.some((cell) => parseNumber(cell) !== undefined)) return false
  return first.every((cell, i) => cell === '' || !sample.some((record, row) => row > 0 && record[i] === cell))
}

function headerNames(cells: readonly string[], file: string): string[] {
  const names = cells.map((cell, i) => (cell === '' ? `${i}` : cell))
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice === undefined) return names
  throw new UserError(
    `Expected different column names in the header of ${file}, got ${JSON.stringify(twice)} twice. ` +
      'Rename one, or set data.header to false if the line is data',
  )
}

function isText(sample: readonly (readonly string[])[], column: number, missing: ReadonlySet<string>): boolean {
  let numbers = 0
  let texts = 0
  for (const record of sample) {
    const cell = record[column]!
    if (missing.has(cell)) continue
    if (parseNumber(cell) === undefined) texts++
    else numbers++
  }
  return texts > 0 && texts >= numbers
}

/** The most frequent candidate of the first line outside quotes; a comma if there is none. */
export function detectDelimiter(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 1 << 16)).toString('utf8')
  const line = /[^\r\n]+/.exec(text.replace(/"(?:[^"]|"")*"/g, ''))?.[0] ?? ''
  const counts = [',', '\t', ';', '|'].map((candidate) => [candidate, line.split(candidate).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}
