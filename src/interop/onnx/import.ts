/**
 * An ONNX graph as a model of ours: one input, one output, a chain of operators, and blocks whose input is added to their
 * output. Channels come first there: kernels are turned, and a dense layer behind a flattened image has its rows in our
 * order. A softmax or sigmoid at the end is the loss's.
 */
import { UserError } from '../../errors.ts'
import type { ActivationConfig, LayerConfig, ModelConfig } from '../../model/config.ts'
import { positionsOf, sizeOf } from '../../model/shape.ts'
import { foreign, fromForeign } from '../layout.ts'
import { Chain, integersOf, numberOf } from './chain.ts'
import type { Step } from './chain.ts'
import type { Graph, Node } from './graph.ts'
import { unsupported } from './place.ts'
import type { Place } from './place.ts'
import { readerOf } from './read.ts'
import { dimsOf, windowOf } from './window.ts'

export interface Imported {
  readonly model: ModelConfig
  readonly inputs: number
  readonly link: 'identity' | 'softmax' | 'sigmoid'
  /** How many a softmax at the end is over, each for itself. */
  readonly positions: number
  /** Values of the parameters by our names. */
  readonly weights: ReadonlyMap<string, Float32Array>
}

interface Sink {
  readonly layers: LayerConfig[]
  readonly prefix: string
}

/** @throws UserError naming the node and operator that has no layer */
export function importOnnx(graph: Graph): Imported {
  const chain = new Chain(graph)
  const weights = new Map<string, Float32Array>()
  const counts: Record<string, number> = {}
  const { shape: there } = graph.input
  const known = there.length > 0 && there.every((n) => n >= 1)
  if (!known)
    throw new UserError(
      `input \`${graph.input.name}\`: expected axes of known lengths behind the first, got [${there.join(', ')}]`,
    )
  const first = chain.convolvesFirst(graph.input.name)
  const shape = first ? [...there.slice(1), there[0]!] : there
  const sink: Sink = { layers: [], prefix: '' }
  const walk = new Walk(chain, weights, counts)
  const end = walk.follow({ tensor: graph.input.name, shape, first }, sink, graph.output.name)
  if (end.tensor !== graph.output.name)
    throw new UserError(`expected a chain to the output \`${graph.output.name}\`, it ends at \`${end.tensor}\``)
  return {
    model: { inputShape: shape, layers: sink.layers },
    inputs: sizeOf(shape),
    link: walk.link,
    positions: walk.positions,
    weights,
  }
}

const ACTIVATIONS: Readonly<Record<string, ActivationConfig['type']>> = {
  Relu: 'relu',
  LeakyRelu: 'leakyRelu',
  Elu: 'elu',
  Selu: 'selu',
  Sigmoid: 'sigmoid',
  Tanh: 'tanh',
  Softplus: 'softplus',
  Exp: 'exponential',
}

/** What takes tensors that are not rows of numbers first. */
const ORDERED = new Set(['Gather', 'LSTM', 'GRU'])
/** Types int32 and int64, by the specification's numbers. */
const INTEGERS = new Set([6, 7])

class Walk {
  link: Imported['link'] = 'identity'
  positions = 1
  readonly #chain: Chain
  readonly #weights: Map<string, Float32Array>
  readonly #counts: Record<string, number>
  readonly #skips = new Set<Node>()

  constructor(chain: Chain, weights: Map<string, Float32Array>, counts: Record<string, number>) {
    this.#chain = chain
    this.#weights = weights
    this.#counts = counts
  }

  /** From a place to the tensor `until`, a layer after the other into the sink. */
  follow(start: Place, sink: Sink, until: string): Place {
    let at = start
    while (at.tensor !== until) {
      const step = this.#chain.after(at.tensor, until, this.#skips)
      if (!step) return at
      at = this.#step(step, at, sink)
    }
    if (at.order !== undefined)
      throw new UserError(`tensor \`${at.tensor}\`: expected rows of numbers as the first axis`)
    return at
  }

  #step(step: Step, at: Place, sink: Sink): Place {
    switch (step.kind) {
      case 'gelu':
        this.#add(sink, { type: 'activation', activation: { type: 'gelu' } })
        return { ...at, tensor: step.output }
      case 'block': {
        const name = this.#named(sink, 'residual')
        this.#skips.add(step.skip)
        const inside: Sink = { layers: [], prefix: `${name}/` }
        const end = this.follow(at, inside, step.body)
        if (step.kernel) this.#weights.set(`${name}/shortcut`, step.kernel)
        sink.layers.push({
          ...{ type: 'residual', name: name.slice(sink.prefix.length), layers: inside.layers },
          shortcut: step.kernel ? 'projection' : 'identity',
        })
        return { ...end, tensor: step.output }
      }
      case 'node':
        return { ...this.#node(step.node, at, sink, step.output), tensor: step.output }
    }
  }

