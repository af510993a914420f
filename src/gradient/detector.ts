/**
 * The detector: what a step's loss and gradient norm (before clipping) say about its health.
 *
 * It works on x = ln(norm), so that its verdicts do not depend on the unit of the loss, against the median and the MAD of
 * the last 64 values: z = (x - median) / max(1.4826 MAD, 0.05). A spike is z > 8 and more than three times the median;
 * a huge spike is z > 20 and more than ten times. A value beyond +-6 enters the window as +-6 (winsorised), so spikes
 * do not hide the next spike; a non-finite value and a zero gradient (ln 0) never enter. There is no spike before 16 values.
 *
 * A lasting change of level (a step of the schedule, layers unfrozen) is accepted: 8 values in a row beyond +-6 on one side,
 * whose own 1.4826 MAD is below 2 scales, become the new window.
 *
 * All state is one flat Float64Array (zeros at the start), pure in and out: copied at any step and taken up again, it gives
 * the same verdicts. Nothing is allocated per step.
 */
import {
  clearWindow,
  pushValue,
  windowCount,
  windowDeviation,
  windowLength,
  windowMedian,
  windowQuantile,
} from './robust-window.ts'
import { thresholds } from './thresholds.ts'

export const Verdict = {
  healthy: 0,
  GRAD_SPIKE: 1,
  NONFINITE_LOSS: 2,
  NONFINITE_GRAD: 3,
  NONFINITE_PARAM: 4,
} as const
export type VerdictName = keyof typeof Verdict
export type VerdictCode = (typeof Verdict)[VerdictName]

const { spike: t } = thresholds
const runSize = t.run
const LEAST_EXCESS = Math.log(t.ratio)

/** Offsets in the state. The first seven describe the last observed step; z is 0 where there was none. */
export const DetectorField = {
  verdict: 0,
  z: 1,
  /** exp(median of the log norms) before this step; 0 while there is none. */
  medianNorm: 2,
  /** ln(norm) - median; 0 where there is none. */
  excess: 3,
  /** Scale of the log norms: max(1.4826 MAD, 0.05); 0 while there is none. */
  scale: 4,
  /** 1 when this step raises a new spike alarm: at most one per cool-down, for logs and callbacks. */
  raised: 5,
  /** 1 when this step made a lasting change of level the new normal. */
  rebaselined: 6,
  cooldown: 7,
  numSpikes: 8,
  numNonFinite: 9,
  /** Side of the run of values out of band (-1, 0, 1), its length, then its values. */
  runSide: 10,
  runLength: 11,
  run: 12,
  /** Highest median norm so far: what this training has lived with. */
  highestMedian: 12 + runSize,
} as const

const windowAt = DetectorField.highestMedian + 1

/** Elements of state. */
export const detectorStateLength = windowAt + windowLength

/** Of normal values, the standard deviation over the MAD: 1 / (the quantile of 3/4). */
const deviationToScale = 1.4826

export function resetDetector(state: Float64Array): void {
  state.fill(0, 0, detectorStateLength)
}

/** Judges one step: `lossMean` and `gradNorm` are the reduced numbers, before clipping. */
export function observe(state: Float64Array, lossMean: number, gradNorm: number): VerdictCode {
  clearStep(state)
  const verdict = judge(state, lossMean, gradNorm)
  state[DetectorField.verdict] = verdict
  return verdict
}

/** Judges the parameters after an update by their largest magnitude (NaN if any is NaN). */
export function observeParameters(state: Float64Array, largestParameter: number): VerdictCode {
  if (Number.isFinite(largestParameter)) return Verdict.healthy
  state[DetectorField.numNonFinite]!++
  state[DetectorField.verdict] = Verdict.NONFINITE_PARAM
  return Verdict.NONFINITE_PARAM
}

/**
 * Whether the step just observed is too far out to be worth clipping. Not where its norm is below a tenth of a level
 * that was normal once: the gradients of a network that has learnt its data fall by decades, and what stands out among
 * them harms nothing.
 */
export function isHugeSpike(state: Float64Array): boolean {
  if (!(state[DetectorField.z]! > t.hugeZ)) return false
  const norm = state[DetectorField.medianNorm]! * Math.exp(state[DetectorField.excess]!)
  const matters = norm > 0.1 * state[DetectorField.highestMedian]!
  return state[DetectorField.excess]! > Math.log(t.hugeRatio) && matters
}

/** The given quantile (0 to 1, rounded to a rank) of the last norms, winsorised; Infinity before there are 16. */
export function normQuantile(state: Float64Array, quantile: number): number {
  return windowCount(state, windowAt) < t.values ? Infinity : Math.exp(windowQuantile(state, windowAt, quantile))
}

