/**
 * What weights have to bear beside the loss. A penalty's gradient, l1 sign(w) + 2 l2 w for each unit of the batch's weight,
 * is added once a shard, when the last of its rows are: so it is the same for any cut of the batch into parts. The norm, the
 * detector and clipping see it, as in Keras.
 */
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import type { Tile } from '../model/layer.ts'
import { matrixOf } from '../model/shape.ts'
import type { Placement } from '../plan/parameters.ts'

/** Makes of any float32 but the smallest, clamped to 1, its sign. */
const HUGE = 2 ** 126

/**
 * @param into the gradient of the whole tensor
 * @param weights the tensor
 * @param weight of the rows whose gradient this is
 */
export function addPenalty(
  k: Kernels,
  { spec }: Placement,
  { row, rowEnd, col, colEnd }: Tile,
  into: Pointer,
  weights: Pointer,
  weight: number,
): void {
  if (!spec.regularizer) return
  const { l1, l2 } = spec.regularizer
  const [, width] = matrixOf(spec.shape)
  const whole = col === 0 && colEnd === width
  const runs = whole ? 1 : rowEnd - row
  const count = whole ? (rowEnd - row) * width : colEnd - col
  for (let r = 0; r < runs; r++) {
    const at = (row + r) * width + col
    // p -= rate clamp(scale g) is what descent does: here p is the gradient, g the weights, and the rate negative.
    if (l1 > 0) k.sgd(count, into + at, weights + at, into + at, HUGE, 1, -l1 * weight, 0, false, 0)
    if (l2 > 0) k.sgd(count, into + at, weights + at, into + at, 1, Infinity, -2 * l2 * weight, 0, false, 0)
  }
}

/**
 * Scales each column of a matrix (a unit's weights) whose norm is above `most` down to it (Srivastava et al. 2014).
 * @param squares room for a number a column
 */
export function boundNorms(
  floats: Float32Array,
  weights: Pointer,
  rows: number,
  cols: number,
  most: number,
  squares: Float64Array,
): void {
  squares.fill(0, 0, cols)
  for (let r = 0, at = weights; r < rows; r++) {
    for (let c = 0; c < cols; c++, at++) squares[c]! += floats[at]! ** 2
  }
  let above = false
  for (let c = 0; c < cols; c++) {
    const norm = Math.sqrt(squares[c]!)
    above ||= norm > most
    squares[c] = norm > most ? most / norm : 1
  }
  for (let r = 0, at = weights; above && r < rows; r++) {
    for (let c = 0; c < cols; c++, at++) floats[at]! *= squares[c]!
  }
}
