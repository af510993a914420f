/** Normalisation by the moments of a column over the batch. */
import { high, joined, low } from './doubles'
import { loadSome, multiplyAdd, scratch, storePair, storeSome } from './vector'

/** Rows whose sums are float32; those of all strips are float64. */
const STRIP: u32 = 32
/** Columns whose strips are worked off together, while their lines are in the first-level cache. */
const WIDE_COLS: u32 = 256
/** In the scratch: what `addSums8` puts down, after the doubles of as many columns as there may be. */
const STRIP_ROOM: u32 = 4 * 4096 * 4 + 64
/** Of eight columns in the scratch: what is taken from each number, sums of that and of its squares, and what all strips give. */
const SUMS: u32 = 32
const SQUARES: u32 = 64
const MEANS: u32 = 96
const DEVIATIONS: u32 = 160
const ROOM: u32 = 224

/** The sums of eight columns of a strip about their shifts; even and odd rows beside each other, that none waits. */
function strip8(rows: u32, step: u32, x: u32, room: u32): void {
  const lowShift = v128.load(room)
  const highShift = v128.load(room, 16)
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  let lowSquares = f32x4.splat(0)
  let highSquares = f32x4.splat(0)
  let lowOddSum = f32x4.splat(0)
  let highOddSum = f32x4.splat(0)
  let lowOddSquares = f32x4.splat(0)
  let highOddSquares = f32x4.splat(0)
  for (; rows >= 2; rows -= 2) {
    const next = x + step
    const low = f32x4.sub(v128.load(x), lowShift)
    const high = f32x4.sub(v128.load(x, 16), highShift)
    const lowOdd = f32x4.sub(v128.load(next), lowShift)
    const highOdd = f32x4.sub(v128.load(next, 16), highShift)
    lowSum = f32x4.add(lowSum, low)
    highSum = f32x4.add(highSum, high)
    lowSquares = multiplyAdd(low, low, lowSquares)
    highSquares = multiplyAdd(high, high, highSquares)
    lowOddSum = f32x4.add(lowOddSum, lowOdd)
    highOddSum = f32x4.add(highOddSum, highOdd)
    lowOddSquares = multiplyAdd(lowOdd, lowOdd, lowOddSquares)
    highOddSquares = multiplyAdd(highOdd, highOdd, highOddSquares)
    x = next + step
  }
  if (rows > 0) {
    const low = f32x4.sub(v128.load(x), lowShift)
    const high = f32x4.sub(v128.load(x, 16), highShift)
    lowSum = f32x4.add(lowSum, low)
    highSum = f32x4.add(highSum, high)
    lowSquares = multiplyAdd(low, low, lowSquares)
    highSquares = multiplyAdd(high, high, highSquares)
  }
  v128.store(room, f32x4.add(lowSum, lowOddSum), SUMS)
  v128.store(room, f32x4.add(highSum, highOddSum), SUMS + 16)
  v128.store(room, f32x4.add(lowSquares, lowOddSquares), SQUARES)
  v128.store(room, f32x4.add(highSquares, highOddSquares), SQUARES + 16)
}

/** The same of up to four columns. */
function strip4(rows: u32, step: u32, x: u32, room: u32, some: u32): void {
  const shift = v128.load(room)
  let sum = f32x4.splat(0)
  let squares = f32x4.splat(0)
  let oddSum = f32x4.splat(0)
  let oddSquares = f32x4.splat(0)
  for (; rows >= 2; rows -= 2) {
    const value = f32x4.sub(loadSome(x, some), shift)
    const odd = f32x4.sub(loadSome(x + step, some), shift)
    sum = f32x4.add(sum, value)
    squares = multiplyAdd(value, value, squares)
    oddSum = f32x4.add(oddSum, odd)
    oddSquares = multiplyAdd(odd, odd, oddSquares)
    x += 2 * step
  }
  if (rows > 0) {
    const value = f32x4.sub(loadSome(x, some), shift)
    sum = f32x4.add(sum, value)
    squares = multiplyAdd(value, value, squares)
  }
  v128.store(room + SUMS, f32x4.add(sum, oddSum))
  v128.store(room + SQUARES, f32x4.add(squares, oddSquares))
}

