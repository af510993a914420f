/**
 * From a spec to a plan: the model is built, its parameters placed, the batch cut, everything laid out in the arena, and the
 * layers lowered to where their tensors lie.
 */
import { Layout, MAX_ARENA_BYTES } from '../arena/layout.ts'
import { UserError } from '../errors.ts'
import type { Pointer } from '../kernels/kernels.ts'
import { buildModel, sizeOf } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { lowerModel } from '../model/graph.ts'
import type { Flow, Layer, LoweredLayer } from '../model/layer.ts'
import { lossRule } from '../model/losses.ts'
import { metric } from '../model/metrics.ts'
import { shapeText } from '../model/shape.ts'
import { stateSlots } from '../optim/optimizers.ts'
import { placePartials, placeRegions, placeWorkers } from './addresses.ts'
import type { Sizes } from './addresses.ts'
import { UPDATE_PIECE, stepsPerSnapshot } from './constants.ts'
import { cutBatch, workPerRow } from './cut.ts'
import { stateWords } from './lengths.ts'
import { evaluationSchedule, lasting, lowerApart, stepSchedule, together } from './lifetimes.ts'
import type { Schedule, Traced } from './lifetimes.ts'
import { placeParameters, placementOf } from './parameters.ts'
import type { Placements } from './parameters.ts'
import { normsOf } from './pieces.ts'
import type { Plan } from './plan.ts'
import { placeRooms } from './rooms.ts'
import { rowsPerShard } from './shards.ts'
import { sliceOf } from './slices.ts'
import type { PlanSpec } from './spec.ts'
import { onlyGathers, stagesOf } from './stages.ts'
import { gradientPieces } from './tiles.ts'
import { countLayers, watchOf } from './watch.ts'

/**
 * @param share whether tensors that are not needed together may have one place; for tests, which compare
 * @throws UserError where the model does not fit together
 */
export function compilePlan(spec: PlanSpec, share = true): Plan {
  const model = buildModel(spec.model, spec.inputs)
  const loss = lossRule(spec.loss)
  const metrics = spec.metrics.map((config) => metric(config, model.outputs, loss, spec.targets))
  const sums = 1 + metrics.reduce((total, { sums }) => total + sums, 0)
  const slots = spec.optimizer ? stateSlots(spec.optimizer).length : 0
  const training = spec.optimizer !== null
  const { shards } = spec.sharing
  const placements = placeParameters(model.parameters, rowsPerShard(spec.batchSize, spec.sharing), spec.gradient)
  if (training && placements.learned === 0 && placements.total > 0) {
    throw new UserError('Expected something to learn, but every layer has `trainable: false`. Let one of them learn.')
  }
  checkRoom(placements)
  const apart = lowerApart(model, training)
  const work = workPerRow(training ? apart.network : lowerApart(model, true).network, placements)
  const cut = cutBatch(spec, placements, work)
  const { blockRows, microRows } = cut
  const ownRows = (cut.ownEnd - cut.ownFirst) * microRows
  const stagesFor = (network: LoweredLayer) =>
    stagesOf(network, microRows, shards, blockRows, spec.divisible ? spec.workers : 0)
  const watchFor = (network: LoweredLayer) => watchOf(network, placements, ownRows)
  const watchApart = watchFor(apart.network)
  const seen = training ? { units: watchApart.units, lanes: cut.lanes } : null
  const words = stateWords(sums, metrics.length, countLayers(placements), seen)
  const slice = sliceOf(spec, placements)
  const sizes: Sizes = { spec, model, loss, placements, cut, slice, words, sums, slots }

  const layout = new Layout()
  layout.most = largestLayer(model, apart.network, cut.capacity)
  const regions = placeRegions(layout, sizes)
  const input: Flow = {
    value: layout.add('batch', 'float32', cut.capacity * spec.inputs),
    gradient: -1,
    cols: spec.inputs,
    overwritable: false,
  }
  const step = training ? stepSchedule(apart, stagesFor(apart.network), watchApart) : null
  const tensors = placeTensors(layout, sizes, apart, step, share)
  const lowered = lower(layout, sizes, input, regions, tensors.places)
  const { network } = lowered
  const tiles = gradientPieces(network, placements, 'tiles', microRows)
  const stages = stagesFor(network)
  const lossRows = stages.flatMap((stage) => (stage.kind === 'block' && stage.loss ? [stage.blockRows] : []))[0]!
  const watch = watchFor(network)
  const partials = placePartials(layout, sizes, watch, lossRows, normsOf(tiles, watch, shards))
  // A piece of an update is looked at before and after, when no layer works.
  const temporaryElements = Math.max(lowered.temporaryElements, training ? UPDATE_PIECE : 0)
  const stateBytes = 4 * placements.total * (1 + slots)
  return {
    ...{ spec, model, layout, loss, metrics, placements, network, input, watch, stages },
    ...cut,
    ...slice,
    ...words,
    gathersAhead: onlyGathers(stages[0]!),
    tiles,
    laned: gradientPieces(network, placements, 'lanes', microRows),
    lossRows,
    snapshotSteps: spec.snapshots ? stepsPerSnapshot(stateBytes, spec.batchSize * flopsOf(network)) : Infinity,
    sums,
    temporaryElements,
    tensorBytes: tensors.bytesApart,
    lasting: tensors.lasting,
    at: { ...regions, ...partials, ...placeWorkers(layout, spec, temporaryElements) },
  }
}

