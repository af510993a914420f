/** Losses of rows and their gradients, in float64 throughout. */
import { sigmoid, softplus } from './functions.ts'
import { Loss } from '../kernels.ts'
import type { LossCode, LossKernels } from '../kernels.ts'
import type { Floats } from './floats.ts'

/** A loss of one row and its derivative by each output. */
interface RowLoss {
  readonly value: number
  readonly slopes: readonly number[]
}

export function referenceLosses(f: Floats): LossKernels {
  return {
    loss(kind, rows, cols, outputs, targets, weights, gradient, parameter, second) {
      const targetCols = takesLabels(kind) ? 1 : cols
      let sum = 0
      for (let r = 0; r < rows; r++) {
        const weight = f[weights + r]!
        const x = Array.from(f.subarray(outputs + r * cols, outputs + (r + 1) * cols))
        const t = Array.from(f.subarray(targets + r * targetCols, targets + (r + 1) * targetCols))
        const loss = weight === 0 ? { value: 0, slopes: x.map(() => 0) } : rowLoss(kind, x, t, parameter, second)
        sum += weight * loss.value
        if (gradient !== -1) for (let c = 0; c < cols; c++) f[gradient + r * cols + c] = weight * loss.slopes[c]!
      }
      return sum
    },
  }
}

/** One class index per row instead of a target per output. */
const takesLabels = (kind: LossCode): boolean =>
  kind === Loss.sparseCategoricalCrossentropy || kind === Loss.sparseCategoricalFocalCrossentropy

function rowLoss(kind: LossCode, x: number[], t: number[], parameter: number, second: number): RowLoss {
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
    case Loss.binaryFocalCrossentropy:
      return meanOf(x, (value, c) => binaryFocal(value, t[c]!, parameter, second))
    case Loss.sparseCategoricalFocalCrossentropy:
      return sparseFocal(x, t[0]!, parameter)
    case Loss.hinge:
      return meanOf(x, (value, c) => {
        const side = t[c]! > 0 ? 1 : -1
        const short = 1 - side * value
        return short > 0 ? [short, -side] : [short * 0, short * 0]
      })
    case Loss.klDivergence: {
      const { value, slopes } = crossEntropy(x, t)
      return { value: value + t.reduce((sum, p) => sum + (p === 0 ? 0 : p * Math.log(p)), 0), slopes }
    }
    case Loss.cosineDistance:
      return cosineDistance(x, t)
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

/** q = sigmoid(-x) = 1 - p: neither logarithm is taken of a difference. */
function binaryFocal(x: number, t: number, gamma: number, alpha: number): [number, number] {
  const [p, q] = [sigmoid(x), sigmoid(-x)]
  const [yes, no] = [t * alpha, (1 - t) * (1 - alpha)]
  return [
    yes * q ** gamma * softplus(-x) + no * p ** gamma * softplus(x),
    no * p ** gamma * (gamma * q * softplus(x) + p) - yes * q ** gamma * (gamma * p * softplus(-x) + q),
  ]
}

/** dL/dx = (gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma) (one-hot - softmax). */
function sparseFocal(x: number[], label: number, gamma: number): RowLoss {
  if (!(label in x)) return { value: NaN, slopes: x.map(() => NaN) }
  const { shifted, logTotal } = logSoftmax(x)
  const logP = shifted[label]! - logTotal
  const p = Math.exp(logP)
  const others = shifted.reduce((sum, z, c) => sum + (c === label ? 0 : Math.exp(z)), 0) / Math.exp(logTotal)
  const power = others ** gamma
  // Where nothing is left for others, log p = 0 faster than any power of it could grow.
  const slope = others === 0 ? -power : (gamma * p * power * logP) / others - power
  return {
    value: -power * logP,
    slopes: shifted.map((z, c) => slope * (c === label ? others : -Math.exp(z - logTotal))),
  }
}

/** d/dx of x.t / (|x| |t|) = t / (|x| |t|) - cos x / |x|^2. */
function cosineDistance(x: number[], t: number[]): RowLoss {
  const norm = (v: number[]) => Math.sqrt(v.reduce((sum, value) => sum + value ** 2, 0))
  const [sizeX, sizeT] = [norm(x), norm(t)]
  if (sizeX === 0 || sizeT === 0) return { value: 1, slopes: x.map(() => 0) }
  const cosine = x.reduce((sum, value, c) => sum + value * t[c]!, 0) / (sizeX * sizeT)
  return {
    value: 1 - cosine,
    slopes: x.map((value, c) => (cosine * value) / sizeX ** 2 - t[c]! / (sizeX * sizeT)),
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
