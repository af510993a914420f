/**
 * All-reduction of partial gradients. Both functions add in the same fixed binary tree over the lanes,
 *   for s = 1, 2, 4, ..: lane[j] += lane[j + s] for j = 0, 2s, 4s, .. while j + s < lanes,
 * so the bits depend on the number of lanes (a constant of the plan) and never on who adds, or when.
 *
 * `reduceTree` adds in float32: the readable twin of the kernel `reduceLanes`. Its sum is exact for integers up to 2^24,
 * but may change in the last bits when lanes are permuted, and the mean of K equal gradients need not be that gradient.
 * `allReduceMean` adds in float64 and rounds once, after the division: K equal gradients give that gradient back,
 * and lanes whose exponents lie within 29 - log2(K) bits may come in any order.
 */
import { describe, UserError } from '../errors.ts'

/** The sum of the lanes (each of the same length), in float32; the lanes are not changed. */
export function reduceTree(lanes: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  checkLengths(lanes)
  return sumInTree(lanes, new Float32Array(lanes.length), new Float32Array(lanes[0]!.length))
}

/**
 * The mean gradient of a batch from its shards: sum of `gradients` / sum of `weights`, divided once.
 * Each shard hands in the *sum* of its (weighted) per-sample gradients and its total sample weight, so uneven shards
 * need no further care. A shard of weight 0 is left out altogether, whatever its gradient holds.
 * Without `weights` every shard counts 1: the plain mean of the gradients. A non-finite element of any other shard gives a
 * non-finite mean at that index.
 * Throws `UserError` if lengths or weights do not fit, or if all the weights are 0.
 */
export function allReduceMean(
  gradients: readonly Float32Array[],
  weights?: readonly number[],
): Float32Array<ArrayBuffer> {
  checkLengths(gradients)
  checkWeights(gradients.length, weights)
  const shards = weights === undefined ? gradients : gradients.filter((_, k) => weights[k] !== 0)
  const totalWeight = weights === undefined ? gradients.length : weights.reduce((total, weight) => total + weight, 0)
  if (!(totalWeight > 0 && totalWeight < Infinity)) {
    throw new UserError(`Expected the weights to add up to a finite number > 0, got ${describe(totalWeight)}.`)
  }
  const sum = sumInTree(shards, new Float64Array(shards.length), new Float64Array(gradients[0]!.length))
  return Float32Array.from(sum, (element) => element / totalWeight)
}

/** `allReduceMean` in place: afterwards every shard's buffer holds the mean gradient, the same bits in each. */
export function allReduce_(gradients: readonly Float32Array[], weights?: readonly number[]): void {
  const mean = allReduceMean(gradients, weights)
  for (const gradient of gradients) gradient.set(mean)
}

/** The precision of the sum is that of `scratch` (one element per lane). */
function sumInTree<T extends Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  lanes: readonly Float32Array[],
  scratch: T,
  out: T,
): T {
  for (let i = 0; i < out.length; i++) {
    for (let lane = 0; lane < lanes.length; lane++) scratch[lane] = lanes[lane]![i]!
    for (let s = 1; s < lanes.length; s *= 2) {
      for (let j = 0; j + s < lanes.length; j += 2 * s) scratch[j] = scratch[j]! + scratch[j + s]!
    }
    out[i] = scratch[0]!
  }
  return out
}

function checkLengths(lanes: readonly Float32Array[]): void {
  if (lanes.length === 0) throw new UserError('Expected at least one gradient to reduce, got none.')
  const odd = lanes.findIndex((lane) => lane.length !== lanes[0]!.length)
  if (odd >= 0) {
    throw new UserError(
      `Expected every gradient to have ${lanes[0]!.length} elements, got ${lanes[odd]!.length} from shard ${odd}.`,
    )
  }
}

function checkWeights(count: number, weights: readonly number[] | undefined): void {
  if (weights === undefined) return
  if (weights.length !== count)
    throw new UserError(`Expected ${count} weights, one per gradient, got ${weights.length}.`)
  const odd = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity))
  if (odd >= 0) throw new UserError(`Expected weight ${odd} to be a finite number >= 0, got ${describe(weights[odd])}.`)
}
