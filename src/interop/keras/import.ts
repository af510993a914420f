/**
 * A layers model of TensorFlow.js (model.json of `model.save`, or of tensorflowjs_converter) as one of ours: layers, and
 * weights by their names. Both have channels last, kernels of [..window, channels, filters] and the same order of gates,
 * so nothing is turned. A softmax or sigmoid at the end is the loss's.
 */
import { UserError, describe } from '../../errors.ts'
import type { Model } from '../../model/build.ts'
import type { ParameterSpec } from '../../model/layer.ts'
import { DIRECTIONS } from '../../model/layers/blocks.ts'
import { sizeOf } from '../../model/shape.ts'
import { modelOf } from '../wired.ts'
import type { Named } from '../wired.ts'
import { field, isFields } from './fields.ts'
import { Given, translate } from './layers.ts'
import type { Link } from './layers.ts'
import { checkSizes, groupsOf, readGroup } from './manifest.ts'
import type { Entry, Group, Shards } from './manifest.ts'
import { readTopology } from './topology.ts'

export interface KerasModel {
  /** A config that is still to be checked. */
  readonly model: unknown
  readonly inputs: number
  readonly link: Link
  /** Values of the parameters, in the model's order. @throws UserError naming the weight that is missing or has another shape */
  weights(model: Model): Promise<Float32Array[]>
}

/** @throws UserError naming the layer, and its class, that has none of ours */
export function importKeras(document: unknown, shards: Shards): KerasModel {
  expectLayersModel(document)
  const { name: model, inputs, calls } = readTopology(field(document, 'modelTopology'))
  const groups = groupsOf(field(document, 'weightsManifest'))
  const weights = new Weights(groups, model)
  const layers: Named[] = []
  const axes = new Map<string, number>()
  const first = new Map<string, string>()
  let link: Link = 'identity'
  calls.forEach(({ name, layer }, i) => {
    const call = calls[i]!
    const given = new Given(call, i === calls.length - 1, (part) => weights.of(layer, part)?.shape ?? [])
    const config = translate(given, call.className)
    const original = first.get(layer)
    first.set(layer, original ?? name)
    axes.set(name, given.axis)
    link = given.link
    layers.push({
      ...(original === undefined ? config : { type: 'shared', layer: original }),
      name,
      inputs: given.inputs,
    })
  })
  return {
    model: modelOf(inputs, layers),
    inputs: inputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    link,
    async weights(model) {
      for (const { name, shape } of model.layers) {
        const axis = axes.get(name) ?? -1
        if (axis !== -1 && axis !== shape.length)
          throw new UserError(`layer \`${name}\`: expected the last axis, ${shape.length}, got axis ${axis}`)
      }
      const depthwise = new Set(
        calls.filter(({ className }) => className === 'DepthwiseConv2D').map(({ name }) => name),
      )
      const halved = new Set(model.parameters.flatMap(({ name }) => /^(.*)\/recurrentBias$/.exec(name)?.slice(1) ?? []))
      const attentive = new Set(
        calls.filter(({ className }) => className === 'MultiHeadAttention').map(({ name }) => name),
      )
      const sources = model.parameters.map(
        (spec) => weights.ofAttention(spec, attentive) ?? weights.sourceOf(spec, depthwise, halved),
      )
      await checkSizes(groups, shards)
      const wanted = new Set(sources.flatMap(({ entries }) => entries))
      const values = new Map<Entry, Float32Array>()
      for (const group of groups) {
        if (!group.entries.some((entry) => wanted.has(entry))) continue
        for (const [entry, numbers] of await readGroup(group, wanted, shards)) values.set(entry, numbers)
      }
      return sources.map(({ entries, rows, start, end }) => {
        const parts = entries.map((entry) => values.get(entry)!)
        return (parts.length === 1 ? parts[0]! : sideBySide(parts, rows)).subarray(start, end)
      })
    },
  }
}

function expectLayersModel(document: unknown): void {
  if (field(document, 'format') === 'graph-model')
    throw new UserError(
      'expected a layers model, got a graph model, in which no layers are left. Convert the Keras model again, with ' +
        '`tensorflowjs_converter --output_format=tfjs_layers_model`',
    )
  if (!isFields(field(document, 'modelTopology')))
    throw new UserError(
      `expected a layers model of TensorFlow.js with modelTopology and weightsManifest, got ${describe(document)}`,
    )
}

