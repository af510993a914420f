/**
 * Own layers and losses beside finite differences: their functions over float64, at the shapes that they have in the
 * model, with normal draws for rows, weights and back-signals.
 */
import { createReference } from '../kernels/reference.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import type { LossConfig, ModelConfig } from '../model/config.ts'
import { lowerModel } from '../model/graph.ts'
import type { Flow, Layer, Lowering, ParameterSpec, Pass } from '../model/layer.ts'
import { lossRule } from '../model/losses.ts'
import { matrixOf, sizeOf } from '../model/shape.ts'
import { normalAt } from '../random/normal.ts'

/** What was found at one place. */
export interface GradientCheck {
  /** Layer, or `loss`. */
  readonly name: string
  /** `input`, or a parameter's name; `rows` where a row's result depends on other rows. */
  readonly of: string
  /** Largest distance from the central difference, and the largest of these differences. */
  readonly error: number
  readonly scale: number
  readonly passed: boolean
}

export const ROWS = 3
const STEP = 1e-5
/** Central differences in float64 err by about 1e-10; a kink between two of them by far more than this. */
const TOLERANCE = 1e-6
/** Elements of a tensor that are looked at, evenly spread. */
const MOST = 200

/** @throws UserError where the model does not fit together */
export function checkGradients(
  config: ModelConfig,
  inputs: number,
  loss: LossConfig,
  targets: number,
): GradientCheck[] {
  const model = buildModel(config, inputs)
  const own = ownLayers(model.layers)
  return [...own.flatMap(checkLayer), ...(loss.type === 'custom' ? [checkLoss(loss, model.outputs, targets)] : [])]
}

/** Once each, however many places share it. */
export const ownLayers = (layers: readonly Layer[]): Layer[] =>
  layers.flatMap((layer) => {
    if (layer.shares) return []
    return layer.type === 'custom' ? [layer] : ownLayers(layer.children ?? [])
  })

/** Frozen ones are given no gradient. */
const isLearned = ({ role }: ParameterSpec): boolean => role === undefined

/** A layer whose functions have run both ways at drawn rows, weights and back-signals. */
export interface LayerAtWork {
  readonly floats: Float64Array
  /** The layer's outputs times the back-signals, worked out anew. */
  value(): number
  /** Each output as it is when its row is worked off by itself, as other pieces, in other threads, may do, and as it was. */
  rows(): (readonly [number, number])[]
  /** Where input and parameters are, and the gradients that were found of them. */
  readonly tensors: readonly { of: string; at: number; gradient: number; count: number }[]
}

export function atWork(layer: Layer): LayerAtWork {
  let end = 0
  const room = (elements: number): number => (end += elements) - elements
  const at = new Map(layer.parameters.map((spec) => [spec.name, room(sizeOf(spec.shape))]))
  const gradientAt = new Map(layer.parameters.map((spec) => [spec.name, room(sizeOf(spec.shape))]))
  const input: Flow = {
    value: room(ROWS * layer.inputs),
    gradient: room(ROWS * layer.inputs),
    cols: layer.inputs,
    overwritable: false,
  }
  const to: Lowering = {
    tensor: (cols) => room(ROWS * cols),
    backSignal: (cols) => room(ROWS * cols),
    parameter: (name) => at.get(name)!,
    next: () => 0,
    perBlock: () => 0,
    perShard: () => 0,
    once: () => 0,
    temporary: () => undefined,
    stream: () => 0,
  }
  const model: Pick<Model, 'layers' | 'ports'> = {
    layers: [{ ...layer, from: [-1] }],
    ports: [{ name: 'input', shape: [layer.inputs] }],
  }
  const lowered = lowerModel(model, input, to)
  const floats = Float64Array.from({ length: end }, (_, i) => normalAt(1, 0, i))
  const k = createReference(floats)
  const pass: Pass = {
    training: true,
    seed: 0,
    batch: 0,
    firstRow: 0,
    rows: ROWS,
    shardRows: ROWS,
    blockRows: ROWS,
    firstShard: 0,
    temporary: 0,
    floats,
  }
  const { value, gradient, cols } = lowered.output
  const dy = Float64Array.from({ length: ROWS * cols }, (_, i) => normalAt(1, 1, i))
  const signal = (): number => {
    lowered.forward(k, 0, ROWS, pass)
    return dy.reduce((total, d, i) => total + d * floats[value + i]!, 0)
  }
  signal()
  const outputs = floats.slice(value, value + ROWS * cols)
  floats.set(dy, gradient)
  lowered.backward(k, 0, ROWS, pass)
  for (const task of lowered.gradients) {
    const spec = layer.parameters.find(({ name }) => name === task.parameter)!
    const [rowEnd, colEnd] = matrixOf(spec.shape)
    task.run(k, 0, ROWS, { row: 0, rowEnd, col: 0, colEnd }, gradientAt.get(spec.name)!, false, pass)
  }
  return {
    floats,
    value: signal,
    rows() {
      for (let row = 0; row < ROWS; row++) lowered.forward(k, row, 1, pass)
      return Array.from(outputs, (y, i) => [floats[value + i]!, y] as const)
    },
    tensors: [
      { of: 'input', at: input.value, gradient: input.gradient, count: ROWS * layer.inputs },
      ...layer.parameters.filter(isLearned).map(({ name, shape }) => ({
        of: name.slice(layer.name.length + 1),
        at: at.get(name)!,
        gradient: gradientAt.get(name)!,
        count: sizeOf(shape),
      })),
    ],
  }
}

function checkLayer(layer: Layer): GradientCheck[] {
  const { floats, value, rows, tensors } = atWork(layer)
  const checks = tensors.map(({ of, at, gradient, count }) => {
    const found = floats.slice(gradient, gradient + count)
    const differences = spread(count).map((i) => [found[i]!, difference(floats, at + i, value)] as const)
    return verdict(layer.name, of, differences)
  })
  return [...checks, verdict(layer.name, 'rows', rows())]
}

function checkLoss(config: LossConfig, outputs: number, targets: number): GradientCheck {
  const { own } = lossRule(config)
  const { output, target } = drawnRow(outputs, targets)
  const gradient = new Float64Array(outputs)
  own!(output, target, gradient)
  const unasked = new Float64Array(outputs)
  const differences = spread(outputs).map(
    (i) => [gradient[i]!, difference(output, i, () => own!(output, target, unasked))] as const,
  )
  return verdict('loss', 'outputs', differences)
}

/** Outputs, and targets that may be classes as well as numbers. */
export const drawnRow = (outputs: number, targets: number) => ({
  output: Float64Array.from({ length: outputs }, (_, i) => normalAt(1, 2, i)),
  target: Float64Array.from({ length: targets }, (_, i) => Math.round(Math.abs(normalAt(1, 3, i)))),
})

function difference(floats: Float64Array, at: number, value: () => number): number {
  const old = floats[at]!
  floats[at] = old + STEP
  const above = value()
  floats[at] = old - STEP
  const below = value()
  floats[at] = old
  return (above - below) / (2 * STEP)
}

const spread = (count: number): number[] =>
  count <= MOST
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: MOST }, (_, i) => Math.floor((i * count) / MOST))

function verdict(name: string, of: string, pairs: readonly (readonly [number, number])[]): GradientCheck {
  const error = Math.max(0, ...pairs.map(([a, b]) => (Number.isNaN(a - b) ? Infinity : Math.abs(a - b))))
  const scale = Math.max(0, ...pairs.map(([, b]) => Math.abs(b)))
  return { name, of, error, scale, passed: error <= TOLERANCE * Math.max(1, scale) }
}