// @ts-ignore: decorator
@inline
function strip(rows: u32, step: u32, x: u32, room: u32, some: u32): void {
  if (some == 8) strip8(rows, step, x, room)
  else strip4(rows, step, x, room, some)
}

/** The means of two columns in a strip of 1 / inverse rows. */
// @ts-ignore: decorator
@inline
function stripMeans(at: u32, inverse: v128): v128 {
  const sums = low(v128.load64_zero(at, SUMS))
  return f64x2.add(low(v128.load64_zero(at)), f64x2.mul(sums, inverse))
}

/** What is taken from the numbers of two columns from now on. */
// @ts-ignore: decorator
@inline
function putShifts(at: u32, means: v128): void {
  v128.store64_lane(at, f32x4.demote_f64x2_zero(means), 0)
}

/** Joins a strip of n rows to the `before` ones above it. What is taken from the next is the mean so far. */
function join(room: u32, some: u32, n: f64, before: f64): void {
  const inverse = f64x2.splat(1 / n)
  const share = f64x2.splat(n / (before + n))
  const weight = f64x2.splat(before * n / (before + n))
  for (let c: u32 = 0; c < some; c += 2) {
    const from = room + (c << 2)
    const at = room + (c << 3)
    const sums = low(v128.load64_zero(from, SUMS))
    const squares = low(v128.load64_zero(from, SQUARES))
    const before = v128.load(at, MEANS)
    const distance = f64x2.sub(stripMeans(from, inverse), before)
    const own = f64x2.max(f64x2.splat(0), f64x2.sub(squares, f64x2.mul(f64x2.mul(sums, sums), inverse)))
    const means = f64x2.add(before, f64x2.mul(distance, share))
    const between = f64x2.mul(f64x2.mul(distance, distance), weight)
    v128.store(at, means, MEANS)
    v128.store(at, f64x2.add(v128.load(at, DEVIATIONS), f64x2.add(own, between)), DEVIATIONS)
    putShifts(from, means)
  }
}

/** Of eight columns, of four or of what is left. */
// @ts-ignore: decorator
@inline
function together(step: u32, byte: u32): u32 {
  const left = (step - byte) >> 2
  return left >= 8 ? 8 : min<u32>(left, 4)
}

/** About the mean of the first strip, which is found from its first row: equal numbers have no spread at all. */
function beginMoments(rows: u32, step: u32, x: u32, room: u32, some: u32): void {
  const n = min(rows, STRIP)
  if (some == 8) storePair(room, v128.load(x), v128.load(x, 16))
  else v128.store(room, loadSome(x, some))
  strip(n, step, x, room, some)
  const inverse = f64x2.splat(1 / <f64>n)
  for (let byte: u32 = 0; byte < some << 2; byte += 8) putShifts(room + byte, stripMeans(room + byte, inverse))
  memory.fill(room + MEANS, 0, ROOM - MEANS)
}

