/** The layers of a Keras model in the order in which they run: `Sequential`, and `Functional` with its branches. */
import { UserError, describe } from '../../errors.ts'
import type { Port } from '../../model/graph.ts'
import { inOrder } from '../order.ts'
import { field, isCount, isFields, listOf, textOf } from './fields.ts'
import type { Fields } from './fields.ts'

/** A layer where it is used: once more than once, where its weights are shared. */
export interface Call {
  /** Unique. Of a layer's first use its name. */
  readonly name: string
  readonly layer: string
  readonly className: string
  readonly config: Fields
  /** Where Keras 3 has the class from. */
  readonly module: unknown
  /** Names of calls or inputs. */
  readonly from: readonly string[]
  /** What it is called with besides. */
  readonly options: Fields
}

export interface Topology {
  /** The model's name, which its weights may have in front of theirs. */
  readonly name: string
  readonly inputs: readonly Port[]
  /** In the order of the forward pass; the last one gives the output. */
  readonly calls: readonly Call[]
}

/** @param topology `modelTopology` of a model.json */
export function readTopology(topology: unknown): Topology {
  const model = field(topology, 'model_config') ?? topology
  const [className, config] = [field(model, 'class_name'), field(model, 'config')]
  const name = textOf(field(config, 'name'))
  if (className === 'Sequential') return { name, ...sequential(config) }
  if (className === 'Functional' || className === 'Model') return { name, ...functional(config) }
  throw new UserError(`expected a model of the class Sequential or Functional, got ${describe(className)}`)
}

function sequential(config: unknown): Omit<Topology, 'name'> {
  const layers = listOf(Array.isArray(config) ? config : field(config, 'layers')).map(layerOf)
  const [first] = layers
  if (!first) throw new UserError('expected layers, the model has none')
  const isInput = first.className === 'InputLayer'
  const input = { name: isInput ? first.name : 'input', shape: shapeOf(first, field(config, 'build_input_shape')) }
  const calls: Call[] = []
  for (const layer of layers.slice(isInput ? 1 : 0)) {
    calls.push({ ...layer, layer: layer.name, from: [calls.at(-1)?.name ?? input.name], options: {} })
  }
  return { inputs: [input], calls }
}

interface Node {
  readonly layer: Layer
  /** Keys of nodes. */
  readonly from: readonly string[]
  readonly options: Fields
}

/** A use of a layer: Keras counts them from 0. */
const keyOf = (layer: string, use: number): string => JSON.stringify([layer, use])

function functional(config: unknown): Omit<Topology, 'name'> {
  const layers = listOf(field(config, 'layers')).map(layerOf)
  /** Names that no further use of a layer may have. */
  const taken = new Set(layers.map(({ name }) => name))
  const nodes = new Map<string, Node>()
  for (const layer of layers) {
    const uses = listOf(layer.inbound)
    if (uses.length === 0) nodes.set(keyOf(layer.name, 0), { layer, from: [], options: {} })
    uses.forEach((use, i) => nodes.set(keyOf(layer.name, i), { layer, ...useOf(use, layer.name) }))
  }
  const inputs = refsOf(field(config, 'input_layers'), 'input_layers').map((key): Port => {
    const node = nodes.get(key)
    if (node?.layer.className !== 'InputLayer') throw new UserError(`expected \`input_layers\` to name input layers`)
    return { name: node.layer.name, shape: shapeOf(node.layer) }
  })
  const outputs = refsOf(field(config, 'output_layers'), 'output_layers')
  const [output] = outputs
  if (output === undefined || outputs.length > 1)
    throw new UserError(`expected one output, got ${outputs.length}. Make a model of the one that is wanted`)

  const called = new Map<string, string>()
  const originals = new Set<string>()
  const calls: Call[] = []
  const nodeOf = (key: string): Node => {
    const node = nodes.get(key)
    if (node) return node
    throw new UserError(`expected the use of a layer, got ${key}, which there is not`)
  }
  const circle = (key: string): never => {
    throw new UserError(`layer \`${nodeOf(key).layer.name}\`: it takes what it gives itself, in a circle`)
  }
  for (const key of inOrder(output, (one) => nodeOf(one).from, circle)) {
    const { layer, from, options } = nodeOf(key)
    let name = layer.name
    if (originals.has(name)) while (taken.has(name)) name += '_again'
    originals.add(layer.name)
    taken.add(name)
    called.set(key, name)
    if (layer.className !== 'InputLayer')
      calls.push({ ...layer, name, layer: layer.name, from: from.map((one) => called.get(one)!), options })
  }
  return { inputs, calls }
}

