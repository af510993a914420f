/** The largest value or the mean of a window, channel by channel, and the way back. */
import { constant } from './math'
import { loadSome, storeSome } from './vector'
import {
  base, channels, dilationHeight, dilationWidth, endCell, firstCell, height, kernelHeight, kernelWidth, next, outHeight,
  outWidth, place, startX, startY, width,
} from './window'

/** The cells of the placed window that lie inside its row: the first one's address, and how many down and across. */
let corner: u32 = 0
let down: u32 = 0
let across: u32 = 0

/** Bytes from a cell to the one below it. */
// @ts-ignore: decorator
@inline
function bytesDown(): u32 {
  return (dilationHeight * width * channels) << 2
}

/** Bytes from a cell to the one beside it. */
// @ts-ignore: decorator
@inline
function bytesAcross(): u32 {
  return (dilationWidth * channels) << 2
}

// @ts-ignore: decorator
@inline
function clip(): void {
  const fromY = firstCell(startY, dilationHeight)
  const fromX = firstCell(startX, dilationWidth)
  down = endCell(startY, dilationHeight, kernelHeight, height) - fromY
  across = endCell(startX, dilationWidth, kernelWidth, width) - fromX
  const y = <u32>(startY + <i32>(fromY * dilationHeight))
  const x = <u32>(startX + <i32>(fromX * dilationWidth))
  corner = base + (((y * width + x) * channels) << 2)
}

/** NaN where one is among the cells. */
// @ts-ignore: decorator
@inline
function largest(at: u32, down: u32, across: u32, below: u32, beside: u32, some: u32): v128 {
  let result = constant(-Infinity)
  let broken = constant(0)
  for (let i: u32 = 0; i < down; i++, at += below) {
    for (let j: u32 = 0, cell = at; j < across; j++, cell += beside) {
      const value = loadSome(cell, some)
      // `max` alone would say NaN too, in several instructions.
      result = f32x4.pmax(result, value)
      broken = v128.or(broken, f32x4.ne(value, value))
    }
  }
  return v128.or(result, broken)
}

/** The same for 2 x 2 cells and whole vectors: what nearly every network asks for. */
// @ts-ignore: decorator
@inline
export function largestOf4(a: v128, b: v128, c: v128, d: v128): v128 {
  const broken = v128.or(v128.or(f32x4.ne(a, a), f32x4.ne(b, b)), v128.or(f32x4.ne(c, c), f32x4.ne(d, d)))
  return v128.or(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)), broken)
}

/** Where a cell is the largest, or NaN. */
// @ts-ignore: decorator
@inline
export function isLargest(cell: v128, best: v128): v128 {
  return v128.or(f32x4.eq(cell, best), f32x4.ne(cell, cell))
}

// @ts-ignore: decorator
@inline
function give(signal: v128, match: v128, dx: u32): v128 {
  v128.store(dx, f32x4.add(v128.load(dx), v128.and(signal, match)))
  return v128.andnot(signal, match)
}

/** dy to the first largest of 2 x 2 cells. */
// @ts-ignore: decorator
@inline
function giveOneOf4(at: u32, below: u32, beside: u32, dy: u32, dx: u32): void {
  const a = v128.load(at)
  const b = v128.load(at + beside)
  const c = v128.load(at + below)
  const d = v128.load(at + below + beside)
  const best = largestOf4(a, b, c, d)
  let signal = v128.load(dy)
  signal = give(signal, isLargest(a, best), dx)
  signal = give(signal, isLargest(b, best), dx + beside)
  signal = give(signal, isLargest(c, best), dx + below)
  give(signal, isLargest(d, best), dx + below + beside)
}

