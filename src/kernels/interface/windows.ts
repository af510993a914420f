import type { Pointer } from './pointer.ts'

/** A window that slides over rows of [height, width, channels] and stops at [outHeight, outWidth] positions of each. */
export interface Window {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly strideHeight: number
  readonly strideWidth: number
  readonly dilationHeight: number
  readonly dilationWidth: number
  /** Positions outside the row before its first one; every position has a cell inside. */
  readonly top: number
  readonly left: number
  readonly outHeight: number
  readonly outWidth: number
}

/**
 * Convolution and pooling. Rows are [height, width, channels], outputs [outHeight, outWidth, ..]. Positions count through
 * the rows: position p lies in row floor(p / (outHeight outWidth)). What lies outside a row is no number: convolution
 * reads 0 there, pooling passes over it. Sums in float32, in the order of the positions, of the cells in one.
 */
export interface WindowKernels {
  /** out[p, cell, c] = x at that cell of the window at position first + p, channels c < depth; `count` positions. */
  unfold(w: Window, depth: number, first: number, count: number, x: Pointer, out: Pointer): void
  /** The transpose: adds columns[p, cell, c] to dx. */
  fold(w: Window, depth: number, first: number, count: number, columns: Pointer, dx: Pointer): void
  /** y[p, c] = the sum over cells of x[cell, c] kernel[cell, c]. */
  depthwise(w: Window, rows: number, x: Pointer, kernel: Pointer, y: Pointer): void
  /** dx[cell, c] += dy[p, c] kernel[cell, c]. */
  depthwiseBackward(w: Window, rows: number, dy: Pointer, kernel: Pointer, dx: Pointer): void
  /** out[cell, c] += the sum over positions of x[cell, c] dy[p, c]. */
  depthwiseKernel(w: Window, rows: number, x: Pointer, dy: Pointer, out: Pointer): void
  maxPool(w: Window, rows: number, x: Pointer, y: Pointer): void
  /** dx += dy at the window's largest value: the first of equals (as in PyTorch), the first NaN before any number. */
  maxPoolBackward(w: Window, rows: number, x: Pointer, dy: Pointer, dx: Pointer): void
  /** The mean of the cells inside the row (as in Keras). */
  averagePool(w: Window, rows: number, x: Pointer, y: Pointer): void
  /** dx += dy / cells. */
  averagePoolBackward(w: Window, rows: number, dy: Pointer, dx: Pointer): void
}
