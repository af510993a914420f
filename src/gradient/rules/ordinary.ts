/**
 * What every step is judged by, in one go where it has nothing to say: most steps of most runs. It leaves the state that
 * the rules would (test/gradient/ordinary.test.ts has both do every step), but asks once what each of them asks for
 * itself. Where a rule could have something to say, now or to end what it said before, the step is the rules'.
 */
import { isQuiet, isSteady } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F } from './state.ts'

/** In `HealthField.calm`: whether a step without a hit changes no alarm that every step is checked for. */
const Calm = { no: 0, yes: 1, converged: 2 } as const

/** Alarms that every step is checked for, but that of a run that has converged. */
const WATCHING = [
  ...[Health.GRAD_SPIKE, Health.NONFINITE_LOSS, Health.NONFINITE_GRAD, Health.NONFINITE_PARAM, Health.GRAD_EXPLODING],
  ...[Health.ZERO_GRADIENT, Health.LOSS_DIVERGING, Health.REPLICA_DIVERGENCE],
]

const [NORMS, LOSSES, VARIANCES, SPIKES] = [F.norms, F.losses, F.variances, F.spikes]
const NUM_NORMS = t.growth.past + t.growth.recent
const NUM_LOSSES = t.stalled.window
const NUM_VARIANCES = t.oscillating.window
const NUM_SPIKES = t.spikes.window
const [GROWTH, DRIFT, MOST_GROWTH] = [t.growth.clip, t.growth.drift, t.growth.limit]
const [OF_NULL, FALL, CONVERGED] = [t.runaway.ofNull, t.diverging.fall, t.converged.explained]

/** @returns whether it was one; if not, the state is as before */
export function passOrdinary(state: Float64Array, s: StepSignals): boolean {
  const calm = state[F.calm]!
  if (calm === Calm.no || s.verdict !== 0 || s.mistaken || s.diverged) return false
  const { loss, nullLoss, gradNorm } = s
  const explained = 1 - loss / nullLoss
  const growth = Math.max(0, state[F.growth]! + Math.min(GROWTH, Math.max(-GROWTH, s.z)) - DRIFT)
  if (!Number.isFinite(loss) || !(gradNorm > 0 && gradNorm < Infinity)) return false
  if (growth > MOST_GROWTH || loss > OF_NULL * nullLoss || state[F.recentSpikes] !== 0) return false
  if (state[F.best]! - explained > FALL) return false
  if (calm !== (explained > CONVERGED ? Calm.converged : Calm.yes)) return false

  state[F.raisedCount] = 0
  state[F.explained] = explained
  if (explained > state[F.best]!) state[F.best] = explained
  state[F.growth] = growth
  state[F.runaway] = 0
  state[F.zeros] = 0
  state[F.fallen] = 0
  state[next(state, LOSSES, NUM_LOSSES)] = loss / (Number.isFinite(nullLoss) ? nullLoss : 1)
  state[next(state, NORMS, NUM_NORMS)] = gradNorm
  state[next(state, SPIKES, NUM_SPIKES)] = 0
  state[next(state, VARIANCES, NUM_VARIANCES)] = s.lossVariance / (nullLoss * nullLoss)
  return true
}

/** Moves a ring on; @returns the word that its new value takes: a value that is passed on would be garbage in every step */
function next(state: Float64Array, at: number, size: number): number {
  const head = state[at]!
  state[at] = head + 1 < size ? head + 1 : 0
  if (state[at + 1]! < size) state[at + 1]!++
  return at + 2 + head
}

/** After the rules: what the next step may take for granted. */
export function noteCalm(state: Float64Array): void {
  state[F.calm] = calmOf(state)
}

function calmOf(state: Float64Array): number {
  if (state[F.observed] === 0) return Calm.no
  for (let i = 0; i < WATCHING.length; i++) {
    const code = WATCHING[i]!
    if (!isQuiet(state, F.alarms, code, code !== Health.GRAD_SPIKE)) return Calm.no
  }
  if (isQuiet(state, F.alarms, Health.CONVERGED, false)) return Calm.yes
  return isSteady(state, F.alarms, Health.CONVERGED, false) ? Calm.converged : Calm.no
}
