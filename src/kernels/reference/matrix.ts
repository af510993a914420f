/** The matrix product, one element after another. */
import type { MatrixKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

export function referenceMatrix(f: Floats, round: Round): MatrixKernels {
  return {
    matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) {
      const [aRow, aStep] = transA ? [1, lda] : [lda, 1]
      const [bStep, bCol] = transB ? [1, ldb] : [ldb, 1]
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = accumulate ? f[c + i * ldc + j]! : 0
          for (let l = 0; l < k; l++) {
            sum = round(sum + round(f[a + i * aRow + l * aStep]! * f[b + l * bStep + j * bCol]!))
          }
          f[c + i * ldc + j] = sum
        }
      }
    },
    transpose(rows, cols, x, ldx, y, ldy) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) f[y + c * ldy + r] = f[x + r * ldx + c]!
      }
    },
  }
}
