/** Our layers as ONNX operators, one function a type. What is added to src/model/layers gets its line here. */
import { UserError } from '../../errors.ts'
import type { Window } from '../../kernels/kernels.ts'
import type {
  ActivationConfig,
  AddConfig,
  ConcatenateConfig,
  ConvConfig,
  DenseConfig,
  LayerConfig,
  PoolingConfig,
  ResidualConfig,
  UpSamplingConfig,
} from '../../model/config.ts'
import { portSource } from '../../model/graph.ts'
import type { Layer, Wired } from '../../model/layer.ts'
import { layersOfBlock } from '../../model/layers/blocks.ts'
import type { BlockConfig } from '../../model/layers/blocks.ts'
import { windowOver } from '../../model/layers/window.ts'
import type { Shape } from '../../model/shape.ts'
import { foreign, toForeign } from '../layout.ts'
import type { Builder, Emit, Flow, Parameters } from './builder.ts'
import { batchNorm, groupNorm, layerNorm, rmsNorm } from './norms.ts'
import { attention, embedding, positionEmbedding, recurrent } from './sequences.ts'

/** What several layers come into, or stands for another, is seen to by `emitLayers`; a module has no operator. */
type Elsewhere = 'add' | 'concatenate' | 'shared' | 'custom'

const emitters: { [T in Exclude<LayerConfig['type'], Elsewhere>]: Emit<Extract<LayerConfig, { type: T }>> } = {
  dense,
  activation: (config, _layer, flow, build) => activated(config.activation, flow, build),
  prelu: (_config, layer, flow, build, parameters) => prelu(layer, flow, build, parameters),
  dropout: (_config, _layer, flow) => flow,
  spatialDropout1d: (_config, _layer, flow) => flow,
  spatialDropout2d: (_config, _layer, flow) => flow,
  residual,
  conv1d: conv,
  conv2d: conv,
  maxPooling1d: pooling,
  maxPooling2d: pooling,
  averagePooling1d: pooling,
  averagePooling2d: pooling,
  globalMaxPooling1d: (_config, layer, flow, build) => globalPooling('GlobalMaxPool', layer, flow, build),
  globalMaxPooling2d: (_config, layer, flow, build) => globalPooling('GlobalMaxPool', layer, flow, build),
  globalAveragePooling1d: (_config, layer, flow, build) => globalPooling('GlobalAveragePool', layer, flow, build),
  globalAveragePooling2d: (_config, layer, flow, build) => globalPooling('GlobalAveragePool', layer, flow, build),
  resnetBlock: block,
  transformerBlock: block,
  bidirectional: block,
  upSampling1d: upSampling,
  upSampling2d: upSampling,
  batchNorm,
  layerNorm,
  rmsNorm,
  groupNorm,
  embedding,
  positionEmbedding,
  attention,
  lstm: recurrent,
  gru: recurrent,
  flatten: (_config, layer, flow, build) => build.reshaped(flow, layer.shape),
  reshape: (_config, layer, flow, build) => build.reshaped(flow, layer.shape),
}

/** @throws UserError naming the first layer without an operator */
export function emitLayers(
  configs: readonly LayerConfig[],
  layers: readonly Wired[],
  inputs: readonly Flow[],
  build: Builder,
  parameters: Parameters,
): Flow {
  const flows: Flow[] = []
  layers.forEach((layer, i) => {
    const from = layer.from.map((source) => (source < 0 ? inputs[portSource(source)]! : flows[source]!))
    let config = configs[i]!
    if (config.type === 'add' || config.type === 'concatenate') return flows.push(merged(config, layer, from, build))
    const { shares } = layer
    if (shares) config = configs[layers.findIndex(({ name }) => name === shares.name)]!
    if (config.type === 'custom') {
      throw new UserError(
        `Layer \`${layer.name}\`: a layer of your own (${config.module}) has no ONNX operator. ` +
          'Save as safetensors, or put layers of the library in its place.',
      )
    }
    const emit = emitters[config.type as keyof typeof emitters] as Emit<typeof config>
    return flows.push(emit(config, shares ?? layer, from[0]!, build, parameters))
  })
  return flows.at(-1)!
}

