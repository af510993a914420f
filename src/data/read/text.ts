/**
 * A running text as windows, one after another, with what follows each token: row i has tokens i n .. i n + n - 1, and as
 * targets tokens i n + 1 .. i n + n. What is left over at the end is not used.
 */
import { UserError } from '../../errors.ts'
import type { DataConfig } from '../config.ts'
import type { Table } from '../table.ts'
import type { OpenedFile } from './file.ts'

/** A text is held as bytes, as code points and as float32 windows: larger ones are to be streamed. */
const MAX_TEXT_BYTES = 2 ** 28

/** Columns `text` and `next`, of `data.text.size` code points or bytes a row. */
export async function readText(
  { file, chunks }: Pick<OpenedFile, 'file' | 'chunks'>,
  { text, limit = Infinity }: Pick<DataConfig, 'text' | 'limit'>,
): Promise<Table> {
  const { tokens, size } = windowsOf(text)
  const bytes = await readAll(file, chunks)
  const codes = tokens === 'bytes' ? bytes : codePoints(decodeText(bytes))
  const rows = Math.min(limit, Math.floor((codes.length - 1) / size))
  if (rows < 1) throw tooShort(file, codes.length, tokens, size)
  return windowTable(file, codes, { tokens, size }, 0, rows)
}

/**
 * As `readText`, tables of `partRows` rows, however long the text is. Whether it is UTF-8 is told by its first chunk:
 * @throws UserError where that is, and a later one is not
 */
export async function* readTextParts(
  { file, head, chunks }: Pick<OpenedFile, 'file' | 'head' | 'chunks'>,
  { text }: Pick<DataConfig, 'text'>,
  partRows: number,
): AsyncGenerator<Table> {
  const { tokens, size } = windowsOf(text)
  const codesOf = tokens === 'bytes' ? (bytes: Uint8Array) => bytes : codePointsOf(file, head)
  // The token that follows a part's last window begins the next part.
  const part = tokens === 'bytes' ? new Uint8Array(partRows * size + 1) : new Uint32Array(partRows * size + 1)
  let held = 0
  let firstRow = 0
  for await (const chunk of chunks) {
    const codes = codesOf(chunk)
    for (let at = 0; at < codes.length;) {
      const count = Math.min(part.length - held, codes.length - at)
      part.set(codes.subarray(at, at + count), held)
      held += count
      at += count
      if (held < part.length) continue
      yield windowTable(file, part.slice(), { tokens, size }, firstRow, partRows)
      firstRow += partRows
      part[0] = part[held - 1]!
      held = 1
    }
  }
  codesOf(new Uint8Array(0), true)
  const rows = Math.floor((held - 1) / size)
  if (rows > 0) yield windowTable(file, part.slice(0, held), { tokens, size }, firstRow, rows)
  else if (firstRow === 0) throw tooShort(file, held, tokens, size)
}

interface Windows {
  readonly tokens: 'chars' | 'bytes'
  readonly size: number
}

function windowsOf(text: DataConfig['text']): Windows {
  if (text && text.tokens !== 'words' && text.size >= 2) return { tokens: text.tokens, size: text.size }
  throw new UserError(
    "Expected data.text to be { tokens: 'chars' or 'bytes', size: 2 or more } for the running text of data.format 'text', " +
      `got ${JSON.stringify(text)}. Its size is the length of a window`,
  )
}

const tooShort = (file: string, length: number, tokens: string, size: number): UserError =>
  new UserError(
    `Expected more than ${size} ${tokens} in ${file}, the length of a window (data.text.size), got ${length}`,
  )

function windowTable(
  file: string,
  codes: Uint8Array | Uint32Array,
  { tokens, size }: Windows,
  firstRow: number,
  rows: number,
): Table {
  const column = (name: string, shift: number) =>
    ({ kind: 'numbers', name, width: size, tokens, values: codes.subarray(shift, shift + rows * size) }) as const
  return { file, firstRow, rows, columns: [column('text', 0), column('next', 1)], defaultTarget: 'next', inOrder: true }
}

async function readAll(file: string, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > MAX_TEXT_BYTES) {
      throw new UserError(
        `Expected a text of at most ${MAX_TEXT_BYTES / 2 ** 20} MiB in ${file}, got more. Stream it (data.streaming), or cut it`,
      )
    }
    all.push(chunk)
  }
  return Buffer.concat(all)
}

/** The code points of chunks, one after another; the last one comes with `end`. */
function codePointsOf(file: string, head: Uint8Array): (bytes: Uint8Array, end?: boolean) => Uint32Array {
  let decoder = new TextDecoder('utf-8', { fatal: true })
  let read = 0
  try {
    decoder.decode(head, { stream: true })
    decoder = new TextDecoder('utf-8', { fatal: true })
  } catch {
    return (bytes) => Uint32Array.from(bytes)
  }
  return (bytes, end = false) => {
    try {
      return codePoints(decoder.decode(bytes, { stream: !end }))
    } catch (cause) {
      throw new UserError(
        `Expected UTF-8 in ${file}, as it begins, got something else between its bytes ${read} and ${read + bytes.length}. ` +
          "Save it as UTF-8, or set data.text.tokens to 'bytes'",
        { cause },
      )
    } finally {
      read += bytes.length
    }
  }
}

/** UTF-8 where it is that, else Latin-1, which every byte is. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  }
}

function codePoints(text: string): Uint32Array {
  const codes = new Uint32Array(text.length)
  let count = 0
  for (const char of text) codes[count++] = char.codePointAt(0)!
  return codes.subarray(0, count)
}
