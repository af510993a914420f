import { UserError } from '../../errors.ts'
import type { NumberArray } from '../table.ts'
import { readElements, type ElementType, type Matrix } from './elements.ts'
import { checkDeclared, type ByteReader } from './file.ts'

const MAGIC = '\x93NUMPY'
const TYPES = new Set(['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8'])

/**
 * Reads an NPY array, versions 1 to 3, C or Fortran order, either byte order: float 4 and 8, integers 1 to 8, bool.
 * The first dimension counts rows, the others are flattened in C order. Format: NumPy Enhancement Proposal 1.
 */
export async function readNpy(reader: ByteReader): Promise<Matrix> {
  const start = new Uint8Array(8)
  await reader.fill(start, 'the NPY header')
  const major = start[6]!
  if (Buffer.from(start.buffer, 0, 6).toString('latin1') !== MAGIC || major < 1 || major > 3) {
    throw new UserError(`Expected an NPY file of version 1 to 3, got something else in ${reader.file}`)
  }
  const lengthBytes = new Uint8Array(major === 1 ? 2 : 4)
  await reader.fill(lengthBytes, 'the NPY header')
  const length = Buffer.from(lengthBytes.buffer).readUIntLE(0, lengthBytes.length)
  const before = start.length + lengthBytes.length
  checkDeclared(reader, before, length, `header ${before + length}`)
  if (length > 1 << 20) throw new UserError(`Expected an NPY header below 1 MiB in ${reader.file}, got ${length} bytes`)
  const text = new Uint8Array(length)
  await reader.fill(text, 'the NPY header')
  const { type, littleEndian, fortran, dims } = parseHeader(Buffer.from(text.buffer).toString('utf8'), reader.file)
  const values = await readElements(reader, before + length, dims, type, littleEndian)
  const rows = dims[0]!
  return { rows, width: values.length / rows, values: fortran ? toRowMajor(values, dims) : values, dims }
}

interface Header {
  type: ElementType
  littleEndian: boolean
  fortran: boolean
  dims: number[]
}

function parseHeader(text: string, file: string): Header {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1]
  if (order === undefined || shape === undefined) {
    throw new UserError(`Expected an NPY header with descr, fortran_order and shape in ${file}, got ${text.trim()}`)
  }
  const [, byteOrder, code] = /^([<>|=])(\w+)$/.exec(descr ?? '') ?? []
  const type = code === 'b1' ? 'u1' : code
  if (type === undefined || !TYPES.has(type)) {
    const got = descr === undefined ? 'a record or object type' : `\`${descr}\``
    throw new UserError(
      `Expected an NPY array of numbers (f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or bool), got ${got} in ${file}. ` +
        'Convert it, for example with array.astype("float32")',
    )
  }
  const dims = shape.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number.parseInt(part, 10)]))
  if (dims.length === 0) throw new UserError(`Expected an array with one row or more in ${file}, got a single number`)
  return { type: type as ElementType, littleEndian: byteOrder !== '>', fortran: order === 'True', dims }
}

/** Fortran order to C order: the first dimension, contiguous there, becomes the slowest. */
function toRowMajor(values: NumberArray, dims: readonly number[]): NumberArray {
  const rows = dims[0]!
  const width = values.length / rows
  const out = values.slice()
  for (let column = 0; column < width; column++) {
    // Place of C-order column (i1, i2, ...) among the Fortran columns, where i1 is the fastest.
    let rest = column
    let stride = width
    let from = 0
    for (let d = dims.length - 1; d >= 1; d--) {
      stride /= dims[d]!
      from += (rest % dims[d]!) * stride
      rest = Math.floor(rest / dims[d]!)
    }
    for (let row = 0; row < rows; row++) out[row * width + column] = values[from * rows + row]!
  }
  return out
}
