/**
 * Optimizer rules, every operation rounded to float32 and none fused. Each returns the largest |p| (NaN if any is).
 * Coefficients that come from float64 formulas are computed by the caller, rounded once.
 *
 * Eight parameters at a time and the rest by up to four: what is done to two vectors alike, without a branch in between
 * and with all that is read before all that is written, the compiler joins to 256 bits. So each number that a rule keeps
 * has a function of its own, the gradient is always clamped, and coupled weight decay is a kind of loop.
 *
 * Coefficients lie in the scratch, from where an instruction loads four of each: to make four of one takes the engine
 * an arithmetic instruction more, in every round.
 */
import { constant } from './math'
import { firstOf, loadSome, maximumOf, scratch, storePair, storeSome } from './vector'

/** Kinds of loops: types, since those are known when the loop is compiled. */
class Coupled {}
class Pushed {}
class Plain {}

/** Where the coefficients of all rules lie, in floats; a rule's own ones from OWN on. */
const SCALE: u32 = 0
const MOST: u32 = 1
const LEAST: u32 = 2
const WEIGHT_DECAY: u32 = 3
const RATE: u32 = 4
const SIZE: u32 = 5
const NORMAL: u32 = 6
const OWN: u32 = 7

/** @returns where the coefficients lie */
// @ts-ignore: decorator
@inline
function prepare(scale: f32, clip: f32, weightDecay: f32, lr: f32): u32 {
  const c = scratch()
  put(c, SCALE, scale)
  put(c, MOST, clip)
  put(c, LEAST, -clip)
  put(c, WEIGHT_DECAY, weightDecay)
  put(c, RATE, lr)
  store<u32>(c + (SIZE << 2), 0x7fffffff)
  put(c, NORMAL, 1.17549435e-38)
  return c
}

// @ts-ignore: decorator
@inline
function put(c: u32, i: u32, value: f32): void {
  store<f32>(c + (i << 2), value)
}

// @ts-ignore: decorator
@inline
function get(c: u32, i: u32): v128 {
  return v128.load32_splat(c + (i << 2))
}

/** The gradient after scaling, clamping and coupled weight decay; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function gradient<Decay>(c: u32, g: v128, parameter: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(f32x4.mul(g, get(c, SCALE)), get(c, MOST)), get(c, LEAST))
  return idof<Decay>() == idof<Coupled>() ? mulAdd(get(c, WEIGHT_DECAY), parameter, clamped) : clamped
}

/** The larger sizes, as integers: in this order NaN lies above infinity, and one instruction does it. */
// @ts-ignore: decorator
@inline
function larger(c: u32, sizes: v128, values: v128): v128 {
  return i32x4.max_s(sizes, v128.and(values, get(c, SIZE)))
}

// @ts-ignore: decorator
@inline
function mulAdd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c)
}

/** Subnormal to 0: a state that decays would else stay there for good (0.9 of the least number rounds to itself), and be slow. */
// @ts-ignore: decorator
@inline
function flush(c: u32, state: v128): v128 {
  return v128.andnot(state, f32x4.lt(v128.and(state, get(c, SIZE)), get(c, NORMAL)))
}

/** A running mean: of coefficients i and i + 1, the one by the state and the other by d. */
// @ts-ignore: decorator
@inline
function decayed(c: u32, i: u32, state: v128, d: v128): v128 {
  return flush(c, mulAdd(get(c, i), state, f32x4.mul(get(c, i + 1), d)))
}

/** momentum velocity + d, of coefficient i. */
// @ts-ignore: decorator
@inline
function pushed(c: u32, i: u32, velocity: v128, d: v128): v128 {
  return flush(c, mulAdd(get(c, i), velocity, d))
}

/** p - lr d. */
// @ts-ignore: decorator
@inline
function moved(c: u32, parameter: v128, d: v128): v128 {
  return f32x4.sub(parameter, f32x4.mul(get(c, RATE), d))
}

const MOMENTUM: u32 = OWN

