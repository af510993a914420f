/**
 * The detector of what a single norm cannot tell: growth, profiles over the layers, dead and saturated units, progress.
 * Each rule is a function of one step's signals and the flat state; the first of them, spikes and non-finite numbers,
 * is `observe` in detector.ts, which decides before the update. These here judge after it, and change no bit.
 *
 * State in, state out, one Float64Array (zeros at the start); nothing is allocated in a step. What is raised lies in the
 * state until the next step: `raisedCount` entries of RAISED words from `raisedAt` on.
 */
import { sayVerdict, signalOf } from './advice.ts'
import { judgeGrowth } from './rules/growth.ts'
import { judgeLoss, judgeOscillation } from './rules/loss.ts'
import { judgeNoise } from './rules/noise.ts'
import { judgeParts } from './rules/parts.ts'
import { noteCalm, passOrdinary } from './rules/ordinary.ts'
import { judgeProfile } from './rules/profile.ts'
import { observeProgress, observeTrend } from './rules/progress.ts'
import type { StepSignals } from './rules/signals.ts'
import { judgeStall } from './rules/stall.ts'
import { HealthField as F } from './rules/state.ts'
import { judgeIntegrity, judgeStep, judgeZero } from './rules/step.ts'
import { judgeUnits } from './rules/units.ts'
import { healthCodes, severities } from './verdict.ts'
import type { HealthVerdict } from './verdict.ts'

export type { StepSignals } from './rules/signals.ts'
export { afterRemedy, faultRaised, HealthField, healthStateLength, RAISED } from './rules/state.ts'

/** Judges a step; what it raises lies in the state. */
export function observeHealth(state: Float64Array, s: StepSignals): void {
  if (!passOrdinary(state, s)) return observeByRules(state, s)
  if (s.sampled) {
    observeTrend(state)
    judgeOscillation(state, s)
    judgeSample(state, s)
  }
  endStep(state, s)
}

/** The same by every rule, whatever step it is. */
export function observeByRules(state: Float64Array, s: StepSignals): void {
  state[F.raisedCount] = 0
  judgeStep(state, s)
  if (!Number.isFinite(s.loss) || !Number.isFinite(s.gradNorm)) return noteCalm(state)
  observeProgress(state, s)
  judgeGrowth(state, s)
  judgeZero(state, s)
  judgeLoss(state, s)
  judgeIntegrity(state, s)
  judgeSample(state, s)
  endStep(state, s)
  noteCalm(state)
}

function judgeSample(state: Float64Array, s: StepSignals): void {
  if (s.parts > 1) {
    judgeParts(state, s)
    judgeNoise(state, s)
  }
  if (!s.sampled) return
  judgeProfile(state, s)
  judgeUnits(state, s)
  judgeStall(state, s)
}

function endStep(state: Float64Array, s: StepSignals): void {
  state[F.lastNorm] = s.gradNorm
  state[F.observed]!++
}

/** The i-th verdict of a run of RAISED words, for people. */
export function readVerdict(
  words: ArrayLike<number>,
  at: number,
  step: number,
  layers: readonly string[],
): HealthVerdict {
  const [code, severity] = [healthCodes[words[at]!]!, severities[words[at + 1]!]!]
  return sayVerdict({
    code,
    severity,
    step,
    layer: layers[words[at + 2]!],
    part: words[at + 11]! >= 0 ? words[at + 11]! : undefined,
    evidence: {
      signal: signalOf(code, words[at + 10]!),
      value: words[at + 3]!,
      baseline: words[at + 4]!,
      threshold: words[at + 5]!,
      window: words[at + 6]!,
    },
    harm: { explained: words[at + 7]!, slope: words[at + 8]!, standardError: words[at + 9]! },
  })
}
