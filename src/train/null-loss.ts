/** The loss of the best constant prediction: what "explained" is measured against. */
import type { Dataset } from '../data/dataset.ts'
import type { LossConfig } from '../model/config.ts'

/**
 * Cross-entropies: the entropy of the mean label (smoothed as the loss smooths it). Squared error: the variance of the targets,
 * mean over the columns; absolute error and Huber: at the median. NaN where there are no rows.
 */
export function nullLoss({ y, rows, targets, sampleWeight }: Dataset, loss: LossConfig, outputs: number): number {
  if (rows === 0) return NaN
  const smoothing = loss.labelSmoothing ?? 0
  const weight = (row: number) => sampleWeight?.[row] ?? 1
  let total = 0
  for (let r = 0; r < rows; r++) total += weight(r)
  const column = (c: number): number => {
    let sum = 0
    for (let r = 0; r < rows; r++) sum += weight(r) * y[r * targets + c]!
    return sum / total
  }
  switch (loss.type) {
    case 'sparseCategoricalCrossentropy': {
      const shares = new Float64Array(outputs)
      for (let r = 0; r < rows; r++) shares[y[r]!]! += weight(r) / total
      return entropy(shares.map((p) => p * (1 - smoothing) + smoothing / outputs))
    }
    case 'categoricalCrossentropy':
      return entropy(
        Float64Array.from({ length: outputs }, (_, c) => column(c) * (1 - smoothing) + smoothing / outputs),
      )
    case 'binaryCrossentropy': {
      let sum = 0
      for (let c = 0; c < targets; c++) {
        const p = column(c) * (1 - smoothing) + smoothing / 2
        sum += entropy([p, 1 - p])
      }
      return sum / targets
    }
    case 'meanSquaredError': {
      let sum = 0
      for (let c = 0; c < targets; c++) {
        const mean = column(c)
        for (let r = 0; r < rows; r++) sum += weight(r) * (y[r * targets + c]! - mean) ** 2
      }
      return sum / total / targets
    }
    case 'meanAbsoluteError':
    case 'huber': {
      const delta = loss.type === 'huber' ? (loss.delta ?? 1) : 0
      let sum = 0
      for (let c = 0; c < targets; c++) {
        const sorted = Float32Array.from({ length: rows }, (_, r) => y[r * targets + c]!).sort()
        const median = sorted[rows >> 1]!
        for (let r = 0; r < rows; r++) {
          const error = Math.abs(y[r * targets + c]! - median)
          sum += weight(r) * (delta === 0 ? error : error <= delta ? error ** 2 / 2 : delta * (error - delta / 2))
        }
      }
      return sum / total / targets
    }
  }
}

function entropy(shares: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < shares.length; i++) if (shares[i]! > 0) sum -= shares[i]! * Math.log(shares[i]!)
  return sum
}
