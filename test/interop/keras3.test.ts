/** Models of Keras 3 give here what they give there, and what of theirs has no layer here is named, with what helps. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { loadModel } from '../../src/train/model.ts'

interface Layer {
  class_name: string
  module?: string
  config: Record<string, unknown>
  inbound_nodes?: unknown[]
}
interface Tensor {
  config?: { keras_history: unknown[] }
}
interface Document {
  modelTopology: { model_config: { class_name: string; config: { name: string; layers: Layer[] } } }
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[]
}

/** What test/golden/keras3.py wrote; numbers in base64. */
const written = JSON.parse(readFileSync(new URL('../golden/values/keras3-models.json', import.meta.url), 'utf8')) as {
  name: string
  document: Document
  weights: string
  x: string
  y: string
}[]

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brigantine-keras3-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function files(document: unknown, weights: Buffer): Promise<string> {
  const own = await mkdtemp(join(folder, 'model-'))
  await writeFile(join(own, 'weights.bin'), weights)
  await writeFile(join(own, 'model.json'), JSON.stringify(document))
  return join(own, 'model.json')
}

const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64')
const numbers = (base64: string): Float32Array => {
  const bytes = bytesOf(base64)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

describe('a model of Keras 3 gives what it gave there', () => {
  const expectSame = async (document: Document, { weights, x, y }: (typeof written)[number]) => {
    const expected = numbers(y)
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1)
    const model = await loadModel(await files(document, bytesOf(weights)), { kernels: 'wasm' })
    const actual = model.predict(numbers(x))
    expect(actual).toHaveLength(expected.length)
    expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5))
  }
  it.each(written)('$name', (one) => expectSame(one.document, one))

  it('whether or not the names of its weights begin with its own', async () => {
    const one = written.find(({ name }) => name.startsWith('series'))!
    const document = structuredClone(one.document)
    const { weights } = document.weightsManifest[0]!
    expect(weights[0]!.name).toBe('sequential/bidirectional/forward_lstm/lstm_cell/kernel')
    for (const weight of weights) weight.name = weight.name.replace('sequential/', '')
    await expectSame(document, one)
  })
})

/** A call as Keras 2 writes it: `[layer, use, tensor, options]`, tensors among the options likewise. */
function olderCall({ args, kwargs }: { args: Tensor[] | Tensor[][]; kwargs: Record<string, unknown> }): unknown[] {
  const historyOf = (value: unknown) => (value as Tensor | undefined)?.config?.keras_history ?? value
  const { query, ...rest } = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, historyOf(value)]))
  const [first, ...others] = [...args.flat(2).map(historyOf), ...(query === undefined ? [] : [query])] as unknown[][]
  return [[...first!, rest], ...others.map((history) => [...history, {}])]
}

test('attention is the same where its call is written as of Keras 2', async () => {
  const one = written.find(({ name }) => name.startsWith('attention'))!
  const path = await altered('attention', (layers) => {
    for (const layer of layers) layer.inbound_nodes = layer.inbound_nodes!.map((call) => olderCall(call as never))
  })
  expect((await loadModel(path, { kernels: 'wasm' })).predict(numbers(one.x))).toEqual(
    (await loadModel(await files(one.document, bytesOf(one.weights)), { kernels: 'wasm' })).predict(numbers(one.x)),
  )
})

/** One of the models, altered. */
function altered(start: string, alter: (layers: Layer[], document: Document) => void): Promise<string> {
  const { document, weights } = written.find(({ name }) => name.startsWith(start))!
  const copy = structuredClone(document)
  alter(copy.modelTopology.model_config.config.layers, copy)
  return files(copy, bytesOf(weights))
}
const within = (layer: Layer, key: string) => layer.config[key] as Layer
/** As a model has it within itself: no layer, but a whole. */
const classOf =
  (class_name: string, more: object = {}) =>
  (layers: Layer[]) =>
    Object.assign(layers[1]!, { class_name, ...more })

