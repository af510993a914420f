/**
 * Optimizer rules, four parameters at a time, every operation rounded to float32 and none fused. Each returns the
 * largest |p| (NaN if any is). Coefficients that come from float64 formulas are computed by the caller, rounded once.
 */
import { constant } from './math'
import { loadSome, maximumOf, storeSome } from './vector'

/** The gradient after scaling and clamping; NaN stays NaN, an infinite clip changes nothing. */
// @ts-ignore: decorator
@inline
function gradient(address: u32, count: u32, scale: v128, clip: v128): v128 {
  const g = f32x4.mul(loadSome(address, count), scale)
  return f32x4.max(f32x4.min(g, clip), f32x4.neg(clip))
}

// @ts-ignore: decorator
@inline
function mulAdd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c)
}

export function sgd(
  count: u32, p: u32, g: u32, v: u32, scale: f32, clip: f32,
  lr: f32, momentum: f32, nesterov: bool, weightDecay: f32,
): f32 {
  let largest = constant(0)
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i
    const at = i << 2
    const parameter = loadSome(p + at, left)
    let d = gradient(g + at, left, f32x4.splat(scale), f32x4.splat(clip))
    if (weightDecay != 0) d = mulAdd(f32x4.splat(weightDecay), parameter, d)
    if (momentum != 0) {
      const velocity = mulAdd(f32x4.splat(momentum), loadSome(v + at, left), d)
      storeSome(v + at, velocity, left)
      d = nesterov ? mulAdd(f32x4.splat(momentum), velocity, d) : velocity
    }
    const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(lr), d))
    storeSome(p + at, updated, left)
    largest = f32x4.max(largest, f32x4.abs(updated))
  }
  return maximumOf(largest)
}

/** `decay` is 1 - lr weightDecay (decoupled), `stepSize` lr / correction1, `root` sqrt(correction2). */
export function adam(
  count: u32, p: u32, g: u32, m: u32, v: u32, scale: f32, clip: f32,
  stepSize: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, epsilon: f32,
  weightDecay: f32, decay: f32, root: f32,
): f32 {
  let largest = constant(0)
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i
    const at = i << 2
    let parameter = loadSome(p + at, left)
    let d = gradient(g + at, left, f32x4.splat(scale), f32x4.splat(clip))
    if (weightDecay != 0) d = mulAdd(f32x4.splat(weightDecay), parameter, d)
    parameter = f32x4.mul(parameter, f32x4.splat(decay))
    const first = mulAdd(f32x4.splat(beta1), loadSome(m + at, left), f32x4.mul(f32x4.splat(oneMinusBeta1), d))
    const second = mulAdd(
      f32x4.splat(beta2), loadSome(v + at, left), f32x4.mul(f32x4.splat(oneMinusBeta2), f32x4.mul(d, d)),
    )
    storeSome(m + at, first, left)
    storeSome(v + at, second, left)
    const denominator = f32x4.add(f32x4.div(f32x4.sqrt(second), f32x4.splat(root)), f32x4.splat(epsilon))
    const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(stepSize), f32x4.div(first, denominator)))
    storeSome(p + at, updated, left)
    largest = f32x4.max(largest, f32x4.abs(updated))
  }
  return maximumOf(largest)
}

export function rmsprop(
  count: u32, p: u32, g: u32, s: u32, v: u32, scale: f32, clip: f32,
  lr: f32, rho: f32, oneMinusRho: f32, epsilon: f32, momentum: f32, weightDecay: f32,
): f32 {
  let largest = constant(0)
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i
    const at = i << 2
    const parameter = loadSome(p + at, left)
    let d = gradient(g + at, left, f32x4.splat(scale), f32x4.splat(clip))
    if (weightDecay != 0) d = mulAdd(f32x4.splat(weightDecay), parameter, d)
    const square = mulAdd(
      f32x4.splat(rho), loadSome(s + at, left), f32x4.mul(f32x4.splat(oneMinusRho), f32x4.mul(d, d)),
    )
    storeSome(s + at, square, left)
    d = f32x4.div(d, f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)))
    if (momentum != 0) {
      d = mulAdd(f32x4.splat(momentum), loadSome(v + at, left), d)
      storeSome(v + at, d, left)
    }
    const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(lr), d))
    storeSome(p + at, updated, left)
    largest = f32x4.max(largest, f32x4.abs(updated))
  }
  return maximumOf(largest)
}

export function adagrad(
  count: u32, p: u32, g: u32, s: u32, scale: f32, clip: f32, lr: f32, epsilon: f32, weightDecay: f32,
): f32 {
  let largest = constant(0)
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i
    const at = i << 2
    const parameter = loadSome(p + at, left)
    let d = gradient(g + at, left, f32x4.splat(scale), f32x4.splat(clip))
    if (weightDecay != 0) d = mulAdd(f32x4.splat(weightDecay), parameter, d)
    const square = mulAdd(d, d, loadSome(s + at, left))
    storeSome(s + at, square, left)
    const change = f32x4.div(f32x4.mul(f32x4.splat(lr), d), f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)))
    const updated = f32x4.sub(parameter, change)
    storeSome(p + at, updated, left)
    largest = f32x4.max(largest, f32x4.abs(updated))
  }
  return maximumOf(largest)
}
