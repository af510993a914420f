/** Normalisation by the moments of a column over the batch. */
import { high, joined, low } from './doubles'
import { loadSome, storePair, storeSome } from './vector'

// @ts-ignore: decorator
@inline
function squareOf(v: v128): v128 {
  return f64x2.mul(v, v)
}

// @ts-ignore: decorator
@inline
function momentsOf(rows: u32, step: u32, count: v128, x: u32, mean: u32, squares: u32, some: u32): void {
  let lows = f64x2.splat(0)
  let highs = f64x2.splat(0)
  let at = x
  for (let r: u32 = 0; r < rows; r++, at += step) {
    const value = loadSome(at, some)
    lows = f64x2.add(lows, low(value))
    highs = f64x2.add(highs, high(value))
  }
  const lowMean = f64x2.div(lows, count)
  const highMean = f64x2.div(highs, count)
  lows = f64x2.splat(0)
  highs = f64x2.splat(0)
  at = x
  for (let r: u32 = 0; r < rows; r++, at += step) {
    const value = loadSome(at, some)
    lows = f64x2.add(lows, squareOf(f64x2.sub(low(value), lowMean)))
    highs = f64x2.add(highs, squareOf(f64x2.sub(high(value), highMean)))
  }
  storeSome(mean, joined(lowMean, highMean), some)
  storeSome(squares, joined(lows, highs), some)
}

// Columns beside each other in one loop over the rows: each has a sum of its own, and none waits for another's.
function momentsOf8(rows: u32, step: u32, count: v128, x: u32, mean: u32, squares: u32): void {
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let c = f64x2.splat(0)
  let d = f64x2.splat(0)
  let at = x
  for (let r: u32 = 0; r < rows; r++, at += step) {
    a = f64x2.add(a, low(v128.load64_zero(at)))
    b = f64x2.add(b, low(v128.load64_zero(at, 8)))
    c = f64x2.add(c, low(v128.load64_zero(at, 16)))
    d = f64x2.add(d, low(v128.load64_zero(at, 24)))
  }
  const meanA = f64x2.div(a, count)
  const meanB = f64x2.div(b, count)
  const meanC = f64x2.div(c, count)
  const meanD = f64x2.div(d, count)
  a = f64x2.splat(0)
  b = f64x2.splat(0)
  c = f64x2.splat(0)
  d = f64x2.splat(0)
  at = x
  for (let r: u32 = 0; r < rows; r++, at += step) {
    a = f64x2.add(a, squareOf(f64x2.sub(low(v128.load64_zero(at)), meanA)))
    b = f64x2.add(b, squareOf(f64x2.sub(low(v128.load64_zero(at, 8)), meanB)))
    c = f64x2.add(c, squareOf(f64x2.sub(low(v128.load64_zero(at, 16)), meanC)))
    d = f64x2.add(d, squareOf(f64x2.sub(low(v128.load64_zero(at, 24)), meanD)))
  }
  v128.store(mean, joined(meanA, meanB))
  v128.store(mean, joined(meanC, meanD), 16)
  v128.store(squares, joined(a, b))
  v128.store(squares, joined(c, d), 16)
}

export function moments(rows: u32, cols: u32, x: u32, mean: u32, squares: u32): void {
  const step = cols << 2
  const count = f64x2.splat(<f64>rows)
  let c: u32 = 0
  for (; c + 8 <= cols; c += 8) momentsOf8(rows, step, count, x + (c << 2), mean + (c << 2), squares + (c << 2))
  for (; c < cols; c += 4) {
    momentsOf(rows, step, count, x + (c << 2), mean + (c << 2), squares + (c << 2), min<u32>(cols - c, 4))
  }
}

/** Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979). */
export function mergeMoments(
  parts: u32, cols: u32, rowsPerPart: u32, rows: u32, means: u32, squares: u32, divisor: f64, mean: u32,
  variance: u32,
): void {
  for (let c: u32 = 0; c < cols; c++) {
    let count: f64 = 0
    let centre: f64 = 0
    let deviations: f64 = 0
    for (let p: u32 = 0; p < parts; p++) {
      const n = <f64>min(rowsPerPart, rows - p * rowsPerPart)
      const at = (p * cols + c) << 2
      const distance = <f64>load<f32>(means + at) - centre
      count += n
      centre += distance * n / count
      deviations += <f64>load<f32>(squares + at) + distance * distance * n * (count - n) / count
    }
    store<f32>(mean + (c << 2), <f32>centre)
    store<f32>(variance + (c << 2), <f32>(deviations / divisor))
  }
}

