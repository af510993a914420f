/**
 * Precision, recall and F1 from counts per class, as scikit-learn's precision_recall_fscore_support with
 * zero_division=0: what nothing can be said of is 0, and classes that are neither true nor predicted anywhere are
 * left out of the mean.
 */
import type { Average } from '../config.ts'
import type { Metric } from '../metrics.ts'
import { argmax, classOf } from './rows.ts'

/** Sums of a class: rows where it is both true and predicted, predicted, true. */
const FIELDS = 3

/** @param single each output says yes or no by itself; one output is about its class alone, without a mean */
export function classMetric(
  type: 'precision' | 'recall' | 'f1',
  average: Average,
  outputs: number,
  single: boolean,
): Metric {
  const share = shares[type]
  return {
    key: type,
    sums: FIELDS * outputs,
    larger: true,
    add(memory, o, t, cols, targets, sums, s) {
      if (single) {
        for (let c = 0; c < cols; c++) count(sums, s + FIELDS * c, memory[o + c]! > 0, memory[t + c]! > 0.5)
        return
      }
      const predicted = argmax(memory, o, cols)
      const truth = classOf(memory, t, targets)
      if (predicted === truth) return count(sums, s + FIELDS * truth, true, true)
      if (predicted >= 0) count(sums, s + FIELDS * predicted, true, false)
      count(sums, s + FIELDS * truth, false, true)
    },
    value(sums, s) {
      let [total, weights, allBoth, allPredicted, allTrue] = [0, 0, 0, 0, 0]
      for (let c = 0; c < outputs; c++) {
        const at = s + FIELDS * c
        const [both, predicted, actual] = [sums[at]!, sums[at + 1]!, sums[at + 2]!]
        const seen = predicted + actual > 0 ? 1 : 0
        const weight = average === 'weighted' ? actual : seen
        total += weight * share(both, predicted, actual)
        weights += weight
        allBoth += both
        allPredicted += predicted
        allTrue += actual
      }
      if (outputs === 1 || average === 'micro') return share(allBoth, allPredicted, allTrue)
      return weights > 0 ? total / weights : 0
    },
  }
}

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)

const shares = {
  precision: (both: number, predicted: number) => ratio(both, predicted),
  recall: (both: number, _predicted: number, actual: number) => ratio(both, actual),
  f1: (both: number, predicted: number, actual: number) => ratio(2 * both, predicted + actual),
}

function count(sums: Float64Array, at: number, predicted: boolean, actual: boolean): void {
  if (predicted && actual) sums[at]! += 1
  if (predicted) sums[at + 1]! += 1
  if (actual) sums[at + 2]! += 1
}
