/**
 * The decision of a step, taken before the update from reduced numbers only, so that every worker would take the same:
 *   loss or norm not finite -> skip;  huge spike -> skip;  else apply with the clip coefficient.
 * Skip means "this batch never happened": nothing but the order of the data and this state moves on. Repeated skips stop the run;
 * an update that is not finite is never accepted, however many there are.
 *
 * The state is one flat Float64Array: the detector's, then the fields below; zeros at the start. Nothing is allocated per step.
 */
import { isByPart, stepCoefficient } from './coefficient.ts'
import type { Clip } from './coefficient.ts'
import { detectorStateLength, isHugeSpike, observe, observeParameters, resetDetector, Verdict } from './detector.ts'

export const Decision = { apply: 0, skip: 1, stop: 2 } as const
export type DecisionName = keyof typeof Decision
export type DecisionCode = (typeof Decision)[DecisionName]

export interface DecideOptions {
  /** Default: global norm at most 1. */
  readonly clip: Clip
  /** Whether a huge spike skips its batch (default) or is only clipped. Where every step sees the same batch, skipping repeats itself. */
  readonly spikeSkip: boolean
  /** The run stops at this many skips in a row. Default 3. */
  readonly maxConsecutiveSkips: number
  /** The run stops at this many skips within the last 50 steps. Default 5. */
  readonly maxSkipsInWindow: number
}

export const defaultDecideOptions: DecideOptions = {
  clip: { mode: 'globalNorm', maxNorm: 1 },
  spikeSkip: true,
  maxConsecutiveSkips: 3,
  maxSkipsInWindow: 5,
}

/** Steps within which skips are counted. */
export const skipWindow = 50

/** Offsets in the state, behind those of `DetectorField`. */
export const DecisionField = {
  decision: detectorStateLength,
  /** What the update multiplies the mean gradient by; 0 unless the decision is to apply. */
  coefficient: detectorStateLength + 1,
  loss: detectorStateLength + 2,
  gradNormBeforeClip: detectorStateLength + 3,
  /** Norm before times coefficient. Where parts are cut by themselves it is not known here: NaN until the caller fills it in. */
  gradNormAfterClip: detectorStateLength + 4,
  skipsInARow: detectorStateLength + 5,
  skipsInWindow: detectorStateLength + 6,
  numSkips: detectorStateLength + 7,
  /** Place of the next step in the ring of the last 50 (1 = skipped). */
  head: detectorStateLength + 8,
  /** Skips in a row before the last step. */
  skipsBefore: detectorStateLength + 9,
  ring: detectorStateLength + 10,
} as const

/** Elements of state, the detector's included. */
export const decideStateLength = DecisionField.ring + skipWindow

export function resetDecide(state: Float64Array): void {
  resetDetector(state)
  state.fill(0, detectorStateLength, decideStateLength)
}

/**
 * Decides a step from its mean loss and the norm of its mean gradient before clipping; all it says is left in `state`.
 * On 'skip' and 'stop' nothing may be updated.
 * @param gradNorm its 2-norm, which is judged and told
 * @param clipNorm its norm of the exponent that the clip names
 */
export function decide(
  state: Float64Array,
  options: DecideOptions,
  lossMean: number,
  gradNorm: number,
  clipNorm = gradNorm,
): DecisionCode {
  const verdict = observe(state, lossMean, gradNorm)
  const nonFinite = verdict === Verdict.NONFINITE_LOSS || verdict === Verdict.NONFINITE_GRAD
  const skip = nonFinite || (options.spikeSkip && isHugeSpike(state))
  const coefficient = skip ? 0 : stepCoefficient(options.clip, clipNorm, state)
  countSkip(state, skip)

  const decision = !skip ? Decision.apply : skipsEnough(state, options) ? Decision.stop : Decision.skip
  state[DecisionField.decision] = decision
  state[DecisionField.coefficient] = coefficient
  state[DecisionField.loss] = lossMean
  state[DecisionField.gradNormBeforeClip] = gradNorm
  state[DecisionField.gradNormAfterClip] = skip ? 0 : isByPart(options.clip) ? NaN : gradNorm * coefficient
  return decision
}

/**
 * Takes back a decision to apply, when a rehearsal has shown that the update would not be finite: the step becomes a
 * skip like any other, and counts as one.
 */
export function skipNonFiniteUpdate(state: Float64Array, options: DecideOptions): DecisionCode {
  observeParameters(state, NaN)
  const last = (state[DecisionField.head]! + skipWindow - 1) % skipWindow
  state[DecisionField.ring + last] = 1
  state[DecisionField.skipsInWindow]!++
  state[DecisionField.skipsInARow] = state[DecisionField.skipsBefore]! + 1
  state[DecisionField.numSkips]!++
  state[DecisionField.coefficient] = 0
  state[DecisionField.gradNormAfterClip] = 0
  const decision = skipsEnough(state, options) ? Decision.stop : Decision.skip
  state[DecisionField.decision] = decision
  return decision
}

function countSkip(state: Float64Array, skip: boolean): void {
  const place = DecisionField.ring + state[DecisionField.head]!
  const now = skip ? 1 : 0
  state[DecisionField.skipsInWindow]! += now - state[place]!
  state[place] = now
  // No remainder: of doubles it is a slow one.
  const next = state[DecisionField.head]! + 1
  state[DecisionField.head] = next < skipWindow ? next : 0
  state[DecisionField.skipsBefore] = state[DecisionField.skipsInARow]!
  state[DecisionField.skipsInARow] = skip ? state[DecisionField.skipsInARow]! + 1 : 0
  state[DecisionField.numSkips]! += now
}

function skipsEnough(state: Float64Array, options: DecideOptions): boolean {
  return (
    state[DecisionField.skipsInARow]! >= options.maxConsecutiveSkips ||
    state[DecisionField.skipsInWindow]! >= options.maxSkipsInWindow
  )
}
