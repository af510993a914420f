/** Matrices of rows x cols: sums over rows, slopes per column, softmax. */
import { constant, exp, select } from './math'
import { loadSome, maximumOf, storeSome } from './vector'

/** A cache line of columns at a time, each sum in a register. */
export function columnSums(rows: u32, cols: u32, x: u32, out: u32, accumulate: bool): void {
  const step = cols << 2
  const kept = i32x4.splat(-<i32>accumulate)
  let left = cols
  for (; left >= 16; left -= 16) {
    let sum0 = v128.and(v128.load(out), kept)
    let sum1 = v128.and(v128.load(out, 16), kept)
    let sum2 = v128.and(v128.load(out, 32), kept)
    let sum3 = v128.and(v128.load(out, 48), kept)
    let at = x
    for (let row: u32 = 0; row < rows; row++) {
      sum0 = f32x4.add(sum0, v128.load(at))
      sum1 = f32x4.add(sum1, v128.load(at, 16))
      sum2 = f32x4.add(sum2, v128.load(at, 32))
      sum3 = f32x4.add(sum3, v128.load(at, 48))
      at += step
    }
    v128.store(out, sum0)
    v128.store(out, sum1, 16)
    v128.store(out, sum2, 32)
    v128.store(out, sum3, 48)
    x += 64
    out += 64
  }
  while (left > 0) {
    const count = min<u32>(left, 4)
    let sum = v128.and(loadSome(out, count), kept)
    let at = x
    for (let row: u32 = 0; row < rows; row++) {
      sum = f32x4.add(sum, loadSome(at, count))
      at += step
    }
    storeSome(out, sum, count)
    x += 16
    out += 16
    left -= count
  }
}

export function prelu(rows: u32, cols: u32, x: u32, slopes: u32, y: u32): void {
  preluBackward(rows, cols, x, slopes, x, y)
}

export function preluBackward(rows: u32, cols: u32, x: u32, slopes: u32, dy: u32, dx: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    for (let col: u32 = 0; col < cols; col += 4) {
      const count = min<u32>(cols - col, 4)
      const offset = (row * cols + col) << 2
      const d = loadSome(dy + offset, count)
      const positive = f32x4.gt(loadSome(x + offset, count), constant(0))
      storeSome(dx + offset, select(positive, d, f32x4.mul(loadSome(slopes + (col << 2), count), d)), count)
    }
  }
}

export function preluSlopes(rows: u32, cols: u32, x: u32, dy: u32, out: u32, accumulate: bool): void {
  for (let col: u32 = 0; col < cols; col += 4) {
    const count = min<u32>(cols - col, 4)
    let sum = accumulate ? loadSome(out + (col << 2), count) : constant(0)
    for (let row: u32 = 0; row < rows; row++) {
      const offset = (row * cols + col) << 2
      const value = loadSome(x + offset, count)
      const product = f32x4.mul(value, loadSome(dy + offset, count))
      sum = f32x4.add(sum, v128.andnot(product, f32x4.gt(value, constant(0))))
    }
    storeSome(out + (col << 2), sum, count)
  }
}

/** Of the numbers: where one is NaN, so is what the row's exponentials add up to. */
export function rowMaximum(cols: u32, x: u32): f32 {
  let largest = constant(-Infinity)
  for (; cols >= 4; cols -= 4) {
    largest = f32x4.pmax(largest, v128.load(x))
    x += 16
  }
  let result = maximumOf(largest)
  for (; cols > 0; cols--) {
    result = max(result, load<f32>(x))
    x += 4
  }
  return result
}

/**
 * y = e^(x - shift) in float32, or nothing written where y is 0; returns the sum of the exponentials in float64:
 * those of even index, plus those of odd index.
 */
export function exponentials(cols: u32, x: u32, shift: f32, y: u32): f64 {
  const s = f32x4.splat(shift)
  let sum = f64x2.splat(0)
  for (; cols >= 4; cols -= 4) {
    const part = exp(f32x4.sub(v128.load(x), s))
    const high = v128.shuffle<f32>(part, part, 2, 3, 2, 3)
    sum = f64x2.add(f64x2.add(sum, f64x2.promote_low_f32x4(part)), f64x2.promote_low_f32x4(high))
    x += 16
    if (y) {
      v128.store(y, part)
      y += 16
    }
  }
  let even = f64x2.extract_lane(sum, 0)
  let odd = f64x2.extract_lane(sum, 1)
  if (cols) {
    const part = exp(f32x4.sub(loadSome(x, cols), s))
    if (y) storeSome(y, part, cols)
    even += <f64>f32x4.extract_lane(part, 0)
    if (cols > 1) odd += <f64>f32x4.extract_lane(part, 1)
    if (cols > 2) even += <f64>f32x4.extract_lane(part, 2)
  }
  return even + odd
}

export function scaleRow(cols: u32, y: u32, factor: f32): void {
  const f = f32x4.splat(factor)
  for (; cols >= 4; cols -= 4) {
    v128.store(y, f32x4.mul(v128.load(y), f))
    y += 16
  }
  if (cols) storeSome(y, f32x4.mul(loadSome(y, cols), f), cols)
}

export function softmax(rows: u32, cols: u32, x: u32, y: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const offset = (row * cols) << 2
    const sum = exponentials(cols, x + offset, rowMaximum(cols, x + offset), y + offset)
    scaleRow(cols, y + offset, <f32>(1 / sum))
  }
}
