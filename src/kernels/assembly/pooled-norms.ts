/** Normalisation and the largest of 2 x 2 cells in one pass: what is normalised lies nowhere in between. */
import { high, joined, low } from './doubles'
import { constant } from './math'
import { isLargest, largestOf4 } from './pooling'
import { loadSome, scratch, storeSome } from './vector'

// @ts-ignore: decorator
@inline
function normalized(value: v128, mean: v128, scale: v128, shift: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(value, mean), scale), shift)
}

/** Adding it leaves every number as it is, -0 too. */
// @ts-ignore: decorator
@inline
function shiftOf(beta: u32, byte: u32, some: u32): v128 {
  return beta ? loadSome(beta + byte, some) : constant(-0.0)
}

// @ts-ignore: decorator
@inline
function poolLine(width: u32, step: u32, x: u32, mean: v128, scale: v128, shift: v128, y: u32, some: u32): void {
  const below = 2 * width * step
  for (let p: u32 = 0; p < width; p++, x += 2 * step, y += step) {
    const a = normalized(loadSome(x, some), mean, scale, shift)
    const b = normalized(loadSome(x + step, some), mean, scale, shift)
    const c = normalized(loadSome(x + below, some), mean, scale, shift)
    const d = normalized(loadSome(x + below + step, some), mean, scale, shift)
    storeSome(y, largestOf4(a, b, c, d), some)
  }
}

export function normPool(lines: u32, width: u32, cols: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const step = cols << 2
  for (let line: u32 = 0; line < lines; line++, x += 4 * width * step, y += width * step) {
    for (let byte: u32 = 0; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const factor = loadSome(scale + byte, some)
      const shift = shiftOf(beta, byte, some)
      if (some == 4) poolLine(width, step, x + byte, centre, factor, shift, y + byte, 4)
      else poolLine(width, step, x + byte, centre, factor, shift, y + byte, some)
    }
  }
}

/** Adds a line of windows to the four sums of its columns, which lie in float64 at `into`. */
// @ts-ignore: decorator
@inline
function addLine(
  width: u32, step: u32, x: u32, dy: u32, mean: v128, scale: v128, shift: v128, into: u32, some: u32,
): void {
  const below = 2 * width * step
  let lowSum = v128.load(into)
  let highSum = v128.load(into, 16)
  let lowProduct = v128.load(into, 32)
  let highProduct = v128.load(into, 48)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dy += step) {
    const cellA = loadSome(x, some)
    const cellB = loadSome(x + step, some)
    const cellC = loadSome(x + below, some)
    const cellD = loadSome(x + below + step, some)
    const a = normalized(cellA, mean, scale, shift)
    const b = normalized(cellB, mean, scale, shift)
    const c = normalized(cellC, mean, scale, shift)
    const best = largestOf4(a, b, c, normalized(cellD, mean, scale, shift))
    let cell = v128.bitselect(cellC, cellD, isLargest(c, best))
    cell = v128.bitselect(cellB, cell, isLargest(b, best))
    cell = v128.bitselect(cellA, cell, isLargest(a, best))
    const signal = loadSome(dy, some)
    const value = f32x4.sub(cell, mean)
    lowSum = f64x2.add(lowSum, low(signal))
    highSum = f64x2.add(highSum, high(signal))
    lowProduct = f64x2.add(lowProduct, f64x2.mul(low(signal), low(value)))
    highProduct = f64x2.add(highProduct, f64x2.mul(high(signal), high(value)))
  }
  v128.store(into, lowSum)
  v128.store(into, highSum, 16)
  v128.store(into, lowProduct, 32)
  v128.store(into, highProduct, 48)
}

