/** Positions of a sequence: rows of a table by index, and what positions give each other. */
import type { SequenceKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

export function referenceSequences(f: Floats, round: Round): SequenceKernels {
  return {
    lookUp(count, width, entries, indices, table, y) {
      for (let i = 0; i < count; i++) {
        const index = f[indices + i]!
        const known = Number.isInteger(index) && index >= 0 && index < entries
        for (let c = 0; c < width; c++) f[y + i * width + c] = known ? f[table + index * width + c]! : NaN
      }
    },
    lookUpGradient(count, width, ld, first, end, indices, dy, out) {
      for (let i = 0; i < count; i++) {
        const index = f[indices + i]!
        if (!(index >= first && index < end)) continue
        const into = out + index * ld
        for (let c = 0; c < width; c++) f[into + c] = f[into + c]! + f[dy + i * ld + c]!
      }
    },
    attend(steps, scale, causal, x, y) {
      for (let t = 0; t < steps; t++) {
        const seen = causal ? t + 1 : steps
        const row = Array.from({ length: seen }, (_, j) => round(f[x + t * steps + j]! * round(scale)))
        const largest = Math.max(...row)
        const exponentials = row.map((value) => Math.exp(value - largest))
        const total = exponentials.reduce((sum, value) => sum + value, 0)
        for (let j = 0; j < steps; j++) f[y + t * steps + j] = j < seen ? exponentials[j]! / total : 0
      }
    },
    attendBackward(steps, scale, causal, y, dy, dx) {
      for (let t = 0; t < steps; t++) {
        const at = t * steps
        const seen = causal ? t + 1 : steps
        let sum = 0
        for (let j = 0; j < seen; j++) sum += f[dy + at + j]! * f[y + at + j]!
        const common = round(sum)
        for (let j = 0; j < steps; j++) {
          f[dx + at + j] = j < seen ? round(f[y + at + j]! * round(f[dy + at + j]! - common)) * round(scale) : 0
        }
      }
    },
  }
}
