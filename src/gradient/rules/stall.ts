/** No progress that no other verdict explains, told by the size of the updates. */
import { checkAlarm, isOn } from '../alarms.ts'
import { medianOf } from '../ring.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged, stuck } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

export function judgeStall(state: Float64Array, s: StepSignals): void {
  const { small, large, window, gain, checks, explainedLong } = t.stalled
  const at = F.alarms
  const rising = s.learningRate > state[F.rate]!
  state[F.rate] = s.learningRate
  // The part of a warm-up in which the rate rises says nothing yet.
  const still = stuck(state, window) && !rising && !converged(state)
  state[F.still] = still && !hasCrept(state) ? state[F.still]! + 1 : 0
  if (state[F.still] === 0) {
    state[F.stillMean] = state[F.mean]!
    state[F.stillError] = state[F.meanError]!
  }
  const leaps = hasLeapt(state)
  const u = still || leaps ? meanUpdate(s) : NaN
  const other = still && explains(state)
  const code = u < small ? Health.UPDATE_TOO_SMALL : u > large ? Health.UPDATE_TOO_LARGE : Health.STALLED
  const hit = (one: number) => still && !other && code === one
  const { STALLED, UPDATE_TOO_SMALL, UPDATE_TOO_LARGE } = Health
  const idle = idleLayer(state, s)
  const idles = idle >= 0
  if (
    checkAlarm(state, at, UPDATE_TOO_SMALL, true, s.step, idles || hit(UPDATE_TOO_SMALL), idles || still, idles ? 1 : 2)
  ) {
    if (idles) raise(state, UPDATE_TOO_SMALL, 'fault', idle, 0, NaN, 0, t.idle.checks, 1)
    else raise(state, UPDATE_TOO_SMALL, 'fault', -1, u, NaN, small, window)
  }
  const leapt = leaps && u > t.leap.update
  if (checkAlarm(state, at, UPDATE_TOO_LARGE, true, s.step, leapt || hit(UPDATE_TOO_LARGE), still, leapt ? 1 : 2))
    raise(state, UPDATE_TOO_LARGE, 'fault', -1, u, NaN, leapt ? t.leap.update : large, leapt ? t.leap.steps : window)
  const long = state[F.still]! >= checks && state[F.explained]! < explainedLong
  if (checkAlarm(state, at, STALLED, false, s.step, hit(STALLED), still, 2))
    raise(state, STALLED, 'warn', -1, state[F.gain]!, NaN, gain, window)
  if (checkAlarm(state, at, STALLED, true, s.step, hit(STALLED) && long, still, 2))
    raise(state, STALLED, 'fault', -1, state[F.gain]!, NaN, gain, 2 * window)
}

/**
 * The first layer whose gradient was exactly 0 at the last checks, though a signal came back to it and something went in:
 * -1 for none. Not one that is dead, or whose neighbour is: no signal passes there.
 */
function idleLayer(state: Float64Array, s: StepSignals): number {
  if (!s.squares.includes(0) || !(s.gradNorm > 0)) {
    state[F.idle] = 0
    return -1
  }
  let found = -1
  const least = t.idle.share * largest(s.backSignals)
  const most = t.idle.share * largest(s.activations)
  for (let l = s.layers - 1; l >= 0; l--) {
    const isFed = l === 0 || s.activations[l - 1]! > most
    if (s.squares[l] === 0 && s.backSignals[l]! > least && isFed) found = l
  }
  state[F.idle] = found < 0 || converged(state) ? 0 : state[F.idle]! + 1
  return state[F.idle]! >= t.idle.checks ? found : -1
}

function largest(values: Float64Array): number {
  let most = 0
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!
  return most
}

/**
 * Whether more is explained than where the standstill began: progress so slow that one window's noise hides it. A long
 * plateau before the learning looks like that.
 */
function hasCrept(state: Float64Array): boolean {
  const error = Math.sqrt(state[F.meanError]! * state[F.meanError]! + state[F.stillError]! * state[F.stillError]!)
  return state[F.mean]! - state[F.stillMean]! > Math.max(t.stalled.gain, 2 * error)
}

/** Whether the first steps have thrown the loss far above where it began, and above that of a constant. */
function hasLeapt(state: Float64Array): boolean {
  const { steps, ratio } = t.leap
  if (state[F.observed] !== steps) return false
  // The ring holds the first loss, these, and no more; in units of the best constant's.
  const first = state[F.losses + 2]!
  return medianOf(state, F.losses, t.stalled.window, 0, steps, F.scratch) > ratio * Math.max(first, 1)
}

/** log10 of the relative update, mean over the layers. */
function meanUpdate(s: StepSignals): number {
  let sum = 0
  let count = 0
  for (let l = 0; l < s.layers; l++) {
    if (!(s.weights[l]! > 0)) continue
    sum += Math.log10(Math.max(s.updates[l]! / s.weights[l]!, 1e-38))
    count++
  }
  return count > 0 ? sum / count : NaN
}

/** Whether an alarm that is on says already why nothing moves. */
function explains(state: Float64Array): boolean {
  for (let i = 0; i < EXPLAINING.length; i++) if (isOn(state, F.alarms, EXPLAINING[i]!)) return true
  return false
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