function plainSgd<Decay>(c: u32, count: u32, p: u32, g: u32): f32 {
  let sizes = constant(0)
  for (; count >= 8; count -= 8, p += 32, g += 32) {
    const low = v128.load(p)
    const high = v128.load(p, 16)
    const lowMoved = moved(c, low, gradient<Decay>(c, v128.load(g), low))
    const highMoved = moved(c, high, gradient<Decay>(c, v128.load(g, 16), high))
    storePair(p, lowMoved, highMoved)
    sizes = larger(c, larger(c, sizes, lowMoved), highMoved)
  }
  for (; count; p += 16, g += 16) {
    const some = min<u32>(count, 4)
    const parameter = loadSome(p, some)
    const updated = moved(c, parameter, gradient<Decay>(c, loadSome(g, some), parameter))
    storeSome(p, updated, some)
    sizes = larger(c, sizes, firstOf(updated, some))
    count -= some
  }
  return maximumOf(sizes)
}

// @ts-ignore: decorator
@inline
function direction(c: u32, d: v128, velocity: v128, nesterov: v128): v128 {
  return v128.bitselect(mulAdd(get(c, MOMENTUM), velocity, d), velocity, nesterov)
}

function momentumSgd<Decay>(c: u32, count: u32, p: u32, g: u32, v: u32, ahead: i32): f32 {
  const nesterov = i32x4.splat(ahead)
  let sizes = constant(0)
  for (; count >= 8; count -= 8, p += 32, g += 32, v += 32) {
    const low = v128.load(p)
    const high = v128.load(p, 16)
    const lowGradient = gradient<Decay>(c, v128.load(g), low)
    const highGradient = gradient<Decay>(c, v128.load(g, 16), high)
    const lowVelocity = pushed(c, MOMENTUM, v128.load(v), lowGradient)
    const highVelocity = pushed(c, MOMENTUM, v128.load(v, 16), highGradient)
    const lowMoved = moved(c, low, direction(c, lowGradient, lowVelocity, nesterov))
    const highMoved = moved(c, high, direction(c, highGradient, highVelocity, nesterov))
    storePair(v, lowVelocity, highVelocity)
    storePair(p, lowMoved, highMoved)
    sizes = larger(c, larger(c, sizes, lowMoved), highMoved)
  }
  for (; count; p += 16, g += 16, v += 16) {
    const some = min<u32>(count, 4)
    const parameter = loadSome(p, some)
    const d = gradient<Decay>(c, loadSome(g, some), parameter)
    const velocity = pushed(c, MOMENTUM, loadSome(v, some), d)
    const updated = moved(c, parameter, direction(c, d, velocity, nesterov))
    storeSome(v, velocity, some)
    storeSome(p, updated, some)
    sizes = larger(c, sizes, firstOf(updated, some))
    count -= some
  }
  return maximumOf(sizes)
}

export function sgd(
  count: u32, p: u32, g: u32, v: u32,
  scale: f32, clip: f32, lr: f32, momentum: f32, nesterov: bool, weightDecay: f32,
): f32 {
  const c = prepare(scale, clip, weightDecay, lr)
  put(c, MOMENTUM, momentum)
  if (momentum == 0) return weightDecay != 0 ? plainSgd<Coupled>(c, count, p, g) : plainSgd<Plain>(c, count, p, g)
  const ahead = -<i32>nesterov
  if (weightDecay != 0) return momentumSgd<Coupled>(c, count, p, g, v, ahead)
  return momentumSgd<Plain>(c, count, p, g, v, ahead)
}

const BETA1: u32 = OWN
const BETA2: u32 = OWN + 2
const DECAY: u32 = OWN + 4
const INVERSE_ROOT: u32 = OWN + 5
const ADAM_EPSILON: u32 = OWN + 6

// @ts-ignore: decorator
@inline
function adamMoved(c: u32, parameter: v128, first: v128, second: v128): v128 {
  const denominator = mulAdd(f32x4.sqrt(second), get(c, INVERSE_ROOT), get(c, ADAM_EPSILON))
  return moved(c, f32x4.mul(parameter, get(c, DECAY)), f32x4.div(first, denominator))
}

