/**
 * PNG as the specification's third edition has it: every colour type and depth, interlaced or not. Depths of 16 bits keep
 * their high byte; transparency is left out. Nothing is inflated beyond what the header declares.
 */
import { crc32, inflateSync } from 'node:zlib'
import { UserError } from '../../errors.ts'
import { checkSize, damaged } from './picture.ts'
import type { Picture } from './picture.ts'

const SIGNATURE = '\x89PNG\r\n\x1a\n'
/** Deflate's best is 1,032 to 1, a pixel of one bit an eighth of a byte. */
const MAX_RATIO = 1032 * 8
/** Samples of a pixel, and the depths that there are, by colour type. */
const TYPES: Partial<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
}
const PALETTE = 3

/** Every how many pixels, and from which on, a pass has one. */
interface Pass {
  readonly x: number
  readonly y: number
  readonly dx: number
  readonly dy: number
}
const WHOLE: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }]
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
]

export const isPng = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(8, bytes.length)).toString('latin1') === SIGNATURE

/** @throws UserError naming `file` and what is wrong with it */
export function decodePng(bytes: Uint8Array, file: string): Picture {
  const { header, palette, data } = chunksOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), file)
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [depth, type, compression, filter, interlace] = header.subarray(8) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ]
  const kind = TYPES[type]
  if (!kind?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw damaged(file, `its header declares colour type ${type} of ${depth} bits, interlaced ${interlace}`)
  }
  checkSize(file, width, height, data.length, MAX_RATIO)
  if (type === PALETTE && (!palette || palette.length % 3 !== 0)) throw damaged(file, 'it has no whole palette')
  const bits = depth * kind.samples
  const passes = (interlace === 1 ? ADAM7 : WHOLE)
    .map((pass) => ({
      ...pass,
      cols: Math.ceil((width - pass.x) / pass.dx),
      rows: Math.ceil((height - pass.y) / pass.dy),
    }))
    .filter(({ cols, rows }) => cols > 0 && rows > 0)
  const lineBytes = (cols: number) => Math.ceil((cols * bits) / 8)
  const raw = inflated(
    data,
    passes.reduce((sum, { cols, rows }) => sum + rows * (1 + lineBytes(cols)), 0),
    file,
  )

  const channels = type === 0 || type === 4 ? 1 : 3
  const pixels = new Uint8Array(width * height * channels)
  const scale = type === PALETTE || depth >= 8 ? 1 : 255 / (2 ** depth - 1)
  let at = 0
  for (const { x, y, dx, dy, cols, rows } of passes) {
    const size = lineBytes(cols)
    unfilter(raw, at, rows, size, Math.max(1, bits >> 3), file)
    for (let row = 0; row < rows; row++, at += size + 1) {
      for (let col = 0; col < cols; col++) {
        const to = ((y + row * dy) * width + x + col * dx) * channels
        if (type === PALETTE) {
          const index = 3 * sampleOf(raw, at + 1, col, depth)
          if (index >= palette!.length) throw damaged(file, `colour ${index / 3} is not in its palette`)
          for (let c = 0; c < 3; c++) pixels[to + c] = palette![index + c]!
        } else {
          const first = col * kind.samples
          for (let c = 0; c < channels; c++) pixels[to + c] = scale * sampleOf(raw, at + 1, first + c, depth)
        }
      }
    }
  }
  return { width, height, channels, pixels }
}

function chunksOf(bytes: Buffer, file: string): { header: Buffer; palette: Buffer | undefined; data: Buffer } {
  let header: Buffer | undefined
  let palette: Buffer | undefined
  const data: Buffer[] = []
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw damaged(file, `it ends after ${bytes.length} bytes, without an end`)
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (at + 12 + length > bytes.length) {
      throw damaged(
        file,
        `${length} bytes of ${JSON.stringify(type)} are declared, ${bytes.length - at - 12} are there`,
      )
    }
    const content = bytes.subarray(at + 8, at + 8 + length)
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== bytes.readUInt32BE(at + 8 + length)) {
      throw damaged(file, `the checksum of its ${JSON.stringify(type)} is wrong`)
    }
    if (!header && (type !== 'IHDR' || length !== 13)) throw damaged(file, 'it does not begin with a header')
    if (type === 'IHDR') header = content
    else if (type === 'PLTE') palette = content
    else if (type === 'IDAT') data.push(content)
    else if (type === 'IEND') return { header: header!, palette, data: Buffer.concat(data) }
    at += 12 + length
  }
}

function inflated(data: Buffer, size: number, file: string): Buffer {
  let raw: Buffer
  try {
    raw = inflateSync(data, { maxOutputLength: size })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ERR_BUFFER_TOO_LARGE' && !code?.startsWith('Z_')) throw cause
    throw new UserError(damaged(file, `its pixels do not unpack (${message})`).message, { cause })
  }
  if (raw.length < size) throw damaged(file, `${size} bytes of pixels are declared, ${raw.length} are there`)
  return raw
}

/** In place: the lines' filters, of which each line names its own in its first byte. */
function unfilter(raw: Buffer, start: number, rows: number, size: number, step: number, file: string): void {
  for (let row = 0; row < rows; row++) {
    const at = start + row * (size + 1)
    const filter = raw[at]!
    if (filter > 4) throw damaged(file, `line ${row} has a filter ${filter}`)
    for (let i = 1; filter > 0 && i <= size; i++) {
      const left = i > step ? raw[at + i - step]! : 0
      const above = row > 0 ? raw[at + i - size - 1]! : 0
      const corner = row > 0 && i > step ? raw[at + i - size - 1 - step]! : 0
      raw[at + i]! += predicted(filter, left, above, corner)
    }
  }
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left
  if (filter === 2) return above
  if (filter === 3) return (left + above) >> 1
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)]
  return a <= b && a <= c ? left : b <= c ? above : corner
}

/** Sample `i` of a line. */
function sampleOf(raw: Buffer, line: number, i: number, depth: number): number {
  if (depth === 8) return raw[line + i]!
  if (depth === 16) return raw[line + 2 * i]!
  const bit = i * depth
  return (raw[line + (bit >> 3)]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
}