export function normPoolSums(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, beta: u32, sums: u32, products: u32,
): void {
  const step = cols << 2
  const doubles = scratch()
  memory.fill(doubles, 0, 4 * step + 64)
  // Line by line, so that the columns beside each other read it while it is near.
  for (let line: u32 = 0; line < lines; line++, x += 4 * width * step, dy += width * step) {
    for (let byte: u32 = 0; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const factor = loadSome(scale + byte, some)
      const shift = shiftOf(beta, byte, some)
      const into = doubles + 4 * byte
      if (some == 4) addLine(width, step, x + byte, dy + byte, centre, factor, shift, into, 4)
      else addLine(width, step, x + byte, dy + byte, centre, factor, shift, into, some)
    }
  }
  for (let byte: u32 = 0; byte < step; byte += 16) {
    const some = min<u32>((step - byte) >> 2, 4)
    const factor = loadSome(inverse + byte, some)
    const from = doubles + 4 * byte
    storeSome(sums + byte, joined(v128.load(from), v128.load(from, 16)), some)
    const lowProduct = f64x2.mul(v128.load(from, 32), low(factor))
    const highProduct = f64x2.mul(v128.load(from, 48), high(factor))
    storeSome(products + byte, joined(lowProduct, highProduct), some)
  }
}

// @ts-ignore: decorator
@inline
function storeCell(
  at: u32, x: v128, signal: v128, mean: v128, inverse: v128, scale: v128, sum: v128, product: v128, share: v128, some: u32,
): void {
  const centred = f32x4.mul(f32x4.sub(x, mean), inverse)
  const common = f32x4.mul(f32x4.add(sum, f32x4.mul(centred, product)), share)
  storeSome(at, f32x4.mul(scale, f32x4.sub(signal, common)), some)
}

// @ts-ignore: decorator
@inline
function spreadLine(
  width: u32, step: u32, x: u32, dy: u32, mean: v128, inverse: v128, scale: v128, shift: v128, sum: v128, product: v128,
  share: v128, dx: u32, some: u32,
): void {
  const below = 2 * width * step
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dx += 2 * step, dy += step) {
    const cellA = loadSome(x, some)
    const cellB = loadSome(x + step, some)
    const cellC = loadSome(x + below, some)
    const cellD = loadSome(x + below + step, some)
    const a = normalized(cellA, mean, scale, shift)
    const b = normalized(cellB, mean, scale, shift)
    const c = normalized(cellC, mean, scale, shift)
    const best = largestOf4(a, b, c, normalized(cellD, mean, scale, shift))
    const isA = isLargest(a, best)
    const isB = isLargest(b, best)
    const isC = isLargest(c, best)
    let left = loadSome(dy, some)
    storeCell(dx, cellA, v128.and(left, isA), mean, inverse, scale, sum, product, share, some)
    left = v128.andnot(left, isA)
    storeCell(dx + step, cellB, v128.and(left, isB), mean, inverse, scale, sum, product, share, some)
    left = v128.andnot(left, isB)
    storeCell(dx + below, cellC, v128.and(left, isC), mean, inverse, scale, sum, product, share, some)
    left = v128.andnot(left, isC)
    storeCell(dx + below + step, cellD, left, mean, inverse, scale, sum, product, share, some)
  }
}

export function normPoolBackward(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, beta: u32, sums: u32,
  products: u32, count: f64, dx: u32,
): void {
  const step = cols << 2
  const share = f32x4.splat(<f32>(1.0 / count))
  for (let line: u32 = 0; line < lines; line++) {
    for (let byte: u32 = 0; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const m = loadSome(mean + byte, some)
      const i = loadSome(inverse + byte, some)
      const f = loadSome(scale + byte, some)
      const b = shiftOf(beta, byte, some)
      const s = loadSome(sums + byte, some)
      const p = loadSome(products + byte, some)
      if (some == 4) spreadLine(width, step, x + byte, dy + byte, m, i, f, b, s, p, share, dx + byte, 4)
      else spreadLine(width, step, x + byte, dy + byte, m, i, f, b, s, p, share, dx + byte, some)
    }
    x += 4 * width * step
    dx += 4 * width * step
    dy += width * step
  }
}
