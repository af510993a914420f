/** Functions of one number in float64, and the activations made of them. */
import { Activation } from '../kernels.ts'
import type { ActivationCode } from '../kernels.ts'

// Klambauer et al., "Self-normalizing neural networks" (2017).
const SELU_SCALE = 1.0507009873554805
const SELU_ALPHA = 1.6732632423543772

/**
 * erfc(x) = 1 - erf(x), within 1e-13 relative for x <= 20. Below 2.5 the series of erf with only positive terms,
 * 2 x / sqrt(pi) e^(-x^2) (1 + (2 x^2) / 3 + (2 x^2)^2 / (3 5) + ..); above it the continued fraction
 * e^(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ..)))). Abramowitz and Stegun 7.1.6 and 7.1.14.
 */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x
  if (x < 0) return 2 - erfc(-x)
  const density = Math.exp(-x * x) / Math.sqrt(Math.PI)
  if (x < 2.5) {
    let term = 1
    let sum = 1
    for (let n = 1; term > sum * 1e-18; n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return 1 - 2 * x * density * sum
  }
  let fraction = x
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction
  return density / fraction
}

/** The standard normal distribution function. */
export function normalCdf(x: number): number {
  return erfc(-x / Math.SQRT2) / 2
}

export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x))
  return (x >= 0 ? 1 : e) / (1 + e)
}

export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

export function activation(kind: ActivationCode, x: number, alpha: number): number {
  switch (kind) {
    case Activation.linear:
      return x
    case Activation.relu:
      return Math.max(x, 0)
    case Activation.leakyRelu:
      return x > 0 ? x : alpha * x
    case Activation.elu:
      return x > 0 ? x : alpha * Math.expm1(x)
    case Activation.selu:
      return SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x))
    case Activation.gelu:
      return x * normalCdf(x)
    case Activation.sigmoid:
      return sigmoid(x)
    case Activation.tanh:
      return Math.tanh(x)
    case Activation.softplus:
      return softplus(x)
    case Activation.exponential:
      return Math.exp(x)
  }
}

/** The slope of gelu at x. */
export function geluSlope(x: number): number {
  return normalCdf(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

/** f'(x) from the output y = f(x); of gelu, which it does not follow from, `saved` is the slope itself. */
export function derivative(kind: ActivationCode, saved: number, alpha: number): number {
  switch (kind) {
    case Activation.linear:
      return 1
    case Activation.relu:
      return saved > 0 ? 1 : 0
    case Activation.leakyRelu:
      return saved > 0 ? 1 : alpha
    case Activation.elu:
      return saved > 0 ? 1 : saved + alpha
    case Activation.selu:
      return saved > 0 ? SELU_SCALE : saved + SELU_SCALE * SELU_ALPHA
    case Activation.sigmoid:
      return saved * (1 - saved)
    case Activation.tanh:
      return 1 - saved * saved
    case Activation.softplus:
      return -Math.expm1(-saved)
    case Activation.gelu:
    case Activation.exponential:
      return saved
  }
}