/** Strips of rows in float32 about the mean of those above, so that no large numbers cancel; joined in float64. */
export function moments(rows: u32, cols: u32, x: u32, mean: u32, squares: u32): void {
  const step = cols << 2
  for (let first: u32 = 0; first < step; first += WIDE_COLS << 2) {
    const end = min(step, first + (WIDE_COLS << 2))
    let some: u32 = 0
    for (let byte = first, room = scratch(); byte < end; byte += some << 2, room += ROOM) {
      some = together(end, byte)
      beginMoments(rows, step, x + byte, room, some)
    }
    for (let done: u32 = 0; done < rows; done += STRIP) {
      const n = min(rows - done, STRIP)
      for (let byte = first, room = scratch(); byte < end; byte += some << 2, room += ROOM) {
        some = together(end, byte)
        strip(n, step, x + byte + done * step, room, some)
        join(room, some, <f64>n, <f64>done)
      }
    }
    for (let byte = first, room = scratch(); byte < end; byte += some << 2, room += ROOM) {
      some = together(end, byte)
      for (let c: u32 = 0; c < some; c++) {
        store<f32>(mean + byte + (c << 2), <f32>load<f64>(room + (c << 3), MEANS))
        store<f32>(squares + byte + (c << 2), <f32>load<f64>(room + (c << 3), DEVIATIONS))
      }
    }
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
    const centred = f32x4.sub(loadSome(x, some), mean)
    storeSome(y, shifted ? multiplyAdd(centred, scale, shift) : f32x4.mul(centred, scale), some)
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
    const a = multiplyAdd(f32x4.sub(v128.load(x), meanA), scaleA, betaA)
    const b = multiplyAdd(f32x4.sub(v128.load(x, 16), meanB), scaleB, betaB)
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

/** Adds the sums of eight columns of a strip, and of their products, to the float64 ones at `into`. */
function sumStrip8(rows: u32, step: u32, x: u32, dy: u32, mean: u32, into: u32): void {
  const lowMean = v128.load(mean)
  const highMean = v128.load(mean, 16)
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  let lowProduct = f32x4.splat(0)
  let highProduct = f32x4.splat(0)
  for (; rows > 0; rows--, x += step, dy += step) {
    const low = v128.load(dy)
    const high = v128.load(dy, 16)
    const lowValue = f32x4.sub(v128.load(x), lowMean)
    const highValue = f32x4.sub(v128.load(x, 16), highMean)
    lowSum = f32x4.add(lowSum, low)
    highSum = f32x4.add(highSum, high)
    lowProduct = multiplyAdd(low, lowValue, lowProduct)
    highProduct = multiplyAdd(high, highValue, highProduct)
  }
  addSums8(lowSum, highSum, lowProduct, highProduct, into)
}

/** The same of up to four columns. */
function sumStrip4(rows: u32, step: u32, x: u32, dy: u32, mean: v128, into: u32, some: u32): void {
  let sum = f32x4.splat(0)
  let product = f32x4.splat(0)
  for (; rows > 0; rows--, x += step, dy += step) {
    const signal = loadSome(dy, some)
    sum = f32x4.add(sum, signal)
    product = multiplyAdd(signal, f32x4.sub(loadSome(x, some), mean), product)
  }
  addDoubles(into, sum, product)
}

/** By way of memory: what is stored side by side, at offsets of one address, is what the compiler joins. */
// @ts-ignore: decorator
@inline
export function addSums8(lowSum: v128, highSum: v128, lowProduct: v128, highProduct: v128, into: u32): void {
  const room = scratch() + STRIP_ROOM
  v128.store(room, lowSum)
  v128.store(room, highSum, 16)
  v128.store(room, lowProduct, 32)
  v128.store(room, highProduct, 48)
  addRoom(room, into)
  addRoom(room + 16, into + 64)
}

function addRoom(room: u32, into: u32): void {
  addDoubles(into, v128.load(room), v128.load(room, 32))
}

/** Adds four columns' sums and products to those in float64: four of the one, four of the other. */
// @ts-ignore: decorator
@inline
export function addDoubles(into: u32, sum: v128, product: v128): void {
  v128.store(into, f64x2.add(v128.load(into), low(sum)))
  v128.store(into, f64x2.add(v128.load(into, 16), high(sum)), 16)
  v128.store(into, f64x2.add(v128.load(into, 32), low(product)), 32)
  v128.store(into, f64x2.add(v128.load(into, 48), high(product)), 48)
}

/** What `addDoubles` left of up to four columns. */
export function putSums(from: u32, inverse: u32, sums: u32, products: u32, some: u32): void {
  const factor = loadSome(inverse, some)
  storeSome(sums, joined(v128.load(from), v128.load(from, 16)), some)
  const lowProduct = f64x2.mul(v128.load(from, 32), low(factor))
  const highProduct = f64x2.mul(v128.load(from, 48), high(factor))
  storeSome(products, joined(lowProduct, highProduct), some)
}

export function normSums(
  rows: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, sums: u32, products: u32,
): void {
  const step = cols << 2
  const room = scratch()
  let some: u32 = 0
  for (let byte: u32 = 0; byte < step; byte += some << 2) {
    some = together(step, byte)
    memory.fill(room, 0, 128)
    for (let done: u32 = 0; done < rows; done += STRIP) {
      const n = min(rows - done, STRIP)
      const at = byte + done * step
      if (some == 8) sumStrip8(n, step, x + at, dy + at, mean + byte, room)
      else sumStrip4(n, step, x + at, dy + at, loadSome(mean + byte, some), room, some)
    }
    putSums(room, inverse + byte, sums + byte, products + byte, min<u32>(some, 4))
    if (some == 8) putSums(room + 64, inverse + byte + 16, sums + byte + 16, products + byte + 16, 4)
  }
}

export function normBackward(
  rows: u32, cols: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32, count: f64, dx: u32,
): void {
  const step = cols << 2
  const share = <f32>(1.0 / count)
  let byte: u32 = 0
  for (; byte + 32 <= step; byte += 32) {
    normBackward8(
      rows, step, x + byte, dy + byte, mean + byte, inverse + byte, scale + byte, sums + byte, products + byte, share,
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
    // With a constant 4 the compiler leaves out what the last columns need.
    if (some == 4) normBackwardColumns(rows, step, x + byte, dy + byte, centre, factor, offset, slope, dx + byte, 4)
    else normBackwardColumns(rows, step, x + byte, dy + byte, centre, factor, offset, slope, dx + byte, some)
  }
}

// scale (dy - (sum + (x - mean) inverse product) share), as scale dy + (slope (x - mean) + offset).

// @ts-ignore: decorator
@inline
export function pullOf(scale: v128, share: f32): v128 {
  return f32x4.mul(scale, f32x4.splat(-share))
}

// @ts-ignore: decorator
@inline
export function offsetOf(pull: v128, sum: v128): v128 {
  return f32x4.mul(pull, sum)
}

// @ts-ignore: decorator
@inline
export function slopeOf(pull: v128, inverse: v128, product: v128): v128 {
  return f32x4.mul(pull, f32x4.mul(inverse, product))
}

/** The way back of one element, of the signal that came to it. */
// @ts-ignore: decorator
@inline
export function cellOf(centred: v128, signal: v128, scale: v128, offset: v128, slope: v128): v128 {
  return multiplyAdd(scale, signal, multiplyAdd(slope, centred, offset))
}

// @ts-ignore: decorator
@inline
function normBackwardColumns(
  rows: u32, step: u32, x: u32, dy: u32, mean: v128, scale: v128, offset: v128, slope: v128, dx: u32, some: u32,
): void {
  for (let r: u32 = 0; r < rows; r++, x += step, dy += step, dx += step) {
    const centred = f32x4.sub(loadSome(x, some), mean)
    storeSome(dx, cellOf(centred, loadSome(dy, some), scale, offset, slope), some)
  }
}

function normBackward8(
  rows: u32, step: u32, x: u32, dy: u32, mean: u32, inverse: u32, scale: u32, sums: u32, products: u32, share: f32,
  dx: u32,
): void {
  const meanA = v128.load(mean)
  const meanB = v128.load(mean, 16)
  const scaleA = v128.load(scale)
  const scaleB = v128.load(scale, 16)
  const pullA = pullOf(scaleA, share)
  const pullB = pullOf(scaleB, share)
  const offsetA = offsetOf(pullA, v128.load(sums))
  const offsetB = offsetOf(pullB, v128.load(sums, 16))
  const slopeA = slopeOf(pullA, v128.load(inverse), v128.load(products))
  const slopeB = slopeOf(pullB, v128.load(inverse, 16), v128.load(products, 16))
  for (let r: u32 = 0; r < rows; r++, x += step, dy += step, dx += step) {
    const a = cellOf(f32x4.sub(v128.load(x), meanA), v128.load(dy), scaleA, offsetA, slopeA)
    const b = cellOf(f32x4.sub(v128.load(x, 16), meanB), v128.load(dy, 16), scaleB, offsetB, slopeB)
    storePair(dx, a, b)
  }
}

export function lerp(count: u32, from: u32, to: u32, amount: f32, out: u32): void {
  for (let byte: u32 = 0; byte < count << 2; byte += 4) {
    const start = load<f32>(from + byte)
    store<f32>(out + byte, start + (load<f32>(to + byte) - start) * amount)
  }
}
