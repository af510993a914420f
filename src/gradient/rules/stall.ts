/** No progress that no other verdict explains, told by the size of the updates. */
import { checkAlarm, isOn } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged, stuck } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

export function judgeStall(state: Float64Array, s: StepSignals): void {
  const { small, large, window, gain } = t.stalled
  const at = F.alarms
  const rising = s.learningRate > state[F.rate]!
  state[F.rate] = s.learningRate
  let [sum, count] = [0, 0]
  for (let l = 0; l < s.layers; l++) {
    if (!(s.weights[l]! > 0)) continue
    sum += Math.log10(Math.max(s.updates[l]! / s.weights[l]!, 1e-38))
    count++
  }
  const u = count > 0 ? sum / count : NaN
  state[F.update] = u
  // The part of a warm-up in which the rate rises says nothing yet.
  const still = stuck(state, window) && !rising && state[F.explained]! < t.stalled.explained && !converged(state)
  const code = u < small ? Health.UPDATE_TOO_SMALL : u > large ? Health.UPDATE_TOO_LARGE : Health.STALLED
  const other = explains(state)
  for (const one of [Health.STALLED, Health.UPDATE_TOO_SMALL, Health.UPDATE_TOO_LARGE]) {
    const fault = one !== Health.STALLED
    if (!checkAlarm(state, at, one, fault, s.step, still && !other && one === code, still, 2)) continue
    const value = fault ? u : state[F.gain]!
    const limit = one === Health.STALLED ? gain : one === Health.UPDATE_TOO_SMALL ? small : large
    raise(state, one, fault ? 'fault' : 'warn', -1, value, NaN, limit, window)
  }
}

/** Whether an alarm that is on says already why nothing moves. */
function explains(state: Float64Array): boolean {
  return EXPLAINING.some((code) => isOn(state, F.alarms, code))
}
const EXPLAINING = [
  Health.GRAD_EXPLODING,
  Health.GRAD_VANISHING,
  Health.SIGNAL_COLLAPSE,
  Health.ZERO_GRADIENT,
  Health.DEAD_LAYER,
  Health.DEAD_UNITS,
  Health.LOSS_OSCILLATING,
  Health.LOSS_DIVERGING,
]
