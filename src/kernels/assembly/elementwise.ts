/**
 * Runs of elements: sums, copies, activations and their derivatives. A `mask` is all ones where a condition holds. By two
 * vectors where there are two: what is done to both alike and stored side by side, the compiler joins to 256 bits.
 */
import { exp, expm1, constant, gauss, geluSlope, normalCdf, select, sigmoid, softplus, tanh } from './math'
import { loadSome, storePair, storeSome } from './vector'

const LINEAR: i32 = 0
const RELU: i32 = 1
const LEAKY_RELU: i32 = 2
const ELU: i32 = 3
const SELU: i32 = 4
const GELU: i32 = 5
const SIGMOID: i32 = 6
const TANH: i32 = 7
const SOFTPLUS: i32 = 8
const EXPONENTIAL: i32 = 9

// Klambauer et al., "Self-normalizing neural networks" (2017).
const SELU_SCALE: f32 = 1.0507009873554805
const SELU_PRODUCT: f32 = 1.7580993408473768

export function add(count: u32, x: u32, y: u32): void {
  for (; count >= 8; count -= 8) {
    const low = f32x4.add(v128.load(y), v128.load(x))
    const high = f32x4.add(v128.load(y, 16), v128.load(x, 16))
    storePair(y, low, high)
    x += 32
    y += 32
  }
  for (; count >= 4; count -= 4) {
    v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
    x += 16
    y += 16
  }
  if (count) storeSome(y, f32x4.add(loadSome(y, count), loadSome(x, count)), count)
}

export function fill(count: u32, value: f32, y: u32): void {
  const v = f32x4.splat(value)
  for (; count >= 4; count -= 4) {
    v128.store(y, v)
    y += 16
  }
  if (count) storeSome(y, v, count)
}

export function copy(count: u32, x: u32, y: u32): void {
  memory.copy(y, x, count << 2)
}

/** f(x); `kind` is a constant at each call, so that only its own arithmetic is left. */
// @ts-ignore: decorator
@inline
function activation(kind: i32, x: v128, alpha: v128): v128 {
  if (kind == LINEAR) return x
  if (kind == RELU) return v128.andnot(x, f32x4.le(x, constant(0)))
  if (kind == LEAKY_RELU) return select(f32x4.gt(x, constant(0)), x, f32x4.mul(x, alpha))
  if (kind == ELU) return select(f32x4.gt(x, constant(0)), x, f32x4.mul(alpha, expm1(x)))
  if (kind == SELU) {
    const low = f32x4.mul(constant(SELU_PRODUCT), expm1(x))
    return select(f32x4.gt(x, constant(0)), f32x4.mul(constant(SELU_SCALE), x), low)
  }
  if (kind == GELU) return f32x4.mul(x, normalCdf(x, gauss(x)))
  if (kind == SIGMOID) return sigmoid(x)
  if (kind == TANH) return tanh(x)
  if (kind == EXPONENTIAL) return exp(x)
  return softplus(x)
}

/** dy f'(.), from the output of f; of gelu `saved` is the slope. */
// @ts-ignore: decorator
@inline
function derivative(kind: i32, saved: v128, dy: v128, alpha: v128): v128 {
  if (kind == RELU) return v128.andnot(dy, f32x4.le(saved, constant(0)))
  if (kind == LEAKY_RELU) return select(f32x4.gt(saved, constant(0)), dy, f32x4.mul(dy, alpha))
  if (kind == ELU) {
    return select(f32x4.gt(saved, constant(0)), dy, f32x4.mul(dy, f32x4.add(saved, alpha)))
  }
  if (kind == SELU) {
    const low = f32x4.add(saved, constant(SELU_PRODUCT))
    return f32x4.mul(dy, select(f32x4.gt(saved, constant(0)), constant(SELU_SCALE), low))
  }
  if (kind == SIGMOID) return f32x4.mul(dy, f32x4.mul(saved, f32x4.sub(constant(1), saved)))
  if (kind == TANH) return f32x4.mul(dy, f32x4.sub(constant(1), f32x4.mul(saved, saved)))
  if (kind == GELU || kind == EXPONENTIAL) return f32x4.mul(dy, saved)
  return f32x4.mul(dy, f32x4.neg(expm1(f32x4.neg(saved))))
}

