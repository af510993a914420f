import type { Pointer } from './pointer.ts'

/** Element-wise activations. The numbers are the ABI between TypeScript and the WebAssembly module. */
export const Activation = {
  linear: 0,
  relu: 1,
  leakyRelu: 2,
  elu: 3,
  selu: 4,
  gelu: 5,
  sigmoid: 6,
  tanh: 7,
  softplus: 8,
  exponential: 9,
} as const
export type ActivationName = keyof typeof Activation
export type ActivationCode = (typeof Activation)[ActivationName]

/** What goes element by element, or along the rows or columns of a matrix. */
export interface RowKernels {
  /** x[r, c] = f(x[r, c] + bias[c]), rows `ld` apart; f and `alpha` as of `activate`. */
  biasActivate(
    kind: ActivationCode,
    rows: number,
    cols: number,
    x: Pointer,
    ld: number,
    bias: Pointer,
    alpha: number,
  ): void
  /** out[c] = sum over r of x[r, c], rows in order; or out[c] += with `accumulate`, continuing the same order. */
  columnSums(rows: number, cols: number, x: Pointer, out: Pointer, accumulate: boolean): void
  /** y[i] += x[i]. */
  add(count: number, x: Pointer, y: Pointer): void
  /** y[i] = value. */
  fill(count: number, value: number, y: Pointer): void
  /** y[i] = x[i]. */
  copy(count: number, x: Pointer, y: Pointer): void
  /** y[i] = f(x[i]); y may be x. `alpha` is the slope of leakyRelu below 0 and the scale of elu there. */
  activate(kind: ActivationCode, count: number, x: Pointer, y: Pointer, alpha: number): void
  /** y[i] = gelu(x[i]), and x[i] = gelu'(x[i]): one exponential serves both. y may not be x. */
  geluWithSlope(count: number, x: Pointer, y: Pointer): void
  /**
   * dx[r, c] = dy[r, c] * f'(.), rows of all three `ld` apart; dx may be dy. `saved` is the *output* y of `activate`, except
   * for gelu: its slope. The derivative of relu at 0 is 0, of leakyRelu at 0 is alpha (as in PyTorch).
   */
  activateBackward(
    kind: ActivationCode,
    rows: number,
    cols: number,
    ld: number,
    saved: Pointer,
    dy: Pointer,
    dx: Pointer,
    alpha: number,
  ): void
  /** y[r, c] = x > 0 ? x : slopes[c] * x. */
  prelu(rows: number, cols: number, x: Pointer, slopes: Pointer, y: Pointer): void
  /** dx[r, c] = x > 0 ? dy : slopes[c] * dy. */
  preluBackward(rows: number, cols: number, x: Pointer, slopes: Pointer, dy: Pointer, dx: Pointer): void
  /** out[c] (+)= sum over r, in order, of (x > 0 ? 0 : x * dy). */
  preluSlopes(rows: number, cols: number, x: Pointer, dy: Pointer, out: Pointer, accumulate: boolean): void
  /**
   * y[r, c] = kept ? x[r, c] / (1 - rate) : 0; y may be x. The mask of element (r, c) is a pure function of
   * (seed, stream, step, firstRow + r, c): element c of a row takes word c % 4 of
   * philox4x32(counter = [c >> 2, firstRow + r, step, stream], key = [seed, 0x0d0ff005]), and is kept
   * when that uint32 >= floor(rate * 2^32). Applied to dy it is its own backward. All arguments uint32.
   */
  dropout(
    rows: number,
    cols: number,
    x: Pointer,
    y: Pointer,
    rate: number,
    seed: number,
    stream: number,
    step: number,
    firstRow: number,
  ): void
  /** y[r, :] = softmax(x[r, :]), shifted by the maximum of the row; y may be x. */
  softmax(rows: number, cols: number, x: Pointer, y: Pointer): void
}
