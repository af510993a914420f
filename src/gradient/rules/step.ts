/** What one step shows by itself: what was decided before its update, no gradient at all, parts out of line, memory. */
import { checkAlarm } from '../alarms.ts'
import { Verdict } from '../detector.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

/** What was decided before the update: a spike, or numbers that are not finite. */
export function judgeStep(state: Float64Array, s: StepSignals): void {
  for (let code = 1; code <= Verdict.NONFINITE_PARAM; code++) {
    const hit = s.verdict === code
    const spike = code === Verdict.GRAD_SPIKE
    if (!checkAlarm(state, F.alarms, code, !spike, s.step, hit, false, 1)) continue
    const value = code === Verdict.NONFINITE_LOSS ? s.loss : spike ? s.z : s.gradNorm
    raise(state, code, spike ? 'warn' : 'fatal', -1, value, 0, spike ? t.spike.z : Infinity, spike ? 64 : 1)
  }
  if (s.mistaken) judgeMistake(state, s)
}

/** What the batch gave when it was computed first, and not when it was computed again. */
function judgeMistake(state: Float64Array, s: StepSignals): void {
  const { firstLoss, firstGradNorm } = s
  const isFinite = Number.isFinite(firstLoss) && Number.isFinite(firstGradNorm)
  const isLoss = !Number.isFinite(firstLoss)
  const code = isFinite ? Verdict.GRAD_SPIKE : isLoss ? Verdict.NONFINITE_LOSS : Verdict.NONFINITE_GRAD
  if (!checkAlarm(state, F.alarms, code, !isFinite, s.step, true, false, 1)) return
  const [value, baseline] = isLoss ? [firstLoss, s.loss] : [firstGradNorm, s.gradNorm]
  raise(state, code, isFinite ? 'warn' : 'fatal', -1, value, baseline, Infinity, 1, 1)
}

export function judgeZero(state: Float64Array, s: StepSignals): void {
  state[F.zeros] = s.gradNorm === 0 && !converged(state) ? state[F.zeros]! + 1 : 0
  const hit = state[F.zeros]! >= t.zero.steps
  if (checkAlarm(state, F.alarms, Health.ZERO_GRADIENT, true, s.step, hit, s.gradNorm === 0, 1))
    raise(state, Health.ZERO_GRADIENT, 'fault', -1, 0, NaN, 0, state[F.zeros]!)
}

export function judgeIntegrity(state: Float64Array, s: StepSignals): void {
  if (checkAlarm(state, F.alarms, Health.REPLICA_DIVERGENCE, true, s.step, s.diverged, false, 1))
    raise(state, Health.REPLICA_DIVERGENCE, 'fault', -1, 1, 0, 0, 1)
}
