/** What is done to gradients between the backward pass and the update. */
import { scratch } from './vector'
import { add, copy } from './elementwise'

/** Element i goes to the float64 sum i % 4; the result is (s0 + s1) + (s2 + s3). */
export function sumSquares(count: u32, x: u32): f64 {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  for (; count >= 4; count -= 4) {
    const value = v128.load(x)
    const first = f64x2.promote_low_f32x4(value)
    const second = f64x2.promote_low_f32x4(v128.shuffle<f32>(value, value, 2, 3, 2, 3))
    low = f64x2.add(low, f64x2.mul(first, first))
    high = f64x2.add(high, f64x2.mul(second, second))
    x += 16
  }
  let s0 = f64x2.extract_lane(low, 0)
  let s1 = f64x2.extract_lane(low, 1)
  let s2 = f64x2.extract_lane(high, 0)
  if (count > 0) s0 += <f64>load<f32>(x) * <f64>load<f32>(x)
  if (count > 1) s1 += <f64>load<f32>(x, 4) * <f64>load<f32>(x, 4)
  if (count > 2) s2 += <f64>load<f32>(x, 8) * <f64>load<f32>(x, 8)
  return s0 + s1 + (s2 + f64x2.extract_lane(high, 1))
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
