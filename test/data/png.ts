/** PNG files of every kind, written from the specification, and damaged ones. */
import { crc32, deflateSync } from 'node:zlib'

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
/** First column, first row, and the steps between them, of each pass. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

export interface Png {
  readonly width: number
  readonly height: number
  readonly type: number
  readonly depth: number
  readonly interlaced?: boolean
  readonly palette?: readonly number[]
  /** Of line number `line`. */
  readonly filterOf?: (line: number) => number
  /** Sample `c` of a pixel, below 2^depth. */
  readonly sample: (x: number, y: number, c: number) => number
}

export function png({
  width,
  height,
  type,
  depth,
  interlaced = false,
  palette,
  filterOf = () => 0,
  sample,
}: Png): Buffer {
  const lines: Buffer[] = []
  for (const [x0, y0, dx, dy] of interlaced ? PASSES : ([[0, 0, 1, 1]] as const)) {
    let before = Buffer.alloc(0)
    for (let y = y0; y < height && x0 < width; y += dy) {
      let bits = ''
      for (let x = x0; x < width; x += dx)
        for (let c = 0; c < SAMPLES[type]!; c++) bits += sample(x, y, c).toString(2).padStart(depth, '0')
      const bytes = Buffer.from((bits.match(/.{1,8}/g) ?? []).map((eight) => parseInt(eight.padEnd(8, '0'), 2)))
      const filter = filterOf(lines.length)
      lines.push(Buffer.from([filter]), filtered(bytes, before, filter, Math.max(1, (depth * SAMPLES[type]!) >> 3)))
      before = bytes
    }
  }
  return pngOf(header(width, height, depth, type, interlaced ? 1 : 0), deflateSync(Buffer.concat(lines)), palette)
}

function filtered(line: Buffer, above: Buffer, filter: number, step: number): Buffer {
  return Buffer.from(
    line.map((value, i) => {
      const [a, b, c] = [line[i - step] ?? 0, above[i] ?? 0, (i >= step ? above[i - step] : 0) ?? 0]
      const p = a + b - c
      const paeth = [a, b, c].reduce((best, one) => (Math.abs(p - one) < Math.abs(p - best) ? one : best))
      return value - [0, a, b, Math.floor((a + b) / 2), paeth][filter]!
    }),
  )
}

export function header(width: number, height: number, depth: number, type: number, interlaced = 0): Buffer {
  const content = Buffer.alloc(13)
  content.writeUInt32BE(width, 0)
  content.writeUInt32BE(height, 4)
  content.set([depth, type, 0, 0, interlaced], 8)
  return content
}

/** Checksums match, whatever is in it. */
export function pngOf(header: Uint8Array, data: Uint8Array, palette?: readonly number[]): Buffer {
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', Buffer.from(palette))] : []),
    // Two parts, as larger files have it.
    chunk('IDAT', data.subarray(0, data.length >> 1)),
    chunk('IDAT', data.subarray(data.length >> 1)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

export function chunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(content.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A picture of one colour or, by a function, of any. */
export const greyPng = (width: number, height: number, sample: Png['sample']): Buffer =>
  png({ width, height, type: 0, depth: 8, sample })
