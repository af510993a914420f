/** What is done to gradients between the backward pass and the update. */
import { scratch } from './vector'
import { add, copy } from './elementwise'

/**
 * Column c goes to the float64 sum c % 16: eight vectors of two, that none waits for itself. Sum s + 8 is added to sum s, then
 * ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)).
 */
export function sumSquares(rows: u32, cols: u32, x: u32, ld: u32): f64 {
  return squares(false, rows, cols, x, ld, 0)
}

/** In the same order. */
export function sumSquaredChanges(rows: u32, cols: u32, x: u32, ld: u32, before: u32): f64 {
  return squares(true, rows, cols, x, ld, before)
}

/** `isChange` is a constant at each call, so that only its own arithmetic is left. */
// @ts-ignore: decorator
@inline
function squares(isChange: bool, rows: u32, cols: u32, x: u32, ld: u32, before: u32): f64 {
  let s0 = f64x2.splat(0)
  let s2 = f64x2.splat(0)
  let s4 = f64x2.splat(0)
  let s6 = f64x2.splat(0)
  let s8 = f64x2.splat(0)
  let s10 = f64x2.splat(0)
  let s12 = f64x2.splat(0)
  let s14 = f64x2.splat(0)
  for (; rows > 0; rows--) {
    let at = x
    let left = cols
    for (; left >= 16; left -= 16) {
      s0 = addSquares(s0, two(isChange, at, before))
      s2 = addSquares(s2, two(isChange, at + 8, before + 8))
      s4 = addSquares(s4, two(isChange, at + 16, before + 16))
      s6 = addSquares(s6, two(isChange, at + 24, before + 24))
      s8 = addSquares(s8, two(isChange, at + 32, before + 32))
      s10 = addSquares(s10, two(isChange, at + 40, before + 40))
      s12 = addSquares(s12, two(isChange, at + 48, before + 48))
      s14 = addSquares(s14, two(isChange, at + 56, before + 56))
      at += 64
      before += 64
    }
    if (left > 0) s0 = addSquares(s0, some(isChange, left, at, before))
    if (left > 2) s2 = addSquares(s2, some(isChange, left - 2, at + 8, before + 8))
    if (left > 4) s4 = addSquares(s4, some(isChange, left - 4, at + 16, before + 16))
    if (left > 6) s6 = addSquares(s6, some(isChange, left - 6, at + 24, before + 24))
    if (left > 8) s8 = addSquares(s8, some(isChange, left - 8, at + 32, before + 32))
    if (left > 10) s10 = addSquares(s10, some(isChange, left - 10, at + 40, before + 40))
    if (left > 12) s12 = addSquares(s12, some(isChange, left - 12, at + 48, before + 48))
    if (left > 14) s14 = addSquares(s14, some(isChange, left - 14, at + 56, before + 56))
    before += left << 2
    x += ld << 2
  }
  s0 = f64x2.add(f64x2.add(s0, s8), f64x2.add(s4, s12))
  s2 = f64x2.add(f64x2.add(s2, s10), f64x2.add(s6, s14))
  return (
    f64x2.extract_lane(s0, 0) +
    f64x2.extract_lane(s0, 1) +
    (f64x2.extract_lane(s2, 0) + f64x2.extract_lane(s2, 1))
  )
}

/** acc + the squares of two elements, which are exact in float64: fused or not, the bits are the same. */
// @ts-ignore: decorator
@inline
function addSquares(acc: v128, pair: v128): v128 {
  const value = f64x2.promote_low_f32x4(pair)
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(value, value, acc)
  return f64x2.add(acc, f64x2.mul(value, value))
}

/** Two elements of x, or how they differ from those of `before`. */
// @ts-ignore: decorator
@inline
function two(isChange: bool, x: u32, before: u32): v128 {
  const now = v128.load64_zero(x)
  return isChange ? f32x4.sub(now, v128.load64_zero(before)) : now
}

/** Of `left` elements two, or the last one. */
// @ts-ignore: decorator
@inline
function some(isChange: bool, left: u32, x: u32, before: u32): v128 {
  if (left > 1) return two(isChange, x, before)
  const now = v128.load32_zero(x)
  return isChange ? f32x4.sub(now, v128.load32_zero(before)) : now
}

/** One after another: only value clipping asks for it, and only for the record. */
export function clampedSquares(count: u32, x: u32, scale: f32, limit: f32): f64 {
  let sum: f64 = 0
  for (let i: u32 = 0; i < count; i++, x += 4) {
    const value = <f64>max(-limit, min(limit, load<f32>(x) * scale))
    sum += value * value
  }
  return sum
}

/** f32x4.max lets a NaN through. */
export function largestOf(count: u32, x: u32): f32 {
  let most = f32x4.splat(0)
  for (; count >= 4; count -= 4) {
    most = f32x4.max(most, f32x4.abs(v128.load(x)))
    x += 16
  }
  let largest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
  for (; count > 0; count--, x += 4) largest = max(largest, abs(load<f32>(x)))
  return largest
}

/** The power is AssemblyScript's own, in multiplications and additions: every machine gives the same bits. */
export function sumPowers(count: u32, x: u32, unit: f64, exponent: f64): f64 {
  let sum: f64 = 0
  for (let i: u32 = 0; i < count; i++, x += 4) {
    const value = abs(<f64>load<f32>(x)) / unit
    sum += exponent == 1 ? value : Math.pow(value, exponent)
  }
  return sum
}

/** Elements summed at a time; one such strip per level of the tree is kept in the scratch. */
const STRIP: u32 = 256

export function reduceLanes(count: u32, lanes: u32, first: u32, stride: u32, out: u32): void {
  for (let start: u32 = 0; start < count; start += STRIP) {
    const offset = start << 2
    sumTree(min(STRIP, count - start), lanes, first + offset, stride << 2, out + offset, scratch())
  }
}

/** Left subtree: the largest power of two below `lanes`; its sum goes to `out`, that of the right one to `free`. */
function sumTree(count: u32, lanes: u32, first: u32, step: u32, out: u32, free: u32): void {
  if (lanes == 1) return copy(count, first, out)
  if (lanes == 2) return addTo(count, first, first + step, out)
  const left: u32 = 1 << (31 - clz(lanes - 1))
  sumTree(count, left, first, step, out, free)
  if (lanes - left == 1) return add(count, first + left * step, out)
  sumTree(count, lanes - left, first + left * step, step, free, free + STRIP * 4)
  add(count, free, out)
}

function addTo(count: u32, x: u32, y: u32, out: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(out, f32x4.add(v128.load(x), v128.load(y)))
    x += 16
    y += 16
    out += 16
  }
  for (; count > 0; count--) {
    store<f32>(out, load<f32>(x) + load<f32>(y))
    x += 4
    y += 4
    out += 4
  }
}