describe('refused, with what is wrong and what helps', () => {
  it.each<[string, string, (layers: Layer[], document: Document) => unknown, RegExp]>([
    [
      'a class of another module',
      'words',
      classOf('Embedding', { module: 'my.layers' }),
      /`embedding` .*module `"my\.layers"` \(string\), not of Keras.*type: custom/,
    ],
    ['a module that is no text', 'words', classOf('Embedding', { module: {} }), /not of Keras/],
    [
      'separable convolution',
      'images',
      classOf('SeparableConv2D'),
      /SeparableConv2D: .*DepthwiseConv2D and a Conv2D of window 1/,
    ],
    ['augmentation', 'images', classOf('RandomFlip'), /RandomFlip: .*save the model without it, and set `augment`/],
    ['a model within it', 'images', classOf('Functional'), /Functional: .*Put its layers into the model around it/],
    ['another attention', 'series', classOf('AdditiveAttention'), /AdditiveAttention: .*Use a MultiHeadAttention/],
    [
      'attention to another',
      'attention',
      (layers) => {
        const all = layers.find(({ config }) => config.name === 'all')!
        const { kwargs } = all.inbound_nodes![0] as { kwargs: { key: { config: { keras_history: unknown } } } }
        kwargs.key.config.keras_history = ['rows', 0, 0]
      },
      /layer `all` of the class MultiHeadAttention: expected query, value and key to be one tensor/,
    ],
    [
      'attention with masks',
      'attention',
      (layers) => {
        const all = layers.find(({ config }) => config.name === 'all')!
        const [call] = all.inbound_nodes as { kwargs: Record<string, unknown> }[]
        call!.kwargs.attention_mask = call!.kwargs.key
      },
      /layer `all`: it takes a tensor as `attention_mask`/,
    ],
    [
      'attention whose values have another width',
      'attention',
      (layers) => (layers.find(({ config }) => config.name === 'all')!.config.value_dim = 7),
      /`value_dim` to be 5, got `7`/,
    ],
    [
      'attention with scores',
      'attention',
      (layers) => {
        const all = layers.find(({ config }) => config.name === 'all')!
        ;(all.inbound_nodes as { kwargs: object }[])[0]!.kwargs = { return_attention_scores: true }
      },
      /`return_attention_scores` it gives two tensors/,
    ],
    [
      'attention without its keys',
      'attention',
      (_, document) => {
        const { weights } = document.weightsManifest[0]!
        weights.find(({ name }) => name.endsWith('causal/key/kernel'))!.name = 'other'
      },
      /expected a weight `causal\/key\/kernel`/,
    ],
    ['no class of Keras', 'series', classOf('toString'), /toString: there is no such layer here\. There are Dense, /],
    [
      'quantized weights',
      'words',
      (layers) =>
        Object.assign(layers.at(-1)!.config, {
          dtype: { class_name: 'QuantizedDTypePolicy', config: { name: 'int8_from_float32' } },
        }),
      /`dense` .*quantized \(`"int8_from_float32"` \(string\)\)\. Save the model before/,
    ],
    ['weights apart', 'words', (layers) => (layers.at(-1)!.config.lora_rank = 4), /`dense` .*`lora_rank`/],
    [
      'states multiplied',
      'series',
      (layers) => (layers[1]!.config.merge_mode = 'mul'),
      /`bidirectional` .*`merge_mode` to be "concat" or "sum", got `"mul"`/,
    ],
    [
      'states apart',
      'series',
      (layers) => (layers[1]!.config.merge_mode = null),
      /`merge_mode` to be "concat" or "sum"/,
    ],
    [
      'both layers forward',
      'series',
      (layers) => (within(layers[1]!, 'backward_layer').config.go_backwards = false),
      /expected `backward_layer` to go backwards/,
    ],
    [
      'another layer back',
      'series',
      (layers) => (within(layers[1]!, 'backward_layer').config.units = 3),
      /expected `backward_layer` to have the settings of `layer`/,
    ],
    [
      'a layer that holds it in reverse',
      'series',
      (layers) => (within(layers[1]!, 'layer').config.go_backwards = true),
      /`go_backwards` to be false/,
    ],
    [
      'another layer from both ends',
      'series',
      (layers) => (within(layers[1]!, 'layer').class_name = 'SimpleRNN'),
      /around the class SimpleRNN\. Use an LSTM/,
    ],
    ['nothing from both ends', 'series', (layers) => delete layers[1]!.config.layer, /expected layers as objects/],
    [
      'a convolution of each step',
      'series',
      (layers) => (within(layers[4]!, 'layer').class_name = 'Conv2D'),
      /`time_distributed` .*around the class Conv2D, but around Dense/,
    ],
    [
      'a custom layer of each step',
      'series',
      (layers) => (within(layers[4]!, 'layer').module = 'mine'),
      /`time_distributed` .*module `"mine"`/,
    ],
    [
      'a tensor by name',
      'branches',
      (layers) => {
        const [call] = layers.find((layer) => layer.class_name === 'Add')!.inbound_nodes as {
          args: unknown[][]
          kwargs: object
        }[]
        call!.kwargs = { mask: call!.args[0]![0] }
      },
      /layer `add`: it takes a tensor as `mask`/,
    ],
    [
      'a number in place of a tensor',
      'branches',
      (layers) => {
        const [call] = layers.find((layer) => layer.class_name === 'Add')!.inbound_nodes as { args: unknown[][] }[]
        call!.args[0]!.push(2)
      },
      /layer `add`: expected tensors as what it is called with, got `2`/,
    ],
    [
      'a history of nothing',
      'branches',
      (layers) => {
        const [call] = layers.find((layer) => layer.class_name === 'Flatten')!.inbound_nodes as {
          args: { config: object }[]
        }[]
        call!.args[0]!.config = {}
      },
      /`flatten`: expected inputs as \[layer, use, 0\]/,
    ],
    [
      'a weight of one direction alone',
      'series',
      (_, document) => {
        const { weights } = document.weightsManifest[0]!
        weights.find(({ name }) => name.includes('/backward_lstm/'))!.name = 'other'
      },
      /expected a weight `bidirectional\/reverse\/kernel`/,
    ],
  ])('%s', async (_, start, alter, message) => {
    const path = await altered(start, alter)
    const error: unknown = await loadModel(path).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) as string })
    expect((error as Error).message).toContain(path)
  })
})
