/**
 * LZ4 frames, unpacked as they come: memory holds one block, and the 64 KiB before it that it may refer to. Checksums are
 * not looked at. Format: lz4_Frame_format.md and lz4_Block_format.md of the LZ4 project.
 */

const MAGIC = 0x184d2204
const HISTORY_BYTES = 1 << 16

/** @param mostBytes that may come out of it @throws Error for what is no such frame, or has more */
export async function* unpackedLz4(chunks: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  const take = takerOf(chunks)
  const head = await take(6)
  const [flags, sizes] = [head[4]!, head[5]!]
  if (head.readUInt32LE(0) !== MAGIC || flags >> 6 !== 1) throw new Error('a buffer is no LZ4 frame')
  const [hasBlockSums, hasSize, hasDictionary] = [flags & 16, flags & 8, flags & 1]
  if (hasDictionary) throw new Error('an LZ4 frame needs a dictionary')
  // The size of its contents, and a checksum of this head.
  await take((hasSize ? 8 : 0) + 1)
  const blockBytes = 1 << (8 + 2 * Math.max(4, (sizes >> 4) & 7))
  const room = Math.min(blockBytes, mostBytes)
  const bytes = new Uint8Array(HISTORY_BYTES + room)
  let known = 0
  let left = mostBytes
  for (;;) {
    const size = (await take(4)).readUInt32LE(0)
    if (size === 0) return
    const isPlain = size >>> 31 === 1
    const length = size & 0x7fff_ffff
    if (length > blockBytes) throw new Error(`an LZ4 block of ${length} bytes is declared, of at most ${blockBytes}`)
    const block = await take(length)
    const end = isPlain ? copied(block, bytes) : unpackBlock(block, bytes, HISTORY_BYTES, HISTORY_BYTES - known)
    if (hasBlockSums) await take(4)
    left -= end - HISTORY_BYTES
    if (left < 0) throw new Error('an LZ4 frame has more bytes than it declares')
    yield bytes.slice(HISTORY_BYTES, end)
    known = Math.min(HISTORY_BYTES, known + end - HISTORY_BYTES)
    bytes.copyWithin(HISTORY_BYTES - known, end - known, end)
  }
}

function copied(block: Uint8Array, into: Uint8Array): number {
  if (block.length > into.length - HISTORY_BYTES) throw new Error('an LZ4 frame has more bytes than it declares')
  into.set(block, HISTORY_BYTES)
  return HISTORY_BYTES + block.length
}

/** Literals and then a copy of what came before, again and again; literals end it. @returns where what it wrote ends */
function unpackBlock(block: Uint8Array, out: Uint8Array, start: number, first: number): number {
  let to = start
  for (let at = 0; at < block.length;) {
    const token = block[at++]!
    let literals = token >> 4
    if (literals === 15) for (let more = 255; more === 255;) literals += more = block[at++] ?? NaN
    if (!(at + literals <= block.length && to + literals <= out.length)) throw damaged()
    if (literals > 16) out.set(block.subarray(at, at + literals), to)
    else for (let i = 0; i < literals; i++) out[to + i] = block[at + i]!
    at += literals
    to += literals
    if (at === block.length) return to
    const from = to - (block[at]! | (block[at + 1]! << 8))
    at += 2
    let length = token & 15
    if (length === 15) for (let more = 255; more === 255;) length += more = block[at++] ?? NaN
    length += 4
    if (!(from < to && from >= first && to + length <= out.length)) throw damaged()
    // One that overlaps repeats what it has just written.
    if (length > 32 && from + length <= to) out.copyWithin(to, from, from + length)
    else for (let i = 0; i < length; i++) out[to + i] = out[from + i]!
    to += length
  }
  throw damaged()
}

const damaged = (): Error => new Error('an LZ4 block is damaged')

/** Gives the next so many bytes. */
function takerOf(chunks: AsyncIterable<Uint8Array>): (bytes: number) => Promise<Buffer> {
  const source = chunks[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  return async (bytes) => {
    const parts: Uint8Array[] = []
    for (let needed = bytes; ;) {
      const part = rest.subarray(0, needed)
      parts.push(part)
      rest = rest.subarray(part.length)
      needed -= part.length
      if (needed === 0) break
      const next = await source.next()
      if (next.done) throw new Error('an LZ4 frame ends before its end mark')
      rest = next.value
    }
    return Buffer.concat(parts)
  }
}
