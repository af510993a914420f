/**
 * Functions of four float32 at once, from multiplications and additions alone, so that in `kernels-strict` every machine
 * gives the same bits. Polynomials and their errors (at most 2 ulp where nothing else is said) are those of S. Moshier's
 * Cephes library, single precision. NaN stays NaN.
 */
import { multiplyAdd } from './vector'

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

/**
 * Coefficient i of a table. From memory: to make four of a literal takes an engine two or three instructions each time, and
 * polynomials have so many of them that this took longer than their arithmetic.
 */
// @ts-ignore: decorator
@inline
function coefficient(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2))
}

/** Numbers and bits that several functions need, from memory for the same reason. */
const NUMBERS = memory.data<f32>([1, 2, 3, 16, 0.5, -0.5, -105, 89, 14.5, -14.5, 0.625, 0.34657359, 0.41421356, 0.69314718, 0.3989422804014327])
const ONE: usize = 0
const TWO: usize = 1
const THREE: usize = 2
const SIXTEEN: usize = 3
const HALF: usize = 4
const MINUS_HALF: usize = 5
const EXP_LEAST: usize = 6
const EXP_MOST: usize = 7
const GAUSS_MOST: usize = 8
const GAUSS_LEAST: usize = 9
const TANH_NEAR: usize = 10
const EXPM1_NEAR: usize = 11
const SQRT_TWO_LESS_ONE: usize = 12
const LN_TWO: usize = 13
const INVERSE_SQRT_TWO_PI: usize = 14

const BITS = memory.data<u32>([0x7fffffff, 0x80000000, 0xfffff000, 127])
const SIZE: usize = 0
const SIGN: usize = 1
const HIGH: usize = 2
const BIAS: usize = 3

// @ts-ignore: decorator
@inline
function number(i: usize): v128 {
  return coefficient(NUMBERS, i)
}

// @ts-ignore: decorator
@inline
function bits(i: usize): v128 {
  return coefficient(BITS, i)
}

// @ts-ignore: decorator
@inline
function abs(x: v128): v128 {
  return v128.and(x, bits(SIZE))
}

/** p * x + coefficient i. */
// @ts-ignore: decorator
@inline
function horner(p: v128, x: v128, table: usize, i: usize): v128 {
  return multiplyAdd(p, x, coefficient(table, i))
}

const EXPM1 = memory.data<f32>([
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
])

/** e^r - 1 for |r| <= ln(2) / 2. */
// @ts-ignore: decorator
@inline
function expm1Core(r: v128): v128 {
  let p = coefficient(EXPM1, 0)
  p = horner(p, r, EXPM1, 1)
  p = horner(p, r, EXPM1, 2)
  p = horner(p, r, EXPM1, 3)
  p = horner(p, r, EXPM1, 4)
  p = horner(p, r, EXPM1, 5)
  return f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r)
}

/** 1 / ln(2); 1.5 x 2^23: a float32 of this size is a whole number; ln(2) in two parts, the first exact. */
const EXP = memory.data<f32>([1.44269504, 12582912, 0.693359375, 2.1219444e-4])
const SHIFT: usize = 1

/** The integer next to x / ln(2), in the last bits of SHIFT + it. */
// @ts-ignore: decorator
@inline
function shiftedQuotient(x: v128): v128 {
  return f32x4.add(f32x4.mul(x, coefficient(EXP, 0)), coefficient(EXP, SHIFT))
}

/** x - n ln(2), ln(2) in two parts of which the first is exact. */
// @ts-ignore: decorator
@inline
function remainder(x: v128, shifted: v128): v128 {
  const n = f32x4.sub(shifted, coefficient(EXP, SHIFT))
  const r = f32x4.sub(x, f32x4.mul(n, coefficient(EXP, 2)))
  return f32x4.add(r, f32x4.mul(n, coefficient(EXP, 3)))
}

/** 2^n of an integer n in [-126, 127]. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, bits(BIAS)), 23)
}

/** 2^n e^r of n in [-252, 254] as `shiftedQuotient` gives it, and |r| <= ln(2) / 2. */
// @ts-ignore: decorator
@inline
function exponential(r: v128, shifted: v128): v128 {
  const power = i32x4.sub(shifted, coefficient(EXP, SHIFT))
  const half = i32x4.shr_s(power, 1)
  const value = f32x4.add(expm1Core(r), number(ONE))
  return f32x4.mul(f32x4.mul(value, powerOfTwo(half)), powerOfTwo(i32x4.sub(power, half)))
}

/** x between two numbers, NaN where x is: the engine's `min` and `max` take several instructions each for NaN and for -0. */
// @ts-ignore: decorator
@inline
function within(x: v128, least: usize, most: usize): v128 {
  return f32x4.pmin(f32x4.pmax(x, number(least)), number(most))
}

/** e^x; overflows to infinity, underflows through the subnormal numbers to 0. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = within(x, EXP_LEAST, EXP_MOST)
  const n = shiftedQuotient(x)
  return exponential(remainder(x, n), n)
}

/** e^x - 1, accurate near 0 too. */
// @ts-ignore: decorator
@inline
export function expm1(x: v128): v128 {
  const small = f32x4.le(abs(x), number(EXPM1_NEAR))
  return select(small, expm1Core(x), f32x4.sub(exp(x), number(ONE)))
}

