/**
 * The check before the first step: one step on a sample of the data is taken in an arena of its own and thrown away, and
 * a deep network's gradients are compared at near inputs. It may be called any number of times; nothing is changed.
 */
import type { Spare } from '../arena/arena.ts'
import { inSlices } from '../arena/turns.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { sampleRows, scaleInto, scaleOf, takeRows, tameHalf } from '../data/scale.ts'
import { judgeBefore } from '../gradient/before.ts'
import type { Initial, InitialLayer } from '../gradient/before.ts'
import { countTwins } from '../gradient/symmetry.ts'
import type { Matrix } from '../gradient/symmetry.ts'
import { thresholds } from '../gradient/thresholds.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import { Activation } from '../kernels/kernels.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { LayerConfig } from '../model/config.ts'
import type { Model } from '../model/build.ts'
import { warmupSteps } from '../optim/schedules.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { WatchedLayer } from '../plan/watch.ts'
import { nullLoss } from './null-loss.ts'
import { batchSizeOf, microRowsOf, rowsTogether, runSettings, trainingSpec } from './prepare.ts'
import type { Task } from './prepare.ts'
import { probe, probeSpec } from './probe.ts'
import type { ProbedLayer } from './probe.ts'
import { freshSlots } from './weights.ts'
import type { Weights } from './weights.ts'
import { zeroLoss } from './zero-loss.ts'

/** Rows of the sample, and parameters above which a second copy of the network would cost too much. */
const SAMPLE = 256
const MAX_PARAMETERS = 2 ** 25
/** Layers from which gradients can be shattered. */
const DEEP = 8

export interface Preflight {
  readonly config: ResolvedConfig
  readonly model: Model
  readonly weights: Pick<Weights, 'parameters'>
  readonly task: Task
  readonly data: Dataset
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  /** That the run will have; not told, as the config says. */
  readonly steps?: number | undefined
  /** Where the memory comes from, and is left. */
  readonly spare?: Spare | undefined
}

export async function preflight(given: Preflight): Promise<HealthVerdict[]> {
  const seen = await look(given)
  return seen ? judgeBefore(seen) : []
}

/** The numbers that are judged; `undefined` where the network is too large for a second copy. */
export async function look(asked: Preflight): Promise<Initial | undefined> {
  const given = asTaken(asked)
  const { config, model, task, data, kernels, module, spare } = given
  if (model.numParameters > MAX_PARAMETERS) return undefined
  const { parameters } = given.weights
  const weights: Weights = { parameters, slots: freshSlots(parameters, config.optimizer) }
  // The rate at its height: a warm-up would show steps that are too small. Nothing that looks at epochs.
  const calm: ResolvedConfig = {
    ...{ ...config, schedule: { type: 'constant' }, accumulationSteps: 1, workers: 1 },
    ...{ earlyStopping: undefined, reduceOnPlateau: undefined, augment: undefined },
  }
  const settingsFor = (plan: Plan) => ({
    ...runSettings(calm, plan, { epochs: 1, maxSteps: 1, gateEpochs: false }),
    watch: true,
  })
  const specOf = (rows: Dataset) => trainingSpec(calm, task, rows, undefined, 1)
  const stepOn = (rows: Dataset) => probe(specOf(rows), settingsFor, rows, weights, kernels, module, spare)
  let sample = sampleOf(data, rowsOfSample(specOf, data, microRowsOf(config, data.rows)))
  let seen = await stepOn(sample)
  const high = thresholds.overscale.warn * nullLoss(sample, task.loss, model.outputs)
  if ((!seen.layers || seen.loss > high) && sample.rows > 1) {
    // A wild row is the batch's trouble and not the network's: what do the tame ones say?
    sample = tameHalf(sample)
    spare?.keep(seen)
    seen = await stepOn(sample)
  }
  spare?.keep(seen)
  const watched = seen.plan.watch.layers
  // Numbers that an embedding looks up have no scale, and none lies near another.
  const indices = config.model.layers.some(({ type }) => type === 'embedding')
  const cosine =
    watched.length > DEEP && seen.layers && !indices ? await cosineOf(given, sample, weights, settingsFor) : NaN
  const { feature, target } = scaleOf(sample)
  const isNumeric = /Error|huber/.test(task.loss.type)
  const layers: InitialLayer[] = []
  for (const [i, layer] of watched.entries()) {
    layers.push(await initialLayer(given, watched, layer, i, seen.layers?.[i]))
  }
  return {
    rows: sample.rows,
    loss: seen.loss,
    gradNorm: seen.gradNorm,
    nullLoss: nullLoss(sample, task.loss, model.outputs),
    zeroLoss: zeroLoss(sample, task.loss, model.outputs),
    layers,
    cosine,
    warmup: warmupShare(given),
    decay: config.optimizer.learningRate * config.optimizer.weightDecay,
    feature: indices ? NaN : feature,
    target: isNumeric ? target : NaN,
  }
}

