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
const ours: Record<string, { inputShape: number[]; layers: Layers; loss?: Config['loss'] }> = {
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
}

describe('what we wrote', () => {
  it.each(Object.entries(ours))(
    'comes back: %s',
    async (_, { layers, inputShape, loss = 'sparseCategoricalCrossentropy' }) => {
      const path = join(folder, `${files++}.onnx`)
      const trainer = await Trainer.create(
        { kernels: 'wasm', loss, model: { inputShape, layers } },
        { crew: new InlineCrew() },
      )
      const features = inputShape.reduce((a, b) => a * b)
      await trainer.build({ features, targets: 1, classNames: undefined })
      const biased = Object.entries(trainer.getWeights()).map(([key, values], n) => [
        key,
        key.endsWith('bias') ? values.map((_, i) => 0.3 * normalAt(4, n, i)) : values,
      ])
      trainer.setWeights(Object.fromEntries(biased) as Record<string, Float32Array>)
      await trainer.save(path)
      const model = await loadModel(path, { kernels: 'wasm' })
      const x = rowsOf(features)
      expectNear(model.predict(x), await trainer.predict(x))
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
  input: { name: 'x', shape },
  output: { name: 'y', shape: out },
})

async function written(graph: Graph): Promise<string> {
  const path = join(folder, `${files++}.onnx`)
  await writeFile(path, Buffer.concat(encodeModel(graph)))
  return path
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
    // Our rows have channels last.
    const turned = x.slice()
    for (let r = 0; r < ROWS; r++)
      for (let c = 0; c < 2; c++) for (let p = 0; p < 30; p++) turned[r * 60 + p * 2 + c] = x[r * 60 + c * 30 + p]!
    expectNear(model.predict(turned), y!.data as Float32Array)
    await session.release()
  })

  it('a node without a layer is named, with its file', async () => {
    const path = await written(graphOf([4], [4], [node('Relu', ['x'], 'a'), node('Einsum', ['a'], 'y')], []))
    await expect(loadModel(path)).rejects.toThrow(`${path}: node \`Einsum_y\`: operator Einsum has no layer here.`)
  })

  it('paths that part and do not meet are refused', async () => {
    const nodes = [node('Relu', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Concat', ['a', 'b'], 'y', { axis: 1 })]
    await expect(loadModel(await written(graphOf([4], [8], nodes, [])))).rejects.toThrow(/read by Relu_a, Tanh_b/)
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