function adamOf<Decay>(c: u32, count: u32, p: u32, g: u32, m: u32, v: u32): f32 {
  let sizes = constant(0)
  for (; count >= 8; count -= 8, p += 32, g += 32, m += 32, v += 32) {
    const low = v128.load(p)
    const high = v128.load(p, 16)
    const lowGradient = gradient<Decay>(c, v128.load(g), low)
    const highGradient = gradient<Decay>(c, v128.load(g, 16), high)
    const lowFirst = decayed(c, BETA1, v128.load(m), lowGradient)
    const highFirst = decayed(c, BETA1, v128.load(m, 16), highGradient)
    const lowSecond = decayed(c, BETA2, v128.load(v), f32x4.mul(lowGradient, lowGradient))
    const highSecond = decayed(c, BETA2, v128.load(v, 16), f32x4.mul(highGradient, highGradient))
    const lowMoved = adamMoved(c, low, lowFirst, lowSecond)
    const highMoved = adamMoved(c, high, highFirst, highSecond)
    storePair(m, lowFirst, highFirst)
    storePair(v, lowSecond, highSecond)
    storePair(p, lowMoved, highMoved)
    sizes = larger(c, larger(c, sizes, lowMoved), highMoved)
  }
  for (; count; p += 16, g += 16, m += 16, v += 16) {
    const some = min<u32>(count, 4)
    const parameter = loadSome(p, some)
    const d = gradient<Decay>(c, loadSome(g, some), parameter)
    const first = decayed(c, BETA1, loadSome(m, some), d)
    const second = decayed(c, BETA2, loadSome(v, some), f32x4.mul(d, d))
    const updated = adamMoved(c, parameter, first, second)
    storeSome(m, first, some)
    storeSome(v, second, some)
    storeSome(p, updated, some)
    sizes = larger(c, sizes, firstOf(updated, some))
    count -= some
  }
  return maximumOf(sizes)
}

/** `decay` is 1 - lr weightDecay (decoupled), `stepSize` lr / correction1, `inverseRoot` 1 / sqrt(correction2). */
export function adam(
  count: u32, p: u32, g: u32, m: u32, v: u32,
  scale: f32, clip: f32, stepSize: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, epsilon: f32,
  weightDecay: f32, decay: f32, inverseRoot: f32,
): f32 {
  const c = prepare(scale, clip, weightDecay, stepSize)
  put(c, BETA1, beta1)
  put(c, BETA1 + 1, oneMinusBeta1)
  put(c, BETA2, beta2)
  put(c, BETA2 + 1, oneMinusBeta2)
  put(c, DECAY, decay)
  put(c, INVERSE_ROOT, inverseRoot)
  put(c, ADAM_EPSILON, epsilon)
  return weightDecay != 0 ? adamOf<Coupled>(c, count, p, g, m, v) : adamOf<Plain>(c, count, p, g, m, v)
}

const RHO: u32 = OWN
const RMSPROP_MOMENTUM: u32 = OWN + 2
const RMSPROP_EPSILON: u32 = OWN + 3

// @ts-ignore: decorator
@inline
function rmspropDirection(c: u32, d: v128, square: v128): v128 {
  return f32x4.div(d, f32x4.add(f32x4.sqrt(square), get(c, RMSPROP_EPSILON)))
}

function rmspropOf<Decay, Push>(c: u32, count: u32, p: u32, g: u32, s: u32, v: u32): f32 {
  let sizes = constant(0)
  for (; count >= 8; count -= 8, p += 32, g += 32, s += 32, v += 32) {
    const low = v128.load(p)
    const high = v128.load(p, 16)
    const lowGradient = gradient<Decay>(c, v128.load(g), low)
    const highGradient = gradient<Decay>(c, v128.load(g, 16), high)
    const lowSquare = decayed(c, RHO, v128.load(s), f32x4.mul(lowGradient, lowGradient))
    const highSquare = decayed(c, RHO, v128.load(s, 16), f32x4.mul(highGradient, highGradient))
    let lowStep = rmspropDirection(c, lowGradient, lowSquare)
    let highStep = rmspropDirection(c, highGradient, highSquare)
    if (idof<Push>() == idof<Pushed>()) {
      lowStep = pushed(c, RMSPROP_MOMENTUM, v128.load(v), lowStep)
      highStep = pushed(c, RMSPROP_MOMENTUM, v128.load(v, 16), highStep)
      storePair(v, lowStep, highStep)
    }
    const lowMoved = moved(c, low, lowStep)
    const highMoved = moved(c, high, highStep)
    storePair(s, lowSquare, highSquare)
    storePair(p, lowMoved, highMoved)
    sizes = larger(c, larger(c, sizes, lowMoved), highMoved)
  }
  for (; count; p += 16, g += 16, s += 16, v += 16) {
    const some = min<u32>(count, 4)
    const parameter = loadSome(p, some)
    let d = gradient<Decay>(c, loadSome(g, some), parameter)
    const square = decayed(c, RHO, loadSome(s, some), f32x4.mul(d, d))
    storeSome(s, square, some)
    d = rmspropDirection(c, d, square)
    if (idof<Push>() == idof<Pushed>()) {
      d = pushed(c, RMSPROP_MOMENTUM, loadSome(v, some), d)
      storeSome(v, d, some)
    }
    const updated = moved(c, parameter, d)
    storeSome(p, updated, some)
    sizes = larger(c, sizes, firstOf(updated, some))
    count -= some
  }
  return maximumOf(sizes)
}

