/**
 * Four float32 at a time, and the last 1 to 3 of a run through the same arithmetic: a value never depends on
 * where in a run it stands.
 */

export const WIDTH: u32 = 4

/** acc + a * b: fused in `kernels-relaxed`, two roundings in `kernels-strict`. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, acc: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, acc)
  return f32x4.add(acc, f32x4.mul(a, b))
}

/** The first `count` (1 to 3) elements, the others 0. */
export function loadPart(address: u32, count: u32): v128 {
  let value = v128.load32_zero(address)
  if (count > 1) value = f32x4.replace_lane(value, 1, load<f32>(address, 4))
  if (count > 2) value = f32x4.replace_lane(value, 2, load<f32>(address, 8))
  return value
}

export function storePart(address: u32, value: v128, count: u32): void {
  store<f32>(address, f32x4.extract_lane(value, 0))
  if (count > 1) store<f32>(address, f32x4.extract_lane(value, 1), 4)
  if (count > 2) store<f32>(address, f32x4.extract_lane(value, 2), 8)
}

/** The first `count` (1 to 3) elements, the others 0 whatever they were. */
export function firstOf(value: v128, count: u32): v128 {
  return v128.and(value, i32x4.lt_u(i32x4(0, 1, 2, 3), i32x4.splat(count)))
}

/** All of a vector (count >= 4) or its first `count` elements. */
// @ts-ignore: decorator
@inline
export function loadSome(address: u32, count: u32): v128 {
  return count >= WIDTH ? v128.load(address) : loadPart(address, count)
}

// @ts-ignore: decorator
@inline
export function storeSome(address: u32, value: v128, count: u32): void {
  if (count >= WIDTH) v128.store(address, value)
  else storePart(address, value, count)
}

/** Two vectors side by side. */
// @ts-ignore: decorator
@inline
export function storePair(address: u32, low: v128, high: v128): void {
  v128.store(address, low)
  v128.store(address, high, 16)
}

/** Sixteen elements. */
// @ts-ignore: decorator
@inline
export function copy64(from: u32, to: u32): void {
  const a = v128.load(from)
  const b = v128.load(from, 16)
  const c = v128.load(from, 32)
  const d = v128.load(from, 48)
  storePair(to, a, b)
  v128.store(to, c, 32)
  v128.store(to, d, 48)
}

export function maximumOf(value: v128): f32 {
  return max(
    max(f32x4.extract_lane(value, 0), f32x4.extract_lane(value, 1)),
    max(f32x4.extract_lane(value, 2), f32x4.extract_lane(value, 3)),
  )
}

let scratchAddress: u32 = 0

/** Where this instance may keep temporaries; every worker has a place of its own. */
export function setScratch(address: u32): void {
  scratchAddress = address
}

// @ts-ignore: decorator
@inline
export function scratch(): u32 {
  return scratchAddress
}
