/**
 * Gradient clipping by norm and by value, in place, for gradients that the caller holds.
 * (The training step folds `clipCoefficient` into the optimizer instead and needs no pass of its own.)
 *
 * Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013; the call shapes are PyTorch's.
 */
import { describe, UserError } from '../errors.ts'
import { clipCoefficient, torchCoefficient } from './coefficient.ts'
import { findNonFinite, NonFiniteGradientError, zeroNonFinite } from './non-finite.ts'
import type { NonFinite, OnNonFinite } from './non-finite.ts'
import { normExponent, normOf } from './norm.ts'
import type { NormType } from './norm.ts'
import { distinctGradients } from './tensors.ts'
import type { GradientList, PlacedGradient } from './tensors.ts'

export interface ClipOptions {
  /** >= 1 or 'inf'; default 2. */
  readonly normType?: NormType
  /** Default 'skip'. */
  readonly onNonFinite?: OnNonFinite
  /** 'strict' (default) keeps the bound exactly and leaves a gradient within it bitwise alone; 'torch' is PyTorch's formula. */
  readonly mode?: 'strict' | 'torch'
  /** Allow a bound of 0, which zeroes the gradient. Default false. */
  readonly allowZero?: boolean
  /** The gradients stand for `scale` times themselves (1 / loss scale, 1 / total weight): folded into the coefficient. Default 1. */
  readonly scale?: number
}

export interface ClipResult {
  /** Norm before clipping, `scale` included. Not finite exactly when the gradient is not (with 'zero': after zeroing). */
  readonly totalNorm: number
  /** What the elements were multiplied by, `scale` included; 1 where nothing was. */
  readonly coef: number
  readonly clipped: boolean
  readonly nonFinite: NonFinite | null
}

/**
 * Scales the gradients so that their common norm is at most `maxNorm`.
 * In strict mode at scale 1 the result obeys the bound exactly (p = 2, maxNorm >= 1e-30), and clipping again changes no bit.
 * Throws `UserError` for a bad bound or option before anything is changed, `NonFiniteGradientError` if `onNonFinite` is 'error'.
 */
export function clipGradNorm_(gradients: GradientList, maxNorm: number, options: ClipOptions = {}): ClipResult {
  checkOptions('maxNorm', maxNorm, options)
  const exponent = normExponent(options.normType ?? 2)
  const distinct = distinctGradients(gradients)
  return scaleToNorm(distinct, maxNorm, norm(distinct, exponent), exponent, options)
}

/** The second half of `clipGradNorm_`: scales by a norm (of the unscaled gradients) that is known already. */
export function clipGradsWithNorm_(
  gradients: GradientList,
  maxNorm: number,
  totalNorm: number,
  options: ClipOptions = {},
): ClipResult {
  checkOptions('maxNorm', maxNorm, options)
  if (totalNorm < 0) throw new UserError(`Expected \`totalNorm\` to be >= 0, got ${describe(totalNorm)}.`)
  const exponent = normExponent(options.normType ?? 2)
  return scaleToNorm(distinctGradients(gradients), maxNorm, totalNorm, exponent, options)
}

/**
 * Clamps every element to [-value, value]; elements inside keep their bits. `totalNorm` is the norm before.
 * In strict mode a float32 element never exceeds `value` itself; in torch mode, `value` rounded to float32.
 */
export function clipGradValue_(gradients: GradientList, value: number, options: ClipOptions = {}): ClipResult {
  checkOptions('value', value, options)
  const exponent = normExponent(options.normType ?? 2)
  const distinct = distinctGradients(gradients)
  const scale = options.scale ?? 1
  const { totalNorm, nonFinite, proceed } = settleNonFinite(distinct, norm(distinct, exponent), exponent, options)
  if (!proceed) return { totalNorm: totalNorm * scale, coef: 1, clipped: false, nonFinite }
  let clipped = false
  for (const { data } of distinct) {
    const limit =
      data instanceof Float64Array ? value : options.mode === 'torch' ? Math.fround(value) : floorFloat32(value)
    for (let i = 0; i < data.length; i++) {
      const element = data[i]! * scale
      clipped ||= Math.abs(element) > value
      data[i] = element > limit ? limit : element < -limit ? -limit : element
    }
  }
  return { totalNorm: totalNorm * scale, coef: scale, clipped, nonFinite }
}

function scaleToNorm(
  distinct: readonly PlacedGradient[],
  maxNorm: number,
  normBefore: number,
  exponent: number,
  options: ClipOptions,
): ClipResult {
  const scale = options.scale ?? 1
  const settled = settleNonFinite(distinct, normBefore, exponent, options)
  const totalNorm = settled.totalNorm * scale
  const { nonFinite } = settled
  if (!settled.proceed) return { totalNorm, coef: 1, clipped: false, nonFinite }
  const coefficient = options.mode === 'torch' ? torchCoefficient : clipCoefficient
  const clip = coefficient(totalNorm, maxNorm)
  const coef = scale * clip
  if (coef !== 1) {
    for (const { data } of distinct) for (let i = 0; i < data.length; i++) data[i] = data[i]! * coef
  }
  return { totalNorm, coef, clipped: clip !== 1, nonFinite }
}

function norm(distinct: readonly PlacedGradient[], exponent: number): number {
  return normOf(
    distinct.map((placed) => placed.data),
    exponent,
  )
}

/** Whether to go on, and with which norm. Finiteness is a case of its own: no comparison with NaN decides anything. */
function settleNonFinite(
  distinct: readonly PlacedGradient[],
  totalNorm: number,
  exponent: number,
  options: ClipOptions,
): { totalNorm: number; nonFinite: NonFinite | null; proceed: boolean } {
  if (Number.isFinite(totalNorm)) return { totalNorm, nonFinite: null, proceed: true }
  const nonFinite = findNonFinite(distinct)
  if (nonFinite === null) {
    throw new UserError(
      `Expected a norm within the range of float64, got \`${totalNorm}\` from finite elements. Scale the gradients down.`,
    )
  }
  switch (options.onNonFinite ?? 'skip') {
    case 'skip':
      return { totalNorm, nonFinite, proceed: false }
    case 'error':
      throw new NonFiniteGradientError(nonFinite)
    case 'zero':
      zeroNonFinite(distinct)
      return { totalNorm: norm(distinct, exponent), nonFinite, proceed: true }
    case 'torch':
      return { totalNorm, nonFinite, proceed: true }
  }
}

function checkOptions(name: string, bound: number, options: ClipOptions): void {
  if (!(bound > 0 || (bound === 0 && options.allowZero))) {
    const hint = bound === 0 ? ' To zero the gradients, say `allowZero: true`.' : ''
    throw new UserError(`Expected \`${name}\` to be a number > 0, got ${describe(bound)}.${hint}`)
  }
  const scale = options.scale ?? 1
  if (!(scale > 0 && scale < Infinity)) {
    throw new UserError(`Expected \`scale\` to be a finite number > 0, got ${describe(scale)}.`)
  }
}

/** The largest float32 that is <= value, for value >= 0. */
function floorFloat32(value: number): number {
  const rounded = new Float32Array([value])
  if (rounded[0]! > value) new Uint32Array(rounded.buffer)[0]! -= 1
  return rounded[0]!
}