function merged(config: AddConfig | ConcatenateConfig, layer: Layer, from: readonly Flow[], build: Builder): Flow {
  const names = from.map((flow) => build.turned(flow, false).name)
  const [first, ...rest] = names as [string, ...string[]]
  const name =
    config.type === 'concatenate'
      ? build.node('Concat', names, { axis: config.axis ?? -1 })
      : rest.reduce((sum, other) => build.node('Add', [sum, other]), first)
  return { name, shape: layer.shape, first: false }
}

function dense(config: DenseConfig, layer: Layer, given: Flow, build: Builder, parameters: Parameters): Flow {
  const flow = build.turned(given, false)
  const constant = (name: string): string => {
    const { shape, values } = parameters(name)
    return build.weights(name, shape, values)
  }
  const kernel = constant(`${layer.name}/kernel`)
  const bias = config.useBias === false ? [] : [constant(`${layer.name}/bias`)]
  let name: string
  if (flow.shape.length === 1) name = build.node('Gemm', [flow.name, kernel, ...bias])
  else {
    name = build.node('MatMul', [flow.name, kernel])
    if (bias[0]) name = build.node('Add', [name, bias[0]])
  }
  return activated(config.activation, { name, shape: layer.shape, first: false }, build)
}

function activated(config: ActivationConfig | undefined, flow: Flow, build: Builder): Flow {
  const { name } = flow
  const as = (op: string, attributes = {}): Flow => ({ ...flow, name: build.node(op, [name], attributes) })
  switch (config?.type) {
    case undefined:
    case 'linear':
      return flow
    case 'relu':
      return as('Relu')
    case 'leakyRelu':
      return as('LeakyRelu', { alpha: { float: config.alpha ?? 0.01 } })
    case 'elu':
      return as('Elu', { alpha: { float: config.alpha ?? 1 } })
    case 'selu':
      return as('Selu')
    case 'sigmoid':
      return as('Sigmoid')
    case 'tanh':
      return as('Tanh')
    case 'softplus':
      return as('Softplus')
    case 'exponential':
      return as('Exp')
    case 'gelu': {
      // x (1 + erf(x / sqrt 2)) / 2: an operator of its own only from set 20 on.
      const erf = build.node('Erf', [build.node('Mul', [name, build.scalar(Math.SQRT1_2)])])
      const share = build.node('Mul', [build.node('Add', [erf, build.scalar(1)]), build.scalar(0.5)])
      return { ...flow, name: build.node('Mul', [name, share]) }
    }
  }
}

function prelu(layer: Layer, given: Flow, build: Builder, parameters: Parameters): Flow {
  const flow = build.turned(given, false)
  const { shape, values } = parameters(`${layer.name}/alpha`)
  return { ...flow, name: build.node('PRelu', [flow.name, build.weights(`${layer.name}/alpha`, shape, values)]) }
}

function block(config: BlockConfig, layer: Layer, flow: Flow, build: Builder, parameters: Parameters): Flow {
  return emitLayers(layersOfBlock(config, flow.shape), layer.children!, [flow], build, parameters)
}

function residual(config: ResidualConfig, layer: Layer, given: Flow, build: Builder, parameters: Parameters): Flow {
  const flow = build.turned(given, false)
  const body = build.turned(emitLayers(config.layers, layer.children!, [flow], build, parameters), false)
  const name = `${layer.name}/shortcut`
  const projected = layer.parameters.find((spec) => spec.name === name)
  const skip = projected ? projection(name, flow, layer.shape, build, parameters) : flow
  return { ...body, name: build.node('Add', [body.name, skip.name]) }
}

