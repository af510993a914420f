/** Keras's layers as ours, by their classes. Values are taken over as they are: the schema of configs checks them. */
import { UserError, describe } from '../../errors.ts'
import type { ActivationConfig, LayerConfig } from '../../model/config.ts'
import { field, listOf } from './fields.ts'
import { layerOf } from './topology.ts'
import type { Call } from './topology.ts'
import { fixFor, strangeness } from './unsupported.ts'

/** What comes of a layer: a config that is still to be checked. */
export type Unchecked = { readonly type: LayerConfig['type'] } & Readonly<Record<string, unknown>>

export type Link = 'identity' | 'softmax' | 'sigmoid'

/** A layer on its way into ours, and what is learned about it on the way. */
export class Given {
  readonly isLast: boolean
  /** Shape of one of its weights, by Keras's name. */
  readonly shapeOf: (part: string) => readonly number[]
  /** Of the output, if this is the last layer: the loss's. */
  link: Link = 'identity'
  /** Which axis must be the last one, where it is told by number. */
  axis = -1
  /** Names of what it takes. */
  inputs: readonly string[]
  readonly #call: Call

  constructor(call: Call, isLast: boolean, shapeOf: Given['shapeOf']) {
    this.#call = call
    this.inputs = call.from
    this.isLast = isLast
    this.shapeOf = shapeOf
  }

