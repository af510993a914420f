import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { homeAdvice, suggest, UserError } from '../../errors.ts'
import { answered, answeredChunks } from './answer.ts'
import { openPlaces } from './places.ts'
import type { Places } from './places.ts'

/**
 * Bytes of a file, gunzipped if it is gzip (told by its first two bytes, not by its name).
 * Sizes that a file declares are held against `atMost` before anything is allocated for them.
 */
export interface ByteReader {
  readonly file: string
  /** Most bytes the contents can have: exact for plain files; deflate cannot do better than 1,032 to 1. */
  readonly atMost: number
  readonly exact: boolean
  /** Fills `into`; throws a UserError that the file is truncated if the bytes end before. */
  fill(into: Uint8Array, what: string): Promise<void>
  /** Throws a UserError if there are more bytes. */
  expectEnd(): Promise<void>
  close(): Promise<void>
}

const CHUNK_BYTES = 1 << 18
const MAX_DEFLATE_RATIO = 1032

/** An opened file. Take either its `chunks` or its `fill`, not both. */
export interface OpenedFile extends ByteReader {
  /** The first bytes of the contents, to tell the format by. */
  readonly head: Uint8Array
  readonly chunks: AsyncGenerator<Uint8Array>
  /** The same bytes at any place; of gzip there are none. */
  readonly places: Places | undefined
}

/** Opens a file, or throws a UserError that says why not; one that gives no answer for `seconds` hangs. */
export async function openFile(file: string, seconds?: number): Promise<OpenedFile> {
  const size = await sizeOf(file, seconds)
  const gzip = await isGzip(file, seconds)
  const source = readChunks(file, gzip, seconds)
  const first = await source.next()
  const head = first.done ? new Uint8Array(0) : first.value
  const chunks = prepend(head, source)
  const reader = readerOf(chunks, file, gzip ? size * MAX_DEFLATE_RATIO : size, !gzip)
  const places = gzip ? undefined : openPlaces(file, size, seconds)
  const close = async (): Promise<void> => {
    await chunks.return(undefined)
    // A generator that was never asked for anything skips its `finally`.
    await source.return(undefined)
    await places?.close()
  }
  return { ...reader, head, chunks, places, close }
}

export async function* prepend(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  yield* rest
}

/** What mends what keeps a file from being opened, where that is not its permissions. */
const ADVICE: Partial<Record<string, string>> = {
  ELOOP: 'Its symbolic links lead to each other: name the file itself',
  ENOTDIR: 'A part of its path is a file: check the path',
  ENAMETOOLONG: 'Its name is too long: shorten it',
  ERR_INVALID_ARG_VALUE: 'Its name has a NUL character in it: check the path',
  EIO: 'The disk, or the machine that it is on, fails',
}
const printable = (file: string): string => file.replace(/[\0-\x1f]/g, (char) => JSON.stringify(char).slice(1, -1))

async function sizeOf(file: string, seconds?: number): Promise<number> {
  try {
    const found = await answered(file, stat(file), seconds)
    if (found.isDirectory()) throw new UserError(`Expected a data file at ${file}, got a directory. Name a file in it`)
    if (!found.isFile()) {
      const advice = 'Copy what it gives into a file'
      throw new UserError(`Expected a data file at ${file}, got a pipe, socket or device. ${advice}`)
    }
    if (found.size === 0) throw new UserError(`Expected data in ${file}, got an empty file (0 bytes)`)
    return found.size
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    if (code !== 'ENOENT') {
      throw new UserError(
        `Expected to read ${printable(file)}, got ${code}. ${ADVICE[code] ?? 'Check its permissions'}`,
      )
    }
    if (/(^|\/)[a-z][a-z\d+.-]+:\//i.test(file)) {
      throw new UserError(`Expected a data file at a path of this machine, got the address ${file}. Download it first`)
    }
    const home = homeAdvice(file, '. ')
    if (home) throw new UserError(`Expected a data file at ${file}, found none${home}`)
    const others = await readdir(dirname(file)).catch(() => [])
    const close = suggest(basename(file), others)
    throw new UserError(
      `Expected a data file at ${file}, found none.` +
        (close === undefined ? ' Check the path; it counts from the current folder' : ` Did you mean ${close}?`),
    )
  }
}

async function isGzip(file: string, seconds?: number): Promise<boolean> {
  for await (const chunk of answeredChunks(file, createReadStream(file, { end: 1 }), seconds)) return isGzipStart(chunk)
  return false
}

function isGzipStart(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

async function* readChunks(file: string, gzip: boolean, seconds?: number): AsyncGenerator<Uint8Array> {
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES })
  // The callback must be there; the error itself comes out of the iteration below.
  const stream = gzip ? pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : raw
  let bytes = 0
  try {
    for await (const chunk of answeredChunks(file, stream, seconds)) {
      bytes += chunk.length
      yield chunk
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const mend = 'Copy or download it again'
    if (code === 'Z_BUF_ERROR') {
      throw new UserError(`Expected a whole gzip file, but ${file} is truncated: it ends after ${bytes} bytes. ${mend}`)
    }
    if (code?.startsWith('Z_')) {
      throw new UserError(`Expected a gzip file, but ${file} is damaged after ${bytes} bytes (${message}). ${mend}`)
    }
    throw code ? new UserError(`Expected to read ${file}, got ${code} after ${bytes} bytes`) : error
  }
}

/** A reader over chunks; `atMost` and `exact` as in `ByteReader`. */
export function readerOf(chunks: AsyncGenerator<Uint8Array>, file: string, atMost: number, exact: boolean): ByteReader {
  let rest = new Uint8Array(0)
  let bytesRead = 0
  const pull = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done) return false
      rest = new Uint8Array(next.value.buffer as ArrayBuffer, next.value.byteOffset, next.value.length)
    }
    return true
  }
  return {
    file,
    atMost,
    exact,
    async fill(into, what) {
      const start = bytesRead
      let filled = 0
      while (filled < into.length) {
        if (!(await pull())) {
          throw new UserError(
            `Expected ${start + into.length} bytes in ${file} (up to the end of ${what}), found ${bytesRead}: ` +
              'the file is truncated. Copy or download it again',
          )
        }
        const part = rest.subarray(0, into.length - filled)
        into.set(part, filled)
        rest = rest.subarray(part.length)
        filled += part.length
        bytesRead += part.length
      }
    },
    async expectEnd() {
      if (!(await pull())) return
      throw new UserError(`Expected ${file} to end after the ${bytesRead} bytes its header declares, found more`)
    },
    async close() {
      await chunks.return(undefined)
    },
  }
}

/** Throws a UserError if `bytes` more than `header` bytes cannot be in the file: nothing is allocated on its word. */
export function checkDeclared(reader: ByteReader, header: number, bytes: number, what: string): void {
  if (header + bytes <= reader.atMost) return
  const most = reader.exact ? `${reader.atMost}` : `at most ${reader.atMost} after decompression`
  throw new UserError(
    `Expected ${header + bytes} bytes in ${reader.file} (${what}), found ${most}: ` +
      'the file is truncated or its header is damaged. Copy or download it again',
  )
}