/** What the last part of our names is called there. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  ...{ kernel: ['kernel', 'depthwise_kernel'], bias: ['bias'], recurrentKernel: ['recurrent_kernel'] },
  // Of a gru: [2, gates units], the inputs' and the state's.
  recurrentBias: ['bias'],
  ...{ gamma: ['gamma', 'scale'], beta: ['beta'], movingMean: ['moving_mean'], movingVariance: ['moving_variance'] },
  ...{ embeddings: ['embeddings'], alpha: ['alpha'] },
}

/** A direction of a layer by our names of both: `bidirectional/forward/kernel`. */
function directed(name: string): string {
  const [, layer, direction, part] = /^(.+?)\/(forward|backward)_.*\/([^/]+)$/.exec(name) ?? []
  return layer === undefined
    ? name
    : `${layer}/${direction === 'forward' ? DIRECTIONS.forward : DIRECTIONS.reverse}/${part}`
}

/** Without the cell that is named before the part. */
function short(name: string): string {
  const parts = name.split('/')
  return [...parts.slice(0, -2), parts.at(-1)].join('/')
}

interface Source {
  /** More than one lie side by side, in each of `rows`. */
  readonly entries: readonly Entry[]
  readonly rows: number
  readonly start: number
  readonly end: number
}

/**
 * Weights by layer and part: `dense_1/kernel`, of Keras 3 perhaps with the model's name in front (`sequential/dense_1/kernel`);
 * `lstm_1/lstm_cell/kernel` as TensorFlow names them since 2.2; `bidirectional/forward_lstm/lstm_cell/kernel`.
 */
class Weights {
  readonly #byName = new Map<string, Entry>()

  constructor(groups: readonly Group[], model: string) {
    const entries = groups.flatMap((group) => group.entries)
    const own = (name: string) => (name.startsWith(`${model}/`) ? name.slice(model.length + 1) : name)
    const ways = [
      (name: string) => name,
      own,
      (name: string) => directed(own(name)),
      (name: string) => short(own(name)),
    ]
    // What is called so comes before what may be.
    for (const nameOf of ways) {
      for (const entry of entries) {
        const name = nameOf(entry.name)
        if (!this.#byName.has(name)) this.#byName.set(name, entry)
      }
    }
  }

  of(layer: string, part: string): Entry | undefined {
    return this.#byName.get(`${layer}/${part}`)
  }

  /** @param depthwise names of layers  @param halved those whose biases are in one weight */
  sourceOf({ name, shape }: ParameterSpec, depthwise: ReadonlySet<string>, halved: ReadonlySet<string>): Source {
    const cut = name.lastIndexOf('/')
    const [layer, part] = [name.slice(0, cut), name.slice(cut + 1)]
    const theirs = PARTS[part]!
    const entry = theirs.map((one) => this.of(layer, one)).find((one) => one !== undefined)
    if (!entry) throw new UserError(`expected a weight \`${layer}/${theirs[0]!}\`, which \`weightsManifest\` has not`)
    const size = sizeOf(shape)
    const isHalf = halved.has(layer) && theirs[0] === 'bias'
    const wanted = isHalf ? [2, ...shape] : shape
    // A depthwise kernel has its filters in two axes, slopes may have axes of 1 before theirs.
    const isLoose = (part === 'kernel' && depthwise.has(layer)) || part === 'alpha'
    const fits = isLoose ? sizeOf(entry.shape) === size : entry.shape.join() === wanted.join()
    if (!fits)
      throw new UserError(
        `weight \`${entry.name}\`: expected shape [${wanted.join(', ')}] for \`${name}\`, got [${entry.shape.join(', ')}]`,
      )
    const start = part === 'recurrentBias' ? size : 0
    return { entries: [entry], rows: 1, start, end: start + size }
  }

  /** Of a MultiHeadAttention: queries, keys and values are matrices of their own there, with an axis of heads. */
  ofAttention({ name, shape }: ParameterSpec, attentive: ReadonlySet<string>): Source | undefined {
    const [, layer, place, part] = /^(.*)\/(qkv|output)\/([^/]+)$/.exec(name) ?? []
    if (layer === undefined || !attentive.has(layer)) return undefined
    const theirs = place === 'qkv' ? ['query', 'key', 'value'] : ['attention_output']
    const size = sizeOf(shape)
    const entries = theirs.map((one) => {
      const entry = this.of(layer, `${one}/${part}`)
      if (!entry)
        throw new UserError(`expected a weight \`${layer}/${one}/${part}\`, which \`weightsManifest\` has not`)
      if (sizeOf(entry.shape) * theirs.length === size) return entry
      throw new UserError(
        `weight \`${entry.name}\`: expected ${size / theirs.length} numbers for \`${name}\`, got [${entry.shape.join(', ')}]`,
      )
    })
    return { entries, rows: part === 'kernel' ? shape[0]! : 1, start: 0, end: size }
  }
}

function sideBySide(parts: readonly Float32Array[], rows: number): Float32Array {
  const width = parts[0]!.length / rows
  const all = new Float32Array(parts.length * rows * width)
  for (let row = 0; row < rows; row++) {
    parts.forEach((part, i) => all.set(part.subarray(row * width, (row + 1) * width), (row * parts.length + i) * width))
  }
  return all
}
