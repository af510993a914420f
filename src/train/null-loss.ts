/** The loss of the best constant prediction: what "explained" is measured against. */
import type { Dataset } from '../data/dataset.ts'
import type { LossConfig } from '../model/config.ts'

/**
 * Cross-entropies: the entropy of the mean label (smoothed as the loss smooths it). Squared error: the variance of the targets,
 * mean over the columns; absolute error and Huber: at the median. NaN where there are no rows.
 * Masked positions do not count. The focal losses: at the shares of the classes, near which the best constant lies.
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
    case 'custom':
      return NaN
    case 'sparseCategoricalCrossentropy': {
      const shares = new Float64Array(outputs)
      for (let r = 0; r < rows; r++) shares[y[r]!]! += weight(r) / total
      return entropy(shares.map((p) => p * (1 - smoothing) + smoothing / outputs))
    }
    case 'maskedCrossentropy': {
      const classes = outputs / targets
      const shares = new Float64Array(classes)
      let labelled = 0
      for (let r = 0; r < rows; r++) {
        const labels = y.subarray(r * targets, (r + 1) * targets).filter((label) => label >= 0)
        for (const label of labels) shares[label]! += weight(r) / labels.length
        if (labels.length > 0) labelled += weight(r)
      }
      const spread = shares.map((sum) => (sum / labelled) * (1 - smoothing) + smoothing / classes)
      return labelled > 0 ? (entropy(spread) * labelled) / total : 0
    }
    case 'sparseCategoricalFocalCrossentropy': {
      const shares = new Float64Array(outputs)
      for (let r = 0; r < rows; r++) shares[y[r]!]! += weight(r) / total
      return shares.reduce((sum, p) => sum + (p > 0 ? p * focal(p, loss.gamma ?? 2) : 0), 0)
    }
    case 'binaryFocalCrossentropy': {
      const { alpha = 0.25, gamma = 2 } = loss
      let sum = 0
      for (let c = 0; c < targets; c++) {
        const t = column(c)
        // What is weighed by alpha is as if it were so often there.
        const p = (t * alpha) / (t * alpha + (1 - t) * (1 - alpha))
        sum += t * alpha * focal(p, gamma) + (1 - t) * (1 - alpha) * focal(1 - p, gamma)
      }
      return sum / targets
    }
    case 'klDivergence': {
      let own = 0
      for (let r = 0; r < rows; r++) own += weight(r) * entropy(y.subarray(r * targets, (r + 1) * targets))
      return entropy(Float64Array.from({ length: outputs }, (_, c) => column(c))) - own / total
    }
    case 'hinge': {
      let sum = 0
      for (let c = 0; c < targets; c++) {
        let positive = 0
        for (let r = 0; r < rows; r++) if (y[r * targets + c]! > 0) positive += weight(r)
        sum += (2 * Math.min(positive, total - positive)) / total
      }
      return sum / targets
    }
    case 'cosineDistance': {
      // The best direction is that of the mean of the unit vectors.
      const mean = new Float64Array(targets)
      for (let r = 0; r < rows; r++) {
        const t = y.subarray(r * targets, (r + 1) * targets)
        const size = Math.hypot(...t)
        if (size > 0) t.forEach((value, c) => (mean[c]! += (weight(r) * value) / size / total))
      }
      return 1 - Math.hypot(...mean)
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

/** The focal loss of what is predicted with probability `p`. */
const focal = (p: number, gamma: number): number => (p > 0 ? -((1 - p) ** gamma) * Math.log(p) : 0)

function entropy(shares: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < shares.length; i++) if (shares[i]! > 0) sum -= shares[i]! * Math.log(shares[i]!)
  return sum
}
