/** What a network that answers nothing but 0 would lose: no loss at initialisation should be far above it. */
import type { Dataset } from '../data/dataset.ts'
import type { LossConfig } from '../model/config.ts'

/** The loss of answering 0 (logits of 0 for the cross-entropies); 0 for losses that know no better than the best constant. */
export function zeroLoss({ y, rows, targets, sampleWeight }: Dataset, loss: LossConfig, outputs: number): number {
  switch (loss.type) {
    case 'sparseCategoricalCrossentropy':
    case 'categoricalCrossentropy':
      return Math.log(outputs)
    case 'maskedCrossentropy':
      return Math.log(outputs / targets)
    case 'binaryCrossentropy':
      return Math.LN2
    case 'meanSquaredError':
    case 'meanAbsoluteError':
    case 'huber': {
      let [sum, total] = [0, 0]
      for (let r = 0; r < rows; r++) {
        const weight = sampleWeight?.[r] ?? 1
        total += weight
        for (let c = 0; c < targets; c++) sum += weight * distance(y[r * targets + c]!, loss)
      }
      return sum / total / targets
    }
    default:
      return 0
  }
}

function distance(error: number, { type, delta = 1 }: LossConfig): number {
  const size = Math.abs(error)
  if (type === 'meanSquaredError') return size * size
  if (type === 'meanAbsoluteError') return size
  return size <= delta ? (size * size) / 2 : delta * (size - delta / 2)
}