const LOG1P = memory.data<f32>([
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
])

/** log(1 + x) for 0 <= x <= 1. */
// @ts-ignore: decorator
@inline
export function log1pOfUnit(x: v128): v128 {
  // 1 + x = 2 (1 + f) above sqrt(2), f = (x - 1) / 2; f = x below.
  const large = f32x4.gt(x, number(SQRT_TWO_LESS_ONE))
  const f = select(large, f32x4.mul(f32x4.sub(x, number(ONE)), number(HALF)), x)
  const z = f32x4.mul(f, f)
  let p = coefficient(LOG1P, 0)
  p = horner(p, f, LOG1P, 1)
  p = horner(p, f, LOG1P, 2)
  p = horner(p, f, LOG1P, 3)
  p = horner(p, f, LOG1P, 4)
  p = horner(p, f, LOG1P, 5)
  p = horner(p, f, LOG1P, 6)
  p = horner(p, f, LOG1P, 7)
  p = horner(p, f, LOG1P, 8)
  p = f32x4.sub(f32x4.mul(f32x4.mul(p, z), f), f32x4.mul(z, number(HALF)))
  return f32x4.add(f32x4.add(p, f), v128.and(large, number(LN_TWO)))
}

const TANH = memory.data<f32>([
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
])

// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = abs(x)
  const z = f32x4.mul(x, x)
  let p = coefficient(TANH, 0)
  p = horner(p, z, TANH, 1)
  p = horner(p, z, TANH, 2)
  p = horner(p, z, TANH, 3)
  p = horner(p, z, TANH, 4)
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x)
  // 1 - 2 / (e^2|x| + 1), with the sign of x.
  const e = exp(f32x4.add(size, size))
  const far = f32x4.sub(number(ONE), f32x4.div(number(TWO), f32x4.add(e, number(ONE))))
  const signed = v128.or(far, v128.and(x, bits(SIGN)))
  return select(f32x4.lt(size, number(TANH_NEAR)), near, signed)
}

/** 1 / (1 + e^-x), as e^x / (1 + e^x) for negative x. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = exp(v128.or(x, bits(SIGN)))
  const numerator = select(f32x4.ge(x, constant(0)), number(ONE), e)
  return f32x4.div(numerator, f32x4.add(e, number(ONE)))
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
  const rest = log1pOfUnit(exp(v128.or(x, bits(SIGN))))
  return f32x4.add(f32x4.max(x, constant(0)), rest)
}

/** e^(-x^2 / 2), 0 from |x| = 14.5 on: x^2 in two parts, the first exact, so that its rounding does not grow with it. */
// @ts-ignore: decorator
@inline
export function gauss(x: v128): v128 {
  x = within(x, GAUSS_LEAST, GAUSS_MOST)
  const high = v128.and(x, bits(HIGH))
  const first = f32x4.mul(f32x4.mul(high, high), number(MINUS_HALF))
  const second = f32x4.mul(f32x4.mul(f32x4.sub(x, high), f32x4.add(x, high)), number(MINUS_HALF))
  const n = shiftedQuotient(f32x4.add(first, second))
  return exponential(f32x4.add(remainder(first, n), second), n)
}

const CDF = memory.data<f32>([
  5.1747123507e-5, 1.1354770686e-4, -3.3759637154e-4, -9.8191329744e-4, 2.9038402718e-3, 6.1315465719e-3, -4.6213168651e-2, 1.2322507799e-1, -2.0640262961e-1, 1.2151394784e-1,
])

/**
 * The standard normal distribution function, erfc(-x / sqrt(2)) / 2, from g = `gauss(x)`; relative error below 1e-6 for
 * x >= -12. What lies beyond |x| is g p(q), q = (|x| - 3) / (|x| + 3) after Shepherd and Laframboise (1981), with p of degree
 * 9 within 1.5e-8 of e^(x^2 / 2) erfc(|x| / sqrt(2)) / 2 for |x| <= 16, by least squares reweighted to the least maximum.
 */
// @ts-ignore: decorator
@inline
export function normalCdf(x: v128, g: v128): v128 {
  const size = f32x4.pmin(abs(x), number(SIXTEEN))
  const q = f32x4.div(f32x4.sub(size, number(THREE)), f32x4.add(size, number(THREE)))
  let p = coefficient(CDF, 0)
  p = horner(p, q, CDF, 1)
  p = horner(p, q, CDF, 2)
  p = horner(p, q, CDF, 3)
  p = horner(p, q, CDF, 4)
  p = horner(p, q, CDF, 5)
  p = horner(p, q, CDF, 6)
  p = horner(p, q, CDF, 7)
  p = horner(p, q, CDF, 8)
  p = horner(p, q, CDF, 9)
  const beyond = f32x4.mul(g, p)
  return select(f32x4.gt(x, constant(0)), f32x4.sub(number(ONE), beyond), beyond)
}

/** The slope of x Phi(x), from g = `gauss(x)` and the distribution function. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128, g: v128, cdf: v128): v128 {
  return f32x4.add(cdf, f32x4.mul(x, f32x4.mul(number(INVERSE_SQRT_TWO_PI), g)))
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
