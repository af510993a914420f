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
    calls.push({ ...layer, layer: layer.name, from: [calls.at(-1)?.name ?? input.name] })
  }
  return { inputs: [input], calls }
}

interface Node {
  readonly layer: Layer
  /** Keys of nodes. */
  readonly from: readonly string[]
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
    if (uses.length === 0) nodes.set(keyOf(layer.name, 0), { layer, from: [] })
    uses.forEach((use, i) => nodes.set(keyOf(layer.name, i), { layer, from: refsOf(use, layer.name) }))
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
    const { layer, from } = nodeOf(key)
    let name = layer.name
    if (originals.has(name)) while (taken.has(name)) name += '_again'
    originals.add(layer.name)
    taken.add(name)
    called.set(key, name)
    if (layer.className !== 'InputLayer')
      calls.push({ ...layer, name, layer: layer.name, from: from.map((one) => called.get(one)!) })
  }
  return { inputs, calls }
}

/** `[layer, use, tensor, ..]`, or a list of them; of Keras 3 the arguments of a call: tensors, or lists of them. */
function refsOf(value: unknown, where: string): string[] {
  const list = isFields(value) ? historiesOf(value, where) : listOf(value)
  const refs = typeof list[0] === 'string' ? [list] : list
  return refs.map((ref) => {
    const [layer, use, tensor] = listOf(ref)
    if (typeof layer !== 'string' || !isCount(use) || tensor !== 0)
      throw new UserError(
        `\`${where}\`: expected inputs as [layer, use, 0], got ${describe(Array.isArray(ref) ? JSON.stringify(ref) : ref)}`,
      )
    return keyOf(layer, use)
  })
}

/** @throws UserError where a call takes a tensor by name, or what is none */
function historiesOf(call: Fields, where: string): unknown[] {
  const isTensor = (one: unknown) => field(one, 'class_name') === '__keras_tensor__'
  const named = Object.entries(field(call, 'kwargs') ?? {}).find(([, one]) => [one].flat().some(isTensor))
  if (named)
    throw new UserError(`layer \`${where}\`: it takes a tensor as \`${named[0]}\`, and layers here take rows alone`)
  return [listOf(field(call, 'args'))].flat(2).map((one) => {
    if (isTensor(one)) return field(field(one, 'config'), 'keras_history')
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
