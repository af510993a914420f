/** One or more of every layer: a new layer type does not compile here until it has a sample, and then gets every generic check. */
import { Activation } from '../../src/kernels/kernels.ts'
import type { ActivationName } from '../../src/kernels/kernels.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import type { Port } from '../../src/model/graph.ts'
import type { Shape } from '../../src/model/shape.ts'

const activations = Object.keys(Activation) as ActivationName[]
const alpha = (type: ActivationName) => (type === 'leakyRelu' ? { alpha: 0.2 } : type === 'elu' ? { alpha: 1.3 } : {})

/** Rows of 6 numbers, unless a sample says what they are; with `indices`, whole numbers below it. */
type Sample = LayerConfig[] | { inputShape: Shape | readonly Port[]; layers: LayerConfig[]; indices?: number }

const image = (height: number, width: number, channels: number, ...layers: LayerConfig[]): Sample => ({
  inputShape: [height, width, channels],
  layers,
})
const series = (steps: number, channels: number, ...layers: LayerConfig[]): Sample => ({
  inputShape: [steps, channels],
  layers,
})

/** Layers of a user's own, which the suites must load before. */
export const ownModule = (name: string): string => new URL(`./own/${name}.ts`, import.meta.url).href

const samples: { [T in LayerConfig['type']]: Record<string, Sample> } = {
  dense: {
    dense: [{ type: 'dense', units: 4 }],
    'dense without bias': [{ type: 'dense', units: 4, useBias: false }],
    'dense with activation': [{ type: 'dense', units: 4, activation: { type: 'tanh' } }],
    'dense over the last axis': series(
      3,
      4,
      { type: 'dense', units: 5, activation: { type: 'tanh' } },
      { type: 'dense', units: 2 },
    ),
    'dense that is frozen': [
      { type: 'dense', units: 5, trainable: false, activation: { type: 'tanh' } },
      { type: 'dense', units: 2 },
    ],
    'dense three times': [
      { type: 'dense', units: 5, activation: { type: 'sigmoid' } },
      { type: 'dense', units: 3, activation: { type: 'gelu' } },
      { type: 'dense', units: 2 },
    ],
  },
  activation: Object.fromEntries([
    ...activations.map((type) => [type, [{ type: 'activation', activation: { type, ...alpha(type) } }]]),
    ...activations.map((type) => [
      `${type} after dense`,
      [
        { type: 'dense', units: 5 },
        { type: 'activation', activation: { type, ...alpha(type) } },
      ],
    ]),
    [
      'two activations',
      [
        { type: 'dense', units: 3, activation: { type: 'tanh' } },
        { type: 'activation', activation: { type: 'softplus' } },
      ],
    ],
  ]) as Record<string, LayerConfig[]>,
  prelu: {
    prelu: [{ type: 'prelu' }],
    'prelu by channel': image(2, 3, 2, { type: 'prelu' }),
    'prelu after dense': [{ type: 'dense', units: 4 }, { type: 'prelu' }, { type: 'dense', units: 2 }],
  },
  dropout: {
    dropout: [{ type: 'dropout', rate: 0.4 }],
    'dropout after activation': [
      { type: 'dense', units: 6, activation: { type: 'tanh' } },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 3 },
    ],
  },
  spatialDropout1d: { spatialDropout1d: series(4, 5, { type: 'spatialDropout1d', rate: 0.4 }) },
  spatialDropout2d: {
    spatialDropout2d: image(
      3,
      2,
      4,
      { type: 'conv2d', filters: 6, kernelSize: 1 },
      { type: 'spatialDropout2d', rate: 0.3 },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ),
  },
  upSampling1d: { upSampling1d: series(3, 2, { type: 'upSampling1d', size: 3 }) },
  upSampling2d: {
    upSampling2d: image(2, 3, 2, { type: 'upSampling2d', size: [3, 2] }),
    'upSampling2d before convolution': image(
      2,
      2,
      3,
      { type: 'upSampling2d' },
      { type: 'conv2d', filters: 2, kernelSize: 3, padding: 'same' },
    ),
  },
  residual: {
    residual: [
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 4, activation: { type: 'tanh' } },
          { type: 'dense', units: 6 },
        ],
      },
    ],
    'residual ending in a recurrent layer': series(3, 4, {
      type: 'residual',
      layers: [{ type: 'lstm', units: 4, returnSequences: true }],
    }),
    'residual ending in dropout': [
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 6 },
          { type: 'dropout', rate: 0.3 },
        ],
      },
      { type: 'dense', units: 2 },
    ],
    'residual ending in an activation': [
      { type: 'dense', units: 3 },
      { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'tanh' } }] },
    ],
    'residual beginning with an activation': [
      { type: 'dense', units: 4 },
      {
        type: 'residual',
        layers: [
          { type: 'activation', activation: { type: 'tanh' } },
          { type: 'dense', units: 4 },
        ],
      },
    ],
    'residual with projection': [
      { type: 'dense', units: 4, activation: { type: 'softplus' } },
      { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'elu' } }] },
    ],
    'residual of residual': [
      { type: 'dense', units: 3 },
      {
        type: 'residual',
        layers: [
          { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'tanh' } }] },
          { type: 'dropout', rate: 0.2 },
        ],
      },
      { type: 'dense', units: 2 },
    ],
    'residual of convolutions': image(
      3,
      4,
      2,
      {
        type: 'residual',
        layers: [
          { type: 'conv2d', filters: 3, kernelSize: 3, padding: 'same', activation: { type: 'tanh' } },
          { type: 'conv2d', filters: 2, kernelSize: 3, padding: 'same' },
        ],
      },
      { type: 'activation', activation: { type: 'softplus' } },
    ),
    'residual with strides, wider': image(
      5,
      4,
      2,
      { type: 'conv2d', filters: 2, kernelSize: 1 },
      {
        type: 'residual',
        layers: [
          { type: 'conv2d', filters: 3, kernelSize: 3, padding: 'same', strides: 2, activation: { type: 'tanh' } },
          { type: 'conv2d', filters: 3, kernelSize: 3, padding: 'same' },
        ],
      },
    ),
    'residual over the last axis, wider': series(3, 2, {
      type: 'residual',
      layers: [{ type: 'dense', units: 3, activation: { type: 'tanh' } }],
    }),
    'residual that is frozen': [
      { type: 'dense', units: 4 },
      {
        type: 'residual',
        trainable: false,
        layers: [{ type: 'batchNorm' }, { type: 'dense', units: 3, activation: { type: 'tanh' } }],
      },
      { type: 'dense', units: 2 },
    ],
    'residual of nothing but an activation': [
      { type: 'dense', units: 3 },
      { type: 'residual', layers: [{ type: 'activation', activation: { type: 'linear' } }] },
    ],
  },
  conv1d: {
    conv1d: series(6, 2, { type: 'conv1d', filters: 3, kernelSize: 3 }),
    'conv1d that sees no future': series(5, 2, {
      type: 'conv1d',
      filters: 3,
      kernelSize: 2,
      padding: 'causal',
      dilationRate: 2,
      activation: { type: 'tanh' },
    }),
    'conv1d with edges of its own': series(5, 1, {
      type: 'conv1d',
      filters: 2,
      kernelSize: 3,
      padding: [[2, 1]],
      strides: 2,
    }),
  },
  conv2d: {
    conv2d: image(4, 5, 2, { type: 'conv2d', filters: 3, kernelSize: 3 }),
    'conv2d with strides, same': image(5, 4, 3, {
      type: 'conv2d',
      filters: 2,
      kernelSize: [3, 2],
      strides: [2, 3],
      padding: 'same',
    }),
    'conv2d with dilation and padding by number': image(5, 6, 1, {
      type: 'conv2d',
      filters: 2,
      kernelSize: [2, 3],
      dilationRate: [2, 1],
      padding: [[1, 0], 2],
      useBias: false,
    }),
    'conv2d in groups': image(3, 3, 4, {
      type: 'conv2d',
      filters: 6,
      kernelSize: 2,
      groups: 2,
      activation: { type: 'tanh' },
    }),
    'conv2d depthwise': image(4, 4, 5, {
      type: 'conv2d',
      filters: 5,
      kernelSize: 3,
      groups: 5,
      padding: 'same',
      strides: 2,
    }),
    'conv2d depthwise, two filters a channel': image(3, 4, 2, { type: 'conv2d', filters: 4, kernelSize: 2, groups: 2 }),
    'conv2d of one cell': image(
      2,
      3,
      4,
      { type: 'conv2d', filters: 3, kernelSize: 1 },
      { type: 'conv2d', filters: 2, kernelSize: 1, strides: 2 },
    ),
    'conv2d three times': image(
      6,
      6,
      1,
      { type: 'conv2d', filters: 4, kernelSize: 3, padding: 'same', activation: { type: 'tanh' } },
      { type: 'maxPooling2d' },
      { type: 'conv2d', filters: 3, kernelSize: 2, activation: { type: 'sigmoid' } },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ),
  },
  maxPooling1d: { maxPooling1d: series(7, 2, { type: 'maxPooling1d' }) },
  maxPooling2d: {
    'maxPooling2d behind an activation': image(
      5,
      4,
      2,
      { type: 'conv2d', filters: 3, kernelSize: 2, activation: { type: 'leakyRelu', alpha: 0.3 } },
      { type: 'maxPooling2d', poolSize: 2, strides: 1 },
      { type: 'conv2d', filters: 2, kernelSize: 2 },
    ),
    'maxPooling2d behind an activation that is not trained': image(
      4,
      4,
      2,
      { type: 'conv2d', filters: 2, kernelSize: 1 },
      { type: 'conv2d', filters: 3, kernelSize: 1, activation: { type: 'leakyRelu', alpha: 0.3 }, trainable: false },
      { type: 'maxPooling2d' },
    ),
    maxPooling2d: image(4, 5, 2, { type: 'maxPooling2d' }),
    'maxPooling2d that overlaps': image(5, 5, 3, { type: 'maxPooling2d', poolSize: 3, strides: 2, padding: 'same' }),
  },
  averagePooling1d: {
    averagePooling1d: series(6, 3, { type: 'averagePooling1d', poolSize: 3, strides: 1, padding: 'same' }),
  },
  averagePooling2d: {
    averagePooling2d: image(4, 4, 2, { type: 'averagePooling2d' }),
    'averagePooling2d that overlaps': image(5, 4, 5, {
      type: 'averagePooling2d',
      poolSize: [3, 2],
      strides: [2, 1],
      padding: [[1, 0], 1],
    }),
  },
  globalMaxPooling1d: { globalMaxPooling1d: series(5, 3, { type: 'globalMaxPooling1d' }) },
  globalMaxPooling2d: { globalMaxPooling2d: image(3, 2, 5, { type: 'globalMaxPooling2d' }) },
  globalAveragePooling1d: { globalAveragePooling1d: series(5, 2, { type: 'globalAveragePooling1d' }) },
  globalAveragePooling2d: {
    globalAveragePooling2d: image(3, 4, 2, { type: 'globalAveragePooling2d' }, { type: 'dense', units: 3 }),
  },
  flatten: {
    flatten: image(2, 3, 2, { type: 'flatten' }, { type: 'dense', units: 3 }),
    'flatten after convolution': image(
      3,
      3,
      1,
      { type: 'conv2d', filters: 2, kernelSize: 2 },
      { type: 'flatten' },
      { type: 'activation', activation: { type: 'tanh' } },
    ),
  },
  reshape: {
    reshape: [
      { type: 'dense', units: 6 },
      { type: 'reshape', targetShape: [2, -1] },
      { type: 'conv1d', filters: 2, kernelSize: 2 },
    ],
  },
  batchNorm: {
    batchNorm: [{ type: 'batchNorm' }],
    'batchNorm without scale': image(2, 3, 3, { type: 'batchNorm', scale: false, epsilon: 0.1 }),
    'batchNorm without center': image(2, 2, 5, { type: 'batchNorm', center: false }),
    'batchNorm that is not trained': [
      { type: 'dense', units: 5 },
      { type: 'batchNorm', trainable: false },
      { type: 'dense', units: 2 },
    ],
    'batchNorm between convolution and activation': image(
      3,
      4,
      1,
      { type: 'conv2d', filters: 5, kernelSize: 2, useBias: false },
      { type: 'batchNorm' },
      { type: 'activation', activation: { type: 'tanh' } },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ),
    'batchNorm, activation and pooling': image(
      4,
      6,
      2,
      { type: 'conv2d', filters: 5, kernelSize: 3, padding: 'same' },
      { type: 'batchNorm' },
      { type: 'activation', activation: { type: 'leakyRelu', alpha: 0.2 } },
      { type: 'maxPooling2d' },
      { type: 'conv2d', filters: 2, kernelSize: 2 },
    ),
    'batchNorm without center, and pooling': image(
      2,
      4,
      3,
      { type: 'batchNorm', center: false },
      { type: 'maxPooling2d' },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ),
    'batchNorm of an image with a line to spare': image(
      5,
      4,
      2,
      { type: 'batchNorm' },
      { type: 'activation', activation: { type: 'leakyRelu', alpha: 0.2 } },
      { type: 'maxPooling2d' },
    ),
    'batchNorm twice in a residual block': [
      { type: 'dense', units: 4 },
      {
        type: 'residual',
        layers: [
          { type: 'batchNorm' },
          { type: 'dense', units: 4, activation: { type: 'tanh' } },
          { type: 'batchNorm' },
          { type: 'dense', units: 4 },
        ],
      },
      { type: 'dense', units: 2 },
    ],
  },
  layerNorm: {
    layerNorm: [{ type: 'layerNorm' }],
    'layerNorm over the last axis': series(3, 5, { type: 'layerNorm', epsilon: 0.01 }, { type: 'dense', units: 2 }),
    'layerNorm without center': [
      { type: 'dense', units: 7 },
      { type: 'layerNorm', center: false },
    ],
  },
  rmsNorm: {
    rmsNorm: series(3, 5, { type: 'rmsNorm' }),
    'rmsNorm without scale': [{ type: 'rmsNorm', scale: false }],
  },
  groupNorm: {
    groupNorm: image(3, 2, 6, { type: 'groupNorm', groups: 2 }),
    'groupNorm of one group': image(2, 2, 5, { type: 'groupNorm', groups: 1, center: false }),
    'groupNorm by channel': image(3, 3, 3, { type: 'groupNorm', groups: -1, scale: false }),
  },
  embedding: {
    embedding: { inputShape: [4], layers: [{ type: 'embedding', inputDim: 5, outputDim: 3 }], indices: 5 },
    'embedding before other layers': {
      inputShape: [3],
      layers: [
        { type: 'embedding', inputDim: 4, outputDim: 5 },
        { type: 'globalAveragePooling1d' },
        { type: 'dense', units: 2 },
      ],
      indices: 4,
    },
  },
  lstm: {
    lstm: series(4, 3, { type: 'lstm', units: 5 }),
    'lstm of sequences, twice': series(
      3,
      2,
      { type: 'lstm', units: 3, returnSequences: true },
      { type: 'lstm', units: 4, useBias: false },
      { type: 'dense', units: 2 },
    ),
    'lstm of one step': series(1, 3, { type: 'lstm', units: 2, returnSequences: true }),
  },
  gru: {
    gru: series(4, 3, { type: 'gru', units: 5 }),
    'gru of sequences, twice': series(
      3,
      2,
      { type: 'gru', units: 3, returnSequences: true },
      { type: 'gru', units: 4, useBias: false },
      { type: 'dense', units: 2 },
    ),
  },
  bidirectional: {
    'bidirectional lstm, its last states': series(4, 3, { type: 'bidirectional', layer: { type: 'lstm', units: 2 } }),
    'bidirectional gru of sequences, added': series(
      3,
      2,
      { type: 'bidirectional', layer: { type: 'gru', units: 3, returnSequences: true }, mergeMode: 'sum' },
      { type: 'lstm', units: 2, direction: 'reverse' },
    ),
  },
  positionEmbedding: {
    positionEmbedding: series(3, 4, { type: 'positionEmbedding' }, { type: 'dense', units: 2 }),
  },
  resnetBlock: {
    resnetBlock: image(3, 2, 3, { type: 'resnetBlock', filters: 3 }),
    'resnetBlock with strides, bottleneck': image(3, 4, 4, {
      type: 'resnetBlock',
      filters: 2,
      strides: 2,
      bottleneck: true,
    }),
  },
  transformerBlock: {
    transformerBlock: series(3, 4, { type: 'transformerBlock', numHeads: 2, causal: true, units: 5, rate: 0.2 }),
  },
  custom: {
    'a layer of the user, by channel': series(2, 3, { type: 'custom', module: ownModule('swish') }),
    'a layer of the user, between others': [
      { type: 'dense', units: 4 },
      { type: 'custom', module: ownModule('swish') },
      { type: 'dense', units: 2 },
    ],
  },
  add: {
    'add of three branches, one of them a layer in place': [
      { type: 'dense', units: 4, name: 'stem' },
      { type: 'activation', activation: { type: 'tanh' }, name: 'left' },
      { type: 'dense', units: 4, name: 'right', inputs: ['stem'] },
      { type: 'add', inputs: ['left', 'right', 'stem'] },
      { type: 'activation', activation: { type: 'sigmoid' } },
    ],
    'add of one layer to itself, and to the input': [
      { type: 'dense', units: 6, name: 'a' },
      { type: 'add', inputs: ['a', 'a', 'input'] },
      { type: 'dense', units: 2 },
    ],
    'add over a flatten that another takes too': image(
      2,
      2,
      3,
      { type: 'conv2d', filters: 2, kernelSize: 1, name: 'c' },
      { type: 'flatten', name: 'f' },
      { type: 'activation', activation: { type: 'tanh' }, name: 't' },
      { type: 'globalAveragePooling2d', inputs: ['c'], name: 'g' },
      { type: 'dense', units: 8, name: 'd' },
      { type: 'add', inputs: ['f', 't', 'd'] },
    ),
  },
  concatenate: {
    'concatenate of two inputs': {
      inputShape: [
        { name: 'image', shape: [2, 3, 1] },
        { name: 'table', shape: [3] },
      ],
      layers: [
        { type: 'conv2d', filters: 2, kernelSize: 2, inputs: ['image'] },
        { type: 'flatten', name: 'seen' },
        { type: 'dense', units: 5, activation: { type: 'tanh' }, inputs: ['table'], name: 'known' },
        { type: 'concatenate', inputs: ['seen', 'known', 'table'] },
        { type: 'dense', units: 2 },
      ],
    },
    'concatenate along another axis': series(
      2,
      3,
      { type: 'dense', units: 3, name: 'more' },
      { type: 'concatenate', axis: 1, inputs: ['input', 'more'] },
      { type: 'dense', units: 2 },
    ),
    'concatenate along the last axis': series(
      3,
      2,
      { type: 'dense', units: 3, name: 'more' },
      { type: 'concatenate', inputs: ['input', 'more'] },
    ),
    'concatenate inside of a residual block': [
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 3, activation: { type: 'tanh' }, name: 'a' },
          { type: 'dense', units: 3, name: 'b' },
          { type: 'concatenate', inputs: ['a', 'b'] },
        ],
      },
      { type: 'dense', units: 2 },
    ],
  },
  shared: {
    'two towers of one layer': {
      inputShape: [
        { name: 'left', shape: [3] },
        { name: 'right', shape: [3] },
      ],
      layers: [
        { type: 'dense', units: 4, activation: { type: 'tanh' }, inputs: ['left'], name: 'tower' },
        { type: 'shared', layer: 'tower', inputs: ['right'], name: 'again' },
        { type: 'concatenate', inputs: ['tower', 'again'] },
        { type: 'dense', units: 2 },
      ],
    },
    'a layer three times in a row': [
      { type: 'dense', units: 6, activation: { type: 'tanh' } },
      { type: 'shared', layer: 'dense_1' },
      { type: 'shared', layer: 'dense_1' },
    ],
  },
  attention: {
    attention: series(4, 6, { type: 'attention', numHeads: 2 }),
    'attention that sees no future': series(5, 4, {
      type: 'attention',
      numHeads: 2,
      keyDim: 3,
      causal: true,
      useBias: false,
    }),
    'attention over two runs of steps': series(65, 1, { type: 'attention', numHeads: 1, keyDim: 2, causal: true }),
    'transformer block': series(
      3,
      4,
      { type: 'residual', layers: [{ type: 'layerNorm' }, { type: 'attention', numHeads: 2, causal: true }] },
      {
        type: 'residual',
        layers: [
          { type: 'rmsNorm' },
          { type: 'dense', units: 6, activation: { type: 'gelu' } },
          { type: 'dense', units: 4 },
        ],
      },
    ),
  },
}

/** [name, shape of a row, layers, indices: 0 for numbers] of every sample. */
export const layerSamples: [string, Shape | readonly Port[], LayerConfig[], number][] = Object.values(samples)
  .flatMap((group) => Object.entries(group))
  .map(([name, sample]) =>
    Array.isArray(sample) ? [name, [6], sample, 0] : [name, sample.inputShape, sample.layers, sample.indices ?? 0],
  )