export function normScale(cols: u32, variance: u32, epsilon: f64, gamma: u32, inverse: u32, scale: u32): void {
  for (let byte: u32 = 0; byte < cols << 2; byte += 4) {
    const spread = load<f32>(variance + byte)
    const factor: f32 = spread == Infinity ? <f32>NaN : <f32>(1.0 / Math.sqrt(<f64>spread + epsilon))
    store<f32>(inverse + byte, factor)
    store<f32>(scale + byte, gamma ? load<f32>(gamma + byte) * factor : factor)
  }
}

// @ts-ignore: decorator
@inline
function normalizeColumns(
  rows: u32, step: u32, x: u32, mean: v128, scale: v128, shift: v128, shifted: bool, y: u32, some: u32,
): void {
  for (let r: u32 = 0; r < rows; r++, x += step, y += step) {
    const value = f32x4.mul(f32x4.sub(loadSome(x, some), mean), scale)
    storeSome(y, shifted ? f32x4.add(value, shift) : value, some)
  }
}

// Two vectors of columns in one loop, for the same reason as in `moments`; the columns' own numbers stay in registers.
function normalize8(rows: u32, step: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const meanA = v128.load(mean)
  const meanB = v128.load(mean, 16)
  const scaleA = v128.load(scale)
  const scaleB = v128.load(scale, 16)
  if (!beta) {
    for (let r: u32 = 0; r < rows; r++, x += step, y += step) {
      const a = f32x4.mul(f32x4.sub(v128.load(x), meanA), scaleA)
      const b = f32x4.mul(f32x4.sub(v128.load(x, 16), meanB), scaleB)
      storePair(y, a, b)
    }
    return
  }
  const betaA = v128.load(beta)
  const betaB = v128.load(beta, 16)
  for (let r: u32 = 0; r < rows; r++, x += step, y += step) {
    const a = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), meanA), scaleA), betaA)
    const b = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x, 16), meanB), scaleB), betaB)
    storePair(y, a, b)
  }
}

export function normalize(rows: u32, cols: u32, x: u32, mean: u32, scale: u32, beta: u32, y: u32): void {
  const step = cols << 2
  let byte: u32 = 0
  for (; byte + 32 <= step; byte += 32) {
    normalize8(rows, step, x + byte, mean + byte, scale + byte, beta ? beta + byte : 0, y + byte)
  }
  for (; byte < step; byte += 16) {
    const some = min<u32>((step - byte) >> 2, 4)
    const centre = loadSome(mean + byte, some)
    const factor = loadSome(scale + byte, some)
    if (beta) normalizeColumns(rows, step, x + byte, centre, factor, loadSome(beta + byte, some), true, y + byte, some)
    else normalizeColumns(rows, step, x + byte, centre, factor, centre, false, y + byte, some)
  }
}

// @ts-ignore: decorator
@inline
function productOf(a: v128, b: v128): v128 {
  return f64x2.mul(low(a), low(b))
}

// @ts-ignore: decorator
@inline
function highProductOf(a: v128, b: v128): v128 {
  return f64x2.mul(high(a), high(b))
}

function normSums8(rows: u32, step: u32, x: u32, dy: u32, mean: u32, inverse: u32, sums: u32, products: u32): void {
  const meanA = v128.load(mean)
  const meanB = v128.load(mean, 16)
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let c = f64x2.splat(0)
  let d = f64x2.splat(0)
  let aa = f64x2.splat(0)
  let bb = f64x2.splat(0)
  let cc = f64x2.splat(0)
  let dd = f64x2.splat(0)
  for (let r: u32 = 0; r < rows; r++, x += step, dy += step) {
    const first = v128.load(dy)
    const second = v128.load(dy, 16)
    const valueA = f32x4.sub(v128.load(x), meanA)
    const valueB = f32x4.sub(v128.load(x, 16), meanB)
    a = f64x2.add(a, low(first))
    b = f64x2.add(b, high(first))
    c = f64x2.add(c, low(second))
    d = f64x2.add(d, high(second))
    aa = f64x2.add(aa, productOf(first, valueA))
    bb = f64x2.add(bb, highProductOf(first, valueA))
    cc = f64x2.add(cc, productOf(second, valueB))
    dd = f64x2.add(dd, highProductOf(second, valueB))
  }
  const factorA = v128.load(inverse)
  const factorB = v128.load(inverse, 16)
  v128.store(sums, joined(a, b))
  v128.store(sums, joined(c, d), 16)
  v128.store(products, joined(f64x2.mul(aa, low(factorA)), f64x2.mul(bb, high(factorA))))
  v128.store(products, joined(f64x2.mul(cc, low(factorB)), f64x2.mul(dd, high(factorB))), 16)
}

