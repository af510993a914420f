/** What is done to gradients between the backward pass and the update. */
import { loadPart, scratch } from './vector'
import { add, copy } from './elementwise'

/** acc + the squares of two elements, which are exact in float64: fused or not, the bits are the same. */
// @ts-ignore: decorator
@inline
export function addSquares(acc: v128, two: v128): v128 {
  const value = f64x2.promote_low_f32x4(two)
  return f64x2.add(acc, f64x2.mul(value, value))
}

/**
 * Column c goes to the float64 sum c % 8: four vectors of two, that none waits for itself. The result is
 * ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)).
 */
export function sumSquares(rows: u32, cols: u32, x: u32, ld: u32): f64 {
  let s01 = f64x2.splat(0)
  let s23 = f64x2.splat(0)
  let s45 = f64x2.splat(0)
  let s67 = f64x2.splat(0)
  for (; rows > 0; rows--) {
    let at = x
    let left = cols
    for (; left >= 8; left -= 8) {
      s01 = addSquares(s01, v128.load64_zero(at))
      s23 = addSquares(s23, v128.load64_zero(at, 8))
      s45 = addSquares(s45, v128.load64_zero(at, 16))
      s67 = addSquares(s67, v128.load64_zero(at, 24))
      at += 32
    }
    if (left >= 4) {
      s01 = addSquares(s01, v128.load64_zero(at))
      s23 = addSquares(s23, v128.load64_zero(at, 8))
      if (left > 4) s45 = addSquares(s45, loadPart(at + 16, min<u32>(left - 4, 2)))
      if (left > 6) s67 = addSquares(s67, v128.load32_zero(at, 24))
    } else if (left > 0) {
      s01 = addSquares(s01, loadPart(at, min<u32>(left, 2)))
      if (left > 2) s23 = addSquares(s23, v128.load32_zero(at, 8))
    }
    x += ld << 2
  }
  return sumOf(s01, s23, s45, s67)
}

/** Of eight float64 sums. */
// @ts-ignore: decorator
@inline
export function sumOf(s01: v128, s23: v128, s45: v128, s67: v128): f64 {
  s01 = f64x2.add(s01, s45)
  s23 = f64x2.add(s23, s67)
  return (
    f64x2.extract_lane(s01, 0) +
    f64x2.extract_lane(s01, 1) +
    (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1))
  )
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
