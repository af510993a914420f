/**
 * Where everything lies in the arena. First what sizes alone tell, then the tensors of the rows (see compile.ts), then what
 * the lowered network tells, last what knows how many workers there are.
 */
import { CONTROL_WORDS } from '../arena/control.ts'
import type { Layout } from '../arena/layout.ts'
import type { Pointer } from '../kernels/kernels.ts'
import { scratchElements } from '../kernels/wasm.ts'
import type { Model } from '../model/build.ts'
import type { LossRule } from '../model/losses.ts'
import { UPDATE_PIECE } from './constants.ts'
import type { Cut } from './cut.ts'
import { POST_WORDS, TUNING_DOUBLES, traceDoubles } from './lengths.ts'
import type { StateWords } from './lengths.ts'
import type { Placements } from './parameters.ts'
import type { Slice } from './slices.ts'
import type { PlanSpec } from './spec.ts'
import { SIGNAL_FIELDS } from './watch.ts'
import type { Watch } from './watch.ts'

/** Offsets in elements of the region's own kind. */
export interface Addresses extends Regions, Partials, PerWorker {}

/** What sizes alone tell. */
interface Regions {
  readonly control: number
  readonly state: number
  /** Per shard: the sums of its blocks, and its weight. Per rank: a word of its own. */
  readonly shardSums: number
  readonly wishes: number
  /** Per rank: transfers from it and to it that are not over. */
  readonly awaited: number
  /** Per update piece: the largest weight. */
  readonly largest: number
  readonly ring: number
  readonly tuning: number
  readonly parameters: Pointer
  /** Of each own shard, `placements.total` apart; the first is where the batch's comes to lie. */
  readonly gradients: Pointer
  /** State of the parameters that are kept, to be read from the parameter's offset on. */
  readonly slots: readonly Pointer[]
  /** Where the state of all parameters lies when it is saved: `slots`, or where ranks' parts are joined; [] where they are not. */
  readonly joined: readonly Pointer[]
  /** What the statistics become with an accepted step. */
  readonly next: Pointer
  readonly best: Pointer
  /** Room for one piece of parameters and optimizer state. */
  readonly rehearsal: Pointer
  readonly lanes: Pointer
  /** Of each shard of another rank: its gradient's run for this one. */
  readonly inbox: Pointer
  readonly target: Pointer
  readonly weight: Pointer
  /** Of each position of the batch's rows, where their labels are masked. */
  readonly positionWeight: Pointer
  readonly trainX: Pointer
  readonly trainY: Pointer
  readonly trainWeight: Pointer
  readonly evaluationX: Pointer
  readonly evaluationY: Pointer
  readonly outputs: Pointer
  /** The run as it was some steps ago: see train/snapshot.ts. `snapshot` is -1 where none is taken. */
  readonly snapshot: Pointer | -1
  readonly snapshotState: number
}

/** What the lowered network tells: partial sums of its pieces, and what is seen of its layers. */
interface Partials {
  /** Per row block that takes the loss: its sums. */
  readonly partials: number
  /** Per chunk: sum of squares, and what the clip asks of it (squares that value clipping leaves, its p-norm); per tensor: by unit. */
  readonly norms: number
  readonly clipNorms: number
  /** Per watched layer: sum of squares of the gradient; SIGNAL_FIELDS sampled numbers. */
  readonly layerSquares: number
  /** Per watched layer: what its gradient is multiplied by beside the step's coefficient. */
  readonly layerScales: number
  readonly signals: number
  /** The same of each part of a layer: see train/observe.ts. */
  readonly partSignals: number
  /** Per segment: squares of the weights after a sampled update, and of that update; per update piece: what differs. */
  readonly segments: number
  readonly differing: number
  /** Per reduce piece and lane: squares of what the lane adds. */
  readonly partSquares: number
}

/** What knows how many workers there are. */
interface PerWorker {
  readonly trace: number
  readonly scratch: Pointer
  /** What each worker is at: see train/post.ts. */
  readonly posts: number
}

export interface Sizes {
  readonly spec: PlanSpec
  readonly model: Model
  readonly loss: LossRule
  readonly placements: Placements
  readonly cut: Cut
  readonly slice: Slice
  readonly words: StateWords
  /** Float64 sums of a row block. */
  readonly sums: number
  /** Vectors of the optimizer's state. */
  readonly slots: number
}

