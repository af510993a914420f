/** Whether the training gets anywhere: what turns a symptom into a fault. */
import { pushRing, ringValue } from '../ring.ts'
import { thresholds as t } from '../thresholds.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F } from './state.ts'

/** Explained share of this step, and by least squares its gain over the window with its standard error. */
export function observeProgress(state: Float64Array, s: StepSignals): void {
  const explained = 1 - s.loss / s.nullLoss
  state[F.explained] = explained
  pushRing(state, F.losses, t.stalled.window, s.loss / (Number.isFinite(s.nullLoss) ? s.nullLoss : 1))
  if (state[F.observed] === 0) state[F.best] = explained
  if (explained > state[F.best]!) state[F.best] = explained
  if (s.sampled) observeTrend(state)
}

/** Gain over the last steps, as many as the ring holds, into the state. */
export function observeTrend(state: Float64Array): void {
  const ring = F.losses
  const size = t.stalled.window
  // Integers: an index that is a float64 is checked in every round.
  const n = state[ring + 1]! | 0
  if (n < 16) {
    state[F.gain] = NaN
    state[F.error] = NaN
    state[F.mean] = NaN
    state[F.meanError] = NaN
    return
  }
  // One pass, from the newest back, with differences to it: the cost of this is one of a sampled step's largest.
  const newest = (state[ring]! | 0) - 1
  const origin = ringValue(state, ring, size, 0)
  let sum = 0
  let moment = 0
  let squares = 0
  for (let ago = 0, at = newest < 0 ? newest + size : newest; ago < n; ago++) {
    const y = origin - state[ring + 2 + at]!
    sum += y
    moment += ago * y
    squares += y * y
    at = at > 0 ? at - 1 : size - 1
  }
  const mean = sum / n
  const spread = (n * (n * n - 1)) / 12
  const slope = ((n - 1) / 2) * (sum / spread) - moment / spread
  const residual = Math.max(0, squares - n * mean * mean - slope * slope * spread)
  state[F.gain] = slope * n
  state[F.error] = Math.sqrt(residual / (n - 2) / spread) * n
  state[F.mean] = 1 + mean - origin
  state[F.meanError] = Math.sqrt(residual / (n - 2) / n)
}

/** Whether the last steps brought nothing, while there is much to learn. */
export function stuck(state: Float64Array, window: number): boolean {
  if (state[F.losses + 1]! < window || !(state[F.explained]! < t.stalled.explained)) return false
  return !(state[F.gain]! > Math.max(t.stalled.gain, 2 * state[F.error]!))
}

export const converged = (state: Float64Array): boolean => state[F.explained]! > t.converged.explained
