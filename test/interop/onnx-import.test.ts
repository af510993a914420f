/** ONNX models as models of ours: our own, PyTorch's shapes of them, and files that are damaged or ask for more. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { encodeModel } from '../../src/interop/onnx/graph.ts'
import type { Constant, Graph, Node } from '../../src/interop/onnx/graph.ts'
import { normalAt } from '../../src/random/normal.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { loadModel } from '../../src/train/model.ts'
import { Trainer } from '../../src/train/trainer.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-onnx-import-'))
})
afterAll(() => rm(folder, { recursive: true }))

const ROWS = 4
const rowsOf = (features: number) => Float32Array.from({ length: ROWS * features }, (_, i) => normalAt(8, 0, i))
let files = 0

function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length)
  const size = Math.max(1, ...expected.map(Math.abs))
  expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * size))
}

type Layers = Config['model']['layers']
const ours: Record<string, { inputShape: number[]; layers: Layers; loss?: Config['loss']; indices?: number }> = {
  'dense layers and activations': {
    inputShape: [6],
    layers: [
      ...(['relu', 'gelu', 'tanh', 'selu', 'softplus'] as const).map(
        (type) => ({ type: 'dense', units: 5, activation: type }) as const,
      ),
      { type: 'activation', activation: { type: 'leakyRelu', alpha: 0.2 } },
      { type: 'prelu' },
      { type: 'dense', units: 3, useBias: false },
    ],
  },
  'residual blocks within each other': {
    inputShape: [6],
    layers: [
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 6, activation: 'tanh' },
          { type: 'residual', layers: [{ type: 'dense', units: 4 }] },
        ],
      },
      { type: 'dense', units: 3 },
    ],
    loss: 'meanSquaredError',
  },
  'images: convolution, pooling, blocks': {
    inputShape: [9, 8, 4],
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: [3, 2], strides: [2, 1], padding: 'same', activation: 'relu' },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 6, kernelSize: 3, padding: 'same' }] },
      {
        type: 'residual',
        layers: [{ type: 'conv2d', filters: 8, kernelSize: 3, strides: 2, padding: 'same', groups: 2 }],
      },
      { type: 'averagePooling2d', poolSize: 2, strides: 1 },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  },
  'series: causal convolution, pooling over all': {
    inputShape: [11, 4],
    layers: [
      { type: 'conv1d', filters: 6, kernelSize: 3, padding: 'causal', dilationRate: 2 },
      { type: 'maxPooling1d' },
      { type: 'globalAveragePooling1d' },
      { type: 'dense', units: 3 },
    ],
    loss: 'binaryCrossentropy',
  },
  'images: batch normalisation, upsampling': {
    inputShape: [5, 4, 3],
    layers: [
      { type: 'batchNorm' },
      { type: 'upSampling2d', size: [2, 3] },
      { type: 'conv2d', filters: 4, kernelSize: 3, useBias: false },
      { type: 'batchNorm', epsilon: 1e-2, scale: false },
      { type: 'activation', activation: { type: 'relu' } },
      { type: 'flatten' },
      { type: 'batchNorm', center: false },
      { type: 'dense', units: 3 },
    ],
    loss: 'meanSquaredError',
  },
  'residual blocks with batch normalisation': {
    inputShape: [6, 6, 4],
    layers: [
      { type: 'resnetBlock', filters: 4 },
      { type: 'resnetBlock', filters: 6, strides: 2 },
      { type: 'globalAveragePooling2d' },
      { type: 'dense', units: 3 },
    ],
  },
  'words: embedding, positions, layer normalisation, recurrent layers': {
    inputShape: [6],
    indices: 9,
    layers: [
      { type: 'embedding', inputDim: 9, outputDim: 5 },
      { type: 'positionEmbedding' },
      { type: 'layerNorm', epsilon: 1e-2 },
      { type: 'lstm', units: 4, returnSequences: true },
      { type: 'gru', units: 7, returnSequences: true },
      { type: 'upSampling1d', size: 2 },
      { type: 'layerNorm', center: false },
      { type: 'lstm', units: 5, useBias: false, returnSequences: true },
      { type: 'gru', units: 6 },
      { type: 'dense', units: 3 },
    ],
    loss: 'meanSquaredError',
  },
  'a class of each position': {
    inputShape: [6, 4],
    layers: [{ type: 'dense', units: 3 }],
    loss: 'maskedCrossentropy',
  },
  'series: from both ends': {
    inputShape: [5, 3],
    layers: [
      { type: 'bidirectional', layer: { type: 'lstm', units: 4, returnSequences: true } },
      { type: 'bidirectional', layer: { type: 'gru', units: 5 }, mergeMode: 'sum' },
      { type: 'dense', units: 3 },
    ],
  },
  'series: the last state of an lstm': {
    inputShape: [11, 4],
    layers: [
      { type: 'lstm', units: 5 },
      { type: 'dense', units: 3 },
    ],
    loss: 'meanSquaredError',
  },
}

describe('what we wrote', () => {
  it.each(Object.entries(ours))(
    'comes back: %s',
    async (_, { layers, inputShape, loss = 'sparseCategoricalCrossentropy', indices }) => {
      const path = join(folder, `${files++}.onnx`)
      const trainer = await Trainer.create(
        { kernels: 'wasm', loss, model: { inputShape, layers } },
        { crew: new InlineCrew() },
      )
      const features = inputShape.reduce((a, b) => a * b)
      const targets = loss === 'meanSquaredError' ? 3 : loss === 'maskedCrossentropy' ? inputShape[0]! : 1
      await trainer.build({ features, targets, classNames: undefined })
      const biased = Object.entries(trainer.getWeights()).map(([key, values], n) => [
        key,
        /(kernel|Kernel|embeddings)$/.test(key)
          ? values
          : values.map((_, i) => (key.endsWith('movingVariance') ? 0.5 + 0.1 * (i % 5) : 0.3 * normalAt(4, n, i))),
      ])
      trainer.setWeights(Object.fromEntries(biased) as Record<string, Float32Array>)
      await trainer.save(path)
      const model = await loadModel(path, { kernels: 'wasm' })
      const given = rowsOf(features)
      const x = indices === undefined ? given : given.map((value) => Math.floor(Math.abs(value) * 100) % indices)
      const expected = await trainer.predict(x)
      expect(new Set(expected).size).toBeGreaterThan(ROWS)
      expectNear(model.predict(x), expected)
      expect(model.config.loss).toMatchObject({ type: loss })
    },
  )
})

/** Weights that differ everywhere. */
const weights = (name: string, ...shape: number[]): Constant => ({
  ...{ name, shape },
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.4 * normalAt(name.length, 7, i)),
})
const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  ...{ op, name: `${op}_${output}`, inputs, outputs: [output], attributes },
})
const graphOf = (shape: number[], out: number[], nodes: Node[], constants: Constant[]): Graph => ({
  ...{ name: 'torch', nodes, constants, metadata: {} },
  inputs: [{ name: 'x', shape }],
  output: { name: 'y', shape: out },
})

