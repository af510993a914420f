/** Configs and models of strangers: each part of their trees, and their bytes, are changed in turn. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { parseConfig } from '../../src/config/schema.ts'
import { parseText } from '../../src/config/text.ts'
import { decodeModel } from '../../src/interop/onnx/decode.ts'
import { encodeModel } from '../../src/interop/onnx/graph.ts'
import type { Graph } from '../../src/interop/onnx/graph.ts'
import { fields, message, varint } from '../../src/interop/onnx/wire.ts'
import { decodeSafetensors } from '../../src/interop/safetensors.ts'
import { buildModel } from '../../src/model/build.ts'
import { decodeCheckpoint } from '../../src/train/checkpoint.ts'
import { modelOfKeras, modelOfOnnx } from '../../src/train/networks.ts'
import { checkpoint, document, onnxGraph, packr, safetensorsSaying, sealed } from '../catalogue/make.ts'
import { changed, changes, cuts, mangled } from './mutate.ts'
import { reader } from './survive.ts'

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

const YAML = [
  `
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
`,
  `
# A comment, and then what a config may say.
seed: 7
model:
  layers:
    - &first { type: dense, units: 4, activation: 'relu' }
    - *first
    - type: "dense"
      units: 0x2
data: {source: digits, testSplit: .2}
optimizer:
  type: sgd
  learningRate: 1e-2
clip: 1
`,
].map((text) => Buffer.from(text))

const tensors = {
  __metadata__: { format: 'pt' },
  'dense_1/kernel': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'dense_1/bias': { dtype: 'F16', shape: [3], data_offsets: [24, 30] },
}

const [GRAPH, NODE, CONSTANT] = [7, 1, 5]
const written = new WeakMap<object, Uint8Array>()

const exported = JSON.parse(readFileSync(new URL('../golden/values/torch-onnx.json', import.meta.url), 'utf8')) as {
  readonly onnx: string
}[]
const graphs = [onnxGraph, ...exported.map(({ onnx }) => decodeModel(Buffer.from(onnx, 'base64')))]

const [, images] = JSON.parse(readFileSync(new URL('../golden/values/tfjs-models.json', import.meta.url), 'utf8')) as {
  readonly document: Record<string, unknown>
  readonly weights: string
}[]
const branches = branching(images!.document)
const bin = Buffer.from(images!.weights, 'base64')
const shards = { size: () => Promise.resolve(bin.length), read: () => Promise.resolve(bin) }

const whole = checkpoint()

export const models = [
  reader('config', [changes], (list) => {
    const { model } = parseConfig(changed(config, list))
    buildModel(model, 48)
  }),

  reader('config file', [fc.constantFrom(...YAML), cuts], (whole, list) => {
    const { value, locate } = parseText('hostile.yaml', mangled(whole, list).toString())
    parseConfig(value, locate)
  }),

  reader('safetensors file', [changes, fc.option(cuts, { freq: 2 })], (list, more) => {
    const header = JSON.stringify(changed(tensors, list)) ?? ''
    const whole = safetensorsSaying(header, 30)
    return decodeSafetensors(more ? mangled(whole, more) : whole, 'hostile.safetensors')
  }),

  reader('ONNX model', [fc.constantFrom(...graphs), changes, fc.option(cuts, { freq: 2 })], (graph, list, more) => {
    const whole = graphBytes(changed(graph, list) as Graph)
    return modelOfOnnx(more ? mangled(whole, more) : whole, 'hostile.onnx')
  }),

  reader('model of TensorFlow.js', [changes, fc.boolean()], (list, branch) =>
    modelOfKeras(changed(branch ? branches : images!.document, list), shards, 'hostile/model.json'),
  ),

  reader('checkpoint', [changes, fc.option(cuts, { freq: 2 })], (list, more) => {
    const content = packr.pack(changed(document, list))
    const read = decodeCheckpoint('hostile.ckpt', sealed(more ? mangled(content, more) : content))
    const { model } = parseConfig(read.config, 'hostile.ckpt')
    buildModel(model, read.inputs)
  }),

  reader('checkpoint altered outside its document', [cuts], (list) =>
    decodeCheckpoint('hostile.ckpt', mangled(whole, list)),
  ),
]

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
