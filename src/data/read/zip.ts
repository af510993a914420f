/**
 * Zip archives, an entry at a time: its directory is at the end, so they are read in any order and never whole. Entries are
 * stored or deflated, their checksums are checked. Format: PKWARE, APPNOTE.TXT 6.3 (4.3 and, beyond 4 GiB, 4.5.3).
 */
import { Readable, pipeline } from 'node:stream'
import { crc32, createInflateRaw } from 'node:zlib'
import { UserError } from '../../errors.ts'
import { chunksOf } from './places.ts'
import type { Places } from './places.ts'

export interface ZipEntry {
  readonly name: string
  readonly isDeflated: boolean
  /** In the archive, and unpacked. */
  readonly packedBytes: number
  readonly bytes: number
  readonly checksum: number
  /** Where its own header begins. */
  readonly at: number
}

const END = 0x06054b50
const END_BYTES = 22
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const LOCATOR_BYTES = 20
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
const MAX_COMMENT = 0xffff
const MAX_DIRECTORY_BYTES = 1 << 24
const MAX_DEFLATE_RATIO = 1032
const UNPACKED_CHUNK = 1 << 16

/** What the directory lists. @throws UserError for one that the file's length belies, or that is not there */
export async function listZip(places: Places): Promise<ZipEntry[]> {
  const { start, bytes, count } = await findDirectory(places)
  const directory = Buffer.alloc(bytes)
  await places.fill(directory, start)
  const entries: ZipEntry[] = []
  let packed = 0
  for (let at = 0; entries.length < count;) {
    if (at + 46 > bytes || directory.readUInt32LE(at) !== ENTRY) {
      throw damaged(places, `its directory has ${entries.length} entries of ${count}`)
    }
    const [nameBytes, extraBytes] = [directory.readUInt16LE(at + 28), directory.readUInt16LE(at + 30)]
    const next = at + 46 + nameBytes + extraBytes + directory.readUInt16LE(at + 32)
    if (next > bytes) throw damaged(places, `entry ${entries.length} is longer than its directory`)
    const entry = readEntry(directory.subarray(at, next), nameBytes, extraBytes, places)
    packed += entry.packedBytes
    // Entries that share their bytes could stand for any amount of them.
    if (packed > places.bytes) throw damaged(places, `its entries have more than its ${places.bytes} bytes`)
    entries.push(entry)
    at = next
  }
  return entries
}

/** The unpacked bytes of an entry. @throws UserError where they are other than its size or checksum says */
export async function* unpackEntry(places: Places, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const start = await startOf(places, entry)
  const packed = chunksOf(places, start, start + entry.packedBytes)
  let bytes = 0
  let checksum = 0
  for await (const chunk of entry.isDeflated ? inflated(packed, places, entry) : packed) {
    bytes += chunk.length
    checksum = crc32(chunk, checksum)
    if (bytes > entry.bytes) throw damaged(places, `${entry.name} has more than ${entry.bytes} bytes`)
    if (bytes === entry.bytes && checksum !== entry.checksum) {
      throw damaged(places, `${entry.name} has another checksum than it had`)
    }
    yield chunk
  }
  if (bytes < entry.bytes) throw damaged(places, `${entry.name} has ${bytes} of ${entry.bytes} bytes`)
}

/** Where the bytes of an entry begin, behind its own header. */
export async function startOf(places: Places, { at, name, packedBytes }: ZipEntry): Promise<number> {
  const header = Buffer.alloc(LOCAL_BYTES)
  if (at + LOCAL_BYTES > places.bytes) throw damaged(places, `${name} is said to begin at byte ${at}`)
  await places.fill(header, at)
  if (header.readUInt32LE(0) !== LOCAL) throw damaged(places, `${name} does not begin at byte ${at}`)
  const start = at + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + packedBytes > places.bytes) {
    throw damaged(places, `${name} would end at byte ${start + packedBytes}, the file ends at ${places.bytes}`)
  }
  return start
}

async function* inflated(
  packed: AsyncGenerator<Uint8Array>,
  places: Places,
  { name }: ZipEntry,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed, { objectMode: false })
  // The callback must be there; the error itself comes out of the iteration.
  const unpacked = pipeline(source, createInflateRaw({ chunkSize: UNPACKED_CHUNK }), () => {})
  try {
    for await (const chunk of unpacked) yield chunk as Uint8Array
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code?.startsWith('Z_') ? damaged(places, `${name}: ${message}`) : error
  }
}

