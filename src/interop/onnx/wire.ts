/**
 * Protocol buffers, as far as ONNX needs them: fields of a number and a wire type, varints, and what has a length.
 * (protobuf.dev/programming-guides/encoding). Nothing is allocated on the word of a file: lengths are held against it.
 */

/** A message: its fields' bytes one after another. Large parts are kept by reference. */
export type Bytes = readonly Uint8Array[]

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

export function varint(field: number, value: number): Bytes {
  return [Buffer.from([...digits(field * 8 + VARINT), ...digits(value)])]
}

export function text(field: number, value: string): Bytes {
  return message(field, [Buffer.from(value)])
}

/** A message, text or packed list inside another. */
export function message(field: number, content: Bytes): Bytes {
  const length = content.reduce((sum, part) => sum + part.length, 0)
  return [Buffer.from([...digits(field * 8 + LENGTH), ...digits(length)]), ...content]
}

export function float(field: number, value: number): Bytes {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return [Buffer.from(digits(field * 8 + FIXED32)), bytes]
}

/** Seven bits a byte, the lowest first; negative numbers as 64 bits of two's complement. */
function digits(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const more = rest > 127n
    bytes.push(Number(rest & 127n) | (more ? 128 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return bytes
}

export interface Field {
  readonly number: number
  /** Of a varint (as int64) or a fixed number's bits; 0 for what has a length. */
  readonly value: bigint
  /** Of what has a length, or of a fixed number. */
  readonly bytes: Uint8Array
}

/** The fields of a message. @throws Error where the bytes end inside one */
export function* fields(message: Uint8Array): Generator<Field> {
  const at = { i: 0 }
  while (at.i < message.length) {
    const key = readVarint(message, at)
    const [number, type] = [Number(key >> 3n), Number(key & 7n)]
    if (type === VARINT) yield { number, value: BigInt.asIntN(64, readVarint(message, at)), bytes: NOTHING }
    else if (type === LENGTH) yield { number, value: 0n, bytes: take(message, at, Number(readVarint(message, at))) }
    else if (type === FIXED32 || type === FIXED64) {
      yield { number, value: 0n, bytes: take(message, at, type === FIXED32 ? 4 : 8) }
    } else throw new Error(`byte ${at.i} begins a field of an unknown kind (${type})`)
  }
}

const NOTHING = new Uint8Array(0)

function take(message: Uint8Array, at: { i: number }, length: number): Uint8Array {
  if (length > message.length - at.i)
    throw new Error(`a field of ${length} bytes begins ${message.length - at.i} bytes before the end`)
  at.i += length
  return message.subarray(at.i - length, at.i)
}

function readVarint(message: Uint8Array, at: { i: number }): bigint {
  const first = message[at.i]
  // Most are of one byte.
  if (first !== undefined && first < 128) {
    at.i++
    return BigInt(first)
  }
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = message[at.i++]
    if (byte === undefined) break
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return BigInt.asUintN(64, value)
  }
  throw new Error(`the number before byte ${at.i} has no end`)
}

/** Varints one after another, as a packed list has them. */
export function packed(bytes: Uint8Array): bigint[] {
  const at = { i: 0 }
  const values: bigint[] = []
  while (at.i < bytes.length) values.push(BigInt.asIntN(64, readVarint(bytes, at)))
  return values
}

export function readFloat(bytes: Uint8Array, at = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(at, true)
}
