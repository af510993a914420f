/**
 * How many workers? `workers: 'auto'` finds out while it trains: some steps are run by all, then by half, .. then by one,
 * and that again, since the first steps of all are slow whoever takes them; the fastest number goes on. Nothing is thrown
 * away, because the result does not depend on it.
 *
 * Lives in the arena, in the sequential part: whoever closes a step notes how long it was.
 *
 *   0  the trial that is running (counted from 0), -1 when tuning is over
 *   1  steps of this trial, 2  when those that count began (milliseconds), 3  rounds that are over
 *   4 + 2t  workers of trial t;  5 + 2t  its mean step in microseconds, of its best round
 */

import { TUNING_DOUBLES } from '../plan/lengths.ts'

const TRIAL = 0
const STEPS = 1
const START = 2
const ROUND = 3
const TRIALS = 4
const MAX_TRIALS = 9

if (TRIALS + 2 * MAX_TRIALS > TUNING_DOUBLES) throw new Error('internal: the tuner has too little room')

/** The first steps of a trial wake threads and fill caches. */
const WARM_STEPS = 2
/** Steps of a trial that count, and its length: long steps need fewer, for they vary less. */
const MIN_STEPS = 3
const MAX_STEPS = 40
const TRIAL_MILLIS = 30
const ROUNDS = 3
/** One worker less must be clearly slower to be kept busy. */
const WORTH = 0.97

/** Begins: all workers, then half as many, down to one. */
export function beginTuning(state: Float64Array, workers: number): void {
  state.fill(0, 0, TUNING_DOUBLES)
  state[TRIAL] = workers > 1 ? 0 : -1
  let trial = 0
  for (let n = workers; n >= 1 && trial < MAX_TRIALS; n = n === 1 ? 0 : Math.ceil(n / 2)) {
    state[TRIALS + 2 * trial] = n
    state[TRIALS + 2 * trial + 1] = Infinity
    trial++
  }
}

/** After a step: the number of workers for the next one, or 0 to leave it as it is. */
export function tune(state: Float64Array, nowMillis: number): number {
  const trial = state[TRIAL]!
  if (trial < 0) return 0
  const steps = ++state[STEPS]! - WARM_STEPS
  if (steps === 0) state[START] = nowMillis
  const millis = nowMillis - state[START]!
  if (steps < MIN_STEPS || (steps < MAX_STEPS && millis < TRIAL_MILLIS)) return 0
  state[STEPS] = 0
  const at = TRIALS + 2 * trial
  state[at + 1] = Math.min(state[at + 1]!, (1000 * millis) / steps)
  const more = trial + 1 < MAX_TRIALS && state[at + 2]! > 0
  const again = !more && ++state[ROUND]! < ROUNDS
  state[TRIAL] = more ? trial + 1 : again ? 0 : -1
  return more || again ? state[TRIALS + 2 * state[TRIAL]!]! : fastest(state)
}

/** Fewer workers where they are as fast, within noise. */
export function fastest(state: Float64Array): number {
  let best = 0
  for (let t = 1; t < MAX_TRIALS && state[TRIALS + 2 * t]! > 0; t++) {
    const [few, many] = [state[TRIALS + 2 * t + 1]!, state[TRIALS + 2 * best + 1]!]
    if (few * WORTH <= many) best = t
  }
  return state[TRIALS + 2 * best]!
}

export interface Trial {
  readonly workers: number
  readonly microsPerStep: number
}

/** What was seen: one entry per number of workers that was tried to the end. */
export function trialsOf(state: Float64Array): Trial[] {
  const trials: Trial[] = []
  for (let t = 0; t < MAX_TRIALS && state[TRIALS + 2 * t]! > 0; t++) {
    const [workers, microsPerStep] = [state[TRIALS + 2 * t]!, state[TRIALS + 2 * t + 1]!]
    if (Number.isFinite(microsPerStep)) trials.push({ workers, microsPerStep })
  }
  return trials
}
