import { endianness } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../../errors.ts'
import type { NumberArray } from '../table.ts'
import { checkDeclared, type ByteReader } from './file.ts'

/** An array of numbers whose header was read: `width` numbers to a row, rows one after another. */
export interface OpenedArray {
  readonly rows: number
  readonly width: number
  /** Of a row in the file. */
  readonly rowBytes: number
  /** Whether its rows can only be had all at once: in Fortran order, and compressed. */
  readonly isWhole?: boolean | undefined
  /** The next `rows` rows, row-major; behind the array's last one the file has to end. */
  next(rows: number): Promise<NumberArray>
}

/** Element types by kind and bytes, as NumPy writes them. */
export type ElementType = 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'i8' | 'f4' | 'f8'

/** What the header of an array says of its elements. */
export interface Elements {
  /** Bytes before them. */
  readonly header: number
  /** The first counts rows, the others are flattened in row-major order. */
  readonly dims: readonly number[]
  readonly type: ElementType
  readonly littleEndian: boolean
}

const SLICE = 1 << 20

/** @throws UserError where the file cannot hold what its header declares */
export function openElements(reader: ByteReader, elements: Elements): OpenedArray {
  const { header, dims, type, littleEndian } = elements
  const size = Number(type[1])
  const count = dims.reduce((product, dim) => product * dim, 1)
  const what = `header ${header} + ${dims.join(' x ')} elements of ${size} bytes`
  if (count === 0) throw new UserError(`Expected data in ${reader.file}, got an empty array (${dims.join(' x ')})`)
  checkDeclared(reader, header, count * size, what)
  const rows = dims[0]!
  const width = count / rows
  let read = 0
  return {
    rows,
    width,
    rowBytes: width * size,
    async next(some) {
      const bytes = allocate(some * width * size, reader.file)
      await reader.fill(bytes, what)
      const first = read * width
      read += some
      if (read === rows) await reader.expectEnd()
      return decode(bytes, type, littleEndian, (i) => `${reader.file}, element ${first + i}`)
    },
  }
}

function allocate(bytes: number, file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes)
  } catch {
    throw new UserError(`Expected memory for the ${bytes} bytes that ${file} declares, got none. Use a smaller file`)
  }
}

/** @param placeOf where an element is, for messages */
export async function decode(
  bytes: Uint8Array<ArrayBuffer>,
  type: ElementType,
  littleEndian: boolean,
  placeOf: (element: number) => string,
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
      return bigToNumbers(new BigUint64Array(bytes.buffer), placeOf)
    case 'i8':
      return bigToNumbers(new BigInt64Array(bytes.buffer), placeOf)
  }
}

async function bigToNumbers(
  values: BigInt64Array | BigUint64Array,
  placeOf: (element: number) => string,
): Promise<Float64Array> {
  const numbers = new Float64Array(values.length)
  for (let start = 0; start < values.length; start += SLICE) {
    const end = Math.min(start + SLICE, values.length)
    for (let i = start; i < end; i++) {
      const value = Number(values[i]!)
      if (!Number.isSafeInteger(value)) {
        throw new UserError(
          `Expected 64-bit integers below 2^53, got \`${values[i]}\` in ${placeOf(i)}. Save them as float64 if nearby numbers will do`,
        )
      }
      numbers[i] = value
    }
    if (end < values.length) await setImmediate()
  }
  return numbers
}
