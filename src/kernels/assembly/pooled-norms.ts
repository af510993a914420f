/**
 * Normalisation and the largest of 2 x 2 cells in one pass: what is normalised lies nowhere in between. The cell that is the
 * largest, or the smallest where the scale is negative, is so before it is normalised: only it needs to be. By eight
 * columns, whose two vectors the compiler joins, where there are so many.
 */
import { addDoubles, addSums8, cellOf, offsetOf, pullOf, putSums, slopeOf } from './norms'
import { largestOf4 } from './pooling'
import { loadSome, multiplyAdd, scratch, storePair, storeSome } from './vector'

/** Adding it leaves every number as it is, -0 too. */
const NO_SHIFT = <u32>memory.data<f32>([-0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0])

/** Where the shifts of the columns from a byte on lie. */
// @ts-ignore: decorator
@inline
function shiftAt(beta: u32, byte: u32): u32 {
  return beta ? beta + byte : NO_SHIFT
}

/** The sign of a column's scale: with it turned, of its cells the largest counts. */
// @ts-ignore: decorator
@inline
function signOf(scale: v128): v128 {
  return v128.and(scale, f32x4.splat(-0.0))
}

/** The cell that counts of four; NaN if one is. */
// @ts-ignore: decorator
@inline
function chosen(a: v128, b: v128, c: v128, d: v128, sign: v128): v128 {
  return v128.xor(largestOf4(v128.xor(a, sign), v128.xor(b, sign), v128.xor(c, sign), v128.xor(d, sign)), sign)
}

// @ts-ignore: decorator
@inline
function poolLine(width: u32, step: u32, x: u32, mean: v128, scale: v128, shift: v128, y: u32, some: u32): void {
  const below = 2 * width * step
  const sign = signOf(scale)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, y += step) {
    const under = x + below
    const cell = chosen(
      loadSome(x, some), loadSome(x + step, some), loadSome(under, some), loadSome(under + step, some), sign,
    )
    storeSome(y, multiplyAdd(f32x4.sub(cell, mean), scale, shift), some)
  }
}

function poolLine8(width: u32, step: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const below = 2 * width * step
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  const lowScale = v128.load(scale)
  const highScale = v128.load(scale, 16)
  const lowSign = signOf(lowScale)
  const highSign = signOf(highScale)
  const lowShift = v128.load(beta)
  const highShift = v128.load(beta, 16)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, y += step) {
    const beside = x + step
    const under = x + below
    const last = under + step
    const low = chosen(v128.load(x), v128.load(beside), v128.load(under), v128.load(last), lowSign)
    const high = chosen(v128.load(x, 16), v128.load(beside, 16), v128.load(under, 16), v128.load(last, 16), highSign)
    storePair(
      y,
      multiplyAdd(f32x4.sub(low, lowMean), lowScale, lowShift),
      multiplyAdd(f32x4.sub(high, highMean), highScale, highShift),
    )
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

// On the way back a column with a cell that is not finite has a mean and a scale that are not: whichever cell is taken for
// the largest, all that comes of it is NaN.

/** The largest of four cells, whose signs are turned where that makes it so. */
// @ts-ignore: decorator
@inline
function largest(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d))
}

/** The largest cell as it was, without its column's mean. */
// @ts-ignore: decorator
@inline
function largestCentred(a: v128, b: v128, c: v128, d: v128, sign: v128, mean: v128): v128 {
  const best = largest(v128.xor(a, sign), v128.xor(b, sign), v128.xor(c, sign), v128.xor(d, sign))
  return f32x4.sub(v128.xor(best, sign), mean)
}

/** Adds a line of windows, whose sums are float32, to those of its columns in float64. */
// @ts-ignore: decorator
@inline
function addLine(width: u32, step: u32, x: u32, dy: u32, mean: v128, sign: v128, into: u32, some: u32): void {
  const below = 2 * width * step
  let sum = f32x4.splat(0)
  let product = f32x4.splat(0)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dy += step) {
    const under = x + below
    const centred = largestCentred(
      loadSome(x, some), loadSome(x + step, some), loadSome(under, some), loadSome(under + step, some), sign, mean,
    )
    const signal = loadSome(dy, some)
    sum = f32x4.add(sum, signal)
    product = multiplyAdd(signal, centred, product)
  }
  addDoubles(into, sum, product)
}