// @ts-ignore: decorator
@inline
function activateAll(kind: i32, count: u32, x: u32, y: u32, factor: f32): void {
  const alpha = f32x4.splat(factor)
  for (; count >= 8; count -= 8) {
    const low = activation(kind, v128.load(x), alpha)
    const high = activation(kind, v128.load(x, 16), alpha)
    storePair(y, low, high)
    x += 32
    y += 32
  }
  for (; count >= 4; count -= 4) {
    v128.store(y, activation(kind, v128.load(x), alpha))
    x += 16
    y += 16
  }
  if (count) storeSome(y, activation(kind, loadSome(x, count), alpha), count)
}

// @ts-ignore: decorator
@inline
function biasActivateAll(kind: i32, rows: u32, cols: u32, x: u32, ld: u32, bias: u32, factor: f32): void {
  const alpha = f32x4.splat(factor)
  for (; rows > 0; rows--) {
    let at = x
    let b = bias
    let left = cols
    for (; left >= 8; left -= 8) {
      const low = activation(kind, f32x4.add(v128.load(at), v128.load(b)), alpha)
      const high = activation(kind, f32x4.add(v128.load(at, 16), v128.load(b, 16)), alpha)
      storePair(at, low, high)
      at += 32
      b += 32
    }
    for (; left >= 4; left -= 4) {
      v128.store(at, activation(kind, f32x4.add(v128.load(at), v128.load(b)), alpha))
      at += 16
      b += 16
    }
    if (left) storeSome(at, activation(kind, f32x4.add(loadSome(at, left), loadSome(b, left)), alpha), left)
    x += ld << 2
  }
}

// @ts-ignore: decorator
@inline
function derivativeAll(kind: i32, rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, factor: f32): void {
  const alpha = f32x4.splat(factor)
  // What is left of a row to be skipped.
  const skip = (ld - cols) << 2
  for (; rows > 0; rows--) {
    let left = cols
    for (; left >= 8; left -= 8) {
      const low = derivative(kind, v128.load(saved), v128.load(dy), alpha)
      const high = derivative(kind, v128.load(saved, 16), v128.load(dy, 16), alpha)
      storePair(dx, low, high)
      saved += 32
      dy += 32
      dx += 32
    }
    for (; left >= 4; left -= 4) {
      v128.store(dx, derivative(kind, v128.load(saved), v128.load(dy), alpha))
      saved += 16
      dy += 16
      dx += 16
    }
    if (left) storeSome(dx, derivative(kind, loadSome(saved, left), loadSome(dy, left), alpha), left)
    const step = skip + (left << 2)
    saved += step
    dy += step
    dx += step
  }
}

// One function each: in one function the compiler would fold their loops into one again, and choose in every round.
function reluAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(RELU, count, x, y, alpha)
}
function leakyReluAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(LEAKY_RELU, count, x, y, alpha)
}
function eluAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(ELU, count, x, y, alpha)
}
function seluAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(SELU, count, x, y, alpha)
}
function geluAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(GELU, count, x, y, alpha)
}
function sigmoidAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(SIGMOID, count, x, y, alpha)
}
function tanhAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(TANH, count, x, y, alpha)
}
function softplusAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(SOFTPLUS, count, x, y, alpha)
}
function exponentialAll(count: u32, x: u32, y: u32, alpha: f32): void {
  activateAll(EXPONENTIAL, count, x, y, alpha)
}

function reluBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(RELU, rows, cols, ld, saved, dy, dx, alpha)
}
function leakyReluBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(LEAKY_RELU, rows, cols, ld, saved, dy, dx, alpha)
}
function eluBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(ELU, rows, cols, ld, saved, dy, dx, alpha)
}
function seluBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(SELU, rows, cols, ld, saved, dy, dx, alpha)
}
function geluBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(GELU, rows, cols, ld, saved, dy, dx, alpha)
}
function sigmoidBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(SIGMOID, rows, cols, ld, saved, dy, dx, alpha)
}
function tanhBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(TANH, rows, cols, ld, saved, dy, dx, alpha)
}
function softplusBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(SOFTPLUS, rows, cols, ld, saved, dy, dx, alpha)
}
function exponentialBack(rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32): void {
  derivativeAll(EXPONENTIAL, rows, cols, ld, saved, dy, dx, alpha)
}