/** Steps of the warm-up over those of the run. */
function warmupShare({ config, data, steps }: Preflight): number {
  const { epochs, maxSteps = Infinity, schedule } = config
  const stepsPerEpoch = Math.ceil(data.rows / batchSizeOf(config, data.rows))
  return warmupSteps(schedule, stepsPerEpoch) / (steps ?? Math.min(maxSteps, epochs * stepsPerEpoch))
}

/** log10 of the median relative update of the first step; NaN where it was not taken. */
export async function firstUpdate(given: Preflight): Promise<number> {
  const seen = await look(given)
  const moves = (seen?.layers ?? []).flatMap(({ update, weights }) => {
    return weights > 0 && update > 0 ? [Math.log10(update / weights)] : []
  })
  return moves.toSorted((a, b) => a - b)[moves.length >> 1] ?? NaN
}

/** No fewer than a micro-batch has: the run will have their memory. */
const rowsOfSample = (specOf: (rows: Dataset) => PlanSpec, data: Dataset, least: number): number =>
  rowsTogether(least, (rows) => {
    const some = { ...data, rows: Math.min(rows, data.rows) }
    return compilePlan(probeSpec(specOf(some), some)).layout.bytes
  })

export const sampleOf = (data: Dataset, most = SAMPLE): Dataset => takeRows(data, sampleRows(data, most))

/** The network without a scale on its inputs, and the data as it then comes. */
export function asTaken<T extends Pick<Preflight, 'config' | 'data'>>(given: T): T {
  const { inputScale, ...model } = given.config.model
  if (!inputScale) return given
  const x = new Float32Array(given.data.x.length)
  scaleInto(given.data.x, 0, inputScale, x, 0)
  return { ...given, config: { ...given.config, model }, data: { ...given.data, x } }
}

const unseen: ProbedLayer = {
  gradient: NaN,
  weights: NaN,
  update: NaN,
  activation: NaN,
  backSignal: NaN,
  active: NaN,
  flat: NaN,
}

async function initialLayer(
  { model, weights }: Preflight,
  watched: readonly WatchedLayer[],
  layer: WatchedLayer,
  index: number,
  seen: ProbedLayer = unseen,
): Promise<InitialLayer> {
  const find = (name: string) => model.parameters.findIndex((spec) => spec.name === name)
  const matrixOf = (name: string): Matrix | undefined => {
    const at = find(`${name}/kernel`)
    const shape = model.parameters[at]?.shape
    if (shape?.length !== 2) return undefined
    return { values: weights.parameters[at]!, rows: shape[0]!, cols: shape[1]! }
  }
  const own = matrixOf(layer.name)
  const next = watched[index + 1]
  const out = next && matrixOf(next.name)
  // A layer in a block may well start at zero: the shortcut carries the signal.
  const isInBlock = layer.name.includes('/')
  const isOpen = !isInBlock && own && out?.rows === own.cols
  const twins = isOpen ? countTwins(own, weights.parameters[find(`${layer.name}/bias`)], out) : { alike: 0, forEver: 0 }
  const units = own?.cols ?? Infinity
  return {
    ...seen,
    weights: await normOf(model, weights.parameters, layer.name),
    name: layer.name,
    // Nothing ends with a layer that a shortcut leads past.
    active: isInBlock ? NaN : seen.active,
    units,
    variance: own && !isInBlock ? await relativeVariance(own, layer) : NaN,
    alike: twins.alike / units,
    alikeForEver: twins.forEver / units,
  }
}

/** Of all the weights of a layer, before the step. */
async function normOf(model: Model, parameters: readonly Float32Array[], layer: string): Promise<number> {
  let sum = 0
  for (const [i, { name }] of model.parameters.entries()) {
    if (name.slice(0, name.lastIndexOf('/')) === layer) sum += await squaresOf(parameters[i]!, 0)
  }
  return Math.sqrt(sum)
}

/** Sum of (value - mean)^2. */
async function squaresOf(values: Float32Array, mean: number): Promise<number> {
  let squares = 0
  await inSlices(values.length, (start, end) => {
    // By index: here nothing is compiled yet, and an iterator costs several times as much.
    let sum = 0
    for (let i = start; i < end; i++) sum += (values[i]! - mean) ** 2
    squares += sum
  })
  return squares
}