/** A kernel of one cell on the last axis, with the strides that lead to the other shape. */
function projection(name: string, flow: Flow, shape: Shape, build: Builder, parameters: Parameters): Flow {
  const { values } = parameters(name)
  const sizes = flow.shape.slice(0, -1)
  const strides = sizes.map((length, axis) => Math.ceil(length / shape[axis]!))
  const steps = strides.every((n) => n === 1)
    ? flow.name
    : build.node('Slice', [
        flow.name,
        build.integers(strides.map(() => 0)),
        build.integers(sizes),
        build.integers(strides.map((_, i) => i + 1)),
        build.integers(strides),
      ])
  const kernel = build.weights(name, [flow.shape.at(-1)!, shape.at(-1)!], values)
  return { name: build.node('MatMul', [steps, kernel]), shape, first: false }
}

function conv(config: ConvConfig, layer: Layer, given: Flow, build: Builder, parameters: Parameters): Flow {
  const dims = config.type === 'conv1d' ? 1 : 2
  const window = windowOver(layer.name, given.shape, dims, {
    size: config.kernelSize,
    strides: config.strides,
    dilation: config.dilationRate,
    padding: config.padding,
  })
  const kernel = `${layer.name}/kernel`
  const { shape, values } = parameters(kernel)
  // PyTorch's layout is ONNX's: [filters, channels, ..window].
  const there = foreign({ name: kernel, shape }, 'pytorch')
  const inputs = [build.turned(given, true).name, build.weights(kernel, there.shape, toForeign(values, shape, there))]
  if (config.useBias !== false) {
    const bias = parameters(`${layer.name}/bias`)
    inputs.push(build.weights(`${layer.name}/bias`, bias.shape, bias.values))
  }
  const dilations = [window.dilationHeight, window.dilationWidth].slice(-dims)
  const attributes = { ...windowAttributes(window, dims), dilations, group: config.groups ?? 1 }
  const name = build.node('Conv', inputs, attributes)
  return activated(config.activation, { name, shape: layer.shape, first: true }, build)
}

function pooling(config: PoolingConfig, layer: Layer, given: Flow, build: Builder): Flow {
  const { type, poolSize = 2, strides = poolSize, padding } = config
  const dims = type.endsWith('1d') ? 1 : 2
  const window = windowOver(layer.name, given.shape, dims, { size: poolSize, strides, padding })
  const attributes = windowAttributes(window, dims)
  const [op, more] = type.startsWith('max') ? ['MaxPool', {}] : ['AveragePool', { count_include_pad: 0 }]
  const name = build.node(op, [build.turned(given, true).name], { ...attributes, ...more })
  return { name, shape: layer.shape, first: true }
}

function globalPooling(op: string, layer: Layer, given: Flow, build: Builder): Flow {
  const name = build.node(op, [build.turned(given, true).name])
  return { name: build.node('Flatten', [name]), shape: layer.shape, first: false }
}

/** Nearest, whole factors: position p of the output is floor(p / factor) of the input. */
function upSampling({ type, size = 2 }: UpSamplingConfig, layer: Layer, given: Flow, build: Builder): Flow {
  const factors = typeof size === 'number' ? [size, size] : [size[0]!, size.at(-1)!]
  const scales = Float32Array.from([1, 1, ...factors.slice(0, type.endsWith('1d') ? 1 : 2)])
  const inputs = [build.turned(given, true).name, '', build.weights(`${layer.name}/scales`, [scales.length], scales)]
  const how = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
  return { name: build.node('Resize', inputs, how), shape: layer.shape, first: true }
}

/** Padding before every axis, then after every axis. */
function windowAttributes(w: Window, dims: 1 | 2) {
  const after = (length: number, size: number, stride: number, dilation: number, before: number, out: number) =>
    Math.max(0, (out - 1) * stride + dilation * (size - 1) + 1 - length - before)
  const bottom = after(w.height, w.kernelHeight, w.strideHeight, w.dilationHeight, w.top, w.outHeight)
  const right = after(w.width, w.kernelWidth, w.strideWidth, w.dilationWidth, w.left, w.outWidth)
  const both = (vertical: number, horizontal: number) => (dims === 2 ? [vertical, horizontal] : [horizontal])
  return {
    kernel_shape: both(w.kernelHeight, w.kernelWidth),
    strides: both(w.strideHeight, w.strideWidth),
    pads: [...both(w.top, w.left), ...both(bottom, right)],
  }
}
