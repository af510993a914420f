/**
 * Optimizer rules, four parameters at a time, every operation rounded to float32 and none fused. Each returns the
 * largest |p| (NaN if any is). Coefficients that come from float64 formulas are computed by the caller, rounded once.
 */
import { constant } from './math'
import { firstOf, loadSome, maximumOf, storeSome } from './vector'

/** The gradient after scaling, clamping and coupled weight decay; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function gradient(address: u32, count: u32, scale: f32, clip: f32, parameter: v128, weightDecay: f32): v128 {
  let g = f32x4.mul(loadSome(address, count), f32x4.splat(scale))
  if (clip != Infinity) g = f32x4.max(f32x4.min(g, f32x4.splat(clip)), f32x4.splat(-clip))
  return weightDecay != 0 ? mulAdd(f32x4.splat(weightDecay), parameter, g) : g
}

/** The larger sizes, as integers: in this order NaN lies above infinity, and one instruction does it. */
// @ts-ignore: decorator
@inline
function larger(sizes: v128, values: v128): v128 {
  return i32x4.max_s(sizes, f32x4.abs(values))
}

// @ts-ignore: decorator
@inline
function mulAdd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c)
}

/** Subnormal to 0: a state that decays would else stay there for good (0.9 of the least number rounds to itself), and be slow. */
// @ts-ignore: decorator
@inline
function flush(state: v128): v128 {
  return v128.andnot(state, f32x4.lt(f32x4.abs(state), constant(1.17549435e-38)))
}

// @ts-ignore: decorator
@inline
function sgdStep(
  count: u32, p: u32, g: u32, v: u32,
  scale: f32, clip: f32, lr: f32, momentum: f32, nesterov: bool, weightDecay: f32,
): v128 {
  const parameter = loadSome(p, count)
  let d = gradient(g, count, scale, clip, parameter, weightDecay)
  if (momentum != 0) {
    const velocity = flush(mulAdd(f32x4.splat(momentum), loadSome(v, count), d))
    storeSome(v, velocity, count)
    d = nesterov ? mulAdd(f32x4.splat(momentum), velocity, d) : velocity
  }
  const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(lr), d))
  storeSome(p, updated, count)
  return updated
}

export function sgd(
  count: u32, p: u32, g: u32, v: u32,
  scale: f32, clip: f32, lr: f32, momentum: f32, nesterov: bool, weightDecay: f32,
): f32 {
  let sizes = constant(0)
  let at: u32 = 0
  for (; count >= 4; count -= 4) {
    sizes = larger(sizes, sgdStep(4, p + at, g + at, v + at, scale, clip, lr, momentum, nesterov, weightDecay))
    at += 16
  }
  if (count) sizes = larger(sizes, firstOf(sgdStep(
    count, p + at, g + at, v + at, scale, clip, lr, momentum, nesterov, weightDecay,
  ), count))
  return maximumOf(sizes)
}

/** `decay` is 1 - lr weightDecay (decoupled), `stepSize` lr / correction1, `inverseRoot` 1 / sqrt(correction2). */
// @ts-ignore: decorator
@inline
function adamStep(
  count: u32, p: u32, g: u32, m: u32, v: u32,
  scale: f32, clip: f32, stepSize: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, epsilon: f32,
  weightDecay: f32, decay: f32, inverseRoot: f32,
): v128 {
  let parameter = loadSome(p, count)
  let d = gradient(g, count, scale, clip, parameter, weightDecay)
  parameter = f32x4.mul(parameter, f32x4.splat(decay))
  const first = flush(mulAdd(f32x4.splat(beta1), loadSome(m, count), f32x4.mul(f32x4.splat(oneMinusBeta1), d)))
  const second = flush(mulAdd(
    f32x4.splat(beta2), loadSome(v, count), f32x4.mul(f32x4.splat(oneMinusBeta2), f32x4.mul(d, d)),
  ))
  storeSome(m, first, count)
  storeSome(v, second, count)
  const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(second), f32x4.splat(inverseRoot)), f32x4.splat(epsilon))
  const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(stepSize), f32x4.div(first, denominator)))
  storeSome(p, updated, count)
  return updated
}

