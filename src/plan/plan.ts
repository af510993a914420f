/**
 * The plan: model, batch size and optimizer, compiled into an arena layout, phases and pieces.
 * It depends on the spec alone, never on the number of workers (which only sizes scratch memory at the very end).
 */
import { CONTROL_WORDS } from '../arena/control.ts'
import { Layout } from '../arena/layout.ts'
import { UserError } from '../errors.ts'
import type { Pointer } from '../kernels/kernels.ts'
import { scratchElements } from '../kernels/wasm.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import type { Flow, GradientTask, LoweredLayer, ParameterSpec, Tile } from '../model/layer.ts'
import { matrixOf } from '../model/shape.ts'
import { lowerModel } from '../model/graph.ts'
import { lossRule } from '../model/losses.ts'
import type { LossRule } from '../model/losses.ts'
import { metric } from '../model/metrics.ts'
import type { Metric } from '../model/metrics.ts'
import { RAISED, healthStateLength } from '../gradient/health.ts'
import { stateSlots } from '../optim/optimizers.ts'
import {
  TILE_COLS,
  TILE_FLOPS,
  TILE_ROWS,
  UPDATE_PIECE,
  rowsPerBlock,
  rowsPerEvaluation,
  rowsPerLane,
  stepsPerSnapshot,
} from './constants.ts'
import { evaluationSchedule, lasting, lowerApart, stepSchedule, together } from './lifetimes.ts'
import { normsOf } from './pieces.ts'
import { placeParameters } from './parameters.ts'
import type { Placement, Placements } from './parameters.ts'
import type { PlanSpec } from './spec.ts'
import { placeRooms } from './rooms.ts'
import { endShard, firstShard, firstSlicePiece, rowsPerShard } from './shards.ts'
import { SIGNAL_FIELDS, countLayers, watchOf } from './watch.ts'
import type { Watch } from './watch.ts'
import { onlyGathers, stagesOf } from './stages.ts'
import type { Stage } from './stages.ts'

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

/** A parameter's gradient, or a tile of it. */
export interface GradientPiece {
  readonly task: GradientTask
  readonly placement: Placement
  readonly tile: Tile
}

export interface Plan {
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
  /** Rows of a shard, and the shards of this rank: [ownFirst, ownEnd). */
  readonly shardRows: number
  readonly ownFirst: number
  readonly ownEnd: number
  /** Lanes of a shard. */
  readonly lanes: number
  /** Runs of parameters that this rank adds up and updates: [firstPiece, endPiece). */
  readonly firstPiece: number
  readonly endPiece: number
  /** Parameters whose state of the optimizer lies in the arena: all, or those that this rank updates. */
  readonly kept: { readonly first: number; readonly end: number }
  /** Rows of a full micro-batch of one shard, of a row block (also in an evaluation), of a lane, of an evaluation batch. */
  readonly microRows: number
  readonly blockRows: number
  /** Of the blocks whose partial sums are the loss. */
  readonly lossRows: number
  /** Steps between two copies of the run's state. */
  readonly snapshotSteps: number
  readonly laneRows: number
  readonly evaluationRows: number
  /** Float64 sums a row block leaves: the loss, then the metrics'. */
  readonly sums: number
  /** Where the sums of the batch, the epoch and the evaluation lie in the state, and the values made of them. */
  readonly sumsAt: {
    readonly batch: number
    readonly epoch: number
    readonly evaluation: number
    readonly values: number
    /** The detector's state, and for each unit that can fall silent the samples since it last spoke. */
    readonly health: number
    readonly units: number
  }
  /** Float64 words of the whole state. */
  readonly stateLength: number
  /** Float64 fields of one telemetry record. */
  readonly recordFields: number
  /** Elements of each worker's scratch that are a piece's own: as many as the greediest layer wants while it runs. */
  readonly temporaryElements: number
  /** Bytes of all activations and back-signals, if each had a place of its own. */
  readonly tensorBytes: number
  /** Of those whose place nobody else has taken when a step's gradients are done. */
  readonly lasting: ReadonlySet<Pointer>
  readonly at: Readonly<Addresses>
}

