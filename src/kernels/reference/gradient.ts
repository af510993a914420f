/** Sums of gradients. */
import type { GradientKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

/** Of the sixteen sums. */
function inPairs(sums: readonly number[]): number {
  const [s0, s1, s2, s3] = [0, 1, 2, 3].map((i) => sums[i]! + sums[i + 8]! + (sums[i + 4]! + sums[i + 12]!))
  return s0! + s1! + (s2! + s3!)
}

export function referenceGradient(f: Floats, round: Round): GradientKernels {
  return {
    // Sixteen sums side by side, as SIMD keeps them: column c goes to sum c % 16.
    sumSquares(rows, cols, x, ld) {
      const sums = new Array<number>(16).fill(0)
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) sums[c % 16]! += f[x + r * ld + c]! * f[x + r * ld + c]!
      }
      return inPairs(sums)
    },
    sumSquaredChanges(rows, cols, x, ld, before) {
      const sums = new Array<number>(16).fill(0)
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) sums[c % 16]! += round(f[x + r * ld + c]! - f[before + r * cols + c]!) ** 2
      }
      return inPairs(sums)
    },
    copyRows(rows, cols, x, ld, y) {
      for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) f[y + r * cols + c] = f[x + r * ld + c]!
    },
    activeUnits(rows, cols, x, ld, out) {
      for (let c = 0; c < cols; c++) {
        f[out + c] = 0
        for (let r = 0; r < rows; r++) if (f[x + r * ld + c]! > 0) f[out + c] = 1
      }
    },
    clampedSquares(count, x, scale, limit) {
      const [factor, bound] = [round(scale), round(limit)]
      let sum = 0
      for (let i = 0; i < count; i++) sum += Math.max(-bound, Math.min(bound, round(f[x + i]! * factor))) ** 2
      return sum
    },
    largestOf(count, x) {
      let largest = 0
      for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(f[x + i]!))
      return largest
    },
    sumPowers(count, x, unit, exponent) {
      let sum = 0
      for (let i = 0; i < count; i++) sum += (Math.abs(f[x + i]!) / unit) ** exponent
      return sum
    },
    reduceLanes(count, lanes, first, stride, out) {
      for (let i = 0; i < count; i++) {
        const values = Array.from({ length: lanes }, (_, l) => f[first + l * stride + i]!)
        for (let s = 1; s < lanes; s *= 2) {
          for (let j = 0; j + s < lanes; j += 2 * s) values[j] = round(values[j]! + values[j + s]!)
        }
        f[out + i] = values[0]!
      }
    },
  }
}
