/**
 * The plan: model, batch size and optimizer, compiled (see compile.ts) into an arena layout, phases and pieces.
 * It depends on the spec alone, never on the number of workers (which only sizes scratch memory at the very end).
 */
import type { Layout } from '../arena/layout.ts'
import type { Pointer } from '../kernels/kernels.ts'
import type { Model } from '../model/build.ts'
import type { Flow, LoweredLayer } from '../model/layer.ts'
import type { LossRule } from '../model/losses.ts'
import type { Metric } from '../model/metrics.ts'
import type { Addresses } from './addresses.ts'
import type { Cut } from './cut.ts'
import type { StateWords } from './lengths.ts'
import type { Placements } from './parameters.ts'
import type { Slice } from './slices.ts'
import type { PlanSpec } from './spec.ts'
import type { Stage } from './stages.ts'
import type { GradientPiece } from './tiles.ts'
import type { Watch } from './watch.ts'

/**
 * The phases of a step in their order, that of evaluation, and those of several ranks: `exchange` belongs to the MPI
 * thread, and `combine` adds what it brought. Between two phases lies a barrier.
 */
export const Phase = {
  rows: 1,
  gradient: 2,
  reduce: 3,
  update: 4,
  evaluate: 5,
  combine: 6,
  exchange: 7,
  snapshot: 8,
} as const
export type Phase = (typeof Phase)[keyof typeof Phase]

export interface Plan extends Cut, StateWords, Slice {
  readonly spec: PlanSpec
  readonly model: Model
  readonly layout: Layout
  readonly loss: LossRule
  readonly metrics: readonly Metric[]
  readonly placements: Placements
  readonly network: LoweredLayer
  readonly input: Flow
  /** What the detector sees. */
  readonly watch: Watch
  /** The phases of the rows part, in order. */
  readonly stages: readonly Stage[]
  /** Whether the first of them only gathers: then the next batch is gathered beside the update of this one. */
  readonly gathersAhead: boolean
  /** Over a shard's rows of the micro-batch, one piece each. */
  readonly tiles: readonly GradientPiece[]
  /** Whole tensors over one lane of one shard: together one piece per lane. */
  readonly laned: readonly GradientPiece[]
  /** Rows of the blocks whose partial sums are the loss. */
  readonly lossRows: number
  /** Steps between two copies of the run's state. */
  readonly snapshotSteps: number
  /** Float64 sums a row block leaves: the loss, then the metrics'. */
  readonly sums: number
  /** Elements of each worker's scratch that are a piece's own: as many as the greediest layer wants while it runs. */
  readonly temporaryElements: number
  /** Bytes of all activations and back-signals, if each had a place of its own. */
  readonly tensorBytes: number
  /** Of those whose place nobody else has taken when a step's gradients are done. */
  readonly lasting: ReadonlySet<Pointer>
  readonly at: Addresses
}
