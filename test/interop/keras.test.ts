/** Layers models of TensorFlow.js give here what they give there, and files that are damaged or reach too far are refused. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normalAt } from '../../src/random/normal.ts'
import { loadModel } from '../../src/train/model.ts'
import { Trainer } from '../../src/train/trainer.ts'

interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: object
}
interface Document {
  readonly format?: string
  readonly modelTopology: object
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly Weight[] }[]
}

/** What test/golden/tfjs.ts wrote; numbers in base64. */
const written = JSON.parse(
  readFileSync(new URL('../golden/values/tfjs-models.json', import.meta.url), 'utf8'),
) as readonly { name: string; document: Document; weights: string; x: string; y: string }[]

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-keras-'))
})
afterAll(() => rm(folder, { recursive: true }))

let folders = 0
/** A folder of its own, with a model.json and the files of its weights. */
async function files(document: unknown, shards: Readonly<Record<string, Uint8Array>> = {}): Promise<string> {
  const own = join(folder, String(folders++))
  await mkdir(own)
  for (const [name, bytes] of Object.entries(shards)) await writeFile(join(own, name), bytes)
  await writeFile(join(own, 'model.json'), typeof document === 'string' ? document : JSON.stringify(document))
  return join(own, 'model.json')
}

const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64')
const numbers = (base64: string): Float32Array => {
  const bytes = bytesOf(base64)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}
const raw = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer)

function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length)
  const size = Math.max(1, ...expected.map(Math.abs))
  expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * size))
}

describe('a model that TensorFlow.js saved gives what it gave there', () => {
  it.each(written)('$name', async ({ document, weights, x, y }) => {
    const model = await loadModel(await files(document, { 'weights.bin': bytesOf(weights) }), { kernels: 'wasm' })
    const expected = numbers(y)
    expect(new Set(expected).size).toBeGreaterThan(3)
    expectNear(model.predict(numbers(x)), expected)
  })

  it('with the loss of what stands at its end, ready to be trained', async () => {
    const loss = async (name: string) => {
      const { document, weights } = written.find((one) => one.name.startsWith(name))!
      await using trainer = await Trainer.load(await files(document, { 'weights.bin': bytesOf(weights) }))
      return trainer.config.loss
    }
    expect(await loss('dense')).toMatchObject({ type: 'sparseCategoricalCrossentropy' })
    expect(await loss('images')).toMatchObject({ type: 'binaryCrossentropy' })
    expect(await loss('series')).toMatchObject({ type: 'meanSquaredError' })
  })
})

const dense = (units: number, more: object = {}) => ({
  class_name: 'Dense',
  config: { name: 'out', units, activation: 'linear', use_bias: true, ...more },
})
const sequential = (...layers: object[]) => ({ class_name: 'Sequential', config: { name: 'net', layers } })
const input = (...shape: (number | null)[]) => ({
  class_name: 'InputLayer',
  config: { name: 'in', batch_input_shape: [null, ...shape] },
})
const weight = (name: string, ...shape: number[]): Weight => ({ name, shape, dtype: 'float32' })
const plain = (more: Partial<Document> = {}): Document => ({
  format: 'layers-model',
  modelTopology: sequential(input(2), dense(1)),
  weightsManifest: [{ paths: ['w.bin'], weights: [weight('out/kernel', 2, 1), weight('out/bias', 1)] }],
  ...more,
})
const BIN = { 'w.bin': raw([2, 3, 1]) }