/** What may be given by name: the tensors of attention, which follow each other in this order. */
const NAMED = ['query', 'value', 'key']

/** A list of `[layer, use, tensor, options]`; of Keras 3 the arguments of a call: tensors, or lists of them, and options. */
function useOf(use: unknown, where: string): Pick<Node, 'from' | 'options'> {
  const isCall = isFields(use)
  const options: Fields = isCall ? (field(use, 'kwargs') as Fields) : Object.assign({}, ...listed(use).map(optionsOf))
  const named = Object.entries(options ?? {}).filter(([, value]) => historiesIn(value))
  const other = named.find(([name]) => !NAMED.includes(name))
  if (other)
    throw new UserError(`layer \`${where}\`: it takes a tensor as \`${other[0]}\`, and layers here take rows alone`)
  const inOrder = NAMED.flatMap((name) => named.filter(([one]) => one === name).map(([, value]) => historyOf(value)))
  return {
    from: refsOf([...(isCall ? historiesOf(use, where) : listed(use)), ...inOrder], where),
    options: options ?? {},
  }
}

/** One `[layer, use, tensor, ..]`, or a list of them. */
const listed = (value: unknown): readonly unknown[] => {
  const list = listOf(value)
  return typeof list[0] === 'string' ? [list] : list
}

const optionsOf = (ref: unknown): unknown => (isFields(listOf(ref)[3]) ? listOf(ref)[3] : {})

function refsOf(value: unknown, where: string): string[] {
  return listed(value).map((ref) => {
    const [layer, use, tensor] = listOf(ref)
    if (typeof layer !== 'string' || !isCount(use) || tensor !== 0)
      throw new UserError(
        `\`${where}\`: expected inputs as [layer, use, 0], got ${describe(Array.isArray(ref) ? JSON.stringify(ref) : ref)}`,
      )
    return keyOf(layer, use)
  })
}

const isTensor = (one: unknown): boolean => field(one, 'class_name') === '__keras_tensor__'
const historyOf = (one: unknown): unknown => (isTensor(one) ? field(field(one, 'config'), 'keras_history') : one)
/** Whether it is a tensor or has one in it, as either Keras writes it. */
const historiesIn = (value: unknown): boolean =>
  [value].flat().some(isTensor) || (Array.isArray(value) && typeof value[0] === 'string' && isCount(value[1]))

/** @throws UserError where a call takes what is no tensor */
function historiesOf(call: Fields, where: string): unknown[] {
  return [listOf(field(call, 'args'))].flat(2).map((one) => {
    if (isTensor(one)) return historyOf(one)
    throw new UserError(`layer \`${where}\`: expected tensors as what it is called with, got ${describe(one)}`)
  })
}

export interface Layer {
  readonly name: string
  readonly className: string
  readonly config: Fields
  readonly module: unknown
  readonly inbound: unknown
}

/** @throws UserError where it is no layer */
export function layerOf(value: unknown): Layer {
  const config = field(value, 'config')
  const name = textOf(field(value, 'name') ?? field(config, 'name'))
  const className = textOf(field(value, 'class_name'))
  if (name === '' || className === '' || !isFields(config))
    throw new UserError(`expected layers as objects with class_name, name and config, got ${describe(value)}`)
  return { name, className, config, module: field(value, 'module'), inbound: field(value, 'inbound_nodes') }
}

/** Of a row: behind the first axis, which counts rows. */
function shapeOf({ name, config }: Layer, otherwise?: unknown): number[] {
  const given = field(config, 'batch_input_shape') ?? field(config, 'batch_shape') ?? otherwise
  const shape = listOf(given).slice(1)
  if (shape.length > 0 && shape.every((n): n is number => isCount(n) && n >= 1)) return shape
  throw new UserError(
    `layer \`${name}\`: expected an input of known lengths behind the first axis, got ${given === undefined ? 'none' : JSON.stringify(given)}. ` +
      'Build the model with a fixed input shape',
  )
}
