/**
 * Models of TensorFlow.js with what they give, for test/interop/keras.test.ts: written by its `model.save`, run by its cpu
 * backend. Run: node test/golden/tfjs.ts (it installs @tensorflow/tfjs into a cache, as bench/peers does).
 */
import { writeFileSync } from 'node:fs'
import { installPeer, requirePeer } from '../../bench/peers/packages.ts'
import { normalAt } from '../../src/random/normal.ts'

const ROWS = 4

interface Tensor {
  readonly shape: number[]
  dataSync(): Float32Array
}
interface Symbolic {
  readonly shape: (number | null)[]
}
interface Artifacts {
  readonly modelTopology: object
  readonly weightSpecs: object[]
  readonly weightData: ArrayBuffer
}
interface LayersModel {
  readonly inputs: Symbolic[]
  readonly weights: { readonly name: string; readonly shape: number[]; write(value: Tensor): void }[]
  predict(inputs: Tensor | Tensor[]): Tensor
  save(handler: object): Promise<unknown>
}
interface Layer {
  apply(inputs: Symbolic | Symbolic[]): Symbolic
}
interface TensorFlow {
  readonly version: { readonly tfjs: string }
  setBackend(name: string): Promise<boolean>
  tensor(values: Float32Array, shape: number[], dtype?: 'int32'): Tensor
  input(config: object): Symbolic
  model(config: object): LayersModel
  sequential(config: object): LayersModel
  readonly layers: Readonly<Record<string, (config?: object) => Layer>>
  readonly io: { withSaveHandler(save: (artifacts: Artifacts) => Promise<object>): object }
}

const missing = installPeer('@tensorflow/tfjs')
if (missing) throw new Error(missing)
const tf = requirePeer('@tensorflow/tfjs') as TensorFlow
await tf.setBackend('cpu')
const l = tf.layers

const chain = (...layers: Layer[]): LayersModel => tf.sequential({ layers })

function towers(): LayersModel {
  const [left, right] = [tf.input({ shape: [4], name: 'left' }), tf.input({ shape: [2, 2], name: 'right' })]
  const image = tf.input({ shape: [4, 4, 1], name: 'image' })
  const tower = l.dense!({ units: 5, activation: 'tanh', name: 'tower' })
  const [one, other] = [tower.apply(left), tower.apply(l.flatten!().apply(right))]
  const conv = l.conv2d!({ filters: 3, kernelSize: 3, padding: 'same' }).apply(image)
  const seen = l.flatten!().apply(l.concatenate!({ axis: -1 }).apply([conv, image]))
  const known = l.concatenate!().apply([l.add!().apply([one, other]), seen, other])
  const outputs = l.dense!({ units: 3, activation: 'softmax' }).apply(known)
  return tf.model({ inputs: [left, right, image], outputs })
}

function residual(): LayersModel {
  const x = tf.input({ shape: [6, 5, 4] })
  const body = l.conv2d!({ filters: 4, kernelSize: 3, padding: 'same', useBias: false }).apply(x)
  const normal = l.batchNormalization!().apply(body)
  const sum = l.activation!({ activation: 'relu' }).apply(l.add!().apply([normal, x]))
  const rows = l.concatenate!({ axis: 1 }).apply([sum, x])
  return tf.model({
    inputs: x,
    outputs: l.dense!({ units: 1 }).apply(l.globalAveragePooling2d!({}).apply(rows)),
  })
}

const bidirectional = (lstm: object, config: object): Layer =>
  l.bidirectional!({ layer: l.lstm!({ recurrentActivation: 'sigmoid', ...lstm }), ...config })