  #node(node: Node, at: Place, sink: Sink, output: string): Place {
    const { op, attributes } = node
    const reader = readerOf(op)
    if (reader && (at.order === undefined || ORDERED.has(op))) {
      const { config, weights, to } = reader(node, at, this.#chain, output)
      const name = this.#add(sink, config)
      for (const [part, values] of Object.entries(weights)) this.#weights.set(`${name}/${part}`, inOurOrder(values, at))
      return { ...at, ...to }
    }
    if (at.order !== undefined) return this.#inOrder(node, at)
    const activation = Object.hasOwn(ACTIVATIONS, op) ? ACTIVATIONS[op] : undefined
    const last = this.#chain.isLast(node)
    if (op === 'Sigmoid' && last) {
      this.link = 'sigmoid'
      return at
    }
    if (activation) {
      const usual = activation === 'leakyRelu' ? 0.01 : activation === 'elu' ? 1 : undefined
      const alpha = usual === undefined ? {} : { alpha: numberOf(attributes.alpha, usual) }
      this.#add(sink, { type: 'activation', activation: { type: activation, ...alpha } })
      return at
    }
    switch (op) {
      case 'Cast':
        if (at.turned || !INTEGERS.has(numberOf(attributes.to, 0))) throw unsupported(node, 'but to whole numbers')
        return { ...at, order: 'indices' }
      case 'Identity':
      case 'Dropout':
        return at
      case 'Softmax':
        if (!last) throw unsupported(node, 'in the middle of a network')
        if (![-1, at.first ? 1 : at.shape.length].includes(numberOf(attributes.axis, -1)))
          throw unsupported(node, 'over another axis than the last')
        this.link = 'softmax'
        this.positions = positionsOf(at.shape)
        return at
      case 'Transpose':
        return this.#transpose(node, at)
      case 'Flatten':
      case 'Reshape':
      case 'Squeeze':
        return this.#reshape(node, at, sink)
      case 'Gemm':
      case 'MatMul':
        return this.#dense(node, at, sink)
      case 'Conv':
        return this.#conv(node, at, sink)
      case 'PRelu': {
        const name = this.#add(sink, { type: 'prelu' })
        this.#weights.set(`${name}/alpha`, inOurOrder(this.#chain.values(node, 1), at))
        return at
      }
      case 'MaxPool':
      case 'AveragePool':
        return this.#pool(node, at, sink)
      case 'GlobalMaxPool':
      case 'GlobalAveragePool': {
        const dims = dimsOf(node, at)
        this.#add(sink, { type: `${op === 'GlobalMaxPool' ? 'globalMax' : 'globalAverage'}Pooling${dims}d` })
        return { ...at, shape: [at.shape.at(-1)!], first: false }
      }
      default:
        throw unsupported(node)
    }
  }

