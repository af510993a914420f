/** Number types of other tools' tensors, into float32. Little-endian bytes at any alignment. */

export type Dtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U16' | 'U8' | 'BOOL'

export interface Decoder {
  /** Of one number. */
  readonly bytes: number
  decode(bytes: Buffer): Float32Array
}

const decoder = (bytes: number, read: (view: DataView, at: number) => number): Decoder => ({
  bytes,
  decode(buffer) {
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    return Float32Array.from({ length: buffer.length / bytes }, (_, i) => read(view, i * bytes))
  },
})

const scratch = new DataView(new ArrayBuffer(4))

/** The upper half of a float32. */
function bfloat(bits: number): number {
  scratch.setUint32(0, bits * 2 ** 16)
  return scratch.getFloat32(0)
}

/** IEEE 754 binary16: sign, five bits of exponent, ten of fraction. */
export function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits >> 15 ? -size : size
}

export const decoders: Readonly<Record<Dtype, Decoder>> = {
  F64: decoder(8, (view, at) => view.getFloat64(at, true)),
  F32: decoder(4, (view, at) => view.getFloat32(at, true)),
  F16: decoder(2, (view, at) => half(view.getUint16(at, true))),
  BF16: decoder(2, (view, at) => bfloat(view.getUint16(at, true))),
  I64: decoder(8, (view, at) => Number(view.getBigInt64(at, true))),
  I32: decoder(4, (view, at) => view.getInt32(at, true)),
  I16: decoder(2, (view, at) => view.getInt16(at, true)),
  I8: decoder(1, (view, at) => view.getInt8(at)),
  U16: decoder(2, (view, at) => view.getUint16(at, true)),
  U8: decoder(1, (view, at) => view.getUint8(at)),
  BOOL: decoder(1, (view, at) => view.getUint8(at)),
}
