/**
 * Functions of four float32 at once, from multiplications and additions alone, so that every machine gives the same
 * bits. Polynomials and their errors (at most 2 ulp where nothing else is said) are those of S. Moshier's Cephes
 * library, single precision. NaN stays NaN.
 */

// @ts-ignore: decorator
@inline
export function constant(x: f32): v128 {
  return f32x4.splat(x)
}

// @ts-ignore: decorator
@inline
export function select(mask: v128, yes: v128, no: v128): v128 {
  return v128.bitselect(yes, no, mask)
}

/** p * x + c, rounded twice. */
// @ts-ignore: decorator
@inline
function horner(p: v128, x: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, x), constant(c))
}

/** e^r - 1 for |r| <= ln(2) / 2. */
// @ts-ignore: decorator
@inline
function expm1Core(r: v128): v128 {
  let p = constant(1.98756915e-4)
  p = horner(p, r, 1.3981999507e-3)
  p = horner(p, r, 8.3334519073e-3)
  p = horner(p, r, 4.1665795894e-2)
  p = horner(p, r, 1.6666665459e-1)
  p = horner(p, r, 5.0000001201e-1)
  return f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r)
}

/** n = the integer next to x / ln(2), and x - n ln(2), ln(2) in two parts of which the first is exact. */
// @ts-ignore: decorator
@inline
function quotient(x: v128): v128 {
  return f32x4.nearest(f32x4.mul(x, constant(1.44269504)))
}

// @ts-ignore: decorator
@inline
function remainder(x: v128, n: v128): v128 {
  const r = f32x4.sub(x, f32x4.mul(n, constant(0.693359375)))
  return f32x4.add(r, f32x4.mul(n, constant(2.1219444e-4)))
}

/** 2^n of an integer n in [-126, 127]. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23)
}

/** e^x; overflows to infinity, underflows through the subnormal numbers to 0. */
export function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, constant(-105)), constant(89))
  const n = quotient(x)
  const power = i32x4.trunc_sat_f32x4_s(n)
  const half = i32x4.shr_s(power, 1)
  const value = f32x4.add(expm1Core(remainder(x, n)), constant(1))
  return f32x4.mul(f32x4.mul(value, powerOfTwo(half)), powerOfTwo(i32x4.sub(power, half)))
}

/** e^x - 1, accurate near 0 too. */
export function expm1(x: v128): v128 {
  const small = f32x4.le(f32x4.abs(x), constant(0.34657359))
  return select(small, expm1Core(x), f32x4.sub(exp(x), constant(1)))
}

/** log(1 + x) for 0 <= x <= 1. */
export function log1pOfUnit(x: v128): v128 {
  // 1 + x = 2 (1 + f) above sqrt(2), f = (x - 1) / 2; f = x below.
  const large = f32x4.gt(x, constant(0.41421356))
  const f = select(large, f32x4.mul(f32x4.sub(x, constant(1)), constant(0.5)), x)
  const z = f32x4.mul(f, f)
  let p = constant(7.0376836292e-2)
  p = horner(p, f, -1.151461031e-1)
  p = horner(p, f, 1.167699874e-1)
  p = horner(p, f, -1.2420140846e-1)
  p = horner(p, f, 1.4249322787e-1)
  p = horner(p, f, -1.6668057665e-1)
  p = horner(p, f, 2.0000714765e-1)
  p = horner(p, f, -2.4999993993e-1)
  p = horner(p, f, 3.3333331174e-1)
  p = f32x4.sub(f32x4.mul(f32x4.mul(p, z), f), f32x4.mul(z, constant(0.5)))
  return f32x4.add(f32x4.add(p, f), v128.and(large, constant(0.69314718)))
}

export function tanh(x: v128): v128 {
  const size = f32x4.abs(x)
  const z = f32x4.mul(x, x)
  let p = constant(-5.70498872745e-3)
  p = horner(p, z, 2.06390887954e-2)
  p = horner(p, z, -5.37397155531e-2)
  p = horner(p, z, 1.33314422036e-1)
  p = horner(p, z, -3.33332819422e-1)
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x)
  // 1 - 2 / (e^2|x| + 1), with the sign of x.
  const e = exp(f32x4.add(size, size))
  const far = f32x4.sub(constant(1), f32x4.div(constant(2), f32x4.add(e, constant(1))))
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)))
  return select(f32x4.lt(size, constant(0.625)), near, signed)
}

/** 1 / (1 + e^-x), as e^x / (1 + e^x) for negative x. */
export function sigmoid(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)))
  const numerator = select(f32x4.ge(x, constant(0)), constant(1), e)
  return f32x4.div(numerator, f32x4.add(e, constant(1)))
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
export function softplus(x: v128): v128 {
  const rest = log1pOfUnit(exp(f32x4.neg(f32x4.abs(x))))
  return f32x4.add(f32x4.max(x, constant(0)), rest)
}

