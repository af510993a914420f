/**
 * When a rule's hits become a verdict: m of the last n checks raise it, ten clean checks clear it, and one alarm is raised
 * at most once per cool-down. One alarm per code and severity; its words lie in a flat Float64Array, zeros at the start.
 */
import { thresholds } from './thresholds.ts'
import { healthCodes } from './verdict.ts'

const { checks, clean, cooldown } = thresholds.hysteresis

/** Words of an alarm: its last checks (a bit each), whether it is on, clean checks in a row, step from which it may be raised again. */
const ALARM = 4
export const alarmsLength = healthCodes.length * 2 * ALARM

const wordOf = (at: number, code: number, fault: boolean): number => at + (2 * code + (fault ? 1 : 0)) * ALARM

/**
 * One check of a rule.
 * @param hit whether it holds; `near`: whether half of it does, which keeps an alarm that is on
 * @param hits of the last five checks that are needed; 1 raises at once
 * @returns whether the alarm is raised by this check
 */
export function checkAlarm(
  state: Float64Array,
  at: number,
  code: number,
  fault: boolean,
  step: number,
  hit: boolean,
  near: boolean,
  hits: number = thresholds.hysteresis.hits,
): boolean {
  // Nothing is known and nothing is new: most checks of most runs. By itself so that callers take it in.
  if (!hit && isQuiet(state, at, code, fault)) return false
  return noteCheck(state, wordOf(at, code, fault), step, hit, near, hits)
}

function noteCheck(state: Float64Array, w: number, step: number, hit: boolean, near: boolean, hits: number): boolean {
  const bits = ((state[w]! << 1) | (hit ? 1 : 0)) & ((1 << checks) - 1)
  state[w] = bits
  if (state[w + 1] === 1) {
    state[w + 2] = hit || near ? 0 : state[w + 2]! + 1
    if (state[w + 2]! < clean) return false
    state[w + 1] = 0
    state[w + 2] = 0
    state[w] = 0
    return false
  }
  let count = 0
  for (let b = bits; b > 0; b >>= 1) count += b & 1
  if (!hit || count < hits || step < state[w + 3]!) return false
  state[w + 1] = 1
  state[w + 2] = 0
  state[w + 3] = step + cooldown
  return true
}

/** Whether a check without a hit would change nothing: what a hit needs may be left unknown. */
export function isQuiet(state: Float64Array, at: number, code: number, fault: boolean): boolean {
  const w = wordOf(at, code, fault)
  return state[w] === 0 && state[w + 1] === 0
}

/** Whether a check with a hit would change nothing: an alarm that is on, and was hit by every check it knows of. */
export function isSteady(state: Float64Array, at: number, code: number, fault: boolean): boolean {
  const w = wordOf(at, code, fault)
  return state[w] === (1 << checks) - 1 && state[w + 1] === 1 && state[w + 2] === 0
}

export function isOn(state: Float64Array, at: number, code: number): boolean {
  return state[wordOf(at, code, false) + 1] === 1 || state[wordOf(at, code, true) + 1] === 1
}

/** After a remedy: nothing is on, and nothing is raised before `step`. */
export function quiet(state: Float64Array, at: number, step: number): void {
  state.fill(0, at, at + alarmsLength)
  for (let w = at; w < at + alarmsLength; w += ALARM) state[w + 3] = step
}
