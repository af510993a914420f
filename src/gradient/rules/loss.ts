/** What the loss does over time: it leaves its best, swings, or is done. */
import { checkAlarm, isQuiet } from '../alarms.ts'
import { pushRing, ringValue } from '../ring.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged, stuck } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

export function judgeLoss(state: Float64Array, s: StepSignals): void {
  const { fall, steps } = t.diverging
  // Beyond the best constant's, losses are noisy by as much as they are large.
  const fallen = state[F.best]! - state[F.explained]! > fall * Math.max(1, 1 - state[F.best]!)
  state[F.fallen] = fallen ? state[F.fallen]! + 1 : 0
  if (checkAlarm(state, F.alarms, Health.LOSS_DIVERGING, true, s.step, state[F.fallen]! >= steps, fallen, 1))
    raise(state, Health.LOSS_DIVERGING, 'fault', -1, state[F.explained]!, state[F.best]!, fall, steps)
  pushRing(state, F.variances, t.oscillating.window, s.lossVariance / (s.nullLoss * s.nullLoss))
  if (s.sampled) judgeOscillation(state, s)
  if (checkAlarm(state, F.alarms, Health.CONVERGED, false, s.step, converged(state), state[F.explained]! > 0.96, 5))
    raise(state, Health.CONVERGED, 'ok', -1, state[F.explained]!, NaN, t.converged.explained, 5)
}

/** Variance between steps (von Neumann's differences) over that within a step, and how often the loss turns. */
export function judgeOscillation(state: Float64Array, s: StepSignals): void {
  const { ratio, window, turns, turnsAlone } = t.oscillating
  if (state[F.losses + 1]! < 64) return
  const isStuck = stuck(state, 64)
  if (!isStuck && isQuiet(state, F.alarms, Health.LOSS_OSCILLATING, true)) return
  let between = 0
  let turning = 0
  let newer = ringValue(state, F.losses, t.stalled.window, 0)
  let here = ringValue(state, F.losses, t.stalled.window, 1)
  for (let i = 0; i < window; i++) {
    const older = ringValue(state, F.losses, t.stalled.window, i + 2)
    const change = newer - here
    between += change * change
    if (change * (here - older) < 0) turning++
    newer = here
    here = older
  }
  between /= 2 * window
  let within = 0
  for (let i = 0; i < window; i++) within += state[F.variances + 2 + i]!
  const f = between / (within / window)
  const turns0 = turning / window
  const known = Number.isFinite(f)
  const hit = isStuck && (known ? turns0 > turns && f > ratio : turns0 > turnsAlone && between > 0.01)
  if (checkAlarm(state, F.alarms, Health.LOSS_OSCILLATING, true, s.step, hit, known && f > ratio / 2))
    if (known) raise(state, Health.LOSS_OSCILLATING, 'fault', -1, f, 1, ratio, window)
    else raise(state, Health.LOSS_OSCILLATING, 'fault', -1, turns0, NaN, turnsAlone, window, 1)
}