/** Offsets in elements of the region's own kind. */
interface Addresses {
  control: number
  state: number
  partials: number
  /** Per shard: the sums of its blocks, and its weight. Per rank: a word of its own. */
  shardSums: number
  wishes: number
  /** Per rank: transfers from it and to it that are not over. */
  awaited: number
  /** Per chunk: sum of squares, and what the clip asks of it (squares that value clipping leaves, its p-norm); per tensor: by unit. */
  norms: number
  clipNorms: number
  /** Per watched layer: sum of squares of the gradient; SIGNAL_FIELDS sampled numbers. */
  layerSquares: number
  /** Per watched layer: what its gradient is multiplied by beside the step's coefficient. */
  layerScales: number
  signals: number
  /** The same of each part of a layer: see train/observe.ts. */
  partSignals: number
  /** Per segment: squares of the weights after a sampled update, and of that update; per update piece: what differs. */
  segments: number
  differing: number
  /** Per reduce piece and lane: squares of what the lane adds. */
  partSquares: number
  largest: number
  ring: number
  tuning: number
  parameters: Pointer
  /** Of each own shard, `placements.total` apart; the first is where the batch's comes to lie. */
  gradients: Pointer
  /** State of the parameters that are kept, to be read from the parameter's offset on. */
  slots: Pointer[]
  /** Where the state of all parameters lies when it is saved: `slots`, or where ranks' parts are joined; [] where they are not. */
  joined: Pointer[]
  /** What the statistics become with an accepted step. */
  next: Pointer
  best: Pointer
  /** Room for one piece of parameters and optimizer state. */
  rehearsal: Pointer
  lanes: Pointer
  /** Of each shard of another rank: its gradient's run for this one. */
  inbox: Pointer
  target: Pointer
  weight: Pointer
  /** Of each position of the batch's rows, where their labels are masked. */
  positionWeight: Pointer
  trainX: Pointer
  trainY: Pointer
  trainWeight: Pointer
  evaluationX: Pointer
  evaluationY: Pointer
  outputs: Pointer
  /** The run as it was some steps ago: see train/snapshot.ts. `snapshot` is -1 where none is taken. */
  snapshot: Pointer | -1
  snapshotState: number
  scratch: Pointer
  trace: number
  /** What each worker is at: see train/post.ts. */
  posts: number
}

/** Fields of a record before the metrics; see train/record.ts. */
export const RECORD_HEAD = 19
/** Float64 fields of one trace event; see train/tracer.ts. */
export const EVENT_FIELDS = 5
/** Float64 words of one worker's ring of events: a count, then the events. */
export const traceDoubles = (events: number): number => (events > 0 ? 1 + events * EVENT_FIELDS : 0)
/** Int32 words of a worker's post, a cache line; see train/post.ts. */
export const POST_WORDS = 16
/** Float64 words of the tuner's state; see train/tuner.ts. */
export const TUNING_DOUBLES = 32
/** Float64 fields of a sampled layer in a record; see train/record.ts. */
export const FRAME_FIELDS = 7
/** Float64 words of the sequencer's state before the sums; see train/state.ts. */
export const STATE_DOUBLES = 512

/**
 * @param share whether tensors that are not needed together may have one place; for tests, which compare
 * @throws UserError where the model does not fit together
 */
