/** Losses of rows and their gradients, in float64 throughout. */
import { sigmoid, softplus } from './functions.ts'
import { Loss } from './kernels.ts'
import type { LossCode, RowKernels } from './kernels.ts'
import type { Floats } from './reference.ts'

/** A loss of one row and its derivative by each output. */
interface RowLoss {
  readonly value: number
  readonly slopes: readonly number[]
}

export function referenceLosses(f: Floats): Pick<RowKernels, 'loss'> {
  return {
    loss(kind, rows, cols, outputs, targets, weights, gradient, parameter) {
      const targetCols = kind === Loss.sparseCategoricalCrossentropy ? 1 : cols
      let sum = 0
      for (let r = 0; r < rows; r++) {
        const weight = f[weights + r]!
        const x = Array.from(f.subarray(outputs + r * cols, outputs + (r + 1) * cols))
        const t = Array.from(f.subarray(targets + r * targetCols, targets + (r + 1) * targetCols))
        const loss = weight === 0 ? { value: 0, slopes: x.map(() => 0) } : rowLoss(kind, x, t, parameter)
        sum += weight * loss.value
        if (gradient !== -1) for (let c = 0; c < cols; c++) f[gradient + r * cols + c] = weight * loss.slopes[c]!
      }
      return sum
    },
  }
}

function rowLoss(kind: LossCode, x: number[], t: number[], parameter: number): RowLoss {
  switch (kind) {
    case Loss.sparseCategoricalCrossentropy:
      return sparseCrossEntropy(x, t[0]!, parameter)
    case Loss.categoricalCrossentropy:
      return crossEntropy(x, smooth(t, parameter))
    case Loss.binaryCrossentropy:
      return meanOf(x, (value, c) => {
        const target = t[c]! * (1 - parameter) + parameter / 2
        return [softplus(value) - value * target, sigmoid(value) - target]
      })
    case Loss.meanSquaredError:
      return meanOf(x, (value, c) => [(value - t[c]!) ** 2, 2 * (value - t[c]!)])
    case Loss.meanAbsoluteError:
      return meanOf(x, (value, c) => [Math.abs(value - t[c]!), Math.sign(value - t[c]!)])
    case Loss.huber:
      return meanOf(x, (value, c) => {
        const d = value - t[c]!
        return Math.abs(d) <= parameter
          ? [d ** 2 / 2, d]
          : [parameter * (Math.abs(d) - parameter / 2), parameter * Math.sign(d)]
      })
  }
}

/** t (1 - s) + s / cols. */
function smooth(t: readonly number[], smoothing: number): number[] {
  return t.map((value) => value * (1 - smoothing) + smoothing / t.length)
}

function sparseCrossEntropy(x: number[], label: number, smoothing: number): RowLoss {
  if (!(label in x)) return { value: NaN, slopes: x.map(() => NaN) }
  const oneHot = x.map((_, c) => (c === label ? 1 : 0))
  if (smoothing > 0) return crossEntropy(x, smooth(oneHot, smoothing))
  const { shifted, logTotal } = logSoftmax(x)
  return {
    value: logTotal - shifted[label]!,
    slopes: shifted.map((z, c) => Math.exp(z - logTotal) - oneHot[c]!),
  }
}

/** L = sum of t (log(sum of e^x) - x); dL/dx = softmax(x) sum(t) - t. */
function crossEntropy(x: number[], t: number[]): RowLoss {
  const { shifted, logTotal } = logSoftmax(x)
  const targetSum = t.reduce((sum, value) => sum + value, 0)
  return {
    value: shifted.reduce((sum, z, c) => sum + t[c]! * (logTotal - z), 0),
    slopes: shifted.map((z, c) => Math.exp(z - logTotal) * targetSum - t[c]!),
  }
}

/** x less its maximum, and log(sum of e^ that): what keeps logits of any size finite. */
function logSoftmax(x: number[]): { shifted: number[]; logTotal: number } {
  const largest = Math.max(...x)
  const shifted = x.map((value) => value - largest)
  return { shifted, logTotal: Math.log(shifted.reduce((sum, z) => sum + Math.exp(z), 0)) }
}

/** The mean over the outputs of [loss, derivative] of each output alone. */
function meanOf(x: number[], each: (value: number, c: number) => [number, number]): RowLoss {
  const terms = x.map(each)
  return {
    value: terms.reduce((sum, [value]) => sum + value, 0) / x.length,
    slopes: terms.map(([, slope]) => slope / x.length),
  }
}
