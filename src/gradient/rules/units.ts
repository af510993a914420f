/** Units that take no part: silent ReLUs, a layer of them, flat sigmoids. */
import { checkAlarm } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged, stuck } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

export function judgeUnits(state: Float64Array, s: StepSignals): void {
  const { dead } = t
  const noGain = stuck(state, t.noProgress.window)
  const ok = converged(state)
  let deadLayer = -1
  let silent = 0
  let silentLayer = -1
  let grown = false
  let flat = 0
  let flatLayer = -1
  for (let l = 0; l < s.layers; l++) {
    if (s.active[l] === 0 && deadLayer < 0) deadLayer = l
    const share = s.silent[l]!
    const first = F.perLayer + 2 * l
    if (state[first + 1] === 0 && !Number.isNaN(share) && s.silentSamples[l]! >= dead.manySamples) {
      state[first] = share
      state[first + 1] = 1
    }
    if (share > silent && s.silentSamples[l]! >= (share >= dead.fault ? dead.manySamples : dead.samples)) {
      silent = share
      silentLayer = l
      grown = share - state[first]! >= dead.growth
    }
    if (s.flat[l]! > flat) {
      flat = s.flat[l]!
      flatLayer = l
    }
  }
  const at = F.alarms
  const { step } = s
  if (checkAlarm(state, at, Health.DEAD_LAYER, true, step, deadLayer >= 0 && !ok, false, 1))
    raise(state, Health.DEAD_LAYER, 'fault', deadLayer, 0, NaN, 0, 1)
  const harmful = (noGain || grown) && !ok
  if (checkAlarm(state, at, Health.DEAD_UNITS, false, step, silent >= dead.warn && harmful, silent >= dead.warn / 2))
    raise(state, Health.DEAD_UNITS, 'warn', silentLayer, silent, 0, dead.warn, dead.samples)
  const most = silent >= dead.fault && harmful
  if (checkAlarm(state, at, Health.DEAD_UNITS, true, step, most, silent >= dead.warn))
    raise(state, Health.DEAD_UNITS, 'fault', silentLayer, silent, 0, dead.fault, dead.manySamples)
  const { share } = t.saturated
  if (checkAlarm(state, at, Health.SATURATED, false, step, flat > share && !ok, flat > share / 2, 5))
    raise(state, Health.SATURATED, 'warn', flatLayer, flat, 0, share, 5)
}