export function compilePlan(spec: PlanSpec, share = true): Plan {
  const model = buildModel(spec.model, spec.inputs)
  const loss = lossRule(spec.loss)
  const metrics = spec.metrics.map((config) => metric(config, model.outputs, loss, spec.targets))
  const sums = 1 + metrics.reduce((total, { sums }) => total + sums, 0)
  const training = spec.optimizer !== null
  const { sharing } = spec
  const { shards } = sharing
  const shardRows = rowsPerShard(spec.batchSize, sharing)
  const [ownFirst, ownEnd] = [firstShard(sharing), endShard(sharing)]
  const own = ownEnd - ownFirst
  const microRows = Math.ceil(shardRows / spec.accumulationSteps)
  const placements = placeParameters(model.parameters, shardRows, spec.gradient)
  const apart = lowerApart(model, training)
  const work = workPerRow(training ? apart.network : lowerApart(model, true).network, placements)
  const blockRows = rowsPerBlock(microRows, work.rows, shards)
  const evaluationRows = rowsPerEvaluation(own * microRows, blockRows)
  const capacity = spec.evaluationRows > 0 ? evaluationRows : own * microRows
  const laneRows = placements.laned === 0 ? shardRows : rowsPerLane(shardRows, work.lanes)
  const lanes = Math.ceil(shardRows / laneRows)
  const blocks = Math.ceil(microRows / blockRows)
  const { total, laned, learned, followed } = placements
  const updates = Math.ceil(learned / UPDATE_PIECE)
  const [firstPiece, endPiece] = [sharing.rank, sharing.rank + 1].map((rank) =>
    firstSlicePiece(updates, { ...sharing, rank }),
  ) as [number, number]
  const slots = spec.optimizer ? stateSlots(spec.optimizer) : []
  const shardsState = spec.shardState === true && sharing.ranks > 1
  const [firstKept, endKept] = [firstPiece, endPiece].map((piece) => Math.min(learned, piece * UPDATE_PIECE)) as [
    number,
    number,
  ]
  const kept = shardsState ? { first: firstKept, end: endKept } : { first: 0, end: total }
  const numValues = 2 * (1 + metrics.length)
  const layersSeen = countLayers(placements)
  const recordFields = RECORD_HEAD + Math.max(numValues + layersSeen, FRAME_FIELDS * layersSeen, RAISED)
  const sumsAt = {
    batch: STATE_DOUBLES,
    epoch: STATE_DOUBLES + sums,
    evaluation: STATE_DOUBLES + 2 * sums,
    values: STATE_DOUBLES + 3 * sums,
    health: STATE_DOUBLES + 3 * sums + numValues,
    units: STATE_DOUBLES + 3 * sums + numValues + (training ? healthStateLength(layersSeen, lanes) : 0),
  }
  const stagesFor = (network: LoweredLayer) =>
    stagesOf(network, microRows, shards, blockRows, spec.divisible ? spec.workers : 0)
  const watchFor = (network: LoweredLayer) => watchOf(network, placements, own * microRows)
  const watchApart = watchFor(apart.network)
  const stateLength = sumsAt.units + (training ? watchApart.units : 0)

  const layout = new Layout()
  const at: Addresses = {
    control: layout.add('control', 'int32', CONTROL_WORDS),
    state: layout.add('control', 'float64', stateLength),
    ring: layout.add('telemetry', 'float64', spec.ringRecords * recordFields),
    tuning: layout.add('control', 'float64', TUNING_DOUBLES),
    partials: 0,
    shardSums: layout.add('partials', 'float64', training ? shards * (sums + 1) : 0),
    wishes: layout.add('partials', 'float64', sharing.ranks),
    awaited: layout.add('partials', 'float64', sharing.ranks),
    norms: 0,
    clipNorms: 0,
    layerSquares: 0,
    layerScales: 0,
    signals: 0,
    partSignals: 0,
    segments: 0,
    differing: 0,
    partSquares: 0,
    largest: layout.add('partials', 'float64', training ? Math.ceil(learned / UPDATE_PIECE) : 0),
    parameters: layout.add('parameters', 'float32', total),
    gradients: layout.add('gradients', 'float32', training ? own * total : 0),
    slots: slots.map(() => layout.add('optimizer state', 'float32', kept.end - kept.first) - kept.first),
    joined: slots.flatMap(() =>
      shardsState && sharing.rank === 0 ? [layout.add('joined state', 'float32', total)] : [],
    ),
    next: layout.add('statistics', 'float32', training ? followed - learned : 0),
    best: layout.add('best parameters', 'float32', spec.keepBest ? total : 0),
    rehearsal: layout.add('partials', 'float32', training ? UPDATE_PIECE * (1 + slots.length) : 0),
    lanes: layout.add('lanes', 'float32', training ? own * lanes * laned : 0),
    inbox: layout.add('inbox', 'float32', (shards - own) * (endPiece - firstPiece) * UPDATE_PIECE),
    target: layout.add('batch', 'float32', capacity * spec.targets),
    weight: layout.add('batch', 'float32', capacity),
    positionWeight: layout.add('batch', 'float32', loss.takes === 'labels' ? capacity * spec.targets : 0),
    trainX: layout.add('training data', 'float32', spec.trainRows * spec.inputs),
    trainY: layout.add('training data', 'float32', spec.trainRows * spec.targets),
    trainWeight: layout.add('training data', 'float32', spec.weighted ? spec.trainRows : 0),
    evaluationX: layout.add('evaluation data', 'float32', spec.evaluationRows * spec.inputs),
    evaluationY: layout.add('evaluation data', 'float32', spec.evaluationRows * spec.targets),
    outputs: layout.add('outputs', 'float32', spec.keepOutputs ? spec.evaluationRows * model.outputs : 0),
    snapshot: spec.snapshots ? layout.add('snapshot', 'float32', total * (1 + slots.length)) : -1,
    snapshotState: layout.add('snapshot', 'float64', stateLength),
    scratch: 0,
    trace: 0,
    posts: 0,
  }
  if (!shardsState) at.joined = at.slots
  const input: Flow = {
    value: layout.add('batch', 'float32', capacity * spec.inputs),
    gradient: -1,
    cols: spec.inputs,
    overwritable: false,
  }
  const step = training ? stepSchedule(apart, stagesFor(apart.network), watchApart) : null
  const schedules = [...(step ? [step] : []), ...(spec.evaluationRows > 0 || !step ? [evaluationSchedule(apart)] : [])]
  const wanted = apart.tensors.map(({ kind, cols }) => ({
    length: cols * (kind === 'activation' ? capacity : own * microRows),
    cols,
  }))
  const rooms = placeRooms(wanted, share ? schedules : [together(wanted)])
  const firstRoom = layout.add('activations', 'float32', rooms.length)
  const nextTensor = counter()
  const nextRoom = () => firstRoom + rooms.offsets[nextTensor()]!
  let temporaryElements = 0
  const network = lowerModel(model, input, {
    tensor: nextRoom,
    backSignal: () => (training ? nextRoom() : -1),
    parameter: (name) => at.parameters + placements.all.find((p) => p.spec.name === name)!.offset,
    next: (name) => at.next + placements.all.find((p) => p.spec.name === name)!.offset - learned,
    perBlock: (elements) => layout.add('statistics', 'float32', training ? own * blocks * elements : 0),
    perShard: (elements) => layout.add('statistics', 'float32', training ? shards * elements : 0),
    once: (elements) => layout.add('statistics', 'float32', training ? elements : 0),
    temporary: (elements) => (temporaryElements = Math.max(temporaryElements, elements)),
    stream: counter(),
  })
  const gradientPieces = (how: 'tiles' | 'lanes', rows: number): GradientPiece[] =>
    network.gradients.flatMap((task) => {
      const placement = placements.all.find((p) => p.spec.name === task.parameter)!
      if (placement.how !== how) return []
      const { spec } = placement
      const [rowEnd, colEnd] = matrixOf(spec.shape)
      const whole: Tile = { row: 0, rowEnd, col: 0, colEnd }
      const tiles = how === 'tiles' ? tilesOf(spec, task.flopsPerRow, rows) : [whole]
      return tiles.map((tile) => ({ task, placement, tile }))
    })
  const tiles = gradientPieces('tiles', microRows)
  const stages = stagesFor(network)
  const lossRows = stages.flatMap((stage) => (stage.kind === 'block' && stage.loss ? [stage.blockRows] : []))[0]!
  if (training && learned === 0 && total > 0) {
    throw new UserError('Expected something to learn, but every layer has `trainable: false`. Let one of them learn.')
  }
  const watch = watchFor(network)
  at.partials = layout.add(
    'partials',
    'float64',
    Math.max(own * Math.ceil(microRows / lossRows), Math.ceil(capacity / blockRows)) * sums,
  )
  const norms = training ? normsOf(tiles, watch, shards) : 0
  const watched = training ? watch.layers.length : 0
  at.layerSquares = layout.add('partials', 'float64', watched)
  at.layerScales = layout.add('partials', 'float64', watched)
  at.signals = layout.add('partials', 'float64', watched * SIGNAL_FIELDS)
  at.partSignals = layout.add('partials', 'float64', training ? watch.parts.length * SIGNAL_FIELDS : 0)
  at.segments = layout.add('partials', 'float64', training ? 2 * watch.segments.length : 0)
  at.differing = layout.add('partials', 'float64', training ? Math.ceil(learned / UPDATE_PIECE) : 0)
  at.partSquares = layout.add('partials', 'float64', training ? Math.ceil(laned / UPDATE_PIECE) * lanes : 0)
  at.norms = layout.add('partials', 'float64', norms)
  at.clipNorms = layout.add('partials', 'float64', training ? Math.max(norms, placements.all.length) : 0)
  // Last what knows how many workers there are.
  at.trace = layout.add('trace', 'float64', spec.workers * traceDoubles(spec.traceEvents))
  // A piece of an update is looked at before and after, when no layer works.
  temporaryElements = Math.max(temporaryElements, training ? UPDATE_PIECE : 0)
  at.scratch = layout.add('scratch', 'float32', spec.workers * (scratchElements + temporaryElements))
  at.posts = layout.add('scratch', 'int32', spec.workers * POST_WORDS)
  return {
    spec,
    model,
    layout,
    loss,
    metrics,
    placements,
    network,
    input,
    watch,
    stages,
    gathersAhead: onlyGathers(stages[0]!),
    shardRows,
    ownFirst,
    ownEnd,
    lanes,
    firstPiece,
    endPiece,
    kept,
    microRows,
    blockRows,
    lossRows,
    snapshotSteps: spec.snapshots
      ? stepsPerSnapshot(4 * total * (1 + slots.length), spec.batchSize * flopsOf(network))
      : Infinity,
    laneRows,
    evaluationRows,
    sums,
    sumsAt,
    stateLength,
    recordFields,
    temporaryElements,
    tensorBytes: 4 * rooms.apart,
    lasting: new Set(step ? lasting(step).map((tensor) => firstRoom + rooms.offsets[tensor]!) : []),
    at,
    tiles,
    laned: gradientPieces('lanes', microRows),
  }
}

