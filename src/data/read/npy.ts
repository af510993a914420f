import { UserError } from '../../errors.ts'
import type { NumberArray } from '../table.ts'
import { decode, openElements } from './elements.ts'
import type { Elements, ElementType, OpenedArray } from './elements.ts'
import { checkDeclared, type ByteReader } from './file.ts'
import type { Places } from './places.ts'

const MAGIC = '\x93NUMPY'
const TYPES = new Set(['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8'])

/**
 * Opens an NPY array, versions 1 to 3, C or Fortran order, either byte order: float 4 and 8, integers 1 to 8, bool.
 * The first dimension counts rows, the others are flattened in C order. Format: NumPy Enhancement Proposal 1.
 * @param places the same file, where it can be read at any place: parts of an array in Fortran order lie all over it
 */
export async function openNpy(reader: ByteReader, places?: Places): Promise<OpenedArray> {
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
  const { fortran, ...rest } = parseHeader(Buffer.from(text.buffer).toString('utf8'), reader.file)
  const elements = { ...rest, header: before + length }
  const opened = openElements(reader, elements)
  return fortran && opened.width > 1 ? openFortran(opened, elements, places) : opened
}

/** Each column lies in one piece: of some rows, as many bytes are read from each. */
function openFortran(inOrder: OpenedArray, elements: Elements, places: Places | undefined): OpenedArray {
  const { rows, width } = inOrder
  const { header, dims, type, littleEndian } = elements
  const size = Number(type[1])
  let read = 0
  return {
    ...inOrder,
    isWhole: !places,
    async next(some) {
      if (some === rows) return toRowMajor(await inOrder.next(rows), dims)
      if (!places) throw new Error('internal: a part of an array in Fortran order was asked for')
      const bytes = new Uint8Array(some * width * size)
      const part = some * size
      for (let column = 0; column < width; column++) {
        const into = bytes.subarray(column * part, (column + 1) * part)
        await places.fill(into, header + (column * rows + read) * size)
      }
      const first = read
      read += some
      const placeOf = (i: number) => `${places.file}, row ${first + (i % some)}`
      return toRowMajor(await decode(bytes, type, littleEndian, placeOf), [some, ...dims.slice(1)])
    },
  }
}

type Header = Omit<Elements, 'header'> & { readonly fortran: boolean }

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
