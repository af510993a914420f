/**
 * Area under the ROC curve: how often a positive row's score is above a negative one's, a tie counting half.
 * Several classes: each against the rest, the mean of those that have both (as scikit-learn's roc_auc_score, 'ovr').
 *
 * Scores are log odds, counted in bins that are narrow where decisions are made, log odds of 0, and grow with the
 * distance: rows of one bin tie. Beside the exact area that is wrong by at most half the share of pairs that meet in a bin.
 */
import type { Metric } from '../metrics.ts'
import { classOf } from './rows.ts'
import type { Floats } from './rows.ts'

const BINS = 2048

/** @param single each output is the log odds of its own class; else a softmax decides between them */
export function areaUnderCurve(outputs: number, single: boolean): Metric {
  // Of two classes, one curve is the other's mirror image.
  const curves = !single && outputs === 2 ? 1 : outputs
  return {
    key: 'auc',
    sums: 2 * BINS * curves,
    larger: true,
    add(memory, o, t, cols, targets, sums, s) {
      const truth = single ? -1 : classOf(memory, t, targets)
      for (let c = 0; c < curves; c++) {
        const of = curves === 1 && !single ? 1 : c
        const odds = single ? memory[o + c]! : logOdds(memory, o, cols, of)
        const positive = single ? memory[t + c]! > 0.5 : truth === of
        sums[s + 2 * (BINS * c + binOf(odds)) + (positive ? 1 : 0)]! += 1
      }
    },
    value(sums, s) {
      let [total, counted] = [0, 0]
      for (let c = 0; c < curves; c++) {
        const area = areaOf(sums, s + 2 * BINS * c)
        if (Number.isNaN(area)) continue
        total += area
        counted++
      }
      return counted > 0 ? total / counted : NaN
    },
  }
}

/** x / (2 + |x|) in equal parts. NaN is the least: it ranks before nothing. */
function binOf(odds: number): number {
  if (Number.isNaN(odds)) return 0
  const place = odds === Infinity ? 1 : odds === -Infinity ? -1 : odds / (2 + Math.abs(odds))
  return Math.min(BINS - 1, Math.floor(((place + 1) / 2) * BINS))
}

/** log(p / (1 - p)) of a softmax: the output less the logarithm of the sum of the others' exponentials. */
function logOdds(memory: Floats, o: number, cols: number, of: number): number {
  let largest = -Infinity
  for (let c = 0; c < cols; c++) if (c !== of) largest = Math.max(largest, memory[o + c]!)
  let total = 0
  for (let c = 0; c < cols; c++) if (c !== of) total += Math.exp(memory[o + c]! - largest)
  return memory[o + of]! - largest - Math.log(total)
}

/** NaN without a positive or without a negative row. */
function areaOf(sums: Float64Array, at: number): number {
  let [below, area, positives] = [0, 0, 0]
  for (let b = 0; b < BINS; b++) {
    const [negative, positive] = [sums[at + 2 * b]!, sums[at + 2 * b + 1]!]
    area += positive * (below + negative / 2)
    below += negative
    positives += positive
  }
  return positives > 0 && below > 0 ? area / (positives * below) : NaN
}