interface Directory {
  readonly start: number
  readonly bytes: number
  readonly count: number
}

async function findDirectory(places: Places): Promise<Directory> {
  const length = Math.min(places.bytes, END_BYTES + MAX_COMMENT)
  const tail = Buffer.alloc(length)
  await places.fill(tail, places.bytes - length)
  let end = length - END_BYTES
  while (end >= 0 && !(tail.readUInt32LE(end) === END && end + END_BYTES + tail.readUInt16LE(end + 20) === length))
    end--
  if (end < 0) throw damaged(places, 'its directory is not at its end')
  const short = {
    count: tail.readUInt16LE(end + 10),
    bytes: tail.readUInt32LE(end + 12),
    start: tail.readUInt32LE(end + 16),
  }
  const isLong = short.count === 0xffff || short.bytes === 0xffff_ffff || short.start === 0xffff_ffff
  const directory = isLong ? await longDirectory(places, tail, end) : short
  if (directory.start + directory.bytes > places.bytes) {
    throw damaged(places, `its directory would end at byte ${directory.start + directory.bytes}`)
  }
  if (directory.bytes > MAX_DIRECTORY_BYTES) {
    throw damaged(places, `its directory has ${directory.bytes} bytes, more than ${MAX_DIRECTORY_BYTES}`)
  }
  return directory
}

/** Beyond 4 GiB or 65,535 entries the numbers are in a record of their own, and where it is stands before the end. */
async function longDirectory(places: Places, tail: Buffer, end: number): Promise<Directory> {
  const locator = end - LOCATOR_BYTES
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR_64) throw damaged(places, 'its zip64 record is not found')
  const at = Number(tail.readBigUInt64LE(locator + 8))
  const record = Buffer.alloc(56)
  if (at + record.length > places.bytes) throw damaged(places, `its zip64 record is said to begin at byte ${at}`)
  await places.fill(record, at)
  if (record.readUInt32LE(0) !== END_64) throw damaged(places, `its zip64 record does not begin at byte ${at}`)
  const [count, bytes, start] = [32, 40, 48].map((place) => Number(record.readBigUInt64LE(place)))
  return { count: count!, bytes: bytes!, start: start! }
}

function readEntry(record: Buffer, nameBytes: number, extraBytes: number, places: Places): ZipEntry {
  const name = record.toString('utf8', 46, 46 + nameBytes)
  const extra = record.subarray(46 + nameBytes, 46 + nameBytes + extraBytes)
  const [bytes, packedBytes, at] = longSizes(
    [record.readUInt32LE(24), record.readUInt32LE(20), record.readUInt32LE(42)],
    extra,
  )
  const [flags, method] = [record.readUInt16LE(8), record.readUInt16LE(10)]
  if ((flags & 1) !== 0) throw new UserError(`Expected no password on ${places.file} (${name}). Unpack it first`)
  if (method !== 0 && method !== 8) {
    throw new UserError(
      `Expected entries that are stored or deflated in ${places.file}, got ${name} by method ${method}. Pack it again`,
    )
  }
  const mostBytes = method === 0 ? packedBytes! : packedBytes! * MAX_DEFLATE_RATIO + 64
  if (bytes! > mostBytes) {
    throw damaged(places, `${name} declares ${bytes} bytes, which ${packedBytes} packed ones cannot hold`)
  }
  const checksum = record.readUInt32LE(16)
  return { name, isDeflated: method === 8, packedBytes: packedBytes!, bytes: bytes!, checksum, at: at! }
}

/** Sizes of which the four bytes are all set stand, eight bytes each and in this order, in the extra field 1. */
function longSizes(sizes: readonly number[], extra: Buffer): number[] {
  let field = Buffer.alloc(0)
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) field = Buffer.from(extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2)))
  }
  let next = 0
  return sizes.map((size) => {
    if (size !== 0xffff_ffff || next + 8 > field.length) return size
    next += 8
    return Number(field.readBigUInt64LE(next - 8))
  })
}

const damaged = ({ file }: Places, why: string): UserError =>
  new UserError(`Expected a whole zip file, but ${file} is truncated or damaged: ${why}. Copy or download it again`)
