/**
 * Norms of a gradient, in float64, with the same bits however the gradient is split.
 *
 * The gradients of a list are read as one long vector. Chunk c is its elements [4096 c, 4096 (c + 1)), whatever
 * tensors they belong to; inside a chunk the terms are added from left to right, and the chunks are combined in the
 * fixed binary tree of the lanes (s = 1, 2, 4, ..: sum[j] += sum[j + s]). Neither depends on who computes a chunk.
 * The relative error is below (4096 / 2 + log2(chunks)) 2^-53, less than 5e-13 for 1e8 elements.
 *
 * Squares of float32 numbers neither overflow nor underflow in float64, so a 2-norm is finite exactly when every
 * element is, and zero exactly when every element is. Float64 gradients and other exponents are scaled by the largest magnitude.
 */
import { describe, UserError } from '../errors.ts'
import { distinctGradients } from './tensors.ts'
import type { Gradient, GradientList } from './tensors.ts'

/** The exponent of a norm: a number >= 1, or 'inf' for the largest magnitude. */
export type NormType = number | 'inf'

/** Elements per partial sum. */
export const chunkSize = 4096

/** Sum of squares, in float64, of elements [chunkSize * chunk, chunkSize * (chunk + 1)) of a vector. */
export function chunkSumSquares(data: Gradient, chunk: number): number {
  const from = chunk * chunkSize
  return addSquares(0, data, from, Math.min(data.length, from + chunkSize))
}

/** The 2-norm from the sums of squares of its chunks, `count` of them in the order of their index. Allocates nothing. */
export function normOfPartials(partials: Float64Array, count: number): number {
  return Math.sqrt(treeSum(partials, 0, count))
}

/**
 * The norm of a whole list of gradients, as if they were one vector: (sum |g|^p)^(1/p), or the largest magnitude.
 * An empty list has norm 0. A NaN gives NaN; an infinity without a NaN gives infinity (for 'inf' as well).
 * Throws `UserError` unless `normType` is 'inf' or a number >= 1.
 */
export function getTotalNorm(gradients: GradientList, normType: NormType = 2): number {
  const exponent = normExponent(normType)
  return normOf(
    distinctGradients(gradients).map((placed) => placed.data),
    exponent,
  )
}

export function normExponent(normType: NormType): number {
  const exponent = normType === 'inf' ? Infinity : normType
  if (typeof exponent === 'number' && exponent >= 1) return exponent
  throw new UserError(`Expected \`normType\` to be a number >= 1 or 'inf', got ${describe(normType)}.`)
}

/** The norm of gradients already known to be distinct; `exponent` is >= 1 or Infinity. */
export function normOf(gradients: readonly Gradient[], exponent: number): number {
  if (exponent === 2) {
    const sum = sumOverChunks(gradients, addSquares)
    const mayHaveRounded = !(sum > 1e-280 && sum < Infinity) && gradients.some((data) => data instanceof Float64Array)
    if (!mayHaveRounded) return Math.sqrt(sum)
  }
  const largest = largestMagnitude(gradients)
  if (exponent === Infinity || largest === 0 || !Number.isFinite(largest)) return largest
  const sum = sumOverChunks(gradients, (start, data, from, to) => {
    let total = start
    for (let i = from; i < to; i++) total += (Math.abs(data[i]!) / largest) ** exponent
    return total
  })
  return largest * sum ** (1 / exponent)
}

/** Continues a sum, from left to right, over elements [from, to). */
type AddTerms = (start: number, data: Gradient, from: number, to: number) => number

function addSquares(start: number, data: Gradient, from: number, to: number): number {
  let total = start
  for (let i = from; i < to; i++) total += data[i]! * data[i]!
  return total
}

function sumOverChunks(gradients: readonly Gradient[], addTerms: AddTerms): number {
  const length = gradients.reduce((total, data) => total + data.length, 0)
  const partials = new Float64Array(Math.ceil(length / chunkSize))
  let position = 0
  for (const data of gradients) {
    for (let from = 0; from < data.length;) {
      const chunk = Math.floor(position / chunkSize)
      const to = Math.min(data.length, from + (chunk + 1) * chunkSize - position)
      partials[chunk] = addTerms(partials[chunk]!, data, from, to)
      position += to - from
      from = to
    }
  }
  return treeSum(partials, 0, partials.length)
}

function treeSum(values: Float64Array, first: number, count: number): number {
  if (count <= 1) return count === 1 ? values[first]! : 0
  const left = 1 << (31 - Math.clz32(count - 1)) // the largest power of two below count
  return treeSum(values, first, left) + treeSum(values, first + left, count - left)
}

/** Math.max, unlike a comparison, lets a NaN through. */
function largestMagnitude(gradients: readonly Gradient[]): number {
  let largest = 0
  for (const data of gradients) {
    for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]!))
  }
  return largest
}