export function rmsprop(
  count: u32, p: u32, g: u32, s: u32, v: u32,
  scale: f32, clip: f32, lr: f32, rho: f32, oneMinusRho: f32, epsilon: f32, momentum: f32, weightDecay: f32,
): f32 {
  const c = prepare(scale, clip, weightDecay, lr)
  put(c, RHO, rho)
  put(c, RHO + 1, oneMinusRho)
  put(c, RMSPROP_MOMENTUM, momentum)
  put(c, RMSPROP_EPSILON, epsilon)
  if (momentum != 0) {
    if (weightDecay != 0) return rmspropOf<Coupled, Pushed>(c, count, p, g, s, v)
    return rmspropOf<Plain, Pushed>(c, count, p, g, s, v)
  }
  if (weightDecay != 0) return rmspropOf<Coupled, Plain>(c, count, p, g, s, v)
  return rmspropOf<Plain, Plain>(c, count, p, g, s, v)
}

const ADAGRAD_EPSILON: u32 = OWN

// @ts-ignore: decorator
@inline
function adagradMoved(c: u32, parameter: v128, d: v128, square: v128): v128 {
  const denominator = f32x4.add(f32x4.sqrt(square), get(c, ADAGRAD_EPSILON))
  return f32x4.sub(parameter, f32x4.div(f32x4.mul(get(c, RATE), d), denominator))
}

function adagradOf<Decay>(c: u32, count: u32, p: u32, g: u32, s: u32): f32 {
  let sizes = constant(0)
  for (; count >= 8; count -= 8, p += 32, g += 32, s += 32) {
    const low = v128.load(p)
    const high = v128.load(p, 16)
    const lowGradient = gradient<Decay>(c, v128.load(g), low)
    const highGradient = gradient<Decay>(c, v128.load(g, 16), high)
    const lowSquare = mulAdd(lowGradient, lowGradient, v128.load(s))
    const highSquare = mulAdd(highGradient, highGradient, v128.load(s, 16))
    const lowMoved = adagradMoved(c, low, lowGradient, lowSquare)
    const highMoved = adagradMoved(c, high, highGradient, highSquare)
    storePair(s, lowSquare, highSquare)
    storePair(p, lowMoved, highMoved)
    sizes = larger(c, larger(c, sizes, lowMoved), highMoved)
  }
  for (; count; p += 16, g += 16, s += 16) {
    const some = min<u32>(count, 4)
    const parameter = loadSome(p, some)
    const d = gradient<Decay>(c, loadSome(g, some), parameter)
    const square = mulAdd(d, d, loadSome(s, some))
    const updated = adagradMoved(c, parameter, d, square)
    storeSome(s, square, some)
    storeSome(p, updated, some)
    sizes = larger(c, sizes, firstOf(updated, some))
    count -= some
  }
  return maximumOf(sizes)
}

export function adagrad(
  count: u32, p: u32, g: u32, s: u32,
  scale: f32, clip: f32, lr: f32, epsilon: f32, weightDecay: f32,
): f32 {
  const c = prepare(scale, clip, weightDecay, lr)
  put(c, ADAGRAD_EPSILON, epsilon)
  return weightDecay != 0 ? adagradOf<Coupled>(c, count, p, g, s) : adagradOf<Plain>(c, count, p, g, s)
}
