import type { Pointer } from './pointer.ts'

/** Products and what they need. */
export interface MatrixKernels {
  /**
   * C = op(A) op(B), or C += op(A) op(B) with `accumulate`. op(A) is m x k, op(B) is k x n, C is m x n.
   * Stored shapes: A is m x k (k x m with transA), B is k x n (n x k with transB).
   * Every element is summed in the order of k, starting from C (or +0): splitting k over several accumulating
   * calls gives the same bits as one call ('blas' alone is excused from this).
   */
  matmul(
    transA: boolean,
    transB: boolean,
    m: number,
    n: number,
    k: number,
    a: Pointer,
    lda: number,
    b: Pointer,
    ldb: number,
    c: Pointer,
    ldc: number,
    accumulate: boolean,
  ): void
  /** y[c, r] = x[r, c]: x is rows x cols, and y may not lie over it. */
  transpose(rows: number, cols: number, x: Pointer, ldx: number, y: Pointer, ldy: number): void
}