const models: Record<string, { readonly model: LayersModel; readonly indices?: number }> = {
  'dense layers and activations': {
    model: chain(
      l.dense!({ units: 7, activation: 'relu', inputShape: [6] }),
      ...['tanh', 'sigmoid', 'elu', 'selu', 'softplus', 'gelu', 'linear'].map((activation) =>
        l.dense!({ units: 6, activation }),
      ),
      l.leakyReLU!(),
      l.dense!({ units: 5, useBias: false }),
      l.prelu!(),
      l.dropout!({ rate: 0.3 }),
      l.dense!({ units: 6 }),
      l.elu!(),
      l.reLU!(),
      l.dense!({ units: 3, activation: 'softmax' }),
    ),
  },
  'images: convolution, pooling, normalisation': {
    model: chain(
      l.inputLayer!({ inputShape: [9, 8, 3] }),
      l.conv2d!({ filters: 6, kernelSize: [3, 2], strides: [2, 1], padding: 'same', activation: 'relu' }),
      l.batchNormalization!(),
      l.maxPooling2d!({ poolSize: 3, strides: 2, padding: 'same' }),
      l.depthwiseConv2d!({ kernelSize: 2, depthMultiplier: 2, activation: 'tanh' }),
      l.upSampling2d!({ size: [2, 3] }),
      l.averagePooling2d!({ poolSize: [2, 3], strides: 1, padding: 'same' }),
      l.conv2d!({ filters: 4, kernelSize: 2, dilationRate: 2, useBias: false, padding: 'same' }),
      l.prelu!({ sharedAxes: [1, 2] }),
      l.batchNormalization!({ epsilon: 0.01, scale: false }),
      l.flatten!(),
      l.dense!({ units: 2, activation: 'sigmoid' }),
    ),
  },
  'series: convolution, pooling, layer normalisation': {
    model: chain(
      l.conv1d!({ filters: 6, kernelSize: 3, padding: 'same', dilationRate: 2, inputShape: [12, 4] }),
      l.layerNormalization!(),
      l.maxPooling1d!({ poolSize: 2 }),
      l.spatialDropout1d!({ rate: 0.2 }),
      l.conv1d!({ filters: 5, kernelSize: 2, strides: 2, activation: 'relu' }),
      l.averagePooling1d!({ poolSize: 2, strides: 1 }),
      l.layerNormalization!({ epsilon: 0.01 }),
      l.globalAveragePooling1d!(),
      l.batchNormalization!({ center: false }),
      l.dense!({ units: 3 }),
    ),
  },
  'words: embedding, lstm': {
    model: chain(
      l.embedding!({ inputDim: 9, outputDim: 5, inputLength: 6 }),
      l.lstm!({ units: 4, returnSequences: true, recurrentActivation: 'sigmoid' }),
      l.lstm!({ units: 5, recurrentActivation: 'sigmoid', useBias: false }),
      l.dense!({ units: 3 }),
      l.softmax!(),
    ),
    indices: 9,
  },
  'series: lstm from both ends, a layer of each step': {
    model: chain(
      bidirectional({ units: 4, returnSequences: true }, { mergeMode: 'concat', inputShape: [5, 3] }),
      bidirectional({ units: 3, returnSequences: true, useBias: false }, { mergeMode: 'sum' }),
      l.timeDistributed!({ layer: l.dense!({ units: 4, activation: 'relu' }) }),
      bidirectional({ units: 2 }, { mergeMode: 'concat' }),
      l.dense!({ units: 3 }),
    ),
  },
  'a class of each position': {
    model: chain(
      l.reshape!({ targetShape: [4, 3], inputShape: [12] }),
      l.dense!({ units: 5, activation: 'relu' }),
      l.dense!({ units: 3, activation: 'softmax' }),
    ),
  },
  'the largest of a series': {
    model: chain(l.conv1d!({ filters: 3, kernelSize: 2, inputShape: [5, 2] }), l.globalMaxPooling1d!()),
  },
  'the largest of an image': {
    model: chain(l.conv2d!({ filters: 3, kernelSize: 2, inputShape: [5, 4, 2] }), l.globalMaxPooling2d!({})),
  },
  'branches, several inputs, shared weights': { model: towers() },
  'a shortcut with normalisation': { model: residual() },
}

const base64 = (values: Float32Array | ArrayBuffer): string =>
  (values instanceof ArrayBuffer
    ? Buffer.from(values)
    : Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  ).toString('base64')
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const cases: object[] = []
for (const [name, { model, indices }] of Object.entries(models)) {
  // Nothing that would not be noticed: no bias of 0, no factor of 1.
  model.weights.forEach((weight, n) => {
    const scale = /kernel$|embeddings$/.test(weight.name) ? 0.5 : 0.3
    const values = Float32Array.from({ length: sizeOf(weight.shape) }, (_, i) =>
      weight.name.endsWith('variance') ? 0.5 + 0.1 * (i % 5) : scale * normalAt(5, n, i),
    )
    weight.write(tf.tensor(values, weight.shape))
  })
  const shapes = model.inputs.map(({ shape }) => shape.slice(1) as number[])
  const given = shapes.map((shape, n) =>
    Float32Array.from({ length: ROWS * sizeOf(shape) }, (_, i) =>
      indices === undefined ? normalAt(8, n, i) : Math.floor(Math.abs(normalAt(8, n, i)) * 100) % indices,
    ),
  )
  const tensors = given.map((values, n) => tf.tensor(values, [ROWS, ...shapes[n]!]))
  const y = model.predict(tensors.length === 1 ? tensors[0]! : tensors)
  // Our rows have all inputs one after the other.
  const x = Array.from({ length: ROWS }, (_, row) =>
    given.flatMap((values, n) => [...values.subarray(row * sizeOf(shapes[n]!), (row + 1) * sizeOf(shapes[n]!))]),
  ).flat()
  await model.save(
    tf.io.withSaveHandler(({ modelTopology, weightSpecs, weightData }) => {
      const document = {
        ...{ format: 'layers-model', generatedBy: `TensorFlow.js tfjs-layers v${tf.version.tfjs}`, modelTopology },
        weightsManifest: [{ paths: ['./weights.bin'], weights: weightSpecs }],
      }
      cases.push({
        name,
        document,
        weights: base64(weightData),
        x: base64(Float32Array.from(x)),
        y: base64(y.dataSync()),
      })
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } })
    }),
  )
}
const into = new URL('values/tfjs-models.json', import.meta.url)
writeFileSync(into, `[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`)
