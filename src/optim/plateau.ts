/**
 * Reduce on plateau: the learning rate is multiplied by a factor when a metric has stopped improving.
 * Semantics of torch.optim.lr_scheduler.ReduceLROnPlateau with a relative threshold.
 * The state is a Float64Array of `plateauStateLength` zeros at the start; copied and taken up again, it goes on as before.
 */
import { describe, UserError } from '../errors.ts'

export interface PlateauOptions {
  /** Whether the metric is better low (default) or high. */
  readonly mode?: 'min' | 'max'
  /** What the rate is multiplied by, in (0, 1). Default 0.1. */
  readonly factor?: number
  /** Observations (epochs) without improvement that are let pass. Default 10. */
  readonly patience?: number
  /** Least improvement, relative to the best so far. Default 1e-4. */
  readonly minDelta?: number
  /** Observations after a reduction during which none are counted. Default 0. */
  readonly cooldown?: number
  /** The rate never falls below this. Default 0. */
  readonly minLearningRate?: number
}

const Field = { started: 0, best: 1, numBad: 2, cooldown: 3, factor: 4 } as const

export const plateauStateLength = 5

/** A change of the rate below this is not worth making (as in PyTorch). */
const leastChange = 1e-8

/**
 * Takes in one value of the metric and returns the factor in force: 1 at first, smaller after each reduction.
 * `base` is the learning rate that the factor multiplies. A NaN is no improvement.
 */
export function observePlateau(state: Float64Array, options: PlateauOptions, base: number, metric: number): number {
  const { mode = 'min', factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLearningRate = 0 } = options
  if (!(factor > 0 && factor < 1)) {
    throw new UserError(
      `Expected \`factor\` of reduce-on-plateau to be a number between 0 and 1, got ${describe(factor)}.`,
    )
  }
  if (state[Field.started] === 0) {
    state.set([1, mode === 'min' ? Infinity : -Infinity, 0, 0, 1])
  }
  const best = state[Field.best]!
  const better = mode === 'min' ? metric < best * (1 - minDelta) : metric > best * (1 + minDelta)
  if (better) state[Field.best] = metric
  state[Field.numBad] = better ? 0 : state[Field.numBad]! + 1
  if (state[Field.cooldown]! > 0) {
    state[Field.cooldown]!--
    state[Field.numBad] = 0
  }
  if (state[Field.numBad]! > patience) {
    const rate = base * state[Field.factor]!
    const reduced = Math.max(rate * factor, minLearningRate)
    if (rate - reduced > leastChange) state[Field.factor] = reduced / base
    state[Field.cooldown] = cooldown
    state[Field.numBad] = 0
  }
  return state[Field.factor]!
}

/** The factor in force without a new value: 1 before the first. */
export function plateauFactor(state: Float64Array): number {
  return state[Field.started] === 0 ? 1 : state[Field.factor]!
}
