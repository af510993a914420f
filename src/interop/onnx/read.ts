/** Nodes of a foreign graph that are one layer of ours; here normalisation, upsampling, tables, recurrent layers. */
import { UserError } from '../../errors.ts'
import { numberOf } from './net.ts'
import type { Net } from './net.ts'
import type { Node } from './graph.ts'
import { inOurOrder, unsupported } from './place.ts'
import type { Place, Read } from './place.ts'
import { conv, dense } from './products.ts'
import { GATES } from './sequences.ts'
import { globalPooling, pooling, reducing } from './window.ts'

type Reader = (node: Node, at: Place, net: Net, output: string) => Read

const readers: Readonly<Record<string, Reader>> = {
  Gemm: dense,
  MatMul: dense,
  Conv: conv,
  MaxPool: pooling,
  AveragePool: pooling,
  GlobalMaxPool: globalPooling,
  GlobalAveragePool: globalPooling,
  ReduceMean: reducing,
  ReduceMax: reducing,
  PRelu: (node, at, net) => ({ config: { type: 'prelu' }, weights: { alpha: slopes(node, at, net) }, to: {} }),
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  Resize: upSampling,
  Gather: embedding,
  Add: positionEmbedding,
  LSTM: recurrent,
  GRU: recurrent,
}

/** Names in a file can be those of any object's members: only our own count. */
export const readerOf = (op: string): Reader | undefined => (Object.hasOwn(readers, op) ? readers[op] : undefined)

/** Epsilon of both normalisations where the node has none, by the specification. */
const EPSILON = 1e-5