  get(key: string): unknown {
    return field(this.#call.config, key) ?? undefined
  }

  /** What it is called with besides tensors. */
  option(key: string): unknown {
    return field(this.#call.options, key) ?? undefined
  }

  /** The layer that a wrapper has within it, with settings of its own over what is there. */
  within(key: string, settings: object = {}): { readonly className: string; readonly layer: Given } {
    const { className, config, module } = layerOf(this.get(key))
    const call = { ...this.#call, className, module, config: { ...config, ...settings } }
    return { className, layer: new Given(call, this.isLast, this.shapeOf) }
  }

  /** @throws UserError where it is not what its class says */
  expectKeras(): void {
    const strange = strangeness(this.#call.module, this.#call.config)
    if (strange !== undefined) throw this.refuse(strange)
  }

  refuse(how: string): UserError {
    const { name, className } = this.#call
    return new UserError(`layer \`${name}\` of the class ${className}: ${how}`)
  }

  /** @throws UserError where a setting is there and has another value */
  expect(key: string, ...values: readonly unknown[]): void {
    const value = this.get(key)
    if (value === undefined || values.includes(value)) return
    const wanted = values.map((one) => JSON.stringify(one)).join(' or ') || 'left out'
    throw this.refuse(`expected \`${key}\` to be ${wanted}, got ${describe(value)}: there is no such layer here`)
  }
}

type Translate = (given: Given) => Unchecked

/** Slope of `leaky_relu` by name, as of Keras. */
const LEAKY = { type: 'leakyRelu', alpha: 0.2 } as const
const activations: Readonly<Record<string, ActivationConfig>> = {
  ...{ linear: { type: 'linear' }, relu: { type: 'relu' }, elu: { type: 'elu' }, selu: { type: 'selu' } },
  ...{ gelu: { type: 'gelu' }, sigmoid: { type: 'sigmoid' }, tanh: { type: 'tanh' } },
  ...{ softplus: { type: 'softplus' }, exponential: { type: 'exponential' }, leaky_relu: LEAKY },
}

const translators: Readonly<Record<string, Translate>> = {
  Dense: (given) => ({ type: 'dense', units: given.get('units'), ...activation(given), ...learned(given) }),
  Conv1D: (given) => ({ type: 'conv1d', ...conv(given) }),
  Conv2D: (given) => ({ type: 'conv2d', ...conv(given) }),
  DepthwiseConv2D: depthwise,
  MaxPooling1D: pooling('maxPooling1d'),
  MaxPooling2D: pooling('maxPooling2d'),
  AveragePooling1D: pooling('averagePooling1d'),
  AveragePooling2D: pooling('averagePooling2d'),
  GlobalMaxPooling1D: globalPooling('globalMaxPooling1d'),
  GlobalMaxPooling2D: globalPooling('globalMaxPooling2d'),
  GlobalAveragePooling1D: globalPooling('globalAveragePooling1d'),
  GlobalAveragePooling2D: globalPooling('globalAveragePooling2d'),
  UpSampling1D: (given) => ({ type: 'upSampling1d', size: given.get('size') }),
  UpSampling2D: upSampling,
  BatchNormalization: (given) => ({ type: 'batchNorm', momentum: given.get('momentum'), ...norm(given) }),
  LayerNormalization: (given) => ({ type: 'layerNorm', ...norm(given) }),
  GroupNormalization: (given) => ({ type: 'groupNorm', groups: given.get('groups'), ...norm(given) }),
  RMSNormalization: rmsNorm,
  MultiHeadAttention: attention,
  Flatten: (given) => {
    channelsLast(given)
    return { type: 'flatten' }
  },
  Reshape: (given) => ({ type: 'reshape', targetShape: given.get('target_shape') }),
  Dropout: (given) => ({ type: 'dropout', rate: given.get('rate') }),
  SpatialDropout1D: (given) => ({ type: 'spatialDropout1d', rate: given.get('rate') }),
  SpatialDropout2D: (given) => {
    channelsLast(given)
    return { type: 'spatialDropout2d', rate: given.get('rate') }
  },
  Activation: (given) => ({ type: 'activation', ...activation(given) }),
  ReLU: relu,
  LeakyReLU: (given) => {
    const alpha = given.get('alpha') ?? given.get('negative_slope') ?? 0.3
    return { type: 'activation', activation: { type: 'leakyRelu', alpha } }
  },
  ELU: (given) => ({ type: 'activation', activation: { type: 'elu', alpha: given.get('alpha') ?? 1 } }),
  PReLU: prelu,
  Softmax: (given) => {
    given.axis = axisOf(given)
    return { type: 'activation', activation: linked(given, 'softmax') }
  },
  Embedding: embedding,
  LSTM: (given) => ({ type: 'lstm', ...recurrent(given) }),
  GRU: (given) => {
    if (given.get('reset_after') !== true)
      throw given.refuse('expected `reset_after` to be true: another recurrence has no layer here')
    return { type: 'gru', ...recurrent(given) }
  },
  Bidirectional: bidirectional,
  TimeDistributed: timeDistributed,
  Concatenate: (given) => ({ type: 'concatenate', axis: given.get('axis') }),
  Add: () => ({ type: 'add' }),
}

/** @throws UserError naming the layer and its class, where there is none like it here */
export function translate(given: Given, className: string): Unchecked {
  given.expectKeras()
  const known = Object.hasOwn(translators, className) ? translators[className] : undefined
  if (known) return known(given)
  const fix = fixFor(className) ?? `There are ${Object.keys(translators).join(', ')}`
  throw given.refuse(`there is no such layer here. ${fix}`)
}

function activation(given: Given): { readonly activation: ActivationConfig } {
  const name = given.get('activation') ?? 'linear'
  // What the loss does with the outputs is no layer's.
  if (name === 'softmax' || (name === 'sigmoid' && given.isLast)) return { activation: linked(given, name) }
  if (typeof name === 'string' && Object.hasOwn(activations, name)) return { activation: activations[name]! }
  throw given.refuse(
    `there is no activation ${describe(name)} here. There are ${Object.keys(activations).join(', ')}, and softmax at the end`,
  )
}

function linked(given: Given, link: Exclude<Link, 'identity'>): ActivationConfig {
  if (!given.isLast) throw given.refuse('softmax in the middle of a network has no layer here')
  given.link = link
  return { type: 'linear' }
}

const frozen = (given: Given) => (given.get('trainable') === false ? { trainable: false } : {})
const learned = (given: Given) => ({ useBias: given.get('use_bias'), ...frozen(given) })

const channelsLast = (given: Given): void => given.expect('data_format', 'channels_last')

function window(given: Given) {
  channelsLast(given)
  return { padding: given.get('padding'), strides: given.get('strides') }
}

function conv(given: Given) {
  return {
    ...{ filters: given.get('filters'), kernelSize: given.get('kernel_size'), ...window(given) },
    ...{ dilationRate: given.get('dilation_rate'), groups: given.get('groups') },
    ...{ ...activation(given), ...learned(given) },
  }
}

/** Its kernel is [height, width, channels, multiplier]: each channel is a group of so many filters. */
function depthwise(given: Given): Unchecked {
  const [older, newer] = [given.shapeOf('depthwise_kernel'), given.shapeOf('kernel')]
  const [height, width, channels = 0, multiplier = 0] = older.length > 0 ? older : newer
  return {
    ...{ type: 'conv2d', filters: channels * multiplier, groups: channels, kernelSize: [height, width] },
    ...{ ...window(given), dilationRate: given.get('dilation_rate'), ...activation(given), ...learned(given) },
  }
}

function pooling(type: LayerConfig['type']): Translate {
  return (given) => ({ type, poolSize: given.get('pool_size'), ...window(given) })
}

function globalPooling(type: LayerConfig['type']): Translate {
  return (given) => {
    channelsLast(given)
    given.expect('keepdims', false)
    return { type }
  }
}

function upSampling(given: Given): Unchecked {
  channelsLast(given)
  given.expect('interpolation', 'nearest')
  return { type: 'upSampling2d', size: given.get('size') }
}

function norm(given: Given) {
  given.axis = axisOf(given)
  const [epsilon, center, scale] = [given.get('epsilon'), given.get('center'), given.get('scale')]
  return { epsilon, center, scale, ...frozen(given) }
}

function rmsNorm(given: Given): Unchecked {
  given.axis = axisOf(given)
  return { type: 'rmsNorm', epsilon: given.get('epsilon'), ...frozen(given) }
}

/** Of a sequence to itself. */
function attention(given: Given): Unchecked {
  const [query, ...others] = given.inputs
  if (others.some((name) => name !== query))
    throw given.refuse('expected query, value and key to be one tensor: attention to another has no layer here')
  given.inputs = [query!]
  const keyDim = given.get('key_dim')
  given.expect('value_dim', keyDim)
  for (const key of ['output_shape', 'sliding_window']) given.expect(key)
  given.expect('use_gate', false)
  const axes = given.get('attention_axes') ?? [1]
  if (JSON.stringify([axes].flat()) !== '[1]')
    throw given.refuse(`expected \`attention_axes\` to be those of the steps, [1], got ${JSON.stringify(axes)}`)
  if (given.option('return_attention_scores') === true)
    throw given.refuse('with `return_attention_scores` it gives two tensors, and layers here give one')
  const causal = given.option('use_causal_mask') === true
  return { type: 'attention', numHeads: given.get('num_heads'), keyDim, causal, ...learned(given) }
}

/** One number, or a list of one. */
function axisOf(given: Given): number {
  const axis = given.get('axis') ?? -1
  const list = Array.isArray(axis) ? listOf(axis) : [axis]
  if (list.length === 1 && typeof list[0] === 'number') return list[0]
  throw given.refuse(`expected \`axis\` to be one axis, got ${describe(axis)}`)
}

function relu(given: Given): Unchecked {
  if (given.get('max_value') !== undefined) throw given.refuse('with `max_value` it has no layer here')
  given.expect('threshold', 0)
  const alpha = given.get('negative_slope') ?? 0
  return { type: 'activation', activation: alpha === 0 ? { type: 'relu' } : { type: 'leakyRelu', alpha } }
}

function prelu(given: Given): Unchecked {
  const shape = given.shapeOf('alpha')
  if (shape.slice(0, -1).some((n) => n !== 1))
    throw given.refuse('slopes of each position have no layer here: set `shared_axes` to all axes but the last')
  return { type: 'prelu', ...frozen(given) }
}

function embedding(given: Given): Unchecked {
  given.expect('mask_zero', false)
  return { type: 'embedding', inputDim: given.get('input_dim'), outputDim: given.get('output_dim'), ...frozen(given) }
}

function recurrent(given: Given) {
  given.expect('activation', 'tanh')
  given.expect('recurrent_activation', 'sigmoid')
  for (const key of ['go_backwards', 'return_state', 'stateful', 'time_major']) given.expect(key, false)
  return { units: given.get('units'), returnSequences: given.get('return_sequences'), ...learned(given) }
}

/** The layer that goes back is written out where it has weights of its own, and else the other one's settings are its. */
function bidirectional(given: Given): Unchecked {
  const { className, layer } = given.within('layer')
  if (className !== 'LSTM' && className !== 'GRU')
    throw given.refuse(`there is no such layer here around the class ${className}. Use an LSTM or a GRU`)
  const config = translate(layer, className)
  if (given.get('backward_layer') !== undefined) {
    const back = given.within('backward_layer')
    if (back.layer.get('go_backwards') !== true)
      throw given.refuse('expected `backward_layer` to go backwards: set its `go_backwards`')
    const other = translate(given.within('backward_layer', { go_backwards: false }).layer, back.className)
    if (JSON.stringify(other) !== JSON.stringify(config))
      throw given.refuse('expected `backward_layer` to have the settings of `layer`: others have no layer here')
  }
  const modes: Readonly<Record<string, string>> = { concat: 'concat', sum: 'sum' }
  const mode = given.get('merge_mode') ?? null
  if (typeof mode !== 'string' || !Object.hasOwn(modes, mode))
    throw given.refuse(`expected \`merge_mode\` to be "concat" or "sum", got ${describe(mode)}`)
  return { type: 'bidirectional', layer: config, mergeMode: modes[mode], ...frozen(given) }
}

/** Layers that do to each position the same anyway. */
const EACH = new Set(['Dense', 'Activation', 'Dropout', 'LayerNormalization', 'ReLU', 'LeakyReLU', 'ELU', 'Softmax'])

function timeDistributed(given: Given): Unchecked {
  const { className, layer } = given.within('layer')
  if (!EACH.has(className))
    throw given.refuse(`there is no such layer here around the class ${className}, but around ${[...EACH].join(', ')}`)
  const config = translate(layer, className)
  given.link = layer.link
  // Behind the axis of steps.
  given.axis = layer.axis < 0 ? layer.axis : layer.axis + 1
  return { ...config, ...frozen(given) }
}
