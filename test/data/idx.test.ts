import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTable } from '../../src/data/read/table.ts'
import { idx, read, temporaryFiles, userError, valuesOf } from './files.ts'

const write = temporaryFiles()

describe('IDX', () => {
  it('gives back what was written, in one to four dimensions, with gzip or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        fc.boolean(),
        async (dims, bytes, gzip) => {
          const count = dims.reduce((a, b) => a * b)
          const data = Uint8Array.from(bytes.take(count))
          const contents = idx(dims, data)
          const table = await read(write('round.idx', gzip ? gzipSync(contents) : contents))
          expect(table.rows).toBe(dims[0])
          expect(table.columns[0]!.width).toBe(count / dims[0]!)
          expect(valuesOf(table, 'pixels')).toEqual([...data])
        },
      ),
      { numRuns: 60 },
    )
  })

  it('reads the big-endian types', async () => {
    const bytes = Buffer.alloc(8)
    bytes.writeInt32BE(-2, 0)
    bytes.writeInt32BE(70_000, 4)
    expect(valuesOf(await read(write('i4.idx', idx([2], bytes, 12))), 'pixels')).toEqual([-2, 70_000])
    bytes.writeFloatBE(1.5, 0)
    bytes.writeFloatBE(-0.25, 4)
    expect(valuesOf(await read(write('f4.idx', idx([2], bytes, 13))), 'pixels')).toEqual([1.5, -0.25])
    bytes.writeDoubleBE(Math.PI, 0)
    expect(valuesOf(await read(write('f8.idx', idx([1], bytes, 14))), 'pixels')).toEqual([Math.PI])
    bytes.writeInt16BE(-3, 0)
    expect(valuesOf(await read(write('i2.idx', idx([1], bytes.subarray(0, 2), 11))), 'pixels')).toEqual([-3])
  })

  it('joins labels as the target', async () => {
    const images = write('images', idx([2, 1, 2], Uint8Array.of(1, 2, 3, 4)))
    const labels = write('labels', idx([2], Uint8Array.of(7, 9)))
    const { table, format } = await readTable(images, labels, { source: images })
    expect(format).toBe('idx')
    expect(table.defaultTarget).toBe('label')
    expect(valuesOf(table, 'label')).toEqual([7, 9])
    const three = write('three', idx([3], Uint8Array.of(7, 9, 1)))
    const message = await userError(() => readTable(images, three, { source: images }))
    expect(message).toContain(`got 2 samples in ${images} and 3 labels in ${three}`)
  })

  it('refuses a truncated file, saying the bytes expected and found', async () => {
    // 16 bytes of header and 10 x 4 x 4 = 160 of data; 100 bytes are there.
    const contents = idx([10, 4, 4], new Uint8Array(160)).subarray(0, 100)
    const message = await userError(() => read(write('cut.idx', contents)))
    expect(message).toContain('Expected 176 bytes')
    expect(message).toContain('found 100')
    expect(message).toContain('cut.idx')
    const gzip = await userError(() => read(write('cut.idx.gz', gzipSync(contents))))
    expect(gzip).toContain('Expected 176 bytes')
    expect(gzip).toContain('found 100')
  })

  it('believes no declared size that the file cannot hold', async () => {
    const huge = idx([4_000_000_000, 60_000, 60_000], new Uint8Array(100))
    expect(await userError(() => read(write('huge.idx', huge)))).toContain('found 116')
    expect(await userError(() => read(write('huge.idx.gz', gzipSync(huge))))).toContain('after decompression')
  })

  it('refuses more bytes than declared, no rows and an unknown type', async () => {
    expect(await userError(() => read(write('more.idx', idx([2], new Uint8Array(3)))))).toContain('found more')
    expect(await userError(() => read(write('none.idx', idx([0, 28], new Uint8Array(0)))))).toContain(
      'empty array (0 x 28)',
    )
    const message = await userError(() => read(write('type.idx', idx([1], new Uint8Array(1), 10))))
    expect(message).toContain('got 00 00 0a 01')
  })
})
