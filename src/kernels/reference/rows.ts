/** Row-wise and element-wise operations. */
import { philox } from '../../random/philox.ts'
import { activation, derivative, geluSlope } from './functions.ts'
import { Activation } from '../kernels.ts'
import type { RowKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

const DROPOUT_KEY = 0x0d0ff005

export function referenceRows(f: Floats, round: Round): RowKernels {
  const words = new Uint32Array(4)
  return {
    biasActivate(kind, rows, cols, x, ld, bias, alpha) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          const sum = round(f[x + r * ld + c]! + f[bias + c]!)
          f[x + r * ld + c] = activation(kind, sum, round(alpha))
        }
      }
    },
    columnSums(rows, cols, x, out, accumulate) {
      for (let c = 0; c < cols; c++) {
        let sum = accumulate ? f[out + c]! : 0
        for (let r = 0; r < rows; r++) sum = round(sum + f[x + r * cols + c]!)
        f[out + c] = sum
      }
    },
    add(count, x, y) {
      for (let i = 0; i < count; i++) f[y + i] = f[y + i]! + f[x + i]!
    },
    fill(count, value, y) {
      f.fill(value, y, y + count)
    },
    copy(count, x, y) {
      f.copyWithin(y, x, x + count)
    },
    activate(kind, count, x, y, alpha) {
      for (let i = 0; i < count; i++) f[y + i] = activation(kind, f[x + i]!, round(alpha))
    },
    geluWithSlope(count, x, y) {
      for (let i = 0; i < count; i++) {
        const value = f[x + i]!
        f[y + i] = activation(Activation.gelu, value, 1)
        f[x + i] = geluSlope(value)
      }
    },
    activateBackward(kind, rows, cols, ld, saved, dy, dx, alpha) {
      for (let r = 0; r < rows; r++) {
        for (let i = r * ld; i < r * ld + cols; i++) {
          const dead = kind === Activation.relu && f[saved + i]! <= 0
          const slope = kind === Activation.relu ? 1 : derivative(kind, f[saved + i]!, round(alpha))
          f[dx + i] = dead ? 0 : f[dy + i]! * slope
        }
      }
    },
    prelu(rows, cols, x, slopes, y) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          const value = f[x + r * cols + c]!
          f[y + r * cols + c] = value > 0 ? value : f[slopes + c]! * value
        }
      }
    },
    preluBackward(rows, cols, x, slopes, dy, dx) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          const i = r * cols + c
          f[dx + i] = f[x + i]! > 0 ? f[dy + i]! : f[slopes + c]! * f[dy + i]!
        }
      }
    },
    preluSlopes(rows, cols, x, dy, out, accumulate) {
      for (let c = 0; c < cols; c++) {
        let sum = accumulate ? f[out + c]! : 0
        for (let r = 0; r < rows; r++) {
          const i = r * cols + c
          if (!(f[x + i]! > 0)) sum = round(sum + round(f[x + i]! * f[dy + i]!))
        }
        f[out + c] = sum
      }
    },
    dropout(rows, cols, x, y, rate, seed, stream, step, firstRow) {
      const threshold = Math.floor(rate * 2 ** 32)
      const keep = round(1 - rate)
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          if (c % 4 === 0) philox(words, c >>> 2, firstRow + r, step, stream, seed, DROPOUT_KEY)
          const i = r * cols + c
          f[y + i] = words[c % 4]! >= threshold ? f[x + i]! / keep : 0
        }
      }
    },
    softmax(rows, cols, x, y) {
      for (let r = 0; r < rows; r++) {
        const row = f.subarray(x + r * cols, x + (r + 1) * cols)
        const largest = Math.max(...row)
        const exponentials = Array.from(row, (value) => Math.exp(value - largest))
        const total = exponentials.reduce((sum, value) => sum + value, 0)
        for (let c = 0; c < cols; c++) f[y + r * cols + c] = exponentials[c]! / total
      }
    },
  }
}
