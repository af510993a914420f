/**
 * Whatever a stranger's config or file says, it is read or refused with a message for people: no other error, no hang, no
 * memory on its word, no prototype changed. 10,000 cases a reader; BRIGANTINE_FUZZ=1000000 for more of them.
 */
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import jpeg from 'jpeg-js'
import { describe, it } from 'vitest'
import { parseConfig } from '../../src/config/schema.ts'
import { parseText } from '../../src/config/text.ts'
import { decodeJpeg } from '../../src/data/image/jpeg.ts'
import { decodePng } from '../../src/data/image/png.ts'
import { readerOf } from '../../src/data/read/file.ts'
import type { OpenedArray } from '../../src/data/read/elements.ts'
import { openNpy } from '../../src/data/read/npy.ts'
import { openNpz } from '../../src/data/read/npz.ts'
import { decodeModel } from '../../src/interop/onnx/decode.ts'
import { encodeModel } from '../../src/interop/onnx/graph.ts'
import type { Graph } from '../../src/interop/onnx/graph.ts'
import { fields, message, varint } from '../../src/interop/onnx/wire.ts'
import { decodeSafetensors } from '../../src/interop/safetensors.ts'
import { buildModel } from '../../src/model/build.ts'
import { decodeCheckpoint } from '../../src/train/checkpoint.ts'
import { modelOfKeras, modelOfOnnx } from '../../src/train/networks.ts'
import { checkpoint, document, onnxGraph, packr, safetensorsSaying, sealed } from '../catalogue/make.ts'
import { npy } from '../data/formats.ts'
import { header, pngOf } from '../data/png.ts'
import { changed, changes, cuts, mangled } from './mutate.ts'
import { fuzz, placesOf, TIMEOUT_MILLIS } from './survive.ts'

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}
const reader = (content: Uint8Array) => readerOf(once(content), 'hostile', content.length, true)
/** All rows, so many at a time where that can be. */
async function readRows(array: OpenedArray, part: number): Promise<void> {
  if (array.isWhole) await array.next(array.rows)
  else for (let row = 0; row < array.rows; row += part) await array.next(Math.min(part, array.rows - row))
}

const config = {
  seed: 1,
  epochs: 3,
  batchSize: 8,
  model: {
    inputShape: [4, 4, 3],
    layers: [
      { type: 'conv2d', filters: 4, kernelSize: [3, 3], padding: 'same', strides: 2, activation: 'relu' },
      { type: 'batchNorm', momentum: 0.9 },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 4, kernelSize: 1 }], shortcut: 'auto' },
      { type: 'flatten', name: 'flat' },
      { type: 'dense', units: 3, kernelInitializer: { type: 'normal', std: 0.1 }, kernelRegularizer: { l2: 0.1 } },
    ],
  },
  loss: { type: 'huber', delta: 1 },
  metrics: ['accuracy', { type: 'topK', k: 2 }],
  optimizer: { type: 'adamw', learningRate: 0.1, beta1: 0.9 },
  schedule: { type: 'cosine', warmupSteps: 3 },
  clip: { maxNorm: 1 },
  health: { mode: 'warn', maxConsecutiveSkips: 2 },
  earlyStopping: { patience: 2 },
  data: { source: 'a.csv', target: 'y', features: ['a', 1], testSplit: 0.2 },
  checkpoint: { every: 1, keep: 2 },
}

const YAML = `
model: &m
  layers:
    - { type: dense, units: 4, activation: relu } # first
    - type: dense
      units: 2
optimizer: { type: sgd, learningRate: 1e-2 }
clip: !!float 1
again: *m
text: >-
  folded
`

const tensors = {
  __metadata__: { format: 'pt' },
  'dense_1/kernel': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'dense_1/bias': { dtype: 'F16', shape: [3], data_offsets: [24, 30] },
}