/** Weights of so many arenas are refused before they are cut into pieces, which would take all memory there is. */
const MOST_ARENAS = 16

/** @throws UserError naming the largest tensor; what is less is refused with the sum of each region, by the layout */
function checkRoom({ all, total }: Placements): void {
  if (4 * total <= MOST_ARENAS * MAX_ARENA_BYTES) return
  const { spec } = all.reduce((a, b) => (b.size > a.size ? b : a))
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(0)} GiB`
  throw new UserError(
    `Expected the weights to fit in the arena, ${gib(MAX_ARENA_BYTES)}, got ${gib(4 * total)}; the most has ` +
      `\`${spec.name}\` of shape ${shapeText(spec.shape)}. Use fewer units there, or let what comes before it give fewer.`,
  )
}

/** By its weights, and the numbers it gives of the rows that are there at once. */
function largestLayer({ layers }: Model, { parts = [] }: LoweredLayer, rows: number): string {
  const sizes = leavesOf(layers).map(({ name, parameters }) => ({
    name,
    weights: parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    cols: Math.max(0, ...parts.map(({ layer, output }) => (layer === name ? output.cols : 0))),
  }))
  if (sizes.length === 0) return ''
  const numbers = ({ weights, cols }: (typeof sizes)[number]) => weights + rows * cols
  const { name, weights, cols } = sizes.reduce((a, b) => (numbers(b) > numbers(a) ? b : a))
  return `Layer \`${name}\` has the most: ${weights} weights, and ${cols} numbers for each of ${rows} rows.\n`
}

const leavesOf = (layers: readonly Layer[]): Layer[] =>
  layers.flatMap((layer) => (layer.children ? leavesOf(layer.children) : [layer]))

interface TensorPlaces {
  /** Of each tensor, in the order in which layers ask for them. */
  readonly places: readonly Pointer[]
  /** Bytes of all, if each had a place of its own. */
  readonly bytesApart: number
  /** Those whose place nobody else has taken when a step's gradients are done. */
  readonly lasting: ReadonlySet<Pointer>
}

/** Activations and back-signals: those that are not needed together may have one place. */
function placeTensors(
  layout: Layout,
  { spec, cut }: Sizes,
  apart: Traced,
  step: Schedule | null,
  share: boolean,
): TensorPlaces {
  const schedules = [...(step ? [step] : []), ...(spec.evaluationRows > 0 || !step ? [evaluationSchedule(apart)] : [])]
  const ownRows = (cut.ownEnd - cut.ownFirst) * cut.microRows
  const wanted = apart.tensors.map(({ kind, cols }) => ({
    length: cols * (kind === 'activation' ? cut.capacity : ownRows),
    cols,
  }))
  const rooms = placeRooms(wanted, share ? schedules : [together(wanted)])
  const first = layout.add('activations', 'float32', rooms.length)
  const places = rooms.offsets.map((offset) => first + offset)
  const lasts = step ? lasting(step).map((tensor) => places[tensor]!) : []
  return { places, bytesApart: 4 * rooms.apart, lasting: new Set(lasts) }
}

/** The layers at their places, and elements of scratch that the greediest of them wants while it runs. */
function lower(
  layout: Layout,
  { model, spec, cut, placements }: Sizes,
  input: Flow,
  at: { readonly parameters: Pointer; readonly next: Pointer },
  places: readonly Pointer[],
): Pick<Plan, 'network' | 'temporaryElements'> {
  const training = spec.optimizer !== null
  const own = cut.ownEnd - cut.ownFirst
  const blocks = Math.ceil(cut.microRows / cut.blockRows)
  const statistics = (length: number) => layout.add('statistics', 'float32', training ? length : 0)
  const nextTensor = counter()
  const nextPlace = () => places[nextTensor()]!
  let temporaryElements = 0
  const network = lowerModel(model, input, {
    tensor: nextPlace,
    backSignal: () => (training ? nextPlace() : -1),
    parameter: (name) => at.parameters + placementOf(placements, name).offset,
    next: (name) => at.next + placementOf(placements, name).offset - placements.learned,
    perBlock: (elements) => statistics(own * blocks * elements),
    perShard: (elements) => statistics(spec.sharing.shards * elements),
    once: (elements) => statistics(elements),
    temporary: (elements) => (temporaryElements = Math.max(temporaryElements, elements)),
    stream: counter(),
  })
  return { network, temporaryElements }
}

/** Arithmetic of a row, all told. */
function flopsOf({ flopsPerRow, backwardFlopsPerRow, gradients }: LoweredLayer): number {
  return gradients.reduce((sum, task) => sum + task.flopsPerRow, flopsPerRow + backwardFlopsPerRow)
}

function counter(): () => number {
  let next = 0
  return () => next++
}