export function placeRegions(layout: Layout, sizes: Sizes): Regions {
  const { spec, model, loss, placements, cut, slice, words, sums } = sizes
  const { shards, rank, ranks } = spec.sharing
  const { capacity, lanes } = cut
  const { kept, shardsState } = slice
  const { total, laned, learned, followed } = placements
  const own = cut.ownEnd - cut.ownFirst
  const training = spec.optimizer !== null
  const slots = Array.from({ length: sizes.slots }, (_, i) => i)
  // In the order of their places.
  const regions = {
    control: layout.add('control', 'int32', CONTROL_WORDS),
    state: layout.add('control', 'float64', words.stateLength),
    ring: layout.add('telemetry', 'float64', spec.ringRecords * words.recordFields),
    tuning: layout.add('control', 'float64', TUNING_DOUBLES),
    shardSums: layout.add('partials', 'float64', training ? shards * (sums + 1) : 0),
    wishes: layout.add('partials', 'float64', ranks),
    awaited: layout.add('partials', 'float64', ranks),
    largest: layout.add('partials', 'float64', training ? Math.ceil(learned / UPDATE_PIECE) : 0),
    parameters: layout.add('parameters', 'float32', total),
    gradients: layout.add('gradients', 'float32', training ? own * total : 0),
    slots: slots.map(() => layout.add('optimizer state', 'float32', kept.end - kept.first) - kept.first),
    joined: slots.flatMap(() => (shardsState && rank === 0 ? [layout.add('joined state', 'float32', total)] : [])),
    next: layout.add('statistics', 'float32', training ? followed - learned : 0),
    best: layout.add('best parameters', 'float32', spec.keepBest ? total : 0),
    rehearsal: layout.add('partials', 'float32', training ? UPDATE_PIECE * (1 + slots.length) : 0),
    lanes: layout.add('lanes', 'float32', training ? own * lanes * laned : 0),
    inbox: layout.add('inbox', 'float32', (shards - own) * (slice.endPiece - slice.firstPiece) * UPDATE_PIECE),
    target: layout.add('batch', 'float32', capacity * spec.targets),
    weight: layout.add('batch', 'float32', capacity),
    positionWeight: layout.add('batch', 'float32', loss.takes === 'labels' ? capacity * spec.targets : 0),
    trainX: layout.add('training data', 'float32', spec.trainRows * spec.inputs),
    trainY: layout.add('training data', 'float32', spec.trainRows * spec.targets),
    trainWeight: layout.add('training data', 'float32', spec.weighted ? spec.trainRows : 0),
    evaluationX: layout.add('evaluation data', 'float32', spec.evaluationRows * spec.inputs),
    evaluationY: layout.add('evaluation data', 'float32', spec.evaluationRows * spec.targets),
    outputs: layout.add('outputs', 'float32', spec.keepOutputs ? spec.evaluationRows * model.outputs : 0),
    snapshot: spec.snapshots ? layout.add('snapshot', 'float32', total * (1 + slots.length)) : (-1 as const),
    snapshotState: layout.add('snapshot', 'float64', words.stateLength),
  }
  return shardsState ? regions : { ...regions, joined: regions.slots }
}

/**
 * @param lossRows of a row block that takes the loss
 * @param norms partial sums of squares of the gradient
 */
export function placePartials(
  layout: Layout,
  { spec, placements, cut, sums }: Sizes,
  watch: Watch,
  lossRows: number,
  norms: number,
): Partials {
  const { capacity, blockRows, microRows, lanes } = cut
  const own = cut.ownEnd - cut.ownFirst
  const training = spec.optimizer !== null
  const add = (length: number) => layout.add('partials', 'float64', training ? length : 0)
  const blocks = Math.max(own * Math.ceil(microRows / lossRows), Math.ceil(capacity / blockRows))
  return {
    partials: layout.add('partials', 'float64', blocks * sums),
    layerSquares: add(watch.layers.length),
    layerScales: add(watch.layers.length),
    signals: add(watch.layers.length * SIGNAL_FIELDS),
    partSignals: add(watch.parts.length * SIGNAL_FIELDS),
    segments: add(2 * watch.segments.length),
    differing: add(Math.ceil(placements.learned / UPDATE_PIECE)),
    partSquares: add(Math.ceil(placements.laned / UPDATE_PIECE) * lanes),
    norms: add(norms),
    clipNorms: add(Math.max(norms, placements.all.length)),
  }
}

export function placeWorkers(layout: Layout, { workers, traceEvents }: PlanSpec, temporaryElements: number): PerWorker {
  return {
    trace: layout.add('trace', 'float64', workers * traceDoubles(traceEvents)),
    scratch: layout.add('scratch', 'float32', workers * (scratchElements + temporaryElements)),
    posts: layout.add('scratch', 'int32', workers * POST_WORDS),
  }
}

/** A worker's scratch: the kernels' elements, then the piece's. */
export function scratchOf(
  { at, temporaryElements }: { readonly at: PerWorker; readonly temporaryElements: number },
  worker: number,
): { kernels: Pointer; piece: Pointer } {
  const kernels = at.scratch + worker * (scratchElements + temporaryElements)
  return { kernels, piece: kernels + scratchElements }
}