function addLine8(width: u32, step: u32, x: u32, dy: u32, mean: u32, scale: u32, into: u32): void {
  const below = 2 * width * step
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  const lowSign = signOf(v128.load(scale))
  const highSign = signOf(v128.load(scale, 16))
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  let lowProduct = f32x4.splat(0)
  let highProduct = f32x4.splat(0)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dy += step) {
    const beside = x + step
    const under = x + below
    const last = under + step
    const low = largestCentred(
      v128.load(x), v128.load(beside), v128.load(under), v128.load(last), lowSign, lowMean,
    )
    const high = largestCentred(
      v128.load(x, 16), v128.load(beside, 16), v128.load(under, 16), v128.load(last, 16), highSign, highMean,
    )
    const lowSignal = v128.load(dy)
    const highSignal = v128.load(dy, 16)
    lowSum = f32x4.add(lowSum, lowSignal)
    highSum = f32x4.add(highSum, highSignal)
    lowProduct = multiplyAdd(lowSignal, low, lowProduct)
    highProduct = multiplyAdd(highSignal, high, highProduct)
  }
  addSums8(lowSum, highSum, lowProduct, highProduct, into)
}

export function normPoolSums(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32,
): void {
  const step = cols << 2
  const doubles = scratch()
  memory.fill(doubles, 0, 4 * step + 64)
  // Line by line, so that the columns beside each other read it while it is near.
  for (let line: u32 = 0; line < lines; line++, x += 4 * width * step, dy += width * step) {
    let byte: u32 = 0
    for (; byte + 32 <= step; byte += 32) {
      addLine8(width, step, x + byte, dy + byte, mean + byte, scale + byte, doubles + 4 * byte)
    }
    for (; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const sign = signOf(loadSome(scale + byte, some))
      const into = doubles + 4 * byte
      if (some == 4) addLine(width, step, x + byte, dy + byte, centre, sign, into, 4)
      else addLine(width, step, x + byte, dy + byte, centre, sign, into, some)
    }
  }
  for (let byte: u32 = 0; byte < step; byte += 16) {
    putSums(doubles + 4 * byte, inverse + byte, sums + byte, products + byte, min<u32>((step - byte) >> 2, 4))
  }
}

// @ts-ignore: decorator
@inline
function spreadLine(
  width: u32, step: u32, x: u32, dy: u32, mean: v128, scale: v128, offset: v128, slope: v128, dx: u32, some: u32,
): void {
  const below = 2 * width * step
  const sign = signOf(scale)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dx += 2 * step, dy += step) {
    const cellA = loadSome(x, some)
    const cellB = loadSome(x + step, some)
    const cellC = loadSome(x + below, some)
    const cellD = loadSome(x + below + step, some)
    const a = v128.xor(cellA, sign)
    const b = v128.xor(cellB, sign)
    const c = v128.xor(cellC, sign)
    const best = largest(a, b, c, v128.xor(cellD, sign))
    const isA = f32x4.eq(a, best)
    const isB = f32x4.eq(b, best)
    const isC = f32x4.eq(c, best)
    const signal = loadSome(dy, some)
    const notA = v128.andnot(signal, isA)
    const notB = v128.andnot(notA, isB)
    storeSome(dx, cellOf(f32x4.sub(cellA, mean), v128.and(signal, isA), scale, offset, slope), some)
    storeSome(dx + step, cellOf(f32x4.sub(cellB, mean), v128.and(notA, isB), scale, offset, slope), some)
    storeSome(dx + below, cellOf(f32x4.sub(cellC, mean), v128.and(notB, isC), scale, offset, slope), some)
    const last = cellOf(f32x4.sub(cellD, mean), v128.andnot(notB, isC), scale, offset, slope)
    storeSome(dx + below + step, last, some)
  }
}

