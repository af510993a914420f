/** Numbers of a distribution from random words, for where many are wanted. */
import { uniform01 } from './philox.ts'

const BITS = 16
let table: Float32Array | undefined

/** The standard normal's quantile of the middle of each 65,536th: from 16 random bits a number between -4.33 and 4.33. */
export function normalTable(): Float32Array {
  if (table) return table
  const size = 2 ** BITS
  table = new Float32Array(size)
  for (let i = 0; i < size / 2; i++) {
    const quantile = lowerQuantile((i + 0.5) / size)
    table[i] = quantile
    table[size - 1 - i] = -quantile
  }
  return table
}

/**
 * The standard normal's quantile for p in (0, 0.5], within 1.2e-9 relative: P. J. Acklam, "An algorithm for computing the
 * inverse normal cumulative distribution function" (2003).
 */
function lowerQuantile(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return polynomial(TAIL, q) / (polynomial(TAIL_UNDER, q) * q + 1)
  }
  const q = p - 0.5
  const r = q * q
  return (polynomial(MIDDLE, r) * q) / (polynomial(MIDDLE_UNDER, r) * r + 1)
}

/** Highest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0
  for (const coefficient of coefficients) sum = sum * x + coefficient
  return sum
}

// prettier-ignore
const MIDDLE = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239]
const MIDDLE_UNDER = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572]
// prettier-ignore
const TAIL = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783]
const TAIL_UNDER = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416]

/**
 * A number of Beta(alpha, alpha) from two uint32; NaN where they are refused, which fewer than three of four are.
 * Algorithm BA of Cheng, "Generating beta variates with nonintegral shape parameters" (1978).
 */
export function betaAt(alpha: number, word1: number, word2: number): number {
  const u1 = uniform01(word1) + 2 ** -33
  const u2 = uniform01(word2) + 2 ** -33
  const beta = alpha > 1 ? 1 / Math.sqrt(alpha) : 1 / alpha
  const v = Math.min(700, Math.max(-700, beta * Math.log(u1 / (1 - u1))))
  const w = alpha * Math.exp(v)
  const isTaken =
    2 * alpha * Math.log((2 * alpha) / (alpha + w)) + (alpha + 1 / beta) * v - Math.log(4) >= Math.log(u1 * u1 * u2)
  return isTaken ? w / (alpha + w) : NaN
}
