/** Arrays and images of strangers: what their heads declare is drawn, and their bytes are changed. */
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import jpeg from 'jpeg-js'
import { decodeJpeg } from '../../src/data/image/jpeg.ts'
import { decodePng } from '../../src/data/image/png.ts'
import type { OpenedArray } from '../../src/data/read/elements.ts'
import { openIdx } from '../../src/data/read/idx.ts'
import { openNpy } from '../../src/data/read/npy.ts'
import { openNpz } from '../../src/data/read/npz.ts'
import { idx, npy } from '../data/formats.ts'
import { header, pngOf } from '../data/png.ts'
import { cuts, mangled } from './mutate.ts'
import { openedOf, placesOf, reader } from './survive.ts'

/** All rows, so many at a time where that can be. */
async function readRows(array: OpenedArray, part: number): Promise<void> {
  if (array.isWhole) await array.next(array.rows)
  else for (let row = 0; row < array.rows; row += part) await array.next(Math.min(part, array.rows - row))
}

const types = fc.constantFrom('<f4', '>f8', '|u1', '<i8', '|b1', '<c8', '|O', '<f2', '=f4', '<U8', "('a', '<f4')")
const axis = fc.oneof(fc.nat(5), fc.constantFrom(-1, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, NaN))
const dim = fc.oneof(fc.nat(5), fc.constantFrom(255, 2 ** 16, 2 ** 31, 2 ** 32 - 1))
const part = fc.integer({ min: 1, max: 4 })
/** As many bytes as are declared, or some others. */
const length = fc.option(fc.nat(96), { freq: 2 })
const wrong = fc.option(cuts, { freq: 2 })
const declared = (dims: readonly number[], bytes: number): number => {
  const count = dims.reduce((product, dim) => product * dim, bytes)
  return count >= 0 && count < 1e4 ? count : 7
}
const size = fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, fc.constantFrom(0, 255, 4096, 65_535, 2 ** 31, 2 ** 32 - 1))

const depth = fc.oneof(fc.constantFrom(1, 2, 4, 8, 16), fc.nat(17))
const colours = fc.oneof(fc.constantFrom(0, 2, 3, 4, 6), fc.nat(7))
const CHANNELS: Partial<Record<number, number>> = { 2: 3, 4: 2, 6: 4 }

const IDX_BYTES: Partial<Record<number, number>> = { 11: 2, 12: 4, 13: 4, 14: 8 }

const zipped = zipSync({
  'x.npy': npy('<f4', [4, 3], new Uint8Array(48)),
  'y.npy': [npy('|u1', [4], Uint8Array.of(0, 1, 0, 1)), { level: 0 }],
})

const picture = {
  width: 19,
  height: 11,
  data: Buffer.from(Array.from({ length: 19 * 11 * 4 }, (_, i) => (i * 37) % 256)),
}
const photo = jpeg.encode(picture, 60).data

export const arrays = [
  reader(
    'NPY file',
    [types, fc.array(axis, { maxLength: 5 }), length, fc.boolean(), wrong, part],
    async (type, shape, length, fortran, list, rows) => {
      const made = npy(
        type,
        shape,
        new Uint8Array(length ?? declared(shape, Number(type[2]) || 1)),
        fortran,
        1 + (rows % 3),
      )
      const opened = openedOf(list ? mangled(made, list) : made)
      await readRows(await openNpy(opened, opened.places), rows)
    },
  ),

  reader('NPZ file', [cuts, part], async (list, rows) => {
    const opened = await openNpz(placesOf(mangled(zipped, list)))
    for (const { array, close } of opened) {
      try {
        await readRows(array, rows)
      } finally {
        await close()
      }
    }
  }),

  reader(
    'IDX file',
    [fc.constantFrom(8, 9, 10, 11, 12, 13, 14), fc.array(dim, { maxLength: 5 }), length, wrong, part],
    async (type, dims, length, list, rows) => {
      const made = idx(dims, new Uint8Array(length ?? declared(dims, IDX_BYTES[type] ?? 1)).fill(rows), type)
      await readRows(await openIdx(openedOf(list ? mangled(made, list) : made)), rows)
    },
  ),

  // Checksums that match let damage through to where it is done.
  reader(
    'PNG image',
    [size, size, depth, colours, fc.nat(2), fc.uint8Array({ maxLength: 99 }), fc.nat(3), wrong],
    (width, height, depth, type, interlaced, raw, packed, list) => {
      const lines = raw.map((value, i) => (i % 7 === 0 ? value % 6 : value))
      // Rows of their length, each with a filter, or what was drawn.
      const bytes = 1 + Math.ceil((width * depth * (CHANNELS[type] ?? 1)) / 8)
      const fits = packed > 1 && bytes * height < 1e4
      const pixels = fits ? Uint8Array.from({ length: bytes * height }, (_, i) => (i % bytes === 0 ? i % 5 : i)) : lines
      const data = packed > 0 ? deflateSync(pixels) : raw
      const whole = pngOf(header(width, height, depth, type, interlaced), data, [...raw.subarray(0, 24)])
      return decodePng(list ? mangled(whole, list) : whole, 'hostile.png')
    },
  ),

  reader('JPEG image', [cuts], (list) => decodeJpeg(mangled(photo, list), 'hostile.jpg')),
]
