/** The end of an epoch: its values from their sums, and what follows from them. Nobody need wait for the host. */
import { observePlateau, plateauStateLength } from '../optim/plateau.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { Reason, State } from './state.ts'

/** Loss and metrics into the state's words from `into` on; `sums` holds the loss's sum, then the metrics'. */
export function writeValues(
  plan: Plan,
  state: Float64Array,
  into: number,
  sums: number,
  weight: number,
  rows: number,
): void {
  state[into] = state[sums]! / weight
  let at = sums + 1
  plan.metrics.forEach((metric, m) => {
    state[into + 1 + m] = metric.value(state, at, rows)
    at += metric.sums
  })
}

/** Reduce-on-plateau and early stopping, from the epoch's values. */
export function judgeProgress(plan: Plan, settings: RunSettings, state: Float64Array, floats: Float32Array): void {
  const { plateau, earlyStopping, learningRate } = settings
  const { values } = plan.sumsAt
  if (plateau) {
    const own = state.subarray(State.plateau, State.plateau + plateauStateLength)
    observePlateau(own, plateau, learningRate, state[values + plateau.monitor]!)
  }
  if (!earlyStopping) return
  const value = state[values + earlyStopping.monitor]!
  const sign = earlyStopping.mode === 'min' ? 1 : -1
  const best = sign * state[State.bestMonitored]! - earlyStopping.minDelta
  if (state[State.hasBest] === 0 || sign * value < best) {
    state[State.hasBest] = 1
    state[State.bestMonitored] = value
    state[State.epochsWithoutGain] = 0
    if (earlyStopping.restoreBestWeights) copyParameters(plan, floats, plan.at.parameters, plan.at.best)
  } else if (++state[State.epochsWithoutGain]! >= earlyStopping.patience) {
    state[State.reason] = Reason.earlyStopping
  }
}

/** Between the current parameters and the best ones. */
export function copyParameters(plan: Plan, floats: Float32Array, from: number, to: number): void {
  floats.copyWithin(to, from, from + plan.placements.total)
}