export function adam(
  count: u32, p: u32, g: u32, m: u32, v: u32,
  scale: f32, clip: f32, stepSize: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, epsilon: f32,
  weightDecay: f32, decay: f32, inverseRoot: f32,
): f32 {
  let sizes = constant(0)
  let at: u32 = 0
  for (; count >= 4; count -= 4) {
    sizes = larger(sizes, adamStep(
      4, p + at, g + at, m + at, v + at, scale, clip, stepSize, beta1, oneMinusBeta1, beta2, oneMinusBeta2, epsilon,
      weightDecay, decay, inverseRoot,
    ))
    at += 16
  }
  if (count) sizes = larger(sizes, firstOf(adamStep(
    count, p + at, g + at, m + at, v + at, scale, clip, stepSize, beta1, oneMinusBeta1, beta2, oneMinusBeta2, epsilon,
    weightDecay, decay, inverseRoot,
  ), count))
  return maximumOf(sizes)
}

// @ts-ignore: decorator
@inline
function rmspropStep(
  count: u32, p: u32, g: u32, s: u32, v: u32,
  scale: f32, clip: f32, lr: f32, rho: f32, oneMinusRho: f32, epsilon: f32, momentum: f32, weightDecay: f32,
): v128 {
  const parameter = loadSome(p, count)
  let d = gradient(g, count, scale, clip, parameter, weightDecay)
  const square = flush(mulAdd(
    f32x4.splat(rho), loadSome(s, count), f32x4.mul(f32x4.splat(oneMinusRho), f32x4.mul(d, d)),
  ))
  storeSome(s, square, count)
  d = f32x4.div(d, f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)))
  if (momentum != 0) {
    d = flush(mulAdd(f32x4.splat(momentum), loadSome(v, count), d))
    storeSome(v, d, count)
  }
  const updated = f32x4.sub(parameter, f32x4.mul(f32x4.splat(lr), d))
  storeSome(p, updated, count)
  return updated
}

export function rmsprop(
  count: u32, p: u32, g: u32, s: u32, v: u32,
  scale: f32, clip: f32, lr: f32, rho: f32, oneMinusRho: f32, epsilon: f32, momentum: f32, weightDecay: f32,
): f32 {
  let sizes = constant(0)
  let at: u32 = 0
  for (; count >= 4; count -= 4) {
    sizes = larger(sizes, rmspropStep(
      4, p + at, g + at, s + at, v + at, scale, clip, lr, rho, oneMinusRho, epsilon, momentum, weightDecay,
    ))
    at += 16
  }
  if (count) sizes = larger(sizes, firstOf(rmspropStep(
    count, p + at, g + at, s + at, v + at, scale, clip, lr, rho, oneMinusRho, epsilon, momentum, weightDecay,
  ), count))
  return maximumOf(sizes)
}

// @ts-ignore: decorator
@inline
function adagradStep(
  count: u32, p: u32, g: u32, s: u32,
  scale: f32, clip: f32, lr: f32, epsilon: f32, weightDecay: f32,
): v128 {
  const parameter = loadSome(p, count)
  let d = gradient(g, count, scale, clip, parameter, weightDecay)
  const square = mulAdd(d, d, loadSome(s, count))
  storeSome(s, square, count)
  const change = f32x4.div(f32x4.mul(f32x4.splat(lr), d), f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)))
  const updated = f32x4.sub(parameter, change)
  storeSome(p, updated, count)
  return updated
}

export function adagrad(
  count: u32, p: u32, g: u32, s: u32,
  scale: f32, clip: f32, lr: f32, epsilon: f32, weightDecay: f32,
): f32 {
  let sizes = constant(0)
  let at: u32 = 0
  for (; count >= 4; count -= 4) {
    sizes = larger(sizes, adagradStep(4, p + at, g + at, s + at, scale, clip, lr, epsilon, weightDecay))
    at += 16
  }
  if (count) sizes = larger(sizes, firstOf(adagradStep(
    count, p + at, g + at, s + at, scale, clip, lr, epsilon, weightDecay,
  ), count))
  return maximumOf(sizes)
}