async function written(graph: Graph): Promise<string> {
  const path = join(folder, `${files++}.onnx`)
  await writeFile(path, Buffer.concat(encodeModel(graph)))
  return path
}

/** Rows with channels last, as ours are. */
function channelsLast(x: Float32Array, channels: number, positions: number): Float32Array {
  const size = channels * positions
  return x.map((_, i) => x[i - (i % size) + (i % channels) * positions + Math.floor((i % size) / channels)]!)
}

describe('what others write', () => {
  it('channels first, flattened, Gemm with the weights turned: as PyTorch does', async () => {
    const graph = graphOf(
      [2, 6, 5],
      [3],
      [
        node('Conv', ['x', 'w1', 'b1'], 'a', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] }),
        node('Relu', ['a'], 'b'),
        node('MaxPool', ['b'], 'c', { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Flatten', ['c'], 'd', { axis: 1 }),
        node('Gemm', ['d', 'w2', 'b2'], 'e', { alpha: { float: 1 }, beta: { float: 1 }, transB: 1 }),
        node('Sigmoid', ['e'], 'f'),
        node('Gemm', ['f', 'w3', 'b3'], 'y', { transB: 1 }),
      ],
      [
        weights('w1', 4, 2, 3, 3),
        weights('b1', 4),
        weights('w2', 5, 24),
        weights('b2', 5),
        weights('w3', 3, 5),
        weights('b3', 3),
      ],
    )
    const path = await written(graph)
    const x = rowsOf(60)
    const session = await InferenceSession.create(path)
    const { y } = await session.run({ x: new Tensor('float32', x, [ROWS, 2, 6, 5]) })
    const model = await loadModel(path)
    expect(model.config.model.inputShape).toEqual([6, 5, 2])
    expectNear(model.predict(channelsLast(x, 2, 30)), y!.data as Float32Array)
    await session.release()
  })

  it('numbers of each of what was flattened with channels first', async () => {
    const graph = graphOf(
      [2, 6, 5],
      [3],
      [
        node('Conv', ['x', 'w1', 'b1'], 'a', { kernel_shape: [3, 3], strides: [1, 1] }),
        node('Flatten', ['a'], 'b', { axis: 1 }),
        node('BatchNormalization', ['b', 'gamma', 'beta', 'mean', 'variance'], 'c'),
        node('PRelu', ['c', 'slope'], 'd'),
        node('LayerNormalization', ['d', 'gamma', 'beta'], 'e'),
        node('Gemm', ['e', 'w2', 'b2'], 'y', { transB: 1 }),
      ],
      [
        ...[weights('w1', 4, 2, 3, 3), weights('b1', 4), weights('w2', 3, 48), weights('b2', 3)],
        ...['gamma', 'beta', 'mean', 'slope'].map((name) => weights(name, 48)),
        { name: 'variance', shape: [48], values: Float32Array.from({ length: 48 }, (_, i) => 0.2 + 0.01 * i) },
      ],
    )
    const path = await written(graph)
    const x = rowsOf(60)
    const session = await InferenceSession.create(path)
    const { y } = await session.run({ x: new Tensor('float32', x, [ROWS, 2, 6, 5]) })
    expectNear((await loadModel(path)).predict(channelsLast(x, 2, 30)), y!.data as Float32Array)
    await session.release()
  })

  /** Queries, keys and values of products of their own, as of torch.nn.Linear; `Split` of one where `split`. */
  const attends = (split: boolean, mask: boolean, causal = true): Graph => {
    const [steps, channels, heads, width] = [5, 6, 2, 3]
    const perm = [0, 2, 1, 3]
    const product = (from: string, name: string) => [
      node('MatMul', [from, `${name}w`], `${name}p`),
      node('Add', [`${name}b`, `${name}p`], name),
    ]
    const cut = (name: string) => [
      node('Reshape', [name, 'heads'], `${name}h`),
      node('Transpose', [`${name}h`], `${name}t`, { perm }),
    ]
    const parts: Node[] = [{ op: 'Split', name: 'Split', inputs: ['all', 'sizes'], outputs: ['q', 'k', 'v'], attributes: { axis: 2 } }] // prettier-ignore
    const nodes = [
      ...(split ? [...product('x', 'all'), ...parts] : ['q', 'k', 'v'].flatMap((name) => product('x', name))),
      ...[...cut('q'), ...cut('k'), ...cut('v'), node('Transpose', ['kt'], 'turned', { perm: [0, 1, 3, 2] })],
      ...[node('MatMul', ['qt', 'turned'], 'products'), node('Div', ['products', 'root'], 'scaled')],
      ...(mask ? [node('Add', ['scaled', 'mask'], 'seen')] : []),
      node('Softmax', [mask ? 'seen' : 'scaled'], 'shares', { axis: 3 }),
      node('MatMul', ['shares', 'vt'], 'mixed'),
      ...[node('Transpose', ['mixed'], 'mt', { perm }), node('Reshape', ['mt', 'together'], 'rows')],
      ...[...product('rows', 'o'), node('Add', ['o', 'x'], 'y')],
    ]
    const dense = (name: string, cols: number) => [weights(`${name}w`, channels, cols), weights(`${name}b`, cols)]
    return graphOf([steps, channels], [steps, channels], nodes, [
      ...(split ? dense('all', 3 * channels) : ['q', 'k', 'v'].flatMap((name) => dense(name, channels))),
      ...dense('o', channels),
      { name: 'heads', shape: [4], integers: [-1, steps, heads, width] },
      { name: 'together', shape: [3], integers: [-1, steps, channels] },
      { name: 'sizes', shape: [3], integers: [channels, channels, channels] },
      { name: 'root', shape: [], values: Float32Array.of(Math.sqrt(width)) },
      {
        ...{ name: 'mask', shape: [1, 1, steps, steps] },
        values: Float32Array.from({ length: steps * steps }, (_, i) =>
          i % steps > Math.floor(i / steps) && (causal || i !== 1) ? -1e9 : 0,
        ),
      },
    ])
  }

  it.each([
    ['products of their own', false, false],
    ['a product of all that is split, masked', true, true],
  ])('attention of %s, with a shortcut', async (_, split, mask) => {
    const path = await written(attends(split, mask))
    const x = rowsOf(30)
    const session = await InferenceSession.create(path)
    const { y } = await session.run({ x: new Tensor('float32', x, [ROWS, 5, 6]) })
    const model = await loadModel(path)
    expect(model.config.model.layers).toMatchObject([{ type: 'attention', causal: mask }, { type: 'add' }])
    expectNear(model.predict(x), y!.data as Float32Array)
    await session.release()
  })

  it('attention with a mask of its own is refused', async () => {
    await expect(loadModel(await written(attends(true, true, false)))).rejects.toThrow(/Softmax_shares.*with this mask/)
  })

  it('several inputs, branches, group normalisation with channels first, weights that are shared', async () => {
    const graph: Graph = {
      ...{ name: 'torch', metadata: {}, output: { name: 'y', shape: [3] } },
      inputs: [
        { name: 'image', shape: [4, 6, 5] },
        // As a layer of ours would be called.
        { name: 'dense_2', shape: [2] },
      ],
      nodes: [
        node('Conv', ['image', 'w1', 'b1'], 'a', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] }),
        node('Reshape', ['a', 'cut'], 'a1'),
        node('InstanceNormalization', ['a1', 'ones', 'zeros'], 'a2', { epsilon: { float: 1e-3 } }),
        node('Reshape', ['a2', 'whole'], 'a3'),
        node('Mul', ['a3', 'gamma'], 'a4'),
        node('Add', ['a4', 'beta'], 'a5'),
        node('Concat', ['a5', 'image'], 'both', { axis: 1 }),
        node('GlobalAveragePool', ['both'], 'c'),
        node('Flatten', ['c'], 'd', { axis: 1 }),
        node('Gemm', ['dense_2', 'w2', 'b2'], 'e', { transB: 1 }),
        node('Gemm', ['e', 'w3', 'b3'], 'f', { transB: 1 }),
        node('Gemm', ['f', 'w3', 'b3'], 'g', { transB: 1 }),
        node('Add', ['d', 'g'], 'h'),
        node('Concat', ['h', 'dense_2'], 'i', { axis: -1 }),
        node('Gemm', ['i', 'w4'], 'y', { transB: 1 }),
      ],
      constants: [
        ...[weights('w1', 4, 4, 3, 3), weights('b1', 4), weights('gamma', 4, 1, 1), weights('beta', 4, 1, 1)],
        ...[weights('w2', 8, 2), weights('b2', 8), weights('w3', 8, 8), weights('b3', 8), weights('w4', 3, 10)],
        { name: 'ones', shape: [2], values: Float32Array.of(1, 1) },
        { name: 'zeros', shape: [2], values: Float32Array.of(0, 0) },
        { name: 'cut', shape: [3], integers: [0, 2, -1] },
        { name: 'whole', shape: [4], integers: [-1, 4, 6, 5] },
      ],
    }
    const path = await written(graph)
    const [image, table] = [rowsOf(120), rowsOf(2).map((value) => value + 0.5)]
    const session = await InferenceSession.create(path)
    const { y } = await session.run({
      image: new Tensor('float32', image, [ROWS, 4, 6, 5]),
      dense_2: new Tensor('float32', table, [ROWS, 2]),
    })
    const model = await loadModel(path)
    expect(model.config.model.layers.map(({ type }) => type)).toContain('shared')
    const last = channelsLast(image, 4, 30)
    const rows = Array.from({ length: ROWS }, (_, row) => [
      ...last.subarray(row * 120, (row + 1) * 120),
      ...table.subarray(row * 2, (row + 1) * 2),
    ])
    expectNear(model.predict(rows), y!.data as Float32Array)
    await session.release()
  })

  it.each([
    ['cells that are read', ['', '', 'y'], {}, /LSTM_node.*of which the cells are read/],
    ['both directions', ['', 'y'], { direction: 'bidirectional' }, /LSTM_node.*in this direction/],
    ['activations of its own', ['', 'y'], { activations: [1] }, /LSTM_node.*with `activations`/],
    [
      'weights that do not fit',
      ['', 'y'],
      { hidden_size: 2 },
      /LSTM_node.*input 1 of shape \[1, 8, 3\], got \[1, 8, 5\]/,
    ],
  ])('a recurrent node with %s is refused by its name', async (_, outputs, attributes, message) => {
    const nodes: Node[] = [
      node('Transpose', ['x'], 'a', { perm: [1, 0, 2] }),
      { op: 'LSTM', name: 'LSTM_node', inputs: ['a', 'w', 'r'], outputs, attributes },
    ]
    const graph = graphOf([4, 3], [2], nodes, [weights('w', 1, 8, 5), weights('r', 1, 8, 2)])
    await expect(loadModel(await written(graph))).rejects.toThrow(message)
  })

  it.each(['constructor', '__proto__', 'toString'])('an operator called %s is one without a layer', async (op) => {
    const path = await written(graphOf([4], [4], [node(op, ['x'], 'y')], []))
    await expect(loadModel(path)).rejects.toThrow(`operator ${op} has no layer here`)
  })

  it('a node without a layer is named, with its file', async () => {
    const path = await written(graphOf([4], [4], [node('Relu', ['x'], 'a'), node('Einsum', ['a'], 'y')], []))
    await expect(loadModel(path)).rejects.toThrow(`${path}: node \`Einsum_y\`: operator Einsum has no layer here.`)
  })

  it('paths that part and meet in what has no layer are refused', async () => {
    const nodes = [node('Relu', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Mul', ['a', 'b'], 'y')]
    await expect(loadModel(await written(graphOf([4], [4], nodes, [])))).rejects.toThrow(/Mul_y.*operator Mul/)
  })

  it('weights that are missing are named', async () => {
    const nodes = [node('Gemm', ['x', 'w', 'b'], 'y')]
    await expect(loadModel(await written(graphOf([4], [3], nodes, [])))).rejects.toThrow(
      /Gemm_y.*input 1 to be a constant/,
    )
  })
})

describe('a damaged file', () => {
  it('is refused, whatever byte is changed or wherever it ends, or read, and never anything else', async () => {
    const nodes = [node('Gemm', ['x', 'w', 'b'], 'a'), node('Softmax', ['a'], 'y', { axis: -1 })]
    const good = await readFile(await written(graphOf([4], [3], nodes, [weights('w', 4, 3), weights('b', 3)])))
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
        const bad = cut ? good.subarray(0, at) : Buffer.from(good)
        if (!cut) bad[at] = byte
        const path = join(folder, 'bad.onnx')
        await writeFile(path, bad)
        await loadModel(path, { kernels: 'reference' }).catch((error: Error) => expect(error.name).toBe('UserError'))
      }),
      { numRuns: 150 },
    )
  })
})