export function normSums(
  rows: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, sums: u32, products: u32,
): void {
  const step = cols << 2
  let byte: u32 = 0
  for (; byte + 32 <= step; byte += 32) {
    normSums8(rows, step, x + byte, dy + byte, mean + byte, inverse + byte, sums + byte, products + byte)
  }
  for (; byte < step; byte += 16) {
    const some = min<u32>((step - byte) >> 2, 4)
    const centre = loadSome(mean + byte, some)
    let lowSum = f64x2.splat(0)
    let highSum = f64x2.splat(0)
    let lowProduct = f64x2.splat(0)
    let highProduct = f64x2.splat(0)
    for (let r: u32 = 0, at = byte; r < rows; r++, at += step) {
      const d = loadSome(dy + at, some)
      const value = f32x4.sub(loadSome(x + at, some), centre)
      lowSum = f64x2.add(lowSum, low(d))
      highSum = f64x2.add(highSum, high(d))
      lowProduct = f64x2.add(lowProduct, productOf(d, value))
      highProduct = f64x2.add(highProduct, highProductOf(d, value))
    }
    const factor = loadSome(inverse + byte, some)
    storeSome(sums + byte, joined(lowSum, highSum), some)
    lowProduct = f64x2.mul(lowProduct, low(factor))
    highProduct = f64x2.mul(highProduct, high(factor))
    storeSome(products + byte, joined(lowProduct, highProduct), some)
  }
}

export function normBackward(
  rows: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32, count: f64, dx: u32,
): void {
  const step = cols << 2
  const part = <f32>(1.0 / count)
  const share = f32x4.splat(part)
  let byte: u32 = 0
  for (; byte + 32 <= step; byte += 32) {
    normBackward8(
      rows, step, x + byte, dy + byte, mean + byte, inverse + byte, scale + byte, sums + byte, products + byte, part,
      dx + byte,
    )
  }
  for (; byte < step; byte += 16) {
    const some = min<u32>((step - byte) >> 2, 4)
    const centre = loadSome(mean + byte, some)
    const factor = loadSome(inverse + byte, some)
    const product = loadSome(products + byte, some)
    const sum = loadSome(sums + byte, some)
    const slope = loadSome(scale + byte, some)
    // With a constant 4 the compiler leaves out what the last columns need.
    if (some == 4) normBackwardColumns(rows, step, x + byte, dy + byte, centre, factor, slope, sum, product, share, dx + byte, 4)
    else normBackwardColumns(rows, step, x + byte, dy + byte, centre, factor, slope, sum, product, share, dx + byte, some)
  }
}

/** The way back of one element, of the signal that came to it. */
// @ts-ignore: decorator
@inline
export function cellOf(
  x: v128, signal: v128, mean: v128, inverse: v128, scale: v128, sum: v128, product: v128, share: v128,
): v128 {
  const centred = f32x4.mul(f32x4.sub(x, mean), inverse)
  const common = f32x4.mul(f32x4.add(sum, f32x4.mul(centred, product)), share)
  return f32x4.mul(scale, f32x4.sub(signal, common))
}

// @ts-ignore: decorator
@inline
function normBackwardColumns(
  rows: u32, step: u32, x: u32, dy: u32, mean: v128, inverse: v128, scale: v128, sum: v128, product: v128, share: v128,
  dx: u32, some: u32,
): void {
  for (let r: u32 = 0; r < rows; r++, x += step, dy += step, dx += step) {
    storeSome(dx, cellOf(loadSome(x, some), loadSome(dy, some), mean, inverse, scale, sum, product, share), some)
  }
}

function normBackward8(
  rows: u32, step: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32, part: f32,
  dx: u32,
): void {
  const share = f32x4.splat(part)
  const meanA = v128.load(mean)
  const meanB = v128.load(mean, 16)
  const inverseA = v128.load(inverse)
  const inverseB = v128.load(inverse, 16)
  const scaleA = v128.load(scale)
  const scaleB = v128.load(scale, 16)
  const sumA = v128.load(sums)
  const sumB = v128.load(sums, 16)
  const productA = v128.load(products)
  const productB = v128.load(products, 16)
  for (let r: u32 = 0; r < rows; r++, x += step, dy += step, dx += step) {
    const a = cellOf(v128.load(x), v128.load(dy), meanA, inverseA, scaleA, sumA, productA, share)
    const b = cellOf(v128.load(x, 16), v128.load(dy, 16), meanB, inverseB, scaleB, sumB, productB, share)
    storePair(dx, a, b)
  }
}

export function lerp(count: u32, from: u32, to: u32, amount: f32, out: u32): void {
  for (let byte: u32 = 0; byte < count << 2; byte += 4) {
    const start = load<f32>(from + byte)
    store<f32>(out + byte, start + (load<f32>(to + byte) - start) * amount)
  }
}
