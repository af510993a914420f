/**
 * Lines of CSV as far as nothing is quoted, which most tables of numbers are to their end: several times as fast as a parser
 * that looks at every byte, with the same cells (test/data/plain-lines.test.ts sets them side by side).
 */

const [NEWLINE, RETURN, QUOTE] = [0x0a, 0x0d, 0x22]

export interface Lines {
  /** Cells of a line without the blanks around them, and the number of that line, from 1. Empty lines are left out. */
  readonly records: readonly (readonly string[])[]
  readonly lines: readonly number[]
}

/** What is not read: from the start of a line. */
export interface Rest {
  readonly bytes: Uint8Array
  readonly line: number
}

/**
 * @param mostBytes of a line; a longer one is left
 * @returns what is left from the first line with a quote on; the chunks that follow are not taken
 */
export async function* plainLines(
  chunks: AsyncIterator<Uint8Array>,
  delimiter: string,
  mostBytes: number,
): AsyncGenerator<Lines, Rest | undefined> {
  if (/^$|["\r\n]/.test(delimiter)) return { bytes: new Uint8Array(0), line: 1 }
  let line = 1
  let held: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  for (;;) {
    const { value, done } = await chunks.next()
    if (value) held = held.length === 0 ? bufferOf(value) : Buffer.concat([held, value])
    // UTF-16 by its byte order mark; UTF-8's own is a blank, which is cut off.
    const isUtf16 = line === 1 && held[0] === 0xff && held[1] === 0xfe
    if (isUtf16 || held.length > mostBytes) return { bytes: held, line }
    const quote = held.indexOf(QUOTE)
    const end = quote < 0 && done === true ? held.length : lastLineEnd(held, quote < 0 ? held.length : quote)
    if (end > 0) {
      const cut = cutLines(held.toString('utf8', 0, end), delimiter, line)
      line = cut.next
      yield cut
      held = held.subarray(end)
    }
    if (quote >= 0) return { bytes: held, line }
    if (done === true) return undefined
  }
}

const bufferOf = (bytes: Uint8Array): Buffer<ArrayBufferLike> =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Behind the last end of a line before `before`. What ends there in a return may have a newline to come. */
function lastLineEnd(bytes: Buffer, before: number): number {
  const from = before - 1
  if (from < 0) return 0
  const newline = bytes.lastIndexOf(NEWLINE, from)
  const known = bytes[from] === RETURN ? from - 1 : from
  return Math.max(newline, known < 0 ? -1 : bytes.lastIndexOf(RETURN, known)) + 1
}

/** @returns the lines of whole lines of text, and the number of the one that follows */
function cutLines(text: string, delimiter: string, first: number): Lines & { next: number } {
  const cut = text.split(text.includes('\r') ? /\r\n|\n|\r/ : '\n')
  const records: string[][] = []
  const lines: number[] = []
  cut.forEach((line, i) => {
    const cells = line.split(delimiter)
    for (let c = 0; c < cells.length; c++) cells[c] = cells[c]!.trim()
    if (cells.length === 1 && cells[0] === '') return
    records.push(cells)
    lines.push(first + i)
  })
  return { records, lines, next: first + cut.length - 1 }
}
