/** What we write as ONNX gives, in onnxruntime and read back, what we predict ourselves. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { layerTypes } from '../../src/model/build.ts'
import { normalAt } from '../../src/random/normal.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { loadModel } from '../../src/train/model.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { ownModule } from '../model/samples.ts'

type Layers = Config['model']['layers']
type Given = {
  readonly inputScale?: { mean: number[]; deviation: number[] }
  readonly layers: Layers
  readonly inputShape?: number[]
  readonly inputs?: { name: string; shape: number[] }[]
  readonly more?: Partial<Config>
  readonly targets?: number
  /** The rows are whole numbers below this. */
  readonly indices?: number
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

const ACTIVATIONS = [
  'relu',
  'leakyRelu',
  'elu',
  'selu',
  'gelu',
  'sigmoid',
  'tanh',
  'softplus',
  'exponential',
  'linear',
] as const
const image = [9, 8, 4]
const series = [11, 4]

/** Nothing behind it that would take its scale away again. */
const alone = (layer: Layers[number], inputShape = image): Given => ({
  inputShape,
  layers: [layer, { type: 'flatten' }, { type: 'dense', units: 3 }],
  more: { loss: 'meanSquaredError' },
  targets: 3,
})

const cases: Record<string, Given> = {
  'batch normalisation by itself': alone({ type: 'batchNorm' }),
  'layer normalisation by itself': alone({ type: 'layerNorm' }),
  'rms normalisation by itself': alone({ type: 'rmsNorm', epsilon: 1e-2 }),
  'group normalisation by itself': alone({ type: 'groupNorm', groups: 2 }),
  'group normalisation of each channel': alone({ type: 'groupNorm', groups: -1, epsilon: 1e-2 }, series),
  'dense layers of every activation': {
    layers: [
      ...ACTIVATIONS.map((type) => ({ type: 'dense', units: 7, activation: { type } }) as const),
      { type: 'dense', units: 3, useBias: false },
    ],
  },
  'activations with settings, prelu, dropout': {
    layers: [
      { type: 'dense', units: 6, activation: { type: 'leakyRelu', alpha: 0.3 } },
      { type: 'activation', activation: { type: 'elu', alpha: 0.7 } },
      { type: 'prelu' },
      { type: 'dropout', rate: 0.5 },
      { type: 'dense', units: 3 },
    ],
  },
  'residual blocks, identity and projection': {
    layers: [
      { type: 'residual', layers: [{ type: 'dense', units: 6, activation: 'tanh' }] },
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 5, activation: 'relu' },
          { type: 'dense', units: 4 },
        ],
      },
      { type: 'dense', units: 3 },
    ],
  },
  'dense over the last axis, reshape, flatten': {
    inputShape: [3, 2],
    layers: [
      { type: 'dense', units: 4, activation: 'tanh' },
      { type: 'reshape', targetShape: [2, -1] },
      { type: 'dense', units: 5 },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'convolution: strides, every padding, dilation, groups, depthwise': {
    inputShape: image,
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3, padding: 'same', activation: 'gelu' },
      { type: 'conv2d', filters: 4, kernelSize: [3, 2], strides: [2, 1], padding: 'same' },
      {
        type: 'conv2d',
        filters: 8,
        kernelSize: 2,
        dilationRate: 2,
        padding: [
          [1, 0],
          [2, 1],
        ],
        groups: 2,
      },
      { type: 'conv2d', filters: 8, kernelSize: 3, padding: 1, groups: 8, useBias: false },
      { type: 'conv2d', filters: 5, kernelSize: 1, activation: 'relu' },
      { type: 'prelu' },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'pooling over windows with and without padding': {
    inputShape: image,
    layers: [
      { type: 'conv2d', filters: 4, kernelSize: 3, padding: 'same' },
      { type: 'maxPooling2d', poolSize: 3, strides: 2, padding: 'same' },
      { type: 'averagePooling2d', poolSize: 2, strides: 1, padding: 'same' },
      { type: 'averagePooling2d' },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'a residual network of convolutions, global pooling': {
    inputShape: image,
    layers: [
      { type: 'residual', layers: [{ type: 'conv2d', filters: 6, kernelSize: 3, strides: 2, padding: 'same' }] },
      {
        type: 'residual',
        layers: [{ type: 'conv2d', filters: 6, kernelSize: 3, padding: 'same', activation: 'tanh' }],
      },
      { type: 'globalAveragePooling2d' },
      { type: 'dense', units: 3 },
    ],
  },
  'branches, several inputs, shared weights': {
    inputShape: [24],
    inputs: [
      { name: 'left', shape: [4] },
      { name: 'right', shape: [2, 2] },
      { name: 'image', shape: [4, 4, 1] },
    ],
    layers: [
      { type: 'flatten', inputs: ['right'], name: 'other' },
      { type: 'dense', units: 5, activation: 'tanh', inputs: ['left'], name: 'tower' },
      { type: 'shared', layer: 'tower', inputs: ['other'], name: 'again' },
      { type: 'add', inputs: ['tower', 'again'], name: 'sum' },
      { type: 'conv2d', filters: 3, kernelSize: 3, padding: 'same', inputs: ['image'], name: 'seen' },
      { type: 'concatenate', inputs: ['seen', 'image'] },
      { type: 'flatten', name: 'flat' },
      { type: 'concatenate', inputs: ['sum', 'flat', 'again'] },
      { type: 'dense', units: 3 },
    ],
  },
  'global maximum': {
    inputShape: image,
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3 },
      { type: 'globalMaxPooling2d' },
      { type: 'dense', units: 3 },
    ],
  },
  'one dimension: causal, pooling': {
    inputShape: series,
    layers: [
      { type: 'conv1d', filters: 6, kernelSize: 3, padding: 'causal', activation: 'relu' },
      { type: 'maxPooling1d' },
      { type: 'conv1d', filters: 5, kernelSize: 2 },
      { type: 'averagePooling1d', poolSize: 2, strides: 1 },
      { type: 'globalAveragePooling1d' },
      { type: 'dense', units: 3 },
    ],
  },
  'one dimension: global maximum': {
    inputShape: series,
    layers: [
      { type: 'conv1d', filters: 6, kernelSize: 3 },
      { type: 'globalMaxPooling1d' },
      { type: 'dense', units: 3 },
    ],
  },
  'batch normalisation of images, of vectors, without scale or center': {
    inputShape: image,
    layers: [
      { type: 'batchNorm' },
      { type: 'conv2d', filters: 6, kernelSize: 3, useBias: false },
      { type: 'batchNorm', epsilon: 1e-5, scale: false },
      { type: 'flatten' },
      { type: 'dense', units: 5 },
      { type: 'batchNorm', center: false },
      { type: 'batchNorm', trainable: false },
      { type: 'dense', units: 3 },
    ],
  },
  'layer and rms normalisation': {
    inputShape: series,
    layers: [
      { type: 'layerNorm' },
      { type: 'dense', units: 6 },
      { type: 'layerNorm', epsilon: 1e-5, center: false },
      { type: 'rmsNorm' },
      { type: 'layerNorm', scale: false },
      { type: 'flatten' },
      { type: 'dense', units: 5 },
      { type: 'rmsNorm', epsilon: 1e-4, scale: false },
      { type: 'dense', units: 3 },
    ],
  },
  'group normalisation of images, of series, of vectors': {
    inputShape: image,
    layers: [
      { type: 'groupNorm', groups: 2 },
      { type: 'conv2d', filters: 6, kernelSize: 3 },
      { type: 'groupNorm', groups: -1, center: false },
      { type: 'reshape', targetShape: [42, 6] },
      { type: 'groupNorm', groups: 3, scale: false },
      { type: 'flatten' },
      { type: 'dense', units: 6 },
      { type: 'groupNorm', groups: 2, epsilon: 1e-5 },
      { type: 'dense', units: 3 },
    ],
  },
  'upsampling of images': {
    inputShape: image,
    layers: [
      { type: 'upSampling2d', size: [3, 2] },
      { type: 'conv2d', filters: 3, kernelSize: 3, strides: 2 },
      { type: 'spatialDropout2d', rate: 0.3 },
      { type: 'upSampling2d' },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'upsampling of series': {
    inputShape: series,
    layers: [
      { type: 'upSampling1d', size: 3 },
      { type: 'conv1d', filters: 3, kernelSize: 2, strides: 2 },
      { type: 'spatialDropout1d', rate: 0.3 },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'embedding, positions, attention that sees all': {
    inputShape: [7],
    indices: 9,
    layers: [
      { type: 'embedding', inputDim: 9, outputDim: 6 },
      { type: 'positionEmbedding' },
      { type: 'attention', numHeads: 3 },
      { type: 'attention', numHeads: 2, keyDim: 4, causal: true, useBias: false },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'transformer blocks': {
    inputShape: [7],
    indices: 9,
    layers: [
      { type: 'embedding', inputDim: 9, outputDim: 8 },
      { type: 'transformerBlock', numHeads: 2, causal: true, rate: 0.1 },
      { type: 'transformerBlock', numHeads: 4, activation: { type: 'relu' } },
      { type: 'globalAveragePooling1d' },
      { type: 'dense', units: 3 },
    ],
  },
  'residual blocks of convolutions with batch normalisation': {
    inputShape: image,
    layers: [
      { type: 'resnetBlock', filters: 4 },
      { type: 'resnetBlock', filters: 2, strides: 2, bottleneck: true },
      { type: 'globalAveragePooling2d' },
      { type: 'dense', units: 3 },
    ],
  },
  'lstm: all states, the last state, without biases': {
    inputShape: series,
    layers: [
      { type: 'lstm', units: 5, returnSequences: true },
      { type: 'lstm', units: 4, returnSequences: true, useBias: false },
      { type: 'lstm', units: 6 },
      { type: 'dense', units: 3 },
    ],
  },
  'gru: all states, the last state, without biases': {
    inputShape: series,
    layers: [
      { type: 'gru', units: 5, returnSequences: true },
      { type: 'gru', units: 4, returnSequences: true, useBias: false },
      { type: 'gru', units: 6 },
      { type: 'dense', units: 3 },
    ],
  },
  'from both ends: side by side, added, all states and the last': {
    inputShape: series,
    layers: [
      { type: 'bidirectional', layer: { type: 'lstm', units: 5, returnSequences: true } },
      { type: 'bidirectional', layer: { type: 'gru', units: 4, returnSequences: true }, mergeMode: 'sum' },
      { type: 'gru', units: 4, direction: 'reverse', returnSequences: true },
      { type: 'bidirectional', layer: { type: 'lstm', units: 3 } },
      { type: 'dense', units: 3 },
    ],
  },
  'probabilities of each position': {
    layers: [{ type: 'dense', units: 12 }],
    more: { loss: 'maskedCrossentropy' },
    targets: 3,
  },
  'probabilities of each output by itself': {
    layers: [{ type: 'dense', units: 3 }],
    more: { loss: 'binaryCrossentropy' },
    targets: 3,
  },
  'rows that the model scales itself': {
    layers: [{ type: 'dense', units: 3 }],
    inputScale: { mean: [1, 2, 3, -1, 0, 5], deviation: [2, 1, 0.5, 4, 1, 10] },
  },
  'numbers, as they are': { layers: [{ type: 'dense', units: 3 }], more: { loss: 'meanSquaredError' }, targets: 3 },
}

const ROWS = 5

async function exported(
  name: string,
  { layers, inputs, inputShape = [6], inputScale, more, targets = 1, indices }: Given,
) {
  const config: Config = {
    kernels: 'wasm-strict',
    loss: 'sparseCategoricalCrossentropy',
    ...more,
    model: { ...(inputs ? { inputs } : { inputShape }), inputScale, layers },
  }
  const trainer = await Trainer.create(config, { crew: new InlineCrew() })
  const features = inputShape.reduce((a, b) => a * b)
  await trainer.build({ features, targets, classNames: undefined })
  // Biases and slopes of all kinds, not zeros.
  const weights = Object.entries(trainer.getWeights()).map(([key, values], n) => [
    key,
    /(kernel|shortcut|recurrentKernel|embeddings)$/.test(key)
      ? values
      : values.map((_, i) => (key.endsWith('movingVariance') ? 0.5 + 0.1 * (i % 5) : 0.3 * normalAt(4, n, i))),
  ])
  trainer.setWeights(Object.fromEntries(weights) as Record<string, Float32Array>)
  const path = join(folder, `${name.replace(/\W+/g, '-')}.onnx`)
  await trainer.save(path)
  const x = Float32Array.from({ length: ROWS * features }, (_, i) => {
    const normal = normalAt(8, 0, i)
    return indices === undefined ? normal : Math.floor(Math.abs(normal) * 100) % indices
  })
  return { trainer, path, x, inputShape }
}

describe('onnxruntime gives our predictions, and so does what we read back', () => {
  it.each(Object.entries(cases))('%s', async (name, given) => {
    const { trainer, path, x, inputShape } = await exported(name, given)
    const session = await InferenceSession.create(path)
    const { output } = await session.run({ input: new Tensor('float32', x, [ROWS, ...inputShape]) })
    const expected = await trainer.predict(x)
    const size = Math.max(...expected.map(Math.abs), 1)
    const read = await loadModel(path, { kernels: 'wasm-strict' })
    for (const actual of [output!.data as Float32Array, read.predict(x)]) {
      expect(actual).toHaveLength(expected.length)
      expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * size))
    }
    // Not all alike: something went through.
    expect(new Set(expected).size).toBeGreaterThan(ROWS)
    await session.release()
  })
})

describe('every layer', () => {
  const writtenTypes = (layers: Layers): string[] =>
    layers.flatMap((layer) => [layer.type, ...(layer.type === 'residual' ? writtenTypes(layer.layers) : [])])

  it('of the catalogue is in a case above, but for those of a user', () => {
    const seen = new Set(Object.values(cases).flatMap(({ layers }) => writtenTypes(layers)))
    expect(layerTypes.filter((type) => type !== 'custom' && !seen.has(type))).toEqual([])
  })

  it("of a user's own is refused by its name", async () => {
    const own = { type: 'custom', name: 'mine', module: ownModule('swish') } as const
    const given: Given = { inputShape: series, layers: [own, { type: 'flatten' }, { type: 'dense', units: 3 }] }
    await expect(exported('own', given)).rejects.toThrow(/Layer `mine`: a layer of your own .* has no ONNX operator/)
  })
})