function judge(state: Float64Array, lossMean: number, gradNorm: number): VerdictCode {
  if (!Number.isFinite(lossMean) || !Number.isFinite(gradNorm)) {
    state[DetectorField.numNonFinite]!++
    return Number.isFinite(lossMean) ? Verdict.NONFINITE_GRAD : Verdict.NONFINITE_LOSS
  }
  const x = Math.log(gradNorm)
  if (!Number.isFinite(x)) return Verdict.healthy
  if (windowCount(state, windowAt) < t.values) {
    pushValue(state, windowAt, x)
    return Verdict.healthy
  }
  const median = windowMedian(state, windowAt)
  const scale = scaleAround(state, median)
  const z = (x - median) / scale
  state[DetectorField.z] = z
  const medianNorm = Math.exp(median)
  state[DetectorField.medianNorm] = medianNorm
  state[DetectorField.highestMedian] = Math.max(state[DetectorField.highestMedian]!, medianNorm)
  state[DetectorField.excess] = x - median
  state[DetectorField.scale] = scale

  pushValue(state, windowAt, Math.min(Math.max(x, median - t.band * scale), median + t.band * scale))
  acceptNewLevel(state, x, Math.abs(z) > t.band ? Math.sign(z) : 0, scale)

  const isSpike = z > t.z && x - median > LEAST_EXCESS
  raise(state, isSpike)
  return isSpike ? Verdict.GRAD_SPIKE : Verdict.healthy
}

function clearStep(state: Float64Array): void {
  // A call of `fill` takes longer than these few words.
  for (let i = DetectorField.verdict; i <= DetectorField.rebaselined; i++) state[i] = 0
}

function scaleAround(state: Float64Array, median: number): number {
  return Math.max(deviationToScale * windowDeviation(state, windowAt, median), t.leastScale)
}

/** Keeps the run of values out of band; a run that is long and even enough becomes the new window. */
function acceptNewLevel(state: Float64Array, x: number, side: number, scale: number): void {
  if (side !== state[DetectorField.runSide]) state[DetectorField.runLength] = 0
  state[DetectorField.runSide] = side
  if (side === 0) return
  const length = state[DetectorField.runLength]!
  if (length === runSize) state.copyWithin(DetectorField.run, DetectorField.run + 1, DetectorField.run + runSize)
  state[DetectorField.run + Math.min(length, runSize - 1)] = x
  state[DetectorField.runLength] = Math.min(length + 1, runSize)
  if (length + 1 < runSize) return
  if (deviationToScale * deviationOfRun(state) >= 2 * scale) return

  clearWindow(state, windowAt)
  for (let i = 0; i < runSize; i++) pushValue(state, windowAt, state[DetectorField.run + i]!)
  state[DetectorField.runSide] = 0
  state[DetectorField.runLength] = 0
  state[DetectorField.rebaselined] = 1
}

/** MAD of the 8 values of the run: selects in place of sorting, since 8 x 8 comparisons need no memory. */
function deviationOfRun(state: Float64Array): number {
  const median = (rankOfRun(state, 3, 0, false) + rankOfRun(state, 4, 0, false)) / 2
  return (rankOfRun(state, 3, median, true) + rankOfRun(state, 4, median, true)) / 2
}

/** The value of this rank (0 is the least) among the run's values, or among their distances from `centre`. */
function rankOfRun(state: Float64Array, rank: number, centre: number, distances: boolean): number {
  for (let i = 0; i < runSize; i++) {
    const candidate = runTerm(state, i, centre, distances)
    let below = 0
    let equal = 0
    for (let j = 0; j < runSize; j++) {
      const other = runTerm(state, j, centre, distances)
      if (other < candidate) below++
      else if (other === candidate) equal++
    }
    if (below <= rank && rank < below + equal) return candidate
  }
  throw new Error('internal: a run of finite values has a value of every rank')
}

function runTerm(state: Float64Array, i: number, centre: number, distances: boolean): number {
  const value = state[DetectorField.run + i]!
  return distances ? Math.abs(value - centre) : value
}

/** An alarm that is on stays on for its cool-down and is cleared before another is raised, never in the same step. */
function raise(state: Float64Array, isSpike: boolean): void {
  if (isSpike) state[DetectorField.numSpikes]!++
  if (state[DetectorField.cooldown]! > 0) {
    state[DetectorField.cooldown]!--
  } else if (isSpike) {
    state[DetectorField.raised] = 1
    state[DetectorField.cooldown] = t.cooldown
  }
}
