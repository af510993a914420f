import type { Pointer } from './pointer.ts'

/** Sequences of `steps` rows: what looks up vectors of indices, and attention. */
export interface SequenceKernels {
  /** y[i] = table[indices[i]], `width` elements; NaN where an index is no integer from 0 to entries - 1. */
  lookUp(count: number, width: number, entries: number, indices: Pointer, table: Pointer, y: Pointer): void
  /** out[indices[i]] += dy[i] where first <= index < end, in the order of i; rows of dy and out are `ld` apart, `width` wide. */
  lookUpGradient(
    count: number,
    width: number,
    ld: number,
    first: number,
    end: number,
    indices: Pointer,
    dy: Pointer,
    out: Pointer,
  ): void
  /** y[t, :] = softmax(scale x[t, :]) of steps x steps; `causal`: over columns 0..t, 0 beyond. y may be x. */
  attend(steps: number, scale: number, causal: boolean, x: Pointer, y: Pointer): void
  /** dx = scale y (dy - sum of dy y) by row; `causal`: of columns 0..t, 0 beyond, whatever dy is there. dx may be dy. */
  attendBackward(steps: number, scale: number, causal: boolean, y: Pointer, dy: Pointer, dx: Pointer): void
}
