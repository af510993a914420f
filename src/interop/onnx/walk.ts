/** The walk through a foreign graph: each tensor as what a layer of ours gives. */
import { UserError } from '../../errors.ts'
import type { ActivationConfig, LayerConfig } from '../../model/config.ts'
import { positionsOf, sizeOf } from '../../model/shape.ts'
import type { Node } from './graph.ts'
import { integersOf, numberOf } from './net.ts'
import type { Net } from './net.ts'
import { patternOf } from './patterns.ts'
import { unsupported } from './place.ts'
import type { Pattern, Place, Read } from './place.ts'
import { readerOf } from './read.ts'

export type Link = 'identity' | 'softmax' | 'sigmoid'

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

/** What makes one tensor of several. */
const MERGING = new Set(['Add', 'Concat'])
/** What takes tensors that are not rows of numbers first. */
const ORDERED = new Set(['Gather', 'LSTM', 'GRU'])
/** What does the same to each position, whichever axis comes first. */
const EACH = new Set(['MatMul', 'LayerNormalization'])
/** Types int32 and int64, by the specification's numbers. */
const INTEGERS = new Set([6, 7])

interface Step {
  readonly parts: readonly string[]
  /** @param at where the parts are */
  take(at: readonly Place[]): Place
}

export class Walk {
  link: Link = 'identity'
  positions = 1
  readonly layers: LayerConfig[] = []
  readonly weights = new Map<string, Float32Array>()
  readonly #net: Net
  readonly #places: Map<string, Place>
  /** Their names are no layer's. */
  readonly #inputs: ReadonlySet<string>
  readonly #steps = new Map<string, Step>()
  readonly #counts = new Map<string, number>()
  /** Layers with weights, by what they are and the constants they have. */
  readonly #known = new Map<string, string>()

  constructor(net: Net, places: ReadonlyMap<string, Place>) {
    this.#net = net
    this.#places = new Map(places)
    this.#inputs = new Set([...places.values()].map(({ from }) => from))
  }

  /** The tensors that a tensor is made of, but for constants. */
  partsOf(tensor: string): readonly string[] {
    return this.#places.has(tensor) ? [] : this.#stepTo(tensor).parts
  }

  /** After its parts. */
  visit(tensor: string): void {
    if (this.#places.has(tensor)) return
    const { parts, take } = this.#stepTo(tensor)
    this.#places.set(tensor, take(parts.map((part) => this.placeOf(part))))
  }

  placeOf(tensor: string): Place {
    return this.#places.get(tensor)!
  }

  #stepTo(tensor: string): Step {
    const known = this.#steps.get(tensor)
    if (known) return known
    const step = this.#makeStep(tensor)
    this.#steps.set(tensor, step)
    return step
  }

