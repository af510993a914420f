/** The buffers of an Arrow batch, each from its first byte on, unpacked on the way where they are compressed. */
import { pipeline } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import type { Codec } from './arrow-heads.ts'
import { readerOf } from './file.ts'
import { unpackedLz4 } from './lz4.ts'
import { chunksOf } from './places.ts'
import type { Places } from './places.ts'

export interface ArrowBuffer {
  /** In all, unpacked. */
  readonly bytes: number
  /** The next so many. @throws Error where there are fewer */
  take(bytes: number): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

/** Of a column's buffer there is one chunk in memory as it is in the file, and one unpacked. */
const CHUNK_BYTES = 1 << 15
/** What comes before a compressed buffer: how long it is unpacked, or -1 where it is not compressed. */
const LENGTH_BYTES = 8
/** More than these no buffer may become, unless as many times its length. */
const FREE_BYTES = 2 ** 28
const MOST_TIMES = 1032

/** @param end of the values that the batch has: no buffer may lie beyond */
export async function openBuffer(
  places: Places,
  at: { readonly start: number; readonly end: number; readonly bytes: number },
  codec: Codec | undefined,
): Promise<ArrowBuffer> {
  const { start, end, bytes } = at
  if (!(bytes >= 0 && start + bytes <= end && end <= places.bytes))
    throw new Error(`a buffer of ${bytes} bytes is declared at byte ${start}, the batch ends at ${end}`)
  if (!codec || bytes === 0) return plainBuffer(places, start, bytes)
  if (bytes < LENGTH_BYTES) throw new Error(`a compressed buffer of ${bytes} bytes is declared at byte ${start}`)
  const head = Buffer.alloc(LENGTH_BYTES)
  await places.fill(head, start)
  const unpacked = Number(head.readBigInt64LE(0))
  const from = start + LENGTH_BYTES
  const packed = bytes - LENGTH_BYTES
  if (unpacked === -1) return plainBuffer(places, from, packed)
  if (!(unpacked >= 0 && unpacked <= FREE_BYTES + MOST_TIMES * packed))
    throw new Error(`a buffer of ${packed} bytes is declared to have ${unpacked} unpacked`)
  return packedBuffer(places, from, start + bytes, unpacked, codec)
}

const tooFew = (asked: number, left: number, bytes: number): Error =>
  new Error(`of a buffer of ${bytes} bytes ${left} are left where ${asked} are declared`)

/** @param fill with what comes next, behind `taken` bytes */
function bufferOf(
  bytes: number,
  fill: (into: Uint8Array<ArrayBuffer>, taken: number) => Promise<unknown>,
  close = async (): Promise<void> => {},
): ArrowBuffer {
  let taken = 0
  return {
    bytes,
    async take(count) {
      if (!(count >= 0 && count <= bytes - taken)) throw tooFew(count, bytes - taken, bytes)
      const into = new Uint8Array(count)
      await fill(into, taken)
      taken += count
      return into
    },
    close,
  }
}

const plainBuffer = (places: Places, start: number, bytes: number): ArrowBuffer =>
  bufferOf(bytes, (into, taken) => places.fill(into, start + taken))

function packedBuffer(places: Places, start: number, end: number, bytes: number, codec: Codec): ArrowBuffer {
  const packed = chunksOf(places, start, end, CHUNK_BYTES)
  const unpacked = codec === 'lz4' ? unpackedLz4(packed, bytes) : unpackedZstd(packed)
  const reader = readerOf(unpacked, places.file, bytes, true)
  return bufferOf(
    bytes,
    (into) => reader.fill(into, 'a compressed buffer'),
    () => reader.close(),
  )
}

async function* unpackedZstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // The callback must be there; the error itself comes out of the iteration.
  yield* pipeline(chunks, createZstdDecompress({ chunkSize: CHUNK_BYTES }), () => {}) as AsyncIterable<Uint8Array>
}
