/** How the training step clips: what the config says, and the one number that the optimizer multiplies by. */
import { DetectorField, normQuantile } from './detector.ts'
import { normExponent } from './norm.ts'
import type { NormType } from './norm.ts'
import { thresholds } from './thresholds.ts'

/** A closed union: every mode is handled wherever clipping is decided. */
export type Clip =
  /** Scale the whole gradient so that its p-norm is at most `maxNorm`; p is `normType`, 2 by default. */
  | { readonly mode: 'globalNorm'; readonly maxNorm: number; readonly normType?: NormType }
  /** Clamp every element to [-value, value]. */
  | { readonly mode: 'value'; readonly value: number }
  /** Scale the gradient of each layer so that its own p-norm is at most `maxNorm`. */
  | { readonly mode: 'layerNorm'; readonly maxNorm: number; readonly normType?: NormType }
  /** Hold the gradient of each unit to `lambda` times the norm of its weights (`epsilon` at least): see adaptive-clip.ts. */
  | { readonly mode: 'adaptive'; readonly lambda: number; readonly epsilon: number }
  /** Scale the whole gradient where its norm stands out from those before it: see `autoLimit`. */
  | { readonly mode: 'auto' }
  /** Scale the whole gradient to the given quantile of the last 64 norms. */
  | { readonly mode: 'quantile'; readonly quantile: number }
  | { readonly mode: 'off' }

/**
 * The factor that brings a gradient of norm `norm` to a norm of at most `maxNorm`: exactly 1 when it is there already,
 * else (maxNorm / norm)(1 - 2^-23). The last factor outweighs the rounding of the product to float32 (2^-24),
 * so the bound holds for the rounded gradient too, and clipping twice changes nothing. NaN gives NaN: test finiteness first.
 */
export function clipCoefficient(norm: number, maxNorm: number): number {
  return norm <= maxNorm ? 1 : (maxNorm / norm) * (1 - 2 ** -23)
}

/** PyTorch's factor, `min(1, maxNorm / (norm + 1e-6))`: the result may exceed the bound by rounding. */
export function torchCoefficient(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6))
}

/**
 * What a step multiplies its whole gradient by under this mode, given the norm (of the mode's exponent) before clipping.
 * @param detector state of the detector, which has observed this norm; without it 'auto' and 'quantile' have no past
 */
export function stepCoefficient(clip: Clip, norm: number, detector?: Float64Array): number {
  switch (clip.mode) {
    case 'globalNorm':
      return clipCoefficient(norm, clip.maxNorm)
    case 'auto':
      return detector ? clipCoefficient(norm, autoLimit(detector)) : 1
    case 'quantile':
      return detector ? clipCoefficient(norm, normQuantile(detector, clip.quantile)) : 1
    case 'layerNorm':
    case 'adaptive':
    case 'value':
    case 'off':
      return 1
  }
}

/**
 * The norm that a step is brought down to by 'auto', where it lies above it: with the median m and the scale s of the
 * last log norms, exp(m + 3 s) and at least 1.5 exp(m); for one that lies z > 3 scales out exp(m + 9 s / z), so that the
 * further out, the less it counts (the reciprocal of ZClip, Kumar et al. 2025, arXiv 2504.02507, on a robust baseline).
 * Infinity before 16 norms.
 */
export function autoLimit(detector: Float64Array): number {
  const median = detector[DetectorField.medianNorm]!
  if (!(median > 0)) return Infinity
  const scale = detector[DetectorField.scale]!
  const z = detector[DetectorField.z]!
  const { z: usual, ratio } = thresholds.autoClip
  const least = ratio * median
  if (z <= usual) return Math.max(least, median * Math.exp(usual * scale))
  return Math.max(least, median * Math.exp((usual ** 2 * scale) / z))
}

/** The largest magnitude an element may have under this mode; Infinity where elements are not clamped. */
export function elementLimit(clip: Clip): number {
  switch (clip.mode) {
    case 'value':
      return clip.value
    default:
      return Infinity
  }
}

/** The exponent of the norm that is held to a bound; infinity for the largest magnitude. */
export const exponentOf = (clip: Clip): number =>
  clip.mode === 'globalNorm' || clip.mode === 'layerNorm' ? normExponent(clip.normType ?? 2) : 2

/** Whether elements, units or layers are cut by themselves, rather than the gradient as a whole. */
export const isByPart = ({ mode }: Clip): boolean => mode === 'value' || mode === 'layerNorm' || mode === 'adaptive'
