/** The rules' flat state, and how a verdict gets into it. */
import { alarmsLength, quiet } from '../alarms.ts'
import { thresholds as t } from '../thresholds.ts'
import { severities } from '../verdict.ts'
import type { Severity } from '../verdict.ts'

export const RAISED = 12
const MAX_RAISED = 8

let next = 0
const words = (length = 1): number => {
  const at = next
  next += length
  return at
}

/** Offsets in the state. */
export const HealthField = {
  raisedCount: words(),
  raised: words(RAISED * MAX_RAISED),
  /** Whether a step of which there is nothing to say may be passed over, the alarms being as they are: see ordinary.ts. */
  calm: words(),
  /** Explained share now, its gain over the window, the gain's standard error; NaN without a null loss. */
  explained: words(),
  gain: words(),
  error: words(),
  best: words(),
  growth: words(),
  zeros: words(),
  fallen: words(),
  runaway: words(),
  observed: words(),
  rate: words(),
  lastNorm: words(),
  /** Checks in a row that found no progress. */
  still: words(),
  /** Mean explained share of the window and its standard error, now and where those checks began. */
  mean: words(),
  meanError: words(),
  stillMean: words(),
  stillError: words(),
  /** Checks in a row at which a layer that a signal comes back to had no gradient. */
  idle: words(),
  /** Spikes among the last steps, and their ring. */
  recentSpikes: words(),
  spikes: words(2 + t.spikes.window),
  /** Rings: head, count, values. */
  norms: words(2 + t.growth.past + t.growth.recent),
  losses: words(2 + t.stalled.window),
  variances: words(2 + t.oscillating.window),
  scratch: words(t.growth.past + t.growth.recent),
  /** The part of the batch that was out of line at the last checks, how, and how often in a row; parts at the last check. */
  partWas: words(),
  partKind: words(),
  partCount: words(),
  partsSeen: words(),
  /** Of the noise scale: estimates of |G|^2 and tr(Sigma), smoothed; checks so far; whether it was told. */
  noiseSignal: words(),
  noiseTrace: words(),
  noiseChecks: words(),
  noiseTold: words(),
  alarms: words(alarmsLength),
  /** Silent share of each layer when first known, and whether it is; then the squares of each part at the last check. */
  perLayer: next,
} as const

export const healthStateLength = (layers: number, parts: number): number => HealthField.perLayer + 2 * layers + parts

const F = HealthField

/** Whether a fault was raised by the last step. */
export function faultRaised(state: Float64Array): boolean {
  for (let i = 0; i < state[F.raisedCount]!; i++) if (state[F.raised + i * RAISED + 1]! >= 3) return true
  return false
}

/** After a remedy the network is another one: baselines start anew, nothing is raised for a cool-down. */
export function afterRemedy(state: Float64Array, step: number): void {
  state.fill(0)
  quiet(state, F.alarms, step + t.hysteresis.cooldown)
}

export function raise(
  state: Float64Array,
  code: number,
  severity: Severity,
  layer: number,
  value: number,
  baseline: number,
  threshold: number,
  window: number,
  kind = 0,
  part = -1,
): void {
  const count = state[F.raisedCount]!
  if (count >= MAX_RAISED) return
  const at = F.raised + count * RAISED
  state[at] = code
  state[at + 1] = severities.indexOf(severity)
  state[at + 2] = layer
  state[at + 3] = value
  state[at + 4] = baseline
  state[at + 5] = threshold
  state[at + 6] = window
  state[at + 7] = state[F.explained]!
  state[at + 8] = state[F.gain]!
  state[at + 9] = state[F.error]!
  state[at + 10] = kind
  state[at + 11] = part
  state[F.raisedCount] = count + 1
}