function batchNorm(node: Node, at: Place, net: Net): Read {
  const { epsilon, training_mode: training } = node.attributes
  if (!at.first && at.shape.length > 1) throw unsupported(node, 'over channels that come last')
  if (numberOf(training, 0) !== 0) throw unsupported(node, 'that trains')
  const [gamma, beta, movingMean, movingVariance] = [1, 2, 3, 4].map((input) => vector(node, input, at, net)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  return {
    config: { type: 'batchNorm', epsilon: numberOf(epsilon, EPSILON) },
    weights: { gamma, beta, movingMean, movingVariance },
    to: {},
  }
}

function layerNorm(node: Node, at: Place, net: Net): Read {
  const axis = numberOf(node.attributes.axis, -1)
  if (axis !== -1 && axis !== at.shape.length) throw unsupported(node, `over the axes from ${axis} on`)
  if (at.first && at.shape.length > 1) throw unsupported(node, 'over positions')
  const center = Boolean(node.inputs[2])
  const epsilon = numberOf(node.attributes.epsilon, EPSILON)
  const gamma = vector(node, 1, at, net)
  return {
    config: { type: 'layerNorm', epsilon, center },
    weights: center ? { gamma, beta: vector(node, 2, at, net) } : { gamma },
    to: {},
  }
}

function upSampling(node: Node, at: Place, net: Net): Read {
  const { mode = 'nearest', coordinate_transformation_mode: where, nearest_mode: nearest } = node.attributes
  const dims = at.shape.length - 1
  if (mode !== 'nearest' || where !== 'asymmetric' || nearest !== 'floor')
    throw unsupported(node, 'but for mode nearest, asymmetric, floor')
  if (!at.first || (dims !== 1 && dims !== 2)) throw unsupported(node, `over rows of shape [${at.shape.join(', ')}]`)
  const scales = [...net.values(node, 2)]
  const size = scales.slice(2)
  const whole = size.length === dims && size.every((n) => Number.isSafeInteger(n) && n >= 1)
  if (!whole || scales[0] !== 1 || scales[1] !== 1) throw unsupported(node, `by [${scales.join(', ')}]`)
  const lengths = at.shape.slice(0, -1).map((length, axis) => length * size[axis]!)
  return {
    config: { type: `upSampling${dims}d`, size },
    weights: {},
    to: { shape: [...lengths, at.shape.at(-1)!] },
  }
}

function embedding(node: Node, at: Place, net: Net): Read {
  const axis = numberOf(node.attributes.axis, 0)
  if (axis !== 0 || at.order !== 'indices') throw unsupported(node, 'but for rows of a table by their numbers')
  const [inputDim, outputDim] = net.shape(node, 0, 2) as [number, number]
  return {
    config: { type: 'embedding', inputDim, outputDim },
    weights: { embeddings: net.values(node, 0) },
    to: { shape: [...at.shape, outputDim], order: undefined },
  }
}

function positionEmbedding(node: Node, at: Place, net: Net): Read {
  const table = net.constant(node.inputs[0]) ? 0 : 1
  const shape = net.shape(node, table).join()
  const isTable = at.shape.length === 2 && !at.first && [at.shape.join(), [1, ...at.shape].join()].includes(shape)
  if (!isTable) throw unsupported(node, `of a constant of shape [${shape}]`)
  return { config: { type: 'positionEmbedding' }, weights: { embeddings: net.values(node, table) }, to: {} }
}

/** Where our gate number `ours` lies in ONNX's order. */
const gateThere = (type: keyof typeof GATES, ours: number): number => (GATES[type] as readonly number[]).indexOf(ours)

function recurrent(node: Node, at: Place, net: Net, output: string): Read {
  const type = node.op === 'LSTM' ? 'lstm' : 'gru'
  const { attributes, inputs } = node
  if (at.order !== 'steps') throw unsupported(node, 'over anything but [steps, rows, channels]')
  const strange = ['activations', 'clip', 'input_forget', 'layout'].find((key) => attributes[key])
  if (strange !== undefined) throw unsupported(node, `with \`${strange}\``)
  const direction = attributes.direction ?? 'forward'
  if (direction !== 'forward' && direction !== 'reverse') throw unsupported(node, 'in this direction')
  if (type === 'gru' && numberOf(attributes.linear_before_reset, 0) !== 1)
    throw unsupported(node, 'with linear_before_reset 0')
  if (inputs.slice(4).some((name) => name !== '')) throw unsupported(node, 'with lengths or first states of its own')

  const returnSequences = output === node.outputs[0]
  if (!returnSequences && output !== node.outputs[1]) throw unsupported(node, 'of which the cells are read')

  const [steps, channels] = at.shape as [number, number]
  const units = net.shape(node, 2, 3)[2]!
  const width = GATES[type].length * units
  /** Where the column c of ours lies there. */
  const from = (c: number) => gateThere(type, Math.floor(c / units)) * units + (c % units)
  const expectShape = (input: number, ...expected: number[]): Float32Array => {
    const shape = net.shape(node, input, expected.length)
    if (shape.join() === expected.join()) return net.values(node, input)
    throw new UserError(
      `node \`${node.name}\`: operator ${node.op}: expected input ${input} of shape [${expected.join(', ')}], got [${shape.join(', ')}]`,
    )
  }
  /** [1, width, rows] as [rows, width], the gates in our order. */
  const matrix = (input: number, rows: number): Float32Array => {
    const values = expectShape(input, 1, width, rows)
    const turned = new Float32Array(values.length)
    for (let c = 0; c < width; c++) {
      const there = from(c)
      for (let r = 0; r < rows; r++) turned[r * width + c] = values[there * rows + r]!
    }
    return turned
  }
  const weights: Record<string, Float32Array> = { kernel: matrix(1, channels), recurrentKernel: matrix(2, units) }
  const useBias = Boolean(inputs[3])
  if (useBias) {
    const values = expectShape(3, 1, 2 * width)
    const half = (start: number) => Float32Array.from({ length: width }, (_, c) => values[start + from(c)]!)
    const [own, states] = [half(0), half(width)]
    // Our lstm has the sum of both.
    weights.bias = type === 'lstm' ? own.map((value, c) => value + states[c]!) : own
    if (type === 'gru') weights.recurrentBias = states
  }
  return {
    config: { type, units, returnSequences, useBias, ...(direction === 'reverse' ? { direction } : {}) },
    weights,
    to: returnSequences ? { shape: [steps, units], order: 'states' } : { shape: [units], order: 'last' },
  }
}

const slopes = (node: Node, at: Place, net: Net): Float32Array => inOurOrder(net.values(node, 1), at)

function vector(node: Node, input: number, at: Place, net: Net): Float32Array {
  const values = net.values(node, input)
  const channels = at.shape.at(-1)!
  if (values.length === channels) return inOurOrder(values, at)
  throw new UserError(
    `node \`${node.name}\`: operator ${node.op}: expected input ${input} of ${channels} numbers, got ${values.length}`,
  )
}