function spreadLine8(
  width: u32, step: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32, share: f32,
  dx: u32,
): void {
  const below = 2 * width * step
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  const lowScale = v128.load(scale)
  const highScale = v128.load(scale, 16)
  const lowPull = pullOf(lowScale, share)
  const highPull = pullOf(highScale, share)
  const lowOffset = offsetOf(lowPull, v128.load(sums))
  const highOffset = offsetOf(highPull, v128.load(sums, 16))
  const lowSlope = slopeOf(lowPull, v128.load(inverse), v128.load(products))
  const highSlope = slopeOf(highPull, v128.load(inverse, 16), v128.load(products, 16))
  const lowSign = signOf(lowScale)
  const highSign = signOf(highScale)
  for (let p: u32 = 0; p < width; p++, x += 2 * step, dx += 2 * step, dy += step) {
    const lowCellA = v128.load(x)
    const highCellA = v128.load(x, 16)
    const beside = x + step
    const lowCellB = v128.load(beside)
    const highCellB = v128.load(beside, 16)
    const under = x + below
    const lowCellC = v128.load(under)
    const highCellC = v128.load(under, 16)
    const last = under + step
    const lowCellD = v128.load(last)
    const highCellD = v128.load(last, 16)
    const lowA = v128.xor(lowCellA, lowSign)
    const highA = v128.xor(highCellA, highSign)
    const lowB = v128.xor(lowCellB, lowSign)
    const highB = v128.xor(highCellB, highSign)
    const lowC = v128.xor(lowCellC, lowSign)
    const highC = v128.xor(highCellC, highSign)
    const lowBest = largest(lowA, lowB, lowC, v128.xor(lowCellD, lowSign))
    const highBest = largest(highA, highB, highC, v128.xor(highCellD, highSign))
    const lowIsA = f32x4.eq(lowA, lowBest)
    const highIsA = f32x4.eq(highA, highBest)
    const lowIsB = f32x4.eq(lowB, lowBest)
    const highIsB = f32x4.eq(highB, highBest)
    const lowIsC = f32x4.eq(lowC, lowBest)
    const highIsC = f32x4.eq(highC, highBest)
    const lowSignal = v128.load(dy)
    const highSignal = v128.load(dy, 16)
    const lowNotA = v128.andnot(lowSignal, lowIsA)
    const highNotA = v128.andnot(highSignal, highIsA)
    const lowNotB = v128.andnot(lowNotA, lowIsB)
    const highNotB = v128.andnot(highNotA, highIsB)
    storePair(
      dx,
      cellOf(f32x4.sub(lowCellA, lowMean), v128.and(lowSignal, lowIsA), lowScale, lowOffset, lowSlope),
      cellOf(f32x4.sub(highCellA, highMean), v128.and(highSignal, highIsA), highScale, highOffset, highSlope),
    )
    storePair(
      dx + step,
      cellOf(f32x4.sub(lowCellB, lowMean), v128.and(lowNotA, lowIsB), lowScale, lowOffset, lowSlope),
      cellOf(f32x4.sub(highCellB, highMean), v128.and(highNotA, highIsB), highScale, highOffset, highSlope),
    )
    storePair(
      dx + below,
      cellOf(f32x4.sub(lowCellC, lowMean), v128.and(lowNotB, lowIsC), lowScale, lowOffset, lowSlope),
      cellOf(f32x4.sub(highCellC, highMean), v128.and(highNotB, highIsC), highScale, highOffset, highSlope),
    )
    storePair(
      dx + below + step,
      cellOf(f32x4.sub(lowCellD, lowMean), v128.andnot(lowNotB, lowIsC), lowScale, lowOffset, lowSlope),
      cellOf(f32x4.sub(highCellD, highMean), v128.andnot(highNotB, highIsC), highScale, highOffset, highSlope),
    )
  }
}

export function normPoolBackward(
  lines: u32, width: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32,
  count: f64, dx: u32,
): void {
  const step = cols << 2
  const share = <f32>(1.0 / count)
  for (let line: u32 = 0; line < lines; line++) {
    let byte: u32 = 0
    for (; byte + 32 <= step; byte += 32) {
      spreadLine8(
        width, step, x + byte, dy + byte, mean + byte, inverse + byte, scale + byte, sums + byte, products + byte, share,
        dx + byte,
      )
    }
    for (; byte < step; byte += 16) {
      const some = min<u32>((step - byte) >> 2, 4)
      const centre = loadSome(mean + byte, some)
      const factor = loadSome(scale + byte, some)
      const pull = pullOf(factor, share)
      const offset = offsetOf(pull, loadSome(sums + byte, some))
      const slope = slopeOf(pull, loadSome(inverse + byte, some), loadSome(products + byte, some))
      if (some == 4) spreadLine(width, step, x + byte, dy + byte, centre, factor, offset, slope, dx + byte, 4)
      else spreadLine(width, step, x + byte, dy + byte, centre, factor, offset, slope, dx + byte, some)
    }
    x += 4 * width * step
    dx += 4 * width * step
    dy += width * step
  }
}
