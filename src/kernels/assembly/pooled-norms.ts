/**
 * Normalisation and the largest of 2 x 2 cells in one pass: what is normalised lies nowhere in between. By eight columns,
 * whose two vectors the compiler joins, where there are so many.
 */
import { addDoubles, addSums8, cellOf, putSums } from './norms'
import { isLargest, largestOf4 } from './pooling'
import { loadSome, multiplyAdd, scratch, storePair, storeSome } from './vector'

// @ts-ignore: decorator
@inline
function normalized(value: v128, mean: v128, scale: v128, shift: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(value, mean), scale), shift)
}

/** Adding it leaves every number as it is, -0 too. */
const NO_SHIFT = <u32>memory.data<f32>([-0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0])

/** Where the shifts of the columns from a byte on lie. */
// @ts-ignore: decorator
@inline
function shiftAt(beta: u32, byte: u32): u32 {
  return beta ? beta + byte : NO_SHIFT
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

function poolLine8(width: u32, step: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const below = 2 * width * step
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  const lowScale = v128.load(scale)
  const highScale = v128.load(scale, 16)
  const lowShift = v128.load(beta)
  const highShift = v128.load(beta, 16)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, y += step) {
    const beside = x + step
    const under = x + below
    const last = under + step
    const low = largestOf4(
      normalized(v128.load(x), lowMean, lowScale, lowShift),
      normalized(v128.load(beside), lowMean, lowScale, lowShift),
      normalized(v128.load(under), lowMean, lowScale, lowShift),
      normalized(v128.load(last), lowMean, lowScale, lowShift),
    )
    const high = largestOf4(
      normalized(v128.load(x, 16), highMean, highScale, highShift),
      normalized(v128.load(beside, 16), highMean, highScale, highShift),
      normalized(v128.load(under, 16), highMean, highScale, highShift),
      normalized(v128.load(last, 16), highMean, highScale, highShift),
    )
    storePair(y, low, high)
  }
}

export function normPool(lines: u32, width: u32, cols: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const step = cols << 2
  for (let line: u32 = 0; line < lines; line++, x += 4 * width * step, y += width * step) {
    let byte: u32 = 0
    for (; byte + 32 <= step; byte += 32) {
      poolLine8(width, step, x + byte, mean + byte, scale + byte, shiftAt(beta, byte), y + byte)
    }
    for (; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const factor = loadSome(scale + byte, some)
      const shift = loadSome(shiftAt(beta, byte), some)
      if (some == 4) poolLine(width, step, x + byte, centre, factor, shift, y + byte, 4)
      else poolLine(width, step, x + byte, centre, factor, shift, y + byte, some)
    }
  }
}

/** The cell of four that the largest of their normalised numbers came from. */
// @ts-ignore: decorator
@inline
function largestCell(a: v128, b: v128, c: v128, d: v128, mean: v128, scale: v128, shift: v128): v128 {
  const normalA = normalized(a, mean, scale, shift)
  const normalB = normalized(b, mean, scale, shift)
  const normalC = normalized(c, mean, scale, shift)
  const best = largestOf4(normalA, normalB, normalC, normalized(d, mean, scale, shift))
  const cOrD = v128.bitselect(c, d, isLargest(normalC, best))
  const notA = v128.bitselect(b, cOrD, isLargest(normalB, best))
  return v128.bitselect(a, notA, isLargest(normalA, best))
}

/** Adds a line of windows, whose sums are float32, to those of its columns in float64. */
// @ts-ignore: decorator
@inline
function addLine(
  width: u32, step: u32, x: u32, dy: u32, mean: v128, scale: v128, shift: v128, into: u32, some: u32,
): void {
  const below = 2 * width * step
  let sum = f32x4.splat(0)
  let product = f32x4.splat(0)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dy += step) {
    const cell = largestCell(
      loadSome(x, some), loadSome(x + step, some), loadSome(x + below, some), loadSome(x + below + step, some),
      mean, scale, shift,
    )
    const signal = loadSome(dy, some)
    sum = f32x4.add(sum, signal)
    product = multiplyAdd(signal, f32x4.sub(cell, mean), product)
  }
  addDoubles(into, sum, product)
}

