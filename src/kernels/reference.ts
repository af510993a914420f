/**
 * The arithmetic in plain TypeScript: the oracle of the other kernels, written to be read.
 *
 * On a Float32Array sums that the interface calls float32 are rounded after every operation, so that `wasm-strict`
 * gives the same bits in matmul, biasActivate (linear, relu and leakyRelu), columnSums, preluSlopes, add, reduceLanes,
 * sumSquares, dropout and the optimizers; functions such as exp are computed in float64 and rounded once. On a Float64Array
 * nothing is rounded: this is what finite differences are compared with.
 */
import type { Kernels } from './kernels.ts'
import type { Floats, Round } from './reference/floats.ts'
import { referenceGradient } from './reference/gradient.ts'
import { referenceLosses } from './reference/losses.ts'
import { referenceMatrix } from './reference/matrix.ts'
import { referenceNorms } from './reference/norms.ts'
import { referenceOptimizers } from './reference/optimizers.ts'
import { referenceRecurrent } from './reference/recurrent.ts'
import { referenceRows } from './reference/rows.ts'
import { referenceSequences } from './reference/sequences.ts'
import { referenceWindows } from './reference/windows.ts'

export function createReference(floats: Floats): Kernels {
  const round: Round = floats instanceof Float32Array ? Math.fround : (x) => x
  return {
    name: 'reference',
    ...referenceMatrix(floats, round),
    ...referenceRows(floats, round),
    ...referenceLosses(floats),
    ...referenceWindows(floats, round),
    ...referenceNorms(floats, round),
    ...referenceSequences(floats, round),
    ...referenceRecurrent(floats),
    ...referenceGradient(floats, round),
    ...referenceOptimizers(floats, round),
  }
}
