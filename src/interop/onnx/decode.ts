/** The bytes of an ONNX model as plain data. @throws Error with what is wrong with the bytes */
import { decoders } from '../dtypes.ts'
import type { Attribute, Constant, Graph, Node, Port } from './graph.ts'
import { fields, packed, readFloat } from './wire.ts'

const decoder = new TextDecoder()

export function decodeModel(bytes: Uint8Array): Graph {
  const metadata: Record<string, string> = {}
  let graph: Uint8Array | undefined
  for (const { number, bytes: content } of fields(bytes)) {
    if (number === 7) graph = content
    if (number === 14) {
      const [key, value] = textsOf(content)
      metadata[key ?? ''] = value ?? ''
    }
  }
  if (!graph) throw new Error('it has no graph')
  return decodeGraph(graph, metadata)
}

function decodeGraph(bytes: Uint8Array, metadata: Graph['metadata']): Graph {
  const nodes: Node[] = []
  const constants: Constant[] = []
  const inputs: Port[] = []
  const outputs: Port[] = []
  let name = 'graph'
  for (const { number, bytes: content } of fields(bytes)) {
    if (number === 1) nodes.push(decodeNode(content, constants))
    else if (number === 2) name = decoder.decode(content)
    else if (number === 5) constants.push(decodeTensor(content))
    else if (number === 11) inputs.push(decodePort(content))
    else if (number === 12) outputs.push(decodePort(content))
  }
  // Older files list constants among the inputs.
  const free = inputs.filter((port) => !constants.some((constant) => constant.name === port.name))
  if (free.length < 1 || outputs.length !== 1) {
    throw new Error(`expected inputs and one output, got ${free.length} and ${outputs.length}`)
  }
  return { name, nodes, constants, inputs: free, output: outputs[0]!, metadata }
}

/** A node `Constant` becomes one of the graph's constants. */
function decodeNode(bytes: Uint8Array, constants: Constant[]): Node {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: Record<string, Attribute> = {}
  let [name, op] = ['', '']
  let tensor: Uint8Array | undefined
  for (const { number, bytes: content } of fields(bytes)) {
    if (number === 1) inputs.push(decoder.decode(content))
    else if (number === 2) outputs.push(decoder.decode(content))
    else if (number === 3) name = decoder.decode(content)
    else if (number === 4) op = decoder.decode(content)
    else if (number === 5) tensor = decodeAttribute(content, attributes) ?? tensor
  }
  if (op === 'Constant' && tensor) constants.push({ ...decodeTensor(tensor), name: outputs[0] ?? '' })
  if (op === 'ConstantOfShape' && tensor) {
    const constant = decodeTensor(tensor)
    attributes.value = 'integers' in constant ? (constant.integers[0] ?? 0) : { float: constant.values[0] ?? 0 }
  }
  return { op, name: name || (outputs[0] ?? op), inputs, outputs, attributes }
}

function decodeAttribute(bytes: Uint8Array, into: Record<string, Attribute>): Uint8Array | undefined {
  let name = ''
  let value: Attribute | undefined
  let tensor: Uint8Array | undefined
  const list: number[] = []
  for (const { number, value: integer, bytes: content } of fields(bytes)) {
    if (number === 1) name = decoder.decode(content)
    else if (number === 2) value = { float: readFloat(content) }
    else if (number === 3) value = Number(integer)
    else if (number === 4) value = decoder.decode(content)
    else if (number === 5) tensor = content
    else if (number === 8) list.push(...(content.length > 0 ? packed(content) : [integer]).map(Number))
  }
  into[name] = value ?? list
  return tensor
}

/** Types of a tensor's elements that weights and shapes come in, by the specification's numbers. */
const TYPES = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  16: 'BF16',
} as const

function decodeTensor(bytes: Uint8Array): Constant {
  const shape: number[] = []
  const floats: number[] = []
  const integers: number[] = []
  let [name, type] = ['', 1]
  let raw: Uint8Array | undefined
  for (const { number, value, bytes: content } of fields(bytes)) {
    if (number === 1) shape.push(...(content.length > 0 ? packed(content) : [value]).map(Number))
    else if (number === 2) type = Number(value)
    else if (number === 4) for (let at = 0; at + 4 <= content.length; at += 4) floats.push(readFloat(content, at))
    else if (number === 5 || number === 7)
      integers.push(...(content.length > 0 ? packed(content) : [value]).map(Number))
    else if (number === 8) name = decoder.decode(content)
    else if (number === 9) raw = content
    else if (number === 13 || number === 14) throw new Error(`tensor ${name}: values outside the file are not read`)
  }
  const dtype = TYPES[type as keyof typeof TYPES] as (typeof TYPES)[keyof typeof TYPES] | undefined
  if (dtype === undefined) throw new Error(`tensor ${name}: elements of type ${type} are not read`)
  const { bytes: size, decode } = decoders[dtype]
  const count = shape.reduce((product, n) => product * n, 1)
  const listed = floats.length > 0 ? floats : integers
  const had = raw ? raw.length / size : listed.length
  if (had !== count)
    throw new Error(`tensor ${name}: expected ${count} values for shape [${shape.join(', ')}], got ${had}`)
  const values = raw ? decode(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)) : Float32Array.from(listed)
  return type === 7 ? { name, shape, integers: Array.from(values) } : { name, shape, values }
}

/** Axes behind the first, which counts rows; 0 where an axis has a name instead of a length. */
function decodePort(bytes: Uint8Array): Port {
  const within = (message: Uint8Array, number: number) =>
    [...fields(message)].filter((field) => field.number === number).map((field) => field.bytes)
  const [name] = within(bytes, 1)
  const shape = within(bytes, 2)
    .flatMap((type) => within(type, 1))
    .flatMap((tensor) => within(tensor, 2))
    .flatMap((list) => within(list, 1))
    .map((dim) => Number([...fields(dim)].find((field) => field.number === 1)?.value ?? 0))
  return { name: decoder.decode(name), shape: shape.slice(1) }
}

function textsOf(bytes: Uint8Array): (string | undefined)[] {
  const texts: string[] = []
  for (const { number, bytes: content } of fields(bytes)) texts[number - 1] = decoder.decode(content)
  return texts
}
