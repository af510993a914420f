import { UserError } from '../../errors.ts'
import { DEFAULT_MISSING } from '../config.ts'
import type { ColumnRef, DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import { isReferred, numberBuilder, textBuilder, type ColumnBuilder } from './columns.ts'
import { csvRecords, type Cells } from './csv-records.ts'
import type { OpenedFile } from './file.ts'
import { parseNumber } from './numbers.ts'

/** What the readers of text need of a `DataConfig`. */
export type TextOptions = Pick<DataConfig, 'header' | 'delimiter' | 'missing' | 'limit'> & {
  /** Columns that are text even where they look like numbers. */
  text?: readonly ColumnRef[] | undefined
}

/** Rows by which the header and the types of the columns are told. */
const SAMPLE_ROWS = 1000

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
  const reader = tableReader(opened.file, options, partRows)
  const records = csvRecords(opened.file, options.delimiter ?? detectDelimiter(opened.head))
  const limit = options.limit ?? Infinity
  for await (const chunk of withEnd(utf8Chunks(opened))) {
    records.feed(chunk)
    // One more than the limit: the first may be the header.
    while (reader.count() <= limit && records.next()) {
      reader.add(records, records.line)
      if (reader.ready() >= partRows) yield reader.take()
    }
    if (reader.count() > limit) break
  }
  if (reader.isLeft()) yield reader.take()
}

async function* withEnd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | undefined> {
  yield* chunks
  yield undefined
}

/** Of UTF-16, which is told by its mark, in UTF-8. */
async function* utf8Chunks({ head, chunks }: OpenedFile): AsyncGenerator<Uint8Array> {
  const mark = Buffer.from(head.subarray(0, 2)).toString('hex')
  if (mark !== 'fffe' && mark !== 'feff') return yield* chunks
  const decoder = new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be')
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }))
}

/** Collects a sample, decides on header and types, then fills columns as rows come. */
function tableReader(file: string, options: TextOptions, partRows: number) {
  const missing = new Set(options.missing ?? DEFAULT_MISSING)
  /** Numbers that stand for a missing value are told by their text. */
  const mayBeNumbers = [...missing].some((word) => parseNumber(word) !== undefined)
  const rowsAtFirst = Number.isFinite(partRows) ? Math.max(partRows, SAMPLE_ROWS + 1) : undefined
  const sample: string[][] = []
  const sampleLines: number[] = []
  let lines: number[] = []
  /** Rows of the tables that were taken. */
  let before = 0
  let makers: (() => ColumnBuilder)[] | undefined
  let builders: ColumnBuilder[] | undefined
  let width = 0

  const fill = (cells: Cells, line: number): void => {
    const row = lines.length
    lines.push(line)
    for (let i = 0; i < width; i++) {
      const builder = builders![i]!
      const value = builder.kind === 'numbers' ? cells.number(i) : undefined
      if (value !== undefined && !(mayBeNumbers && missing.has(cells.text(i)))) {
        builder.addNumber(row, value)
        continue
      }
      const text = cells.text(i)
      if (!missing.has(text)) builder.addText(row, text)
    }
  }
  const begin = (): void => {
    const hasHeader = options.header === 'auto' || options.header === undefined ? isHeader(sample) : options.header
    const names = hasHeader ? headerNames(sample.shift() ?? [], file) : Array.from({ length: width }, (_, i) => `${i}`)
    if (hasHeader) sampleLines.shift()
    makers = names.map((name, i) => {
      const forced = isReferred(options.text ?? [], name, i, width)
      const isOfText = forced || isText(sample, i, missing)
      return () => (isOfText ? textBuilder(name) : numberBuilder(name, 1, rowsAtFirst))
    })
    builders = makers.map((make) => make())
    sample.forEach((record, i) => fill(cellsOf(record), sampleLines[i]!))
    sample.length = 0
  }

  return {
    /** Rows so far; those that can be taken; whether some are left at the end of the file. */
    count: () => before + sample.length + lines.length,
    ready: () => lines.length,
    isLeft: () => !builders || lines.length > 0,
    add(cells: Cells, line: number): void {
      if (width === 0) width = cells.length
      if (cells.length !== width) {
        throw new UserError(
          `Expected ${width} fields as in the first line of ${file}, got ${cells.length} in line ${line}. ` +
            'Mend the line, or name another data.delimiter',
        )
      }
      if (builders) return fill(cells, line)
      sample.push(Array.from({ length: width }, (_, i) => cells.text(i)))
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

const cellsOf = (record: readonly string[]): Cells => ({
  length: record.length,
  text: (cell) => record[cell]!,
  number: (cell) => parseNumber(record[cell]!),
})

/** A header has texts only, and none of them comes again in its own column. */
function isHeader(sample: readonly string[][]): boolean {
  const first = sample[0] ?? []
  if (first.every((cell) => cell === '') || first.some((cell) => parseNumber(cell) !== undefined)) return false
  return first.every((cell, i) => cell === '' || !sample.some((record, row) => row > 0 && record[i] === cell))
}

function headerNames(cells: readonly string[], file: string): string[] {
  const names = cells.map((cell, i) => (cell === '' ? `${i}` : cell))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice === undefined) return names
  throw new UserError(
    `Expected different column names in the header of ${file}, got ${JSON.stringify(twice)} twice. ` +
      'Rename one, or set data.header to false if the line is data',
  )
}

function isText(sample: readonly string[][], column: number, missing: ReadonlySet<string>): boolean {
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
