/** How the training step clips: what the config says, and the one number that the optimizer multiplies by. */

/** A closed union: every mode is handled wherever clipping is decided. */
export type Clip =
  /** Scale the whole gradient so that its 2-norm is at most `maxNorm`. */
  | { readonly mode: 'globalNorm'; readonly maxNorm: number }
  /** Clamp every element to [-value, value]. */
  | { readonly mode: 'value'; readonly value: number }
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

/** What a step multiplies its gradient by under this mode, given the norm before clipping. */
export function stepCoefficient(clip: Clip, norm: number): number {
  switch (clip.mode) {
    case 'globalNorm':
      return clipCoefficient(norm, clip.maxNorm)
    case 'value':
    case 'off':
      return 1
  }
}

/** The largest magnitude an element may have under this mode; Infinity where elements are not clamped. */
export function elementLimit(clip: Clip): number {
  switch (clip.mode) {
    case 'value':
      return clip.value
    case 'globalNorm':
    case 'off':
      return Infinity
  }
}
