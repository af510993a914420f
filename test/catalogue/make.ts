/** Files as strangers make them, well-formed where the entry does not say otherwise. */
import { createHash } from 'node:crypto'
import { Packr } from 'msgpackr'
import { encodeModel } from '../../src/interop/onnx/graph.ts'
import type { Constant, Graph, Node } from '../../src/interop/onnx/graph.ts'
import type { DataConfig } from '../../src/data/config.ts'
import { npy } from '../data/formats.ts'

export interface InputFile {
  readonly name: string
  readonly contents: string | Uint8Array
  readonly config: Partial<DataConfig>
}

export const file = (name: string, contents: string | Uint8Array, config: Partial<DataConfig> = {}): InputFile => ({
  name,
  contents,
  config,
})

export const bytes = (length: number): Uint8Array => new Uint8Array(length)
export const packr = new Packr({ useRecords: false, mapsAsObjects: true })

/** Of two inputs and three outputs. */
export const model = { model: { layers: [{ type: 'dense' as const, units: 3 }] } }
export const document = {
  config: { ...model, optimizer: 'sgd' },
  inputs: 2,
  targets: 1,
  trainRows: 4,
  transform: null,
  names: ['dense_1/kernel', 'dense_1/bias'],
  parameters: [bytes(24), bytes(12)],
  slots: [],
  best: null,
  state: null,
  updates: 0,
  kernels: 'wasm',
  history: { epoch: [], history: {} },
}

/** A checkpoint file around any document, with a checksum that matches. */
export function sealed(content: Uint8Array): Buffer {
  const header = Buffer.alloc(52)
  header.write('BRIGANTINE')
  header.writeUInt16LE(1, 10)
  header.writeBigUInt64LE(BigInt(content.length), 12)
  createHash('sha256').update(content).digest().copy(header, 20)
  return Buffer.concat([header, content])
}

export const checkpoint = (fields: object = {}): Buffer => sealed(packr.pack({ ...document, ...fields }))

/** A copy with one bit of a byte turned. */
export function flipped(whole: Uint8Array, at: number): Buffer {
  return patched(whole, at, whole[at]! ^ 1)
}

export function patched(whole: Uint8Array, at: number, value: number): Buffer {
  const copy = Buffer.from(whole)
  copy[at] = value
  return copy
}

export function npySaying(header: string): Buffer {
  const whole = npy('<f4', [2], bytes(8))
  const text = Buffer.from(`${header}\n`)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(text.length)
  return Buffer.concat([whole.subarray(0, 8), length, text, bytes(8)])
}

/** A file of that header and so many bytes behind it. */
export function safetensors(header: object, values = 0): Buffer {
  return safetensorsSaying(JSON.stringify(header), values)
}

export function safetensorsSaying(header: string | Uint8Array, values = 0): Buffer {
  const content = Buffer.from(header as string)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(content.length))
  return Buffer.concat([length, content, bytes(values)])
}

export const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Node['attributes'] = {},
): Node => ({
  ...{ op, name: `${op}_${output}`, inputs, outputs: [output], attributes },
})
const values = (name: string, ...shape: number[]): Constant => ({
  ...{ name, shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
})

/** A dense layer of two inputs and three outputs. */
const dense: Graph = {
  name: 'graph',
  nodes: [node('Gemm', ['x', 'w'], 'y')],
  constants: [values('w', 2, 3), values('vector', 3)],
  metadata: {},
  inputs: [{ name: 'x', shape: [2] }],
  output: { name: 'y', shape: [3] },
}
export const onnx = (fields: Partial<Graph> = {}): Buffer => Buffer.concat(encodeModel({ ...dense, ...fields }))

/** Convolution, a block with its shortcut, a reshape, a dense layer: what the importer tells apart. */
export const onnxGraph: Graph = {
  name: 'graph',
  nodes: [
    node('Conv', ['x', 'k'], 'c', { strides: [1, 1], pads: [1, 1, 1, 1], kernel_shape: [3, 3] }),
    node('Relu', ['c'], 'r'),
    node('Conv', ['r', 'k2'], 'd', { pads: [1, 1, 1, 1] }),
    node('Add', ['d', 'r'], 's'),
    node('MaxPool', ['s'], 'm', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Reshape', ['m', 'to'], 'f'),
    node('Gemm', ['f', 'w', 'b'], 'g', { transB: 1, alpha: { float: 1 } }),
    node('LeakyRelu', ['g'], 'l', { alpha: { float: 0.1 } }),
    node('Softmax', ['l'], 'y', { axis: -1 }),
  ],
  constants: [
    values('k', 2, 1, 3, 3),
    values('k2', 2, 2, 3, 3),
    { name: 'to', shape: [2], integers: [0, -1] },
    values('w', 3, 8),
    values('b', 3),
  ],
  metadata: { a: 'b' },
  inputs: [{ name: 'x', shape: [1, 4, 4] }],
  output: { name: 'y', shape: [3] },
}
