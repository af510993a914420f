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
  if (!text || text.tokens === 'words' || text.size < 2) {
    throw new UserError(
      "Expected data.text to be { tokens: 'chars' or 'bytes', size: 2 or more } for the running text of data.format 'text', " +
        `got ${JSON.stringify(text)}. Its size is the length of a window`,
    )
  }
  const { tokens, size } = text
  const bytes = await readAll(file, chunks)
  const codes = tokens === 'bytes' ? bytes : codePoints(decodeText(bytes))
  const rows = Math.min(limit, Math.floor((codes.length - 1) / size))
  if (rows < 1) {
    throw new UserError(
      `Expected more than ${size} ${tokens} in ${file}, the length of a window (data.text.size), got ${codes.length}`,
    )
  }
  const column = (name: string, shift: number) =>
    ({ kind: 'numbers', name, width: size, tokens, values: codes.subarray(shift, shift + rows * size) }) as const
  return { file, rows, columns: [column('text', 0), column('next', 1)], defaultTarget: 'next', inOrder: true }
}

async function readAll(file: string, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > MAX_TEXT_BYTES) {
      throw new UserError(`Expected a text of at most ${MAX_TEXT_BYTES / 2 ** 20} MiB in ${file}, got more. Cut it`)
    }
    all.push(chunk)
  }
  return Buffer.concat(all)
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
