/** Explosion: a gradient norm that grows and stays, spikes again and again, or a loss far beyond that of a constant. */
import { checkAlarm } from '../alarms.ts'
import { Verdict } from '../detector.ts'
import { deviationLogOf, medianLogOf, medianOf, pushRing } from '../ring.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

const LEAST_GROWTH = Math.log(t.growth.ratio)

export function judgeGrowth(state: Float64Array, s: StepSignals): void {
  const { limit, clip, drift, ratio, recent, past } = t.growth
  const at = F.alarms
  const code = Health.GRAD_EXPLODING
  if (s.gradNorm > 0) pushRing(state, F.norms, past + recent, s.gradNorm)
  state[F.growth] = Math.max(0, state[F.growth]! + Math.min(clip, Math.max(-clip, s.z)) - drift)
  let grown = 0
  if (state[F.growth]! > limit) {
    grown =
      medianLogOf(state, F.norms, past + recent, 0, recent, F.scratch) -
      medianLogOf(state, F.norms, past + recent, recent, past, F.scratch)
  }
  const spike = s.verdict === Verdict.GRAD_SPIKE ? 1 : 0
  // What leaves the ring is the word that the new one takes.
  state[F.recentSpikes]! += spike - state[F.spikes + 2 + state[F.spikes]!]!
  pushRing(state, F.spikes, t.spikes.window, spike)
  const spikes = state[F.recentSpikes]!
  let bad = s.loss > t.runaway.ofNull * s.nullLoss
  // Sorting only where it matters.
  if (bad)
    bad = s.loss > t.runaway.ofMedian * s.nullLoss * medianOf(state, F.losses, t.stalled.window, 0, 64, F.scratch)
  state[F.runaway] = bad && s.gradNorm > state[F.lastNorm]! ? state[F.runaway]! + 1 : bad ? state[F.runaway]! : 0
  const bySpikes = spikes >= t.spikes.count
  const byLoss = state[F.runaway]! >= t.runaway.steps
  const byGrowth = grown > LEAST_GROWTH && (Number.isNaN(s.nullLoss) ? standsOut(state, grown) : rises(state))
  const hit = !converged(state) && (bySpikes || byLoss || byGrowth)
  if (!checkAlarm(state, at, code, true, s.step, hit, state[F.growth]! > limit / 2, 1)) return
  if (byGrowth) raise(state, code, 'fault', -1, Math.exp(grown), 1, ratio, recent)
  else if (byLoss)
    raise(state, code, 'fault', -1, s.loss, s.nullLoss, t.runaway.ofNull * s.nullLoss, t.runaway.steps, 1)
  else raise(state, code, 'fault', -1, spikes, 0, t.spikes.count, t.spikes.window, 2)
}

/** Where nothing is known of the loss: whether it is more than a norm does that wanders about. */
function standsOut(state: Float64Array, grown: number): boolean {
  const { recent, past, quiet, deviations } = t.growth
  return grown > deviations * deviationLogOf(state, F.norms, past + recent, quiet, past, F.scratch)
}

/** Whether the last losses lie above those before them: else it is a network that begins to learn. */
function rises(state: Float64Array): boolean {
  const { recent, before, loss } = t.growth
  const median = (skip: number, count: number) => medianOf(state, F.losses, t.stalled.window, skip, count, F.scratch)
  return median(0, recent) - median(recent, before) > loss
}