/** e^(-x^2 / 2), x^2 being split so that its rounding does not grow with it. */
// @ts-ignore: decorator
@inline
export function gauss(x: v128): v128 {
  const high = v128.and(x, i32x4.splat(0xfffff000))
  const low = f32x4.sub(x, high)
  const first = exp(f32x4.mul(f32x4.mul(high, high), constant(-0.5)))
  const second = exp(f32x4.mul(f32x4.mul(low, f32x4.add(x, high)), constant(-0.5)))
  return f32x4.mul(first, second)
}

/** The standard normal distribution function, erfc(-x / sqrt(2)) / 2; relative error below 1e-6 for x >= -12. */
export function normalCdf(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, constant(-16)), constant(16))
  const t = f32x4.mul(x, constant(0.70710678))
  const size = f32x4.abs(t)
  const z = f32x4.mul(t, t)
  let near = constant(7.853861353153693e-5)
  near = horner(near, z, -8.010193625184903e-4)
  near = horner(near, z, 5.188327685732524e-3)
  near = horner(near, z, -2.685381193529856e-2)
  near = horner(near, z, 1.128358514861418e-1)
  near = horner(near, z, -3.761262582423300e-1)
  near = horner(near, z, 1.128379165726710)
  near = f32x4.add(constant(0.5), f32x4.mul(f32x4.mul(near, t), constant(0.5)))

  const q = f32x4.div(constant(1), f32x4.max(size, constant(1)))
  const w = f32x4.mul(q, q)
  let middle = constant(2.326819970068386e-2)
  middle = horner(middle, w, -1.387039388740657e-1)
  middle = horner(middle, w, 3.687424674597105e-1)
  middle = horner(middle, w, -5.824733027278666e-1)
  middle = horner(middle, w, 6.210004621745983e-1)
  middle = horner(middle, w, -4.944515323274145e-1)
  middle = horner(middle, w, 3.404879937665872e-1)
  middle = horner(middle, w, -2.741127028184656e-1)
  middle = horner(middle, w, 5.638259427386472e-1)
  let far = constant(-1.047766399936249e1)
  far = horner(far, w, 1.297719955372516e1)
  far = horner(far, w, -7.495518717768503)
  far = horner(far, w, 2.921019019210786)
  far = horner(far, w, -1.015265279202700)
  far = horner(far, w, 4.218463358204948e-1)
  far = horner(far, w, -2.820767439740514e-1)
  far = horner(far, w, 5.641895067754075e-1)
  const tail = f32x4.mul(select(f32x4.lt(size, constant(2)), middle, far), q)
  // erfc(size) / 2 is the part beyond |x|; above 0 it is what is missing from 1.
  const outer = f32x4.mul(f32x4.mul(tail, gauss(x)), constant(0.5))
  const signed = select(f32x4.gt(x, constant(0)), f32x4.sub(constant(1), outer), outer)
  return select(f32x4.lt(size, constant(1)), near, signed)
}

/** Natural logarithm of a positive float64 of normal size, below 1 ulp: log(m) by the series of fdlibm's e_log.c. */
export function logOf(x: f64): f64 {
  if (!(x > 0) || x == Infinity) return x == Infinity ? x : x == 0 ? -Infinity : NaN
  const bits = reinterpret<i64>(x)
  let n = ((bits >> 52) & 0x7ff) - 1023
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000)
  if (m > 1.4142135623730951) {
    m *= 0.5
    n += 1
  }
  const f = m - 1
  const s = f / (2 + f)
  const z = s * s
  let r = 1.479819860511658591e-1
  r = r * z + 1.531383769920937332e-1
  r = r * z + 1.818357216161805012e-1
  r = r * z + 2.222219843214978396e-1
  r = r * z + 2.857142874366239149e-1
  r = r * z + 3.999999999940941908e-1
  r = r * z + 6.666666666666735130e-1
  r *= z
  const square = 0.5 * f * f
  const exponent = <f64>n
  return exponent * 6.93147180369123816490e-1 - (square - (s * (square + r) + exponent * 1.90821492927058770002e-10) - f)
}

/** e^x of a float64 x <= 0, below 1e-14: 2^n times the Taylor series of the rest, 14 terms. */
export function expOfNegative(x: f64): f64 {
  if (!(x > -708)) return x != x ? x : 0
  const n = nearest(x * 1.4426950408889634)
  const r = x - n * 6.93147180369123816490e-1 - n * 1.90821492927058770002e-10
  let sum = 1.0
  for (let k = 14; k > 0; k--) sum = 1 + (r * sum) / <f64>k
  return sum * reinterpret<f64>((<i64>n + 1023) << 52)
}
