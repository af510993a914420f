/** NaN and infinities in gradients: found, named, and dealt with as the caller chose. */
import { TrainingError } from '../errors.ts'
import type { PlacedGradient } from './tensors.ts'

/**
 * 'skip': change nothing and report. 'error': change nothing and throw. 'zero': set the non-finite elements to 0, then go on.
 * 'torch': go on regardless, as PyTorch does by default (a NaN norm makes every element NaN, an infinite one makes them 0 or NaN).
 */
export type OnNonFinite = 'skip' | 'error' | 'zero' | 'torch'

/** The first non-finite element: which gradient of the list (nulls counted), which element, and what it is. */
export interface NonFinite {
  readonly tensor: number
  readonly index: number
  readonly value: number
}

export class NonFiniteGradientError extends TrainingError {
  override name = 'NonFiniteGradientError'
  readonly at: NonFinite

  constructor(at: NonFinite) {
    super(
      `Gradient is not finite: element ${at.index} of gradient ${at.tensor} is ${at.value}. Nothing was changed. ` +
        `Lower the learning rate or look for non-finite numbers in the batch.`,
    )
    this.at = at
  }
}

export function findNonFinite(gradients: readonly PlacedGradient[]): NonFinite | null {
  for (const { position, data } of gradients) {
    for (let index = 0; index < data.length; index++) {
      if (!Number.isFinite(data[index])) return { tensor: position, index, value: data[index]! }
    }
  }
  return null
}

export function zeroNonFinite(gradients: readonly PlacedGradient[]): void {
  for (const { data } of gradients) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) data[i] = 0
  }
}
