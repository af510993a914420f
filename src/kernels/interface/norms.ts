import type { Pointer } from './pointer.ts'

/** Columns that `normPoolSums` has room for. */
export const POOLED_COLS = 4096

/**
 * Normalisation. By column: sums of at most 32 rows (or a line of windows) in float32, of those in float64; by group in float64.
 * Results in float32. `gamma` and `beta`: -1 where there is none.
 */
export interface NormKernels {
  /** Per column: the mean, and the sum of the squared distances to it. rows >= 1. */
  moments(rows: number, cols: number, x: Pointer, mean: Pointer, squares: Pointer): void
  /**
   * Those of `parts` parts (each parts x cols) of `rowsPerPart` rows, the last of what is left of `rows`, as one; the squared
   * distances over `divisor`: 1 for their sum, `rows` for the biased variance.
   */
  mergeMoments(
    parts: number,
    cols: number,
    rowsPerPart: number,
    rows: number,
    means: Pointer,
    squares: Pointer,
    divisor: number,
    mean: Pointer,
    variance: Pointer,
  ): void
  /** inverse = 1 / sqrt(variance + epsilon), NaN for an infinite variance; scale = gamma inverse. */
  normScale(
    cols: number,
    variance: Pointer,
    epsilon: number,
    gamma: Pointer | -1,
    inverse: Pointer,
    scale: Pointer,
  ): void
  /** y[r, c] = (x[r, c] - mean[c]) scale[c] + beta[c]. */
  normalize(rows: number, cols: number, x: Pointer, mean: Pointer, scale: Pointer, beta: Pointer | -1, y: Pointer): void
  /** Per column: sums of dy, and of dy (x - mean) inverse. */
  normSums(
    rows: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    sums: Pointer,
    products: Pointer,
  ): void
  /** dx = scale (dy - (sums + (x - mean) inverse products) / count). */
  normBackward(
    rows: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
    count: number,
    dx: Pointer,
  ): void
  /**
   * y[line, p, c] = the largest of (x - mean) scale + beta over 2 x 2 cells: x is [2 lines, 2 width, cols], y and dy are
   * [lines, width, cols]. As `normalize` and `maxPool` one after the other, and so on the way back, but that cells are
   * compared before they are rounded to something equal. cols <= POOLED_COLS.
   */
  normPool(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    mean: Pointer,
    scale: Pointer,
    beta: Pointer | -1,
    y: Pointer,
  ): void
  /** `normSums` of the cells that were the largest. */
  normPoolSums(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
  ): void
  /** `normBackward` to all cells, where those that were not the largest have no signal of their own. */
  normPoolBackward(
    lines: number,
    width: number,
    cols: number,
    x: Pointer,
    dy: Pointer,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
    count: number,
    dx: Pointer,
  ): void
  /** out = from + (to - from) amount. */
  lerp(count: number, from: Pointer, to: Pointer, amount: number, out: Pointer): void
  /**
   * Each row of positions x cols is cut into groups of neighbouring columns; each group has a mean (0 unless `centred`)
   * and 1 / sqrt(variance about it + epsilon), which go to stats[row, group, 2]. y = (x - mean) inverse gamma + beta.
   */
  groupNorm(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    centred: boolean,
    epsilon: number,
    x: Pointer,
    gamma: Pointer | -1,
    beta: Pointer | -1,
    stats: Pointer,
    y: Pointer,
  ): void
  groupNormBackward(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    centred: boolean,
    x: Pointer,
    dy: Pointer,
    gamma: Pointer | -1,
    stats: Pointer,
    dx: Pointer,
  ): void
  /** out[c] (+)= sum of dy (x - mean) inverse, in float32, in the order of rows and positions. */
  groupNormGamma(
    rows: number,
    positions: number,
    cols: number,
    groups: number,
    x: Pointer,
    dy: Pointer,
    stats: Pointer,
    out: Pointer,
    accumulate: boolean,
  ): void
}