  #makeStep(tensor: string): Step {
    const net = this.#net
    const pattern = patternOf(net, tensor)
    if (pattern) return { parts: [pattern.from], take: ([at]) => this.#pattern(pattern, at!) }
    const node = net.maker(tensor)
    if (!node) throw new UserError(`tensor \`${tensor}\`: no node makes it of the inputs`)
    const parts = node.inputs.filter((input) => input !== '' && !net.constant(input))
    if (parts.length > 1 && MERGING.has(node.op)) return { parts, take: (all) => this.#merge(node, all) }
    // Whatever else is not there is missed where it is needed.
    const [part] = parts.filter((one) => this.#places.has(one) || net.maker(one)).concat(parts)
    if (part === undefined) throw unsupported(node, 'of constants alone')
    return { parts: [part], take: ([at]) => this.#node(node, at!, tensor) }
  }

  #pattern({ node, constants, read, each, order }: Pattern, at: Place): Place {
    if (at.order !== order && !(each && at.order === 'steps'))
      throw unsupported(node, 'where rows are not the first axis')
    return this.#read(read(at), at, constants)
  }

  #read({ config, weights, to }: Read, at: Place, constants: readonly string[]): Place {
    const key = JSON.stringify([config, constants, at.turned])
    const original = Object.keys(weights).length > 0 ? this.#known.get(key) : undefined
    const name = this.#add(original === undefined ? config : { type: 'shared', layer: original }, [at])
    if (original === undefined) {
      this.#known.set(key, name)
      for (const [part, values] of Object.entries(weights)) this.weights.set(`${name}/${part}`, values)
    }
    return { ...at, ...to, from: name }
  }

  #node(node: Node, at: Place, tensor: string): Place {
    const { op, attributes } = node
    const reader = readerOf(op)
    if (reader && (at.order === undefined || ORDERED.has(op) || (at.order === 'steps' && EACH.has(op)))) {
      const constants = node.inputs.filter((input) => this.#net.constant(input))
      return this.#read(reader(node, at, this.#net, tensor), at, constants)
    }
    const activation = Object.hasOwn(ACTIVATIONS, op) ? ACTIVATIONS[op] : undefined
    if (at.order !== undefined && !(activation && at.order === 'steps')) return this.#inOrder(node, at)
    const last = this.#net.isLast(node)
    if (op === 'Sigmoid' && last) {
      this.link = 'sigmoid'
      return at
    }
    if (activation) {
      const usual = activation === 'leakyRelu' ? 0.01 : activation === 'elu' ? 1 : undefined
      const alpha = usual === undefined ? {} : { alpha: numberOf(attributes.alpha, usual) }
      return { ...at, from: this.#add({ type: 'activation', activation: { type: activation, ...alpha } }, [at]) }
    }
    switch (op) {
      case 'Cast':
        if (at.turned || !INTEGERS.has(numberOf(attributes.to, 0))) throw unsupported(node, 'but to whole numbers')
        return { ...at, order: 'indices' }
      case 'Identity':
      case 'Dropout':
        return at
      case 'Gelu':
        if ((attributes.approximate ?? 'none') !== 'none') throw unsupported(node, 'by tanh')
        return { ...at, from: this.#add({ type: 'activation', activation: { type: 'gelu' } }, [at]) }
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
        return this.#reshape(node, at)
      default:
        throw unsupported(node)
    }
  }

  /** Of several tensors. */
  #merge(node: Node, all: readonly Place[]): Place {
    const [at, ...rest] = all as [Place, ...Place[]]
    const layout = ({ shape, first, turned, order }: Place) =>
      JSON.stringify([shape.length, shape.length > 1 && first, turned, order])
    const steps = at.order === 'steps' && node.op === 'Add'
    const strange = (at.order !== undefined && !steps) || rest.some((other) => layout(other) !== layout(at))
    if (strange) throw unsupported(node, 'of several tensors like these')
    if (all.length !== node.inputs.length) throw unsupported(node, 'with constants among its inputs')
    if (node.op === 'Add') {
      const odd = rest.find(({ shape }) => shape.join() !== at.shape.join())
      if (odd) throw unsupported(node, `of rows of shapes [${at.shape.join(', ')}] and [${odd.shape.join(', ')}]`)
      return { ...at, from: this.#add({ type: 'add' }, all) }
    }
    if (at.turned) throw unsupported(node, 'of images that were flattened with channels first')
    const rank = at.shape.length
    const given = numberOf(node.attributes.axis, 0)
    const there = given < 0 ? given + rank + 1 : given
    const axis = at.first && rank > 1 ? (there === 1 ? rank : there - 1) : there
    if (!(there >= 1 && there <= rank)) throw unsupported(node, `along axis ${given}`)
    const length = all.reduce((sum, { shape }) => sum + shape[axis - 1]!, 0)
    const shape = at.shape.map((n, i) => (i === axis - 1 ? length : n))
    return { ...at, shape, from: this.#add({ type: 'concatenate', axis }, all) }
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
      const axes = inputs[1] ? this.#net.integers(node, 1) : integersOf(attributes.axes)
      if (at.order === 'states' && axes.join() === '1') return { ...at, order: 'steps' }
      if (at.order === 'last' && axes.join() === '0') return { ...at, order: undefined }
    }
    if (op === 'Transpose' && at.order === 'steps' && integersOf(attributes.perm).join() === '1,0,2')
      return { ...at, order: undefined }
    if (['Identity', 'Dropout'].includes(op)) return at
    throw unsupported(node, at.order === 'indices' ? 'of whole numbers' : 'where rows are not the first axis')
  }

  #reshape(node: Node, at: Place): Place {
    const size = sizeOf(at.shape)
    const given = node.op === 'Reshape' ? this.#net.integers(node, 1).slice(1) : [size]
    const known = sizeOf(given.filter((n) => n > 0))
    const shape = given.map((n, i) => (n === -1 ? size / known : n === 0 ? at.shape[i]! : n))
    if (shape.join() === at.shape.join()) return at
    if (at.turned) throw unsupported(node, 'of an image that was flattened with channels first')
    if (at.first && at.shape.length > 1 && shape.length !== 1)
      throw unsupported(node, 'of an image whose channels come first')
    const from = this.#add(shape.length === 1 ? { type: 'flatten' } : { type: 'reshape', targetShape: shape }, [at])
    if (!at.first || at.shape.length === 1) return { ...at, from, shape, first: false }
    const channels = at.shape.at(-1)!
    return { ...at, from, shape, first: false, turned: { channels, positions: size / channels } }
  }

  /** @returns its name: its parameters' prefix */
  #add(config: LayerConfig, at: readonly Place[]): string {
    let number = this.#counts.get(config.type) ?? 0
    let name: string
    do name = `${config.type}_${++number}`
    while (this.#inputs.has(name))
    this.#counts.set(config.type, number)
    this.layers.push({ ...config, name, inputs: at.map(({ from }) => from) })
    return name
  }
}