  #transpose(node: Node, at: Place): Place {
    const perm = integersOf(node.attributes.perm)
    const rank = at.shape.length
    const axes = at.shape.map((_, i) => i + 1)
    const toLast = [0, ...axes.slice(1), 1].join()
    const toFirst = [0, rank, ...axes.slice(0, -1)].join()
    if (at.first && perm.join() === toLast) return { ...at, first: false }
    if (!at.first && perm.join() === toFirst) return { ...at, first: true }
    if (!at.first && perm.join() === '1,0,2') return { ...at, order: 'steps' }
    throw unsupported(node, `with axes ${perm.join(', ')}`)
  }

  /** Back to rows first. */
  #inOrder(node: Node, at: Place): Place {
    const { op, attributes, inputs } = node
    if (op === 'Squeeze') {
      const axes = inputs[1] ? this.#chain.integers(node, 1) : integersOf(attributes.axes)
      if (at.order === 'states' && axes.join() === '1') return { ...at, order: 'steps' }
      if (at.order === 'last' && axes.join() === '0') return { ...at, order: undefined }
    }
    if (op === 'Transpose' && at.order === 'steps' && integersOf(attributes.perm).join() === '1,0,2')
      return { ...at, order: undefined }
    throw unsupported(node, at.order === 'indices' ? 'of whole numbers' : 'where rows are not the first axis')
  }

  #reshape(node: Node, at: Place, sink: Sink): Place {
    const size = sizeOf(at.shape)
    const given = node.op === 'Reshape' ? this.#chain.integers(node, 1).slice(1) : [size]
    const known = sizeOf(given.filter((n) => n > 0))
    const shape = given.map((n, i) => (n === -1 ? size / known : n === 0 ? at.shape[i]! : n))
    if (shape.join() === at.shape.join()) return at
    if (at.turned) throw unsupported(node, 'of an image that was flattened with channels first')
    if (!at.first || at.shape.length === 1) {
      this.#add(sink, shape.length === 1 ? { type: 'flatten' } : { type: 'reshape', targetShape: shape })
      return { ...at, shape, first: false }
    }
    if (shape.length !== 1) throw unsupported(node, 'of an image whose channels come first')
    this.#add(sink, { type: 'flatten' })
    const channels = at.shape.at(-1)!
    return { ...at, shape, first: false, turned: { channels, positions: size / channels } }
  }

  #dense(node: Node, at: Place, sink: Sink): Place {
    const { attributes, op } = node
    const plain = numberOf(attributes.alpha, 1) === 1 && numberOf(attributes.beta, 1) === 1 && !attributes.transA
    if (!plain || (at.first && at.shape.length > 1)) throw unsupported(node, 'with these settings')
    const [rows, cols] = this.#chain.shape(node, 1, 2) as [number, number]
    const values = this.#chain.values(node, 1)
    const isTurned = op === 'Gemm' && Boolean(attributes.transB)
    const [inputs, units] = isTurned ? [cols, rows] : [rows, cols]
    const { turned } = at
    if (turned && turned.channels * turned.positions !== inputs) throw unsupported(node, `of ${inputs} inputs here`)
    const kernel = isTurned
      ? fromForeign(values, foreign({ name: '/kernel', shape: [inputs, units] }, 'pytorch'))
      : values
    const bias = op === 'Gemm' && node.inputs[2] ? this.#chain.values(node, 2) : this.#chain.biasOf(node, units)
    const name = this.#add(sink, { type: 'dense', units, useBias: bias !== undefined })
    this.#weights.set(`${name}/kernel`, at.turned ? rowsInOurOrder(kernel, units, at.turned) : kernel)
    if (bias) this.#weights.set(`${name}/bias`, bias)
    return { ...at, shape: [...at.shape.slice(0, -1), units], turned: undefined }
  }

  #conv(node: Node, at: Place, sink: Sink): Place {
    const dims = dimsOf(node, at)
    const there = this.#chain.shape(node, 1, dims + 2)
    const [filters, depth, ...size] = there as [number, number, ...number[]]
    const shape = [...size, depth, filters]
    const kernel = fromForeign(this.#chain.values(node, 1), foreign({ name: '/kernel', shape }, 'pytorch'))
    const bias = node.inputs[2] ? this.#chain.values(node, 2) : undefined
    const dilations = integersOf(node.attributes.dilations)
    const window = windowOf(node, at, size, dilations)
    const name = this.#add(sink, {
      ...{ type: `conv${dims}d`, filters, kernelSize: size, strides: window.strides, padding: window.padding },
      ...{ groups: numberOf(node.attributes.group, 1), useBias: bias !== undefined },
      ...(dilations.length > 0 ? { dilationRate: dilations } : {}),
    })
    this.#weights.set(`${name}/kernel`, kernel)
    if (bias) this.#weights.set(`${name}/bias`, bias)
    return { ...at, shape: [...window.out, filters] }
  }

  #pool(node: Node, at: Place, sink: Sink): Place {
    const dims = dimsOf(node, at)
    const poolSize = integersOf(node.attributes.kernel_shape)
    const window = windowOf(node, at, poolSize, [])
    const pads = window.padding.flat().some((n) => n > 0)
    const counts = node.op === 'AveragePool' && pads && numberOf(node.attributes.count_include_pad, 0) !== 0
    if (counts || numberOf(node.attributes.ceil_mode, 0) !== 0)
      throw unsupported(node, 'with ceil_mode or count_include_pad')
    const type = `${node.op === 'MaxPool' ? 'max' : 'average'}Pooling${dims}d` as const
    this.#add(sink, { type, poolSize, strides: window.strides, padding: window.padding })
    return { ...at, shape: [...window.out, at.shape.at(-1)!] }
  }

  /** @returns the whole name: its parameters' prefix */
  #add(sink: Sink, config: LayerConfig): string {
    const name = this.#named(sink, config.type)
    sink.layers.push({ ...config, name: name.slice(sink.prefix.length) })
    return name
  }

  #named({ prefix }: Sink, type: string): string {
    return `${prefix}${type}_${(this.#counts[prefix + type] = (this.#counts[prefix + type] ?? 0) + 1)}`
  }
}

/** A number for each of what was flattened. */
const inOurOrder = (values: Float32Array, { turned }: Place): Float32Array =>
  turned ? rowsInOurOrder(values, 1, turned) : values

/** Rows for [channels, positions] as rows for [positions, channels]. */
function rowsInOurOrder(
  kernel: Float32Array,
  units: number,
  { channels, positions }: NonNullable<Place['turned']>,
): Float32Array {
  const out = new Float32Array(kernel.length)
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < positions; p++) {
      const from = (c * positions + p) * units
      out.set(kernel.subarray(from, from + units), (p * channels + c) * units)
    }
  }
  return out
}
