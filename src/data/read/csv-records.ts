/**
 * CSV (RFC 4180) as records of cells. A cell is a range of the bytes that came until it is asked for, so that a column of numbers
 * costs no text. Line ends are LF, CRLF or CR; blanks around cells, lines of blanks and a byte order mark are left out.
 */
import { UserError } from '../../errors.ts'
import { parseNumber, plainNumber } from './numbers.ts'

/** The cells of one record, until the next. */
export interface Cells {
  readonly length: number
  text(cell: number): string
  /** As `parseNumber` has it. */
  number(cell: number): number | undefined
}

export interface CsvRecords extends Cells {
  /** Of the record's first line, from 1. */
  readonly line: number
  /** Bytes that follow those before; `undefined`: no more do. Only once `next` has given false. */
  feed(chunk: Uint8Array | undefined): void
  /** Goes to the next record; false where its end has not come yet. @throws UserError for what is no CSV */
  next(): boolean
}

const MAX_RECORD_BYTES = 1 << 24
const MARK = Buffer.from('\ufeff')
const [TAB, LF, FF, CR, BLANK, QUOTE] = [9, 10, 12, 13, 32, 34]

export function csvRecords(file: string, delimiter: string): CsvRecords {
  const marks = Buffer.from(delimiter)
  let bytes: Buffer = Buffer.alloc(0)
  let isFirst = true
  let isEnded = false
  /** Where the next record begins, and its line. */
  let at = 0
  let nextLine = 1
  let line = 1
  let length = 0
  const starts: number[] = []
  const ends: number[] = []
  const quoted: boolean[] = []

  const isDelimiter = (i: number): boolean => {
    for (let k = 0; k < marks.length; k++) if (bytes[i + k] !== marks[k]) return false
    return true
  }
  const isBlank = (i: number): boolean => (bytes[i] === BLANK || bytes[i] === TAB || bytes[i] === FF) && !isDelimiter(i)

  /** `from` begins a line or stands in one, so the LF of a CRLF counts for both. */
  const lineEnds = (from: number, to: number): number => {
    let count = 0
    for (let i = from; i < to; i++) if (bytes[i] === LF || (bytes[i] === CR && bytes[i + 1] !== LF)) count++
    return count
  }
  const wrong = (what: string, i: number): UserError =>
    new UserError(
      `Expected CSV in ${file}, got ${what} in line ${nextLine + lineEnds(at, i)}. ` +
        'Fields that hold quotes or the delimiter are written "like ""this"""',
    )

  /** Where the text of quotes ends that begins at `from`; -1 where that has not come yet. */
  const closing = (from: number): number => {
    for (let i = from; ; i += 2) {
      i = bytes.indexOf(QUOTE, i)
      if (i < 0 && isEnded) throw wrong('a quote that is not closed', from)
      if (i < 0 || (i + 1 === bytes.length && !isEnded)) return -1
      if (bytes[i + 1] !== QUOTE) return i
    }
  }

  /** Notes the cells of the record at `at`, and gives where the next one begins; -1 as above. */
  const scan = (): number => {
    length = 0
    for (let i = at; ; i += marks.length) {
      while (isBlank(i)) i++
      const isQuoted = bytes[i] === QUOTE
      const start = isQuoted ? i + 1 : i
      let end = start
      if (isQuoted) {
        end = closing(start)
        if (end < 0) return -1
        i = end + 1
        while (isBlank(i)) i++
        const follows = bytes[i]
        if (follows !== undefined && follows !== LF && follows !== CR && !isDelimiter(i)) {
          if (bytes.length - i < marks.length && !isEnded) return -1
          throw wrong('text behind a closing quote', i)
        }
      } else {
        for (; i < bytes.length; i++) {
          const byte = bytes[i]!
          if (byte === LF || byte === CR || (byte === marks[0] && isDelimiter(i))) break
          if (byte === QUOTE) throw wrong('a quote inside a field without quotes', i)
        }
        end = i
        while (end > start && isBlank(end - 1)) end--
      }
      starts[length] = start
      ends[length] = end
      quoted[length++] = isQuoted
      if (i === bytes.length) return isEnded ? i : -1
      if (bytes[i] === LF) return i + 1
      if (bytes[i] !== CR) continue
      if (i + 1 === bytes.length && !isEnded) return -1
      return bytes[i + 1] === LF ? i + 2 : i + 1
    }
  }

  const text = (cell: number): string => {
    const found = bytes.toString('utf8', starts[cell], ends[cell])
    return quoted[cell] ? found.replaceAll('""', '"') : found
  }

  return {
    get line() {
      return line
    },
    get length() {
      return length
    },
    text,
    number: (cell) => plainNumber(bytes, starts[cell]!, ends[cell]!) ?? parseNumber(text(cell)),
    feed(chunk) {
      isEnded = chunk === undefined
      if (!chunk) return
      const came = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      bytes = at === bytes.length ? came : Buffer.concat([bytes.subarray(at), came])
      at = 0
    },
    next() {
      if (isFirst) {
        if (bytes.length < MARK.length && !isEnded) return false
        if (bytes.subarray(0, MARK.length).equals(MARK)) at = MARK.length
        isFirst = false
      }
      while (at < bytes.length) {
        const after = scan()
        if (after < 0) {
          if (bytes.length - at <= MAX_RECORD_BYTES) return false
          throw wrong(`a record of more than ${MAX_RECORD_BYTES} bytes`, at)
        }
        line = nextLine
        nextLine += lineEnds(at, after)
        at = after
        if (length > 1 || quoted[0] || starts[0] !== ends[0]) return true
      }
      return false
    },
  }
}