export function activate(kind: i32, count: u32, x: u32, y: u32, alpha: f32): void {
  switch (kind) {
    case LINEAR: return copy(count, x, y)
    case RELU: return reluAll(count, x, y, alpha)
    case LEAKY_RELU: return leakyReluAll(count, x, y, alpha)
    case ELU: return eluAll(count, x, y, alpha)
    case SELU: return seluAll(count, x, y, alpha)
    case GELU: return geluAll(count, x, y, alpha)
    case SIGMOID: return sigmoidAll(count, x, y, alpha)
    case TANH: return tanhAll(count, x, y, alpha)
    case SOFTPLUS: return softplusAll(count, x, y, alpha)
    case EXPONENTIAL: return exponentialAll(count, x, y, alpha)
  }
}

export function geluWithSlope(count: u32, x: u32, y: u32): void {
  for (; count >= 8; count -= 8) {
    const low = v128.load(x)
    const high = v128.load(x, 16)
    const lowGauss = gauss(low)
    const highGauss = gauss(high)
    const lowCdf = normalCdf(low, lowGauss)
    const highCdf = normalCdf(high, highGauss)
    const lowSlope = geluSlope(low, lowGauss, lowCdf)
    const highSlope = geluSlope(high, highGauss, highCdf)
    storePair(y, f32x4.mul(low, lowCdf), f32x4.mul(high, highCdf))
    storePair(x, lowSlope, highSlope)
    x += 32
    y += 32
  }
  while (count) {
    const some = min<u32>(count, 4)
    const value = loadSome(x, some)
    const g = gauss(value)
    const cdf = normalCdf(value, g)
    storeSome(y, f32x4.mul(value, cdf), some)
    storeSome(x, geluSlope(value, g, cdf), some)
    x += 16
    y += 16
    count -= some
  }
}

export function activateBackward(
  kind: i32, rows: u32, cols: u32, ld: u32, saved: u32, dy: u32, dx: u32, alpha: f32,
): void {
  switch (kind) {
    case LINEAR: return copyRows(rows, cols, ld, dy, dx)
    case RELU: return reluBack(rows, cols, ld, saved, dy, dx, alpha)
    case LEAKY_RELU: return leakyReluBack(rows, cols, ld, saved, dy, dx, alpha)
    case ELU: return eluBack(rows, cols, ld, saved, dy, dx, alpha)
    case SELU: return seluBack(rows, cols, ld, saved, dy, dx, alpha)
    case GELU: return geluBack(rows, cols, ld, saved, dy, dx, alpha)
    case SIGMOID: return sigmoidBack(rows, cols, ld, saved, dy, dx, alpha)
    case TANH: return tanhBack(rows, cols, ld, saved, dy, dx, alpha)
    case SOFTPLUS: return softplusBack(rows, cols, ld, saved, dy, dx, alpha)
    case EXPONENTIAL: return exponentialBack(rows, cols, ld, saved, dy, dx, alpha)
  }
}

function copyRows(rows: u32, cols: u32, ld: u32, x: u32, y: u32): void {
  for (; rows > 0; rows--) {
    copy(cols, x, y)
    x += ld << 2
    y += ld << 2
  }
}

function biasAll(rows: u32, cols: u32, x: u32, ld: u32, bias: u32): void {
  biasActivateAll(LINEAR, rows, cols, x, ld, bias, 0)
}
function biasReluAll(rows: u32, cols: u32, x: u32, ld: u32, bias: u32, alpha: f32): void {
  biasActivateAll(RELU, rows, cols, x, ld, bias, alpha)
}
function biasLeakyReluAll(rows: u32, cols: u32, x: u32, ld: u32, bias: u32, alpha: f32): void {
  biasActivateAll(LEAKY_RELU, rows, cols, x, ld, bias, alpha)
}

/** The cheap ones in one pass; the others have enough to do with a row that lies in the first-level cache. */
export function biasActivate(kind: i32, rows: u32, cols: u32, x: u32, ld: u32, bias: u32, alpha: f32): void {
  switch (kind) {
    case LINEAR: return biasAll(rows, cols, x, ld, bias)
    case RELU: return biasReluAll(rows, cols, x, ld, bias, alpha)
    case LEAKY_RELU: return biasLeakyReluAll(rows, cols, x, ld, bias, alpha)
  }
  for (; rows > 0; rows--) {
    biasAll(1, cols, x, ld, bias)
    activate(kind, cols, x, x, alpha)
    x += ld << 2
  }
}