function addLine8(width: u32, step: u32, x: u32, dy: u32, mean: u32, scale: u32, beta: u32, into: u32): void {
  const below = 2 * width * step
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  const lowScale = v128.load(scale)
  const highScale = v128.load(scale, 16)
  const lowShift = v128.load(beta)
  const highShift = v128.load(beta, 16)
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  let lowProduct = f32x4.splat(0)
  let highProduct = f32x4.splat(0)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dy += step) {
    const beside = x + step
    const under = x + below
    const last = under + step
    const low = largestCell(
      v128.load(x), v128.load(beside), v128.load(under), v128.load(last), lowMean, lowScale, lowShift,
    )
    const high = largestCell(
      v128.load(x, 16), v128.load(beside, 16), v128.load(under, 16), v128.load(last, 16), highMean, highScale, highShift,
    )
    const lowSignal = v128.load(dy)
    const highSignal = v128.load(dy, 16)
    lowSum = f32x4.add(lowSum, lowSignal)
    highSum = f32x4.add(highSum, highSignal)
    lowProduct = multiplyAdd(lowSignal, f32x4.sub(low, lowMean), lowProduct)
    highProduct = multiplyAdd(highSignal, f32x4.sub(high, highMean), highProduct)
  }
  addSums8(lowSum, highSum, lowProduct, highProduct, into)
}

export function normPoolSums(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, beta: u32, sums: u32, products: u32,
): void {
  const step = cols << 2
  const doubles = scratch()
  memory.fill(doubles, 0, 4 * step + 64)
  // Line by line, so that the columns beside each other read it while it is near.
  for (let line: u32 = 0; line < lines; line++, x += 4 * width * step, dy += width * step) {
    let byte: u32 = 0
    for (; byte + 32 <= step; byte += 32) {
      addLine8(width, step, x + byte, dy + byte, mean + byte, scale + byte, shiftAt(beta, byte), doubles + 4 * byte)
    }
    for (; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const factor = loadSome(scale + byte, some)
      const shift = loadSome(shiftAt(beta, byte), some)
      const into = doubles + 4 * byte
      if (some == 4) addLine(width, step, x + byte, dy + byte, centre, factor, shift, into, 4)
      else addLine(width, step, x + byte, dy + byte, centre, factor, shift, into, some)
    }
  }
  for (let byte: u32 = 0; byte < step; byte += 16) {
    putSums(doubles + 4 * byte, inverse + byte, sums + byte, products + byte, min<u32>((step - byte) >> 2, 4))
  }
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
    const signal = loadSome(dy, some)
    const notA = v128.andnot(signal, isA)
    const notB = v128.andnot(notA, isB)
    storeSome(dx, cellOf(cellA, v128.and(signal, isA), mean, inverse, scale, sum, product, share), some)
    storeSome(dx + step, cellOf(cellB, v128.and(notA, isB), mean, inverse, scale, sum, product, share), some)
    storeSome(dx + below, cellOf(cellC, v128.and(notB, isC), mean, inverse, scale, sum, product, share), some)
    const last = cellOf(cellD, v128.andnot(notB, isC), mean, inverse, scale, sum, product, share)
    storeSome(dx + below + step, last, some)
  }
}