describe('what the converter writes', () => {
  it('a config within what Keras saved, weights in two files that a tensor straddles', async () => {
    const document = plain({
      modelTopology: { keras_version: '2.15.0', backend: 'tensorflow', model_config: plain().modelTopology },
      weightsManifest: [{ ...plain().weightsManifest[0]!, paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'] }],
    })
    const shards = {
      'group1-shard1of2.bin': BIN['w.bin'].subarray(0, 6),
      'group1-shard2of2.bin': BIN['w.bin'].subarray(6),
    }
    const model = await loadModel(await files(document, shards))
    // 2 x 10 + 3 x 100 + 1
    expect([...model.predict([[10, 100]])]).toEqual([321])
  })

  it.each([
    ['uint8', Uint8Array.of(0, 4), 0.5, -1, [-1, 1]],
    ['uint16', Uint8Array.of(0, 1, 44, 1), 0.25, 1, [65, 76]],
    // 1.5 and -2 in binary16.
    ['float16', Uint8Array.of(0, 0x3e, 0, 0xc0), undefined, undefined, [1.5, -2]],
  ])('weights stored as %s', async (dtype, stored, scale, min, expected) => {
    const kernel = { ...weight('out/kernel', 2, 1), quantization: { dtype, scale, min, original_dtype: 'float32' } }
    const document = plain({
      modelTopology: sequential(input(2), dense(1, { use_bias: false })),
      weightsManifest: [{ paths: ['w.bin'], weights: [kernel] }],
    })
    const model = await loadModel(await files(document, { 'w.bin': stored }))
    expect([...model.predict([[1, 0], [0, 1]])]).toEqual(expected) // prettier-ignore
  })

  it('a gru with reset_after: the arithmetic of Keras, written out', async () => {
    const [steps, channels, units] = [3, 2, 3]
    const values = (n: number, count: number) => Array.from({ length: count }, (_, i) => 0.5 * normalAt(3, n, i))
    const [w, u, b] = [values(0, channels * 9), values(1, units * 9), values(2, 18)]
    const x = values(3, steps * channels)
    const sigmoid = (value: number) => 1 / (1 + Math.exp(-value))
    let h = Array<number>(units).fill(0)
    for (let t = 0; t < steps; t++) {
      const before = h
      /** Column of x W + b, and of h U + b'. */
      const from = (c: number) => b[c]! + [0, 1].reduce((sum, i) => sum + x[t * channels + i]! * w[i * 9 + c]!, 0)
      const own = (c: number) => b[9 + c]! + before.reduce((sum, value, i) => sum + value * u[i * 9 + c]!, 0)
      h = before.map((value, j) => {
        const [z, r] = [sigmoid(from(j) + own(j)), sigmoid(from(3 + j) + own(3 + j))]
        return z * value + (1 - z) * Math.tanh(from(6 + j) + r * own(6 + j))
      })
    }
    const config = { name: 'gru', units, activation: 'tanh', recurrent_activation: 'sigmoid', reset_after: true }
    const document: Document = {
      modelTopology: sequential(input(steps, channels), { class_name: 'GRU', config }),
      weightsManifest: [
        {
          paths: ['w.bin'],
          weights: [
            weight('gru/gru_cell/kernel', channels, 9),
            weight('gru/gru_cell/recurrent_kernel', units, 9),
            weight('gru/gru_cell/bias', 2, 9),
          ],
        },
      ],
    }
    const model = await loadModel(await files(document, { 'w.bin': raw([...w, ...u, ...b]) }))
    expectNear(model.predict([x]), Float32Array.from(h))
  })
})

const layer = (class_name: string, config: object = {}) =>
  plain({ modelTopology: sequential(input(4, 4, 2), { class_name, config: { name: 'odd', ...config } }) })
const two = [
  { class_name: 'InputLayer', name: 'a', config: { name: 'a', batch_input_shape: [null, 2] }, inbound_nodes: [] },
  { ...dense(1), name: 'out', inbound_nodes: [[['a', 0, 0, {}]]] },
]
const functional = (more: object) => ({
  modelTopology: {
    class_name: 'Functional',
    config: { layers: two, input_layers: [['a', 0, 0]], output_layers: [['out', 0, 0]], ...more },
  },
  weightsManifest: plain().weightsManifest,
})

describe('a model that is not read is refused with what is wrong', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'a layer without one here',
      layer('SimpleRNN'),
      /layer `odd` of the class SimpleRNN: there is no such layer here\. Use an LSTM or a GRU/,
    ],
    ['a member of every object', layer('constructor'), /layer `odd` of the class constructor: there is no such/],
    [
      'an activation',
      layer('Dense', { units: 2, activation: 'hard_sigmoid' }),
      /`odd` of the class Dense: .*"hard_sigmoid"/,
    ],
    [
      'softmax in the middle',
      plain({ modelTopology: sequential(input(2), { class_name: 'Softmax', config: { name: 'mid' } }, dense(1)) }),
      /`mid` of the class Softmax: softmax in the middle/,
    ],
    [
      'channels first',
      layer('Conv2D', { filters: 1, kernel_size: 2, data_format: 'channels_first' }),
      /`odd` .* `data_format` to be "channels_last"/,
    ],
    [
      'an axis that is not the last',
      layer('BatchNormalization', { axis: 1 }),
      /layer `odd`: expected the last axis, 3, got axis 1|out\/kernel|odd\/gamma/,
    ],
    [
      'a gru without reset_after',
      layer('GRU', { units: 2 }),
      /`odd` of the class GRU: expected `reset_after` to be true/,
    ],
    ['relu up to 6', layer('ReLU', { max_value: 6 }), /`odd` of the class ReLU: with `max_value`/],
    ['masks', layer('Embedding', { input_dim: 3, output_dim: 2, mask_zero: true }), /`odd` .*`mask_zero` to be false/],
    ['units that are no number', layer('Dense', { units: 'many' }), /`model\.layers\[0\]\.units`/],
    [
      'lengths that are not known',
      plain({ modelTopology: sequential(input(null, 3), dense(1)) }),
      /layer `in`: expected an input of known lengths/,
    ],
    ['a weight that is missing', plain({ weightsManifest: [] }), /expected a weight `out\/kernel`/],
    [
      'a weight of another shape',
      plain({ weightsManifest: [{ paths: [], weights: [weight('out/kernel', 1, 2), weight('out/bias', 1)] }] }),
      /`out\/kernel`: expected shape \[2, 1\].* got \[1, 2\]/,
    ],
    [
      'fewer bytes than the manifest says',
      plain({
        weightsManifest: [{ paths: ['w.bin'], weights: [...plain().weightsManifest[0]!.weights, weight('more', 7)] }],
      }),
      /expected 40 bytes of weights in w\.bin, got 12/,
    ],
    [
      'a size beyond all files',
      plain({ weightsManifest: [{ paths: ['w.bin'], weights: [weight('out/kernel', 2 ** 30, 2 ** 30, 2 ** 30)] }] }),
      /weight `out\/kernel`: expected at most/,
    ],
    [
      'one file for several',
      plain({ weightsManifest: [{ paths: ['w.bin', 'w.bin'], weights: plain().weightsManifest[0]!.weights }] }),
      /each file of weights once, got w\.bin twice/,
    ],
    [
      'a file that is not there',
      plain({ weightsManifest: [{ paths: ['x.bin'], weights: plain().weightsManifest[0]!.weights }] }),
      /file of weights `x\.bin`: there is no such file/,
    ],
    [
      'texts as weights',
      plain({ weightsManifest: [{ paths: ['w.bin'], weights: [{ ...weight('out/kernel', 1), dtype: 'string' }] }] }),
      /expected a dtype of .* got string/,
    ],
    [
      'two outputs',
      functional({
        output_layers: [
          ['out', 0, 0],
          ['a', 0, 0],
        ],
      }),
      /expected one output, got 2/,
    ],
    [
      'a circle',
      functional({ layers: [two[0], { ...two[1], inbound_nodes: [[['out', 0, 0, {}]]] }] }),
      /layer `out`: it takes what it gives itself/,
    ],
    [
      'a layer that is not there',
      functional({ output_layers: [['nowhere', 0, 0]] }),
      /expected the use of a layer, got \["nowhere",0\]/,
    ],
    ['a graph model', { format: 'graph-model', modelTopology: {} }, /tfjs_layers_model/],
    ['another JSON', '[1, 2]', /expected a layers model of TensorFlow\.js/],
    ['no JSON', 'model: none', /expected a model\.json, but it is not JSON/],
  ])('%s', async (_, document, message) => {
    const path = await files(document, BIN)
    const error: unknown = await loadModel(path).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) as string })
    expect((error as Error).message).toContain(path)
  })

  it.each([
    '../w.bin',
    '/etc/passwd',
    'sub/../../w.bin',
    'C:\\w.bin',
    '..\\w.bin',
    'https://example.com/w.bin',
    '',
    '\0',
  ])('files of weights elsewhere: %j', async (shard) => {
    const document = plain({ weightsManifest: [{ ...plain().weightsManifest[0]!, paths: [shard] }] })
    await expect(loadModel(await files(document, BIN))).rejects.toThrow(/expected files of weights beside the model/)
  })

  it('a link that leads out of the folder', async () => {
    const path = await files(plain())
    const outside = await files({}, BIN)
    await symlink(join(outside, '..', 'w.bin'), join(path, '..', 'w.bin'))
    await expect(loadModel(path)).rejects.toThrow(/expected files of weights beside the model, got `w\.bin`/)
  })

  it.skipIf(process.platform === 'win32')(
    'a pipe in place of weights, or of the model (skipped on Windows, which has none)',
    async () => {
      const path = await files(plain())
      execFileSync('mkfifo', [join(path, '..', 'w.bin'), join(path, '..', 'pipe.json')])
      await expect(loadModel(path)).rejects.toThrow(/w\.bin: expected a file, got a pipe/)
      await expect(loadModel(join(path, '..', 'pipe.json'))).rejects.toThrow(/pipe\.json: expected a file, got a pipe/)
    },
  )

  it.each(['net.keras', 'net.h5', 'net.HDF5'])("Keras's own %s, with how to convert it", async (name) => {
    await expect(loadModel(name)).rejects.toThrow(`tensorflowjs_converter --input_format=keras ${name}`)
  })
})
