/** An ONNX model as plain data, and to bytes (github.com/onnx/onnx, onnx.proto3; field numbers are the specification's). */
import { float, message, text, varint } from './wire.ts'
import type { Bytes } from './wire.ts'

export type Attribute = number | string | readonly number[] | { readonly float: number }

export interface Node {
  readonly op: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** A constant of the graph: weights, or whole numbers such as a shape. */
export type Constant =
  | { readonly name: string; readonly shape: readonly number[]; readonly values: Float32Array }
  | { readonly name: string; readonly shape: readonly number[]; readonly integers: readonly number[] }

/** What goes in or comes out: float32, any number of rows of this shape. */
export interface Port {
  readonly name: string
  readonly shape: readonly number[]
}

export interface Graph {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly constants: readonly Constant[]
  readonly inputs: readonly Port[]
  readonly output: Port
  readonly metadata: Readonly<Record<string, string>>
}

/** Operator set 17 is what every runtime since 2022 knows. */
export const OPSET = 17
const IR_VERSION = 8
const FLOAT = 1
const INT64 = 7

export function encodeModel(graph: Graph): Bytes {
  return [
    ...varint(1, IR_VERSION),
    ...text(2, 'brigantine'),
    ...message(7, encodeGraph(graph)),
    ...message(8, varint(2, OPSET)),
    ...Object.entries(graph.metadata).flatMap(([key, value]) => message(14, [...text(1, key), ...text(2, value)])),
  ]
}

function encodeGraph({ name, nodes, constants, inputs, output }: Graph): Bytes {
  return [
    ...nodes.flatMap((node) => message(1, encodeNode(node))),
    ...text(2, name),
    ...constants.flatMap((constant) => message(5, encodeConstant(constant))),
    ...inputs.flatMap((input) => message(11, encodePort(input))),
    ...message(12, encodePort(output)),
  ]
}

function encodeNode({ op, name, inputs, outputs, attributes }: Node): Bytes {
  return [
    ...inputs.flatMap((one) => text(1, one)),
    ...outputs.flatMap((one) => text(2, one)),
    ...text(3, name),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([key, value]) => message(5, encodeAttribute(key, value))),
  ]
}

/** Types of an attribute: 1 a float, 2 an integer, 3 a text, 7 integers. */
function encodeAttribute(name: string, value: Attribute): Bytes {
  const typed = (type: number, content: Bytes): Bytes => [...text(1, name), ...content, ...varint(20, type)]
  if (typeof value === 'string') return typed(3, text(4, value))
  if (typeof value === 'number') return typed(2, varint(3, value))
  if ('float' in value) return typed(1, float(2, value.float))
  return typed(
    7,
    value.flatMap((one) => varint(8, one)),
  )
}

function encodeConstant(constant: Constant): Bytes {
  const { name, shape } = constant
  const dims = shape.flatMap((n) => varint(1, n))
  const values = 'values' in constant ? constant.values : BigInt64Array.from(constant.integers, BigInt)
  const type = 'values' in constant ? FLOAT : INT64
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return [...dims, ...varint(2, type), ...text(8, name), ...message(9, [raw])]
}

function encodePort({ name, shape }: Port): Bytes {
  const dims = [message(1, text(2, 'rows')), ...shape.map((n) => message(1, varint(1, n)))].flat()
  return [...text(1, name), ...message(2, message(1, [...varint(1, FLOAT), ...message(2, dims)]))]
}
