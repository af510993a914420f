/** The signal on its way through the layers: a gradient that vanishes, activations that die out. */
import { checkAlarm, isOn } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged, stuck } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

/** log10 of the first over the last of the layers [0, end) that show a number other than 0; NaN where fewer than two do. */
export function profile(values: Float64Array, end: number): number {
  let first = -1
  let last = -1
  for (let i = 0; i < end; i++) {
    if (!(values[i]! > 0)) continue
    if (first < 0) first = i
    last = i
  }
  return first === last ? NaN : Math.log10(values[first]! / values[last]!)
}

/** A symptom that was raised is there until half of it is gone. */
const isThere = (state: Float64Array, code: number, value: number, limit: number): boolean =>
  value < limit || (value < limit / 2 && isOn(state, F.alarms, code))

export function judgeProfile(state: Float64Array, s: StepSignals): void {
  const { layers, step } = s
  const hidden = layers - 1
  const at = F.alarms
  const noGain = stuck(state, t.noProgress.window)
  const ok = converged(state)
  let first = -1
  let last = -1
  for (let i = 0; i < hidden; i++) {
    if (!(s.weights[i]! > 0)) continue
    if (first < 0) first = i
    last = i
  }
  // Where a layer is dead, nothing can reach those before it: that has a verdict of its own.
  let dead = false
  for (let i = 0; i < layers; i++) if (s.active[i] === 0) dead = true
  const relative = (i: number) => Math.sqrt(s.squares[i]!) / s.weights[i]!
  const u = first === last || dead ? NaN : Math.log10(relative(first) / relative(last))
  const { warn, fault } = t.vanishing
  const extreme = !ok && (u < fault || (noGain && isThere(state, Health.GRAD_VANISHING, u, warn)))
  if (checkAlarm(state, at, Health.GRAD_VANISHING, false, step, !ok && u < warn, u < warn / 2))
    raise(state, Health.GRAD_VANISHING, 'warn', first, u, 0, warn, t.hysteresis.hits)
  if (checkAlarm(state, at, Health.GRAD_VANISHING, true, step, extreme, u < warn))
    raise(state, Health.GRAD_VANISHING, 'fault', first, u, 0, u < fault ? fault : warn, t.hysteresis.hits)

  const a = -profile(s.activations, hidden)
  const d = profile(s.backSignals, layers)
  const low = Math.min(Number.isNaN(a) ? 0 : a, Number.isNaN(d) ? 0 : d)
  const collapsed = !ok && low < t.collapse.profile
  if (checkAlarm(state, at, Health.SIGNAL_COLLAPSE, false, step, collapsed, low < t.collapse.profile / 2))
    raise(state, Health.SIGNAL_COLLAPSE, 'warn', hidden, low, 0, t.collapse.profile, t.hysteresis.hits)
  const harmful = !ok && noGain && isThere(state, Health.SIGNAL_COLLAPSE, low, t.collapse.profile)
  if (checkAlarm(state, at, Health.SIGNAL_COLLAPSE, true, step, harmful, collapsed))
    raise(state, Health.SIGNAL_COLLAPSE, 'fault', hidden, low, 0, t.collapse.profile, t.noProgress.window)
}