/** Arithmetic of a row: forward and backward, and of the gradients that go by lanes. */
function workPerRow(network: LoweredLayer, { all }: Placements): { rows: number; lanes: number } {
  const laned = new Set(all.filter(({ how }) => how === 'lanes').map(({ spec }) => spec.name))
  const gradients = network.gradients.filter(({ parameter }) => laned.has(parameter))
  return {
    rows: network.flopsPerRow + network.backwardFlopsPerRow,
    lanes: gradients.reduce((sum, task) => sum + task.flopsPerRow, 0),
  }
}

/** Arithmetic of a row, all told. */
function flopsOf({ flopsPerRow, backwardFlopsPerRow, gradients }: LoweredLayer): number {
  return gradients.reduce((sum, task) => sum + task.flopsPerRow, flopsPerRow + backwardFlopsPerRow)
}

/** Cuts a matrix into tiles of about TILE_FLOPS or of TILE_ROWS x TILE_COLS, whichever is more; a vector stays whole. */
function tilesOf({ shape, uncut }: ParameterSpec, flopsPerRow: number, rows: number): Tile[] {
  const [leading, width] = matrixOf(shape)
  if (shape.length === 1 || uncut) return [{ row: 0, rowEnd: leading, col: 0, colEnd: width }]
  const cols = evenly(width, TILE_COLS)
  const flopsPerTileRow = (flopsPerRow * rows * cols) / (leading * width)
  const worthwhile = Math.ceil(TILE_FLOPS / flopsPerTileRow / 8) * 8
  const height = evenly(leading, Math.max(TILE_ROWS, worthwhile))
  const tiles: Tile[] = []
  for (let row = 0; row < leading; row += height) {
    for (let col = 0; col < width; col += cols) {
      tiles.push({ row, rowEnd: Math.min(leading, row + height), col, colEnd: Math.min(width, col + cols) })
    }
  }
  return tiles
}

/** The size, a multiple of 8, of equal parts of `length` that are at most about `most` long. */
function evenly(length: number, most: number): number {
  const parts = Math.max(1, Math.round(length / most))
  return Math.ceil(length / parts / 8) * 8
}

function counter(): () => number {
  let next = 0
  return () => next++
}

/** A worker's scratch: the kernels' elements, then the piece's. */
export function scratchOf(plan: Plan, worker: number): { kernels: Pointer; piece: Pointer } {
  const kernels = plan.at.scratch + worker * (scratchElements + plan.temporaryElements)
  return { kernels, piece: kernels + scratchElements }
}
