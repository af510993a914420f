import { endianness } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { NumberArray } from '../table.ts'
import { checkDeclared, type ByteReader } from './file.ts'

/** Rows of numbers, `width` to a row, row-major. `dims` are the dimensions the file declares. */
export interface Matrix {
  readonly rows: number
  readonly width: number
  readonly values: NumberArray
  readonly dims: readonly number[]
}

/** Element types by kind and bytes, as NumPy writes them. */
export type ElementType = 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'i8' | 'f4' | 'f8'

const SLICE = 1 << 20

/** Reads and decodes the elements of an array of dimensions `dims`, whose header took `header` bytes. */
export async function readElements(
  reader: ByteReader,
  header: number,
  dims: readonly number[],
  type: ElementType,
  littleEndian: boolean,
): Promise<NumberArray> {
  const size = Number(type[1])
  const count = dims.reduce((product, dim) => product * dim, 1)
  const what = `header ${header} + ${dims.join(' x ')} elements of ${size} bytes`
  if (count === 0) throw new UserError(`Expected data in ${reader.file}, got an empty array (${dims.join(' x ')})`)
  checkDeclared(reader, header, count * size, what)
  const bytes = allocate(count * size, reader.file)
  await reader.fill(bytes, what)
  await reader.expectEnd()
  return decode(bytes, type, littleEndian, reader.file)
}

function allocate(bytes: number, file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes)
  } catch {
    throw new UserError(`Expected memory for the ${bytes} bytes that ${file} declares, got none. Use a smaller file`)
  }
}

async function decode(
  bytes: Uint8Array<ArrayBuffer>,
  type: ElementType,
  littleEndian: boolean,
  file: string,
): Promise<NumberArray> {
  const size = Number(type[1])
  if (littleEndian !== (endianness() === 'LE') && size > 1) {
    for (let start = 0; start < bytes.length; start += SLICE) {
      const slice = Buffer.from(bytes.buffer, start, Math.min(SLICE, bytes.length - start))
      if (size === 2) slice.swap16()
      else if (size === 4) slice.swap32()
      else slice.swap64()
      if (start > 0) await setImmediate()
    }
  }
  switch (type) {
    case 'u1':
      return bytes
    case 'i1':
      return new Int8Array(bytes.buffer)
    case 'u2':
      return new Uint16Array(bytes.buffer)
    case 'i2':
      return new Int16Array(bytes.buffer)
    case 'u4':
      return new Uint32Array(bytes.buffer)
    case 'i4':
      return new Int32Array(bytes.buffer)
    case 'f4':
      return new Float32Array(bytes.buffer)
    case 'f8':
      return new Float64Array(bytes.buffer)
    case 'u8':
      return bigToNumbers(new BigUint64Array(bytes.buffer), file)
    case 'i8':
      return bigToNumbers(new BigInt64Array(bytes.buffer), file)
  }
}

async function bigToNumbers(values: BigInt64Array | BigUint64Array, file: string): Promise<Float64Array> {
  const numbers = new Float64Array(values.length)
  for (let start = 0; start < values.length; start += SLICE) {
    const end = Math.min(start + SLICE, values.length)
    for (let i = start; i < end; i++) {
      const value = Number(values[i]!)
      if (!Number.isSafeInteger(value)) {
        throw new UserError(`Expected 64-bit integers below 2^53 in ${file}, got \`${values[i]}\` at element ${i}`)
      }
      numbers[i] = value
    }
    if (end < values.length) await setImmediate()
  }
  return numbers
}
