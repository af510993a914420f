import type { Pointer } from './pointer.ts'

/** What is known of a gradient, and the sum of its parts. */
export interface GradientKernels {
  /** Sum of x[r, c]^2 in float64, each square in float64, rows `ld` apart. Finite exactly when every x[r, c] is. */
  sumSquares(rows: number, cols: number, x: Pointer, ld: number): number
  /**
   * Sum of (x[r, c] - before[r, c])^2: the difference in float32, its square and the sum in float64. Rows of x are `ld`
   * apart, those of `before` one behind the other.
   */
  sumSquaredChanges(rows: number, cols: number, x: Pointer, ld: number, before: Pointer): number
  /** y[r, c] = x[r, c], rows of x `ld` apart, those of y one behind the other. */
  copyRows(rows: number, cols: number, x: Pointer, ld: number, y: Pointer): void
  /** out[c] = 1 if any x[r, c] > 0, else 0; rows `ld` apart. Looks no further down than it takes to know. */
  activeUnits(rows: number, cols: number, x: Pointer, ld: number, out: Pointer): void
  /** Sum in float64 of the squares of x[i] * scale (in float32) clamped to [-limit, limit]: what value clipping leaves. */
  clampedSquares(count: number, x: Pointer, scale: number, limit: number): number
  /** The largest |x[i]|; 0 of none, NaN if any is NaN. */
  largestOf(count: number, x: Pointer): number
  /** Sum in float64, i in order, of (|x[i]| / unit)^exponent; exponent >= 1, unit > 0. */
  sumPowers(count: number, x: Pointer, unit: number, exponent: number): number
  /**
   * out[i] = the sum of lane l's x[i], l = 0..lanes-1, lane l at first + l * stride, by the fixed binary tree:
   * for s = 1, 2, 4, ..: lane[j] += lane[j + s] for j = 0, 2s, 4s, .. while j + s < lanes.
   * The lanes themselves are not changed. 1 <= lanes <= 64.
   */
  reduceLanes(count: number, lanes: number, first: Pointer, stride: number, out: Pointer): void
}
