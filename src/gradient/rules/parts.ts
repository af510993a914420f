/**
 * The parts that a batch's gradient is summed from, beside each other: all alike, one that repeats itself, one that gives
 * nothing, or one that is many times as large as the others, again and again. The first three compare bits: equal sums of
 * squares of different samples do not happen.
 */
import { checkAlarm } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { Health } from '../verdict.ts'
import { converged } from './progress.ts'
import type { StepSignals } from './signals.ts'
import { HealthField as F, raise } from './state.ts'

/** Kinds of evidence, in the order of their words in advice.ts. */
const NEEDED = [t.shard.same, t.shard.stale, t.shard.silent, t.shard.odd]

export function judgeParts(state: Float64Array, s: StepSignals): void {
  const { parts, partSquares } = s
  if (parts < 2) return
  const before = F.perLayer + 2 * s.layers
  let kind = -1
  let part = -1
  if (allSame(partSquares, parts)) kind = 0
  else if ((part = stale(state, before, s)) >= 0) kind = 1
  else if ((part = silent(partSquares, parts)) >= 0 && !converged(state)) kind = 2
  else if ((part = odd(partSquares, parts)) >= 0 && !converged(state)) kind = 3
  const again = kind >= 0 && kind === state[F.partKind] && part === state[F.partWas]
  state[F.partCount] = kind < 0 ? 0 : again ? state[F.partCount]! + 1 : 1
  state[F.partKind] = kind
  state[F.partWas] = part
  state[F.partsSeen] = parts
  for (let i = 0; i < parts; i++) state[before + i] = partSquares[i]!
  const hit = kind >= 0 && state[F.partCount]! >= NEEDED[kind]!
  if (!checkAlarm(state, F.alarms, Health.SHARD_ANOMALY, true, s.step, hit, false, 1)) return
  const value = kind === 0 ? parts : kind === 3 ? ratioToOthers(partSquares, parts, part) : state[F.partCount]!
  const threshold = kind === 3 ? Math.exp(t.shard.z * t.shard.least) : NEEDED[kind]!
  raise(state, Health.SHARD_ANOMALY, 'fault', -1, value, NaN, threshold, state[F.partCount]!, kind, part)
}

function allSame(squares: Float64Array, parts: number): boolean {
  for (let i = 0; i < parts; i++) if (!(squares[i]! > 0) || squares[i] !== squares[0]) return false
  return true
}

/** The part whose squares are those of the last check, while another's changed; -1 for none. */
function stale(state: Float64Array, before: number, { parts, partSquares }: StepSignals): number {
  if (state[F.partsSeen] !== parts) return -1
  let found = -1
  let changed = false
  for (let i = 0; i < parts; i++) {
    if (partSquares[i]! > 0 && partSquares[i] === state[before + i]) found = i
    else if (partSquares[i] !== state[before + i]) changed = true
  }
  return changed ? found : -1
}

function silent(squares: Float64Array, parts: number): number {
  let found = -1
  let heard = false
  for (let i = 0; i < parts; i++) {
    if (squares[i] === 0) found = found < 0 ? i : found
    else if (squares[i]! > 0) heard = true
  }
  return heard ? found : -1
}

/** The part that stands out most, where it stands out at all; none among fewer than four. */
function odd(squares: Float64Array, parts: number): number {
  if (parts < 4) return -1
  let largest = 0
  for (let i = 1; i < parts; i++) if (squares[i]! > squares[largest]!) largest = i
  let mean = 0
  let spread = 0
  const x = (i: number) => Math.log(squares[i]!) / 2
  for (let i = 0; i < parts; i++) if (i !== largest) mean += x(i) / (parts - 1)
  for (let i = 0; i < parts; i++) if (i !== largest) spread += (x(i) - mean) ** 2 / (parts - 1)
  const z = (x(largest) - mean) / Math.max(Math.sqrt(spread), t.shard.least)
  return z > t.shard.z ? largest : -1
}

function ratioToOthers(squares: Float64Array, parts: number, part: number): number {
  let sum = 0
  for (let i = 0; i < parts; i++) if (i !== part) sum += squares[i]! / (parts - 1)
  return Math.sqrt(squares[part]! / sum)
}