/** Of a matrix, over gain^2 / fan-in: 2 for ReLU (He et al. 2015), 1 for the others (LeCun et al. 1998). */
async function relativeVariance({ values, rows }: Matrix, { activation }: WatchedLayer): Promise<number> {
  let sum = 0
  await inSlices(values.length, (start, end) => {
    let part = 0
    for (let i = start; i < end; i++) part += values[i]!
    sum += part
  })
  const squares = await squaresOf(values, sum / values.length)
  return ((squares / values.length) * rows) / (activation === Activation.relu ? 2 : 1)
}

/**
 * Mean cosine of the gradients of one output with respect to the inputs x and x + (x' - x) / 4, over pairs of samples
 * (after Balduzzi et al. 2017, "The shattered gradients problem", arXiv 1702.08591). A target far away makes the
 * gradient of the squared error that of the first output, up to a factor.
 */
async function cosineOf(
  { config, model, kernels, module, spare }: Preflight,
  sample: Dataset,
  weights: Weights,
  settingsFor: (plan: Plan) => ReturnType<typeof runSettings>,
): Promise<number> {
  const { distance, pairs } = thresholds.shattered
  const count = Math.min(pairs, sample.rows >> 1)
  if (count === 0) return NaN
  const { features } = sample
  const x = new Float32Array(2 * count * features)
  for (let p = 0; p < count; p++) {
    for (let c = 0; c < features; c++) {
      const here = sample.x[p * features + c]!
      const there = sample.x[(p + count) * features + c]!
      x[2 * p * features + c] = here
      x[(2 * p + 1) * features + c] = here + distance * (there - here)
    }
  }
  const y = Float32Array.from({ length: 2 * count * model.outputs }, (_, i) => (i % model.outputs === 0 ? -1e6 : 0))
  const near: Dataset = { rows: 2 * count, features, targets: model.outputs, x, y }
  const task: Task = { loss: { type: 'meanSquaredError' }, metrics: [] }
  // Each row of a pair must meet the same units.
  const steady = { ...config.model, layers: withoutDropout(config.model.layers) }
  const spec = { ...trainingSpec(config, task, near, undefined, 1), model: steady }
  const seen = await probe(spec, settingsFor, near, weights, kernels, module, spare)
  spare?.keep(seen)
  // Read before anybody else has that memory.
  return meanCosine(inputGradients(seen.plan, seen.arena.floats, 2 * count), 2 * count)
}

const withoutDropout = (layers: readonly LayerConfig[]): LayerConfig[] =>
  layers.map((layer) => {
    if ('layers' in layer) return { ...layer, layers: withoutDropout(layer.layers) }
    return 'rate' in layer ? { ...layer, rate: 0 } : layer
  })

/** d output / d x by row, for a first layer that is dense; for another, with respect to its product. */
function inputGradients(plan: Plan, floats: Float32Array, rows: number): { values: Float64Array; cols: number } | null {
  const first = plan.watch.layers[0]
  if (!first?.output || first.backSignal === -1) return null
  const kernel = plan.placements.all.find(({ spec }) => spec.name === `${first.name}/kernel`)
  const [inputs, units] = kernel?.spec.shape ?? []
  if (kernel?.spec.shape.length !== 2 || inputs !== plan.spec.inputs) {
    const cols = first.signalCols
    const values = Float64Array.from(floats.subarray(first.backSignal, first.backSignal + rows * cols))
    return { values, cols }
  }
  const values = new Float64Array(rows * inputs)
  const w = plan.at.parameters + kernel.offset
  for (let r = 0; r < rows; r++) {
    for (let u = 0; u < units!; u++) {
      const d = floats[first.backSignal + r * units! + u]!
      if (d !== 0) for (let c = 0; c < inputs; c++) values[r * inputs + c]! += d * floats[w + c * units! + u]!
    }
  }
  return { values, cols: inputs }
}

/** Over pairs of neighbouring rows; NaN where no pair has a gradient. */
function meanCosine(gradients: { values: Float64Array; cols: number } | null, rows: number): number {
  if (!gradients) return NaN
  const { values, cols } = gradients
  let [sum, count] = [0, 0]
  for (let r = 0; r + 1 < rows; r += 2) {
    let [aa, bb, ab] = [0, 0, 0]
    for (let c = 0; c < cols; c++) {
      const [a, b] = [values[r * cols + c]!, values[(r + 1) * cols + c]!]
      aa += a * a
      bb += b * b
      ab += a * b
    }
    if (!(aa > 0 && bb > 0)) continue
    sum += ab / Math.sqrt(aa * bb)
    count++
  }
  return count > 0 ? sum / count : NaN
}
