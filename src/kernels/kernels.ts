/**
 * The interface of the arithmetic, a family of kernels a file. One implementation is one promise about bits (see select.ts);
 * every one passes test/kernels/conformance.test.ts. Nothing above this folder knows which one runs.
 *
 * Conventions:
 * - A `Pointer` is an offset in *elements* (not bytes) from the start of the float memory. No alignment is assumed.
 * - Matrices are row-major and dense unless a leading dimension (`ld*`, in elements) is given.
 * - Names are read as: rows x cols. Counts may be 0.
 * - No function allocates. Sums that feed a decision (losses, squares) are returned in float64.
 * - NaN and infinities follow IEEE 754: no shortcut may hide one (0 * NaN is NaN in a matrix product).
 */
import type { GradientKernels } from './interface/gradient.ts'
import type { LossKernels } from './interface/losses.ts'
import type { MatrixKernels } from './interface/matrix.ts'
import type { NormKernels } from './interface/norms.ts'
import type { OptimizerKernels } from './interface/optimizers.ts'
import type { RecurrentKernels } from './interface/recurrent.ts'
import type { RowKernels } from './interface/rows.ts'
import type { SequenceKernels } from './interface/sequences.ts'
import type { WindowKernels } from './interface/windows.ts'

export type * from './interface/gradient.ts'
export * from './interface/losses.ts'
export type * from './interface/matrix.ts'
export * from './interface/norms.ts'
export type * from './interface/optimizers.ts'
export type * from './interface/pointer.ts'
export type * from './interface/recurrent.ts'
export * from './interface/rows.ts'
export type * from './interface/sequences.ts'
export type * from './interface/windows.ts'

export type KernelName = 'reference' | 'wasm-strict' | 'wasm' | 'native' | 'blas'

export interface Kernels
  extends
    MatrixKernels,
    RowKernels,
    LossKernels,
    WindowKernels,
    NormKernels,
    SequenceKernels,
    RecurrentKernels,
    GradientKernels,
    OptimizerKernels {
  readonly name: KernelName
}
