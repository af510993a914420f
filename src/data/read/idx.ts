import { UserError } from '../../errors.ts'
import { openElements } from './elements.ts'
import type { ElementType, OpenedArray } from './elements.ts'
import type { ByteReader } from './file.ts'

/** Type byte of an IDX file; the elements are big-endian. Format: LeCun, Cortes and Burges, "The MNIST database". */
const TYPES: Partial<Record<number, ElementType>> = { 8: 'u1', 9: 'i1', 11: 'i2', 12: 'i4', 13: 'f4', 14: 'f8' }

/** Opens an IDX file: the first dimension counts rows, the others are flattened in row-major order. */
export async function openIdx(reader: ByteReader): Promise<OpenedArray> {
  const magic = new Uint8Array(4)
  await reader.fill(magic, 'the IDX header')
  const type = TYPES[magic[2]!]
  const numDims = magic[3]!
  if (magic[0] !== 0 || magic[1] !== 0 || !type || numDims === 0) {
    const bytes = Array.from(magic, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new UserError(
      `Expected an IDX file (first bytes 00 00, type 08 to 0e, dimensions >= 1), got ${bytes} in ${reader.file}`,
    )
  }
  const header = new Uint8Array(4 * numDims)
  await reader.fill(header, 'the IDX header')
  const view = new DataView(header.buffer)
  const dims = Array.from({ length: numDims }, (_, i) => view.getUint32(4 * i))
  return openElements(reader, { header: 4 + header.length, dims, type, littleEndian: false })
}
