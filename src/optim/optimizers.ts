/**
 * The optimizers as data: one entry of `optimizerRules` each. The arithmetic is in the kernels; this says which one
 * to call with what, which state a parameter carries, and what the settings are when nothing is said.
 */
import type { OptimizerKernels, Pointer } from '../kernels/kernels.ts'
import { adagrad } from './rules/adagrad.ts'
import { adam, adamw } from './rules/adam.ts'
import { rmsprop } from './rules/rmsprop.ts'
import type { OptimizerRule } from './rules/rule.ts'
import { sgd } from './rules/sgd.ts'

export const optimizerRules = { sgd, adam, adamw, rmsprop, adagrad } as const

export type OptimizerType = keyof typeof optimizerRules

/** The complete settings of one optimizer; `type` tells which. */
export type OptimizerConfig = { [Type in OptimizerType]: (typeof optimizerRules)[Type]['defaults'] }[OptimizerType]

/** What a user may write: a type, and any of its fields. */
export type OptimizerInput = {
  [Type in OptimizerType]: { type: Type } & Partial<(typeof optimizerRules)[Type]['defaults']>
}[OptimizerType]

export const optimizerTypes = Object.keys(optimizerRules) as readonly OptimizerType[]

/** The settings with every field that `input` leaves out at its default. */
export function withDefaults(input: OptimizerInput): OptimizerConfig {
  return { ...optimizerRules[input.type].defaults, ...input } as OptimizerConfig
}

/** Names of the state vectors that each parameter carries, at most two: [], ['velocity'], ['m', 'v'], .. */
export function stateSlots(config: OptimizerConfig): readonly string[] {
  return Object.keys(ruleOf(config).slots(config))
}

/** The value each slot is filled with before step 1, in the order of `stateSlots`. */
export function initialState(config: OptimizerConfig): readonly number[] {
  return Object.values(ruleOf(config).slots(config))
}

/**
 * Applies one step to `count` parameters at `p` with the gradient at `g`; state and parameters change in place.
 * The gradient used is g * scale, clamped to [-clip, clip] where `clip` is finite.
 * @param slot0 the first state vector, and slot1 the second; any pointer where the optimizer has fewer.
 * @param learningRate of this step, as the schedule gives it: `config.learningRate` is not read here.
 * @param step 1 for the first update. A skipped step does not count.
 * @returns the largest |p| after the update, NaN if any is NaN.
 */
export function applyUpdate(
  kernels: OptimizerKernels,
  config: OptimizerConfig,
  count: number,
  p: Pointer,
  g: Pointer,
  slot0: Pointer,
  slot1: Pointer,
  scale: number,
  clip: number,
  learningRate: number,
  step: number,
): number {
  return ruleOf(config).update(kernels, config, count, p, g, slot0, slot1, scale, clip, learningRate, step)
}

function ruleOf(config: OptimizerConfig): OptimizerRule<OptimizerConfig> {
  return optimizerRules[config.type]
}