describe('a hostile', () => {
  it('config', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([changes], (list) => {
      const { model } = parseConfig(changed(config, list))
      buildModel(model, 48)
    }),
  )

  it('config file', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([cuts], (list) => {
      const { value, locate } = parseText('hostile.yaml', mangled(Buffer.from(YAML), list).toString())
      parseConfig(value, locate)
    }),
  )

  const types = fc.constantFrom('<f4', '>f8', '|u1', '<i8', '|b1', '<c8', '|O', '<f2', '=f4', '<U8', "('a', '<f4')")
  const axis = fc.oneof(fc.nat(5), fc.constantFrom(-1, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, NaN))
  const part = fc.integer({ min: 1, max: 4 })
  it('NPY file', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz(
      [types, fc.array(axis, { maxLength: 5 }), fc.nat(96), fc.boolean(), fc.option(cuts), part],
      async (type, shape, length, fortran, list, rows) => {
        const made = npy(type, shape, new Uint8Array(length), fortran, 1 + (length % 3))
        const bytes = list ? mangled(made, list) : made
        await readRows(await openNpy(reader(bytes), placesOf(bytes)), rows)
      },
    ),
  )

  const arrays = zipSync({
    'x.npy': npy('<f4', [4, 3], new Uint8Array(48)),
    'y.npy': [npy('|u1', [4], Uint8Array.of(0, 1, 0, 1)), { level: 0 }],
  })
  it('NPZ file', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([cuts, part], async (list, rows) => {
      const opened = await openNpz(placesOf(mangled(arrays, list)))
      for (const { array, close } of opened) {
        try {
          await readRows(array, rows)
        } finally {
          await close()
        }
      }
    }),
  )

  // Checksums that match let damage through to where it is done.
  const size = fc.oneof(fc.nat(9), fc.constantFrom(0, 255, 4096, 65_535, 2 ** 31, 2 ** 32 - 1))
  it('PNG image', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz(
      [size, size, fc.nat(17), fc.nat(7), fc.nat(2), fc.uint8Array({ maxLength: 99 }), fc.boolean(), fc.option(cuts)],
      (width, height, depth, type, interlaced, raw, isPacked, list) => {
        const data = isPacked ? deflateSync(raw.map((value, i) => (i % 7 === 0 ? value % 6 : value))) : raw
        const whole = pngOf(header(width, height, depth, type, interlaced), data, [...raw.subarray(0, 24)])
        return decodePng(list ? mangled(whole, list) : whole, 'hostile.png')
      },
    ),
  )

  const picture = {
    width: 19,
    height: 11,
    data: Buffer.from(Array.from({ length: 19 * 11 * 4 }, (_, i) => (i * 37) % 256)),
  }
  const photo = jpeg.encode(picture, 60).data
  it('JPEG image', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([cuts], (list) => decodeJpeg(mangled(photo, list), 'hostile.jpg')),
  )

  it('safetensors file', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([changes, fc.option(cuts)], (list, more) => {
      const header = JSON.stringify(changed(tensors, list)) ?? ''
      const whole = safetensorsSaying(header, 30)
      return decodeSafetensors(more ? mangled(whole, more) : whole, 'hostile.safetensors')
    }),
  )

  const exported = JSON.parse(readFileSync(new URL('../golden/values/torch-onnx.json', import.meta.url), 'utf8')) as {
    readonly onnx: string
  }[]
  const graphs = [onnxGraph, ...exported.map(({ onnx }) => decodeModel(Buffer.from(onnx, 'base64')))]
  it('ONNX model', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([fc.constantFrom(...graphs), changes, fc.option(cuts)], (graph, list, more) => {
      const whole = graphBytes(changed(graph, list) as Graph)
      return modelOfOnnx(more ? mangled(whole, more) : whole, 'hostile.onnx')
    }),
  )

  const [, images] = JSON.parse(
    readFileSync(new URL('../golden/values/tfjs-models.json', import.meta.url), 'utf8'),
  ) as {
    readonly document: Record<string, unknown>
    readonly weights: string
  }[]
  const branches = branching(images!.document)
  const bin = Buffer.from(images!.weights, 'base64')
  const shards = { size: () => Promise.resolve(bin.length), read: () => Promise.resolve(bin) }
  it('model of TensorFlow.js', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([changes, fc.boolean()], (list, branch) =>
      modelOfKeras(changed(branch ? branches : images!.document, list), shards, 'hostile/model.json'),
    ),
  )

  it('checkpoint', { timeout: TIMEOUT_MILLIS }, () =>
    fuzz([changes, fc.option(cuts)], (list, more) => {
      const content = packr.pack(changed(document, list))
      const read = decodeCheckpoint('hostile.ckpt', sealed(more ? mangled(content, more) : content))
      const { model } = parseConfig(read.config, 'hostile.ckpt')
      buildModel(model, read.inputs)
    }),
  )

  it('checkpoint, altered outside its document', { timeout: TIMEOUT_MILLIS }, () => {
    const whole = checkpoint()
    return fuzz([cuts], (list) => decodeCheckpoint('hostile.ckpt', mangled(whole, list)))
  })
})

/** The same layers, each with its inputs by name. */
function branching(document: Record<string, unknown>): object {
  const { config } = document.modelTopology as { config: { layers: { config: { name: string } }[] } }
  const names = config.layers.map((layer) => layer.config.name)
  const layers = config.layers.map((layer, i) => ({
    ...{ ...layer, name: names[i], inbound_nodes: i === 0 ? [] : [[[names[i - 1], 0, 0, {}]]] },
  }))
  const ends = { input_layers: [[names[0], 0, 0]], output_layers: [[names.at(-1), 0, 0]] }
  return { ...document, modelTopology: { class_name: 'Functional', config: { layers, ...ends } } }
}

const [GRAPH, NODE, CONSTANT] = [7, 1, 5]
const written = new WeakMap<object, Uint8Array>()

/** As `encodeModel` has it, but for the order of fields; what many graphs share is written once. */
function graphBytes(graph: Graph): Buffer {
  try {
    const nodes = graph.nodes.map((node) => partBytes(node, NODE, { nodes: [node] }))
    const constants = graph.constants.map((constant) => partBytes(constant, CONSTANT, { constants: [constant] }))
    const rest = [...fields(Buffer.concat(encodeModel({ ...graph, nodes: [], constants: [] })))]
    const parts = rest.map(({ number, bytes, value }) => {
      if (number === GRAPH) return message(GRAPH, [...nodes, ...constants, bytes])
      return bytes.length > 0 ? message(number, [bytes]) : varint(number, Number(value))
    })
    return Buffer.concat(parts.flat())
  } catch {
    // The changes left something that cannot be written.
    return Buffer.concat(encodeModel(onnxGraph))
  }
}

function partBytes(part: object, number: number, alone: Partial<Graph>): Uint8Array {
  let bytes = written.get(part)
  if (!bytes) {
    const whole = encodeModel({ ...onnxGraph, nodes: [], constants: [], inputs: [], ...alone })
    const inside = (bytes: Uint8Array, number: number) => [...fields(bytes)].find((field) => field.number === number)!
    bytes = Buffer.concat(message(number, [inside(inside(Buffer.concat(whole), GRAPH).bytes, number).bytes]))
    written.set(part, bytes)
  }
  return bytes
}