export function maxPool(rows: u32, x: u32, y: u32): void {
  const positions = rows * outHeight * outWidth
  const cols = channels
  const below = bytesDown()
  const beside = bytesAcross()
  place(0, x)
  for (let p: u32 = 0; p < positions; p++, next()) {
    clip()
    const cellsDown = down
    const cellsAcross = across
    if (cellsDown == 2 && cellsAcross == 2 && (cols & 3) == 0) {
      for (let at = corner, end = corner + (cols << 2); at < end; at += 16, y += 16) {
        const under = at + below
        v128.store(y, largestOf4(v128.load(at), v128.load(at + beside), v128.load(under), v128.load(under + beside)))
      }
      continue
    }
    for (let c: u32 = 0; c < cols; c += 4, y += 16) {
      const some = min<u32>(cols - c, 4)
      storeSome(y, largest(corner + (c << 2), cellsDown, cellsAcross, below, beside, some), some)
    }
    y -= (-cols & 3) << 2
  }
}

/** The first of the largest gets the signal. */
export function maxPoolBackward(rows: u32, x: u32, dy: u32, dx: u32): void {
  const positions = rows * outHeight * outWidth
  const cols = channels
  const below = bytesDown()
  const beside = bytesAcross()
  place(0, x)
  for (let p: u32 = 0; p < positions; p++, next()) {
    clip()
    const cellsDown = down
    const cellsAcross = across
    if (cellsDown == 2 && cellsAcross == 2 && (cols & 3) == 0) {
      for (let at = corner, end = corner + (cols << 2); at < end; at += 16, dy += 16) {
        giveOneOf4(at, below, beside, dy, dx + (at - x))
      }
      continue
    }
    for (let c: u32 = 0; c < cols; c += 4, dy += 16) {
      const some = min<u32>(cols - c, 4)
      const best = largest(corner + (c << 2), cellsDown, cellsAcross, below, beside, some)
      let left = loadSome(dy, some)
      for (let i: u32 = 0, at = corner + (c << 2); i < cellsDown; i++, at += below) {
        for (let j: u32 = 0, cell = at; j < cellsAcross; j++, cell += beside) {
          const value = loadSome(cell, some)
          const match = isLargest(value, best)
          const into = dx + (cell - x)
          storeSome(into, f32x4.add(loadSome(into, some), v128.and(left, match)), some)
          left = v128.andnot(left, match)
        }
      }
    }
    dy -= (-cols & 3) << 2
  }
}

export function averagePool(rows: u32, x: u32, y: u32): void {
  const positions = rows * outHeight * outWidth
  const cols = channels
  const below = bytesDown()
  const beside = bytesAcross()
  place(0, x)
  for (let p: u32 = 0; p < positions; p++, next()) {
    clip()
    const cellsDown = down
    const cellsAcross = across
    const share = f32x4.splat(<f32>(1.0 / <f64>(cellsDown * cellsAcross)))
    for (let c: u32 = 0; c < cols; c += 4, y += 16) {
      const some = min<u32>(cols - c, 4)
      let sum = constant(0)
      for (let i: u32 = 0, at = corner + (c << 2); i < cellsDown; i++, at += below) {
        for (let j: u32 = 0, cell = at; j < cellsAcross; j++, cell += beside) sum = f32x4.add(sum, loadSome(cell, some))
      }
      storeSome(y, f32x4.mul(sum, share), some)
    }
    y -= (-cols & 3) << 2
  }
}

export function averagePoolBackward(rows: u32, dy: u32, dx: u32): void {
  const positions = rows * outHeight * outWidth
  const cols = channels
  const below = bytesDown()
  const beside = bytesAcross()
  place(0, dx)
  for (let p: u32 = 0; p < positions; p++, next()) {
    clip()
    const cellsDown = down
    const cellsAcross = across
    const share = f32x4.splat(<f32>(1.0 / <f64>(cellsDown * cellsAcross)))
    for (let c: u32 = 0; c < cols; c += 4, dy += 16) {
      const some = min<u32>(cols - c, 4)
      const d = f32x4.mul(loadSome(dy, some), share)
      for (let i: u32 = 0, at = corner + (c << 2); i < cellsDown; i++, at += below) {
        for (let j: u32 = 0, cell = at; j < cellsAcross; j++, cell += beside) {
          storeSome(cell, f32x4.add(loadSome(cell, some), d), some)
        }
      }
    }
    dy -= (-cols & 3) << 2
  }
}