/** Of the columns' own numbers, the places: there are more of them than registers. */
function spreadLine8(
  width: u32, step: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, beta: u32, sums: u32, products: u32,
  part: f32, dx: u32,
): void {
  const below = 2 * width * step
  const share = f32x4.splat(part)
  const lowShift = v128.load(beta)
  const highShift = v128.load(beta, 16)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dx += 2 * step, dy += step) {
    const lowMean = v128.load(mean)
    const highMean = v128.load(mean, 16)
    const lowScale = v128.load(scale)
    const highScale = v128.load(scale, 16)
    const lowInverse = v128.load(inverse)
    const highInverse = v128.load(inverse, 16)
    const lowSum = v128.load(sums)
    const highSum = v128.load(sums, 16)
    const lowProduct = v128.load(products)
    const highProduct = v128.load(products, 16)
    const lowA = v128.load(x)
    const highA = v128.load(x, 16)
    const beside = x + step
    const lowB = v128.load(beside)
    const highB = v128.load(beside, 16)
    const under = x + below
    const lowC = v128.load(under)
    const highC = v128.load(under, 16)
    const last = under + step
    const lowD = v128.load(last)
    const highD = v128.load(last, 16)
    const lowNormalA = normalized(lowA, lowMean, lowScale, lowShift)
    const highNormalA = normalized(highA, highMean, highScale, highShift)
    const lowNormalB = normalized(lowB, lowMean, lowScale, lowShift)
    const highNormalB = normalized(highB, highMean, highScale, highShift)
    const lowNormalC = normalized(lowC, lowMean, lowScale, lowShift)
    const highNormalC = normalized(highC, highMean, highScale, highShift)
    const lowNormalD = normalized(lowD, lowMean, lowScale, lowShift)
    const highNormalD = normalized(highD, highMean, highScale, highShift)
    const lowBest = largestOf4(lowNormalA, lowNormalB, lowNormalC, lowNormalD)
    const highBest = largestOf4(highNormalA, highNormalB, highNormalC, highNormalD)
    const lowIsA = isLargest(lowNormalA, lowBest)
    const highIsA = isLargest(highNormalA, highBest)
    const lowIsB = isLargest(lowNormalB, lowBest)
    const highIsB = isLargest(highNormalB, highBest)
    const lowIsC = isLargest(lowNormalC, lowBest)
    const highIsC = isLargest(highNormalC, highBest)
    const lowSignal = v128.load(dy)
    const highSignal = v128.load(dy, 16)
    const lowNotA = v128.andnot(lowSignal, lowIsA)
    const highNotA = v128.andnot(highSignal, highIsA)
    const lowNotB = v128.andnot(lowNotA, lowIsB)
    const highNotB = v128.andnot(highNotA, highIsB)
    storePair(
      dx,
      cellOf(lowA, v128.and(lowSignal, lowIsA), lowMean, lowInverse, lowScale, lowSum, lowProduct, share),
      cellOf(highA, v128.and(highSignal, highIsA), highMean, highInverse, highScale, highSum, highProduct, share),
    )
    storePair(
      dx + step,
      cellOf(lowB, v128.and(lowNotA, lowIsB), lowMean, lowInverse, lowScale, lowSum, lowProduct, share),
      cellOf(highB, v128.and(highNotA, highIsB), highMean, highInverse, highScale, highSum, highProduct, share),
    )
    storePair(
      dx + below,
      cellOf(lowC, v128.and(lowNotB, lowIsC), lowMean, lowInverse, lowScale, lowSum, lowProduct, share),
      cellOf(highC, v128.and(highNotB, highIsC), highMean, highInverse, highScale, highSum, highProduct, share),
    )
    storePair(
      dx + below + step,
      cellOf(lowD, v128.andnot(lowNotB, lowIsC), lowMean, lowInverse, lowScale, lowSum, lowProduct, share),
      cellOf(highD, v128.andnot(highNotB, highIsC), highMean, highInverse, highScale, highSum, highProduct, share),
    )
  }
}

export function normPoolBackward(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, beta: u32, sums: u32,
  products: u32, count: f64, dx: u32,
): void {
  const step = cols << 2
  const part = <f32>(1.0 / count)
  const share = f32x4.splat(part)
  for (let line: u32 = 0; line < lines; line++) {
    let byte: u32 = 0
    for (; byte + 32 <= step; byte += 32) {
      spreadLine8(
        width, step, x + byte, dy + byte, mean + byte, inverse + byte, scale + byte, shiftAt(beta, byte),
        sums + byte, products + byte, part, dx + byte,
      )
    }
    for (; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const m = loadSome(mean + byte, some)
      const i = loadSome(inverse + byte, some)
      const f = loadSome(scale + byte, some)
      const b = loadSome(shiftAt(beta, byte), some)
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
