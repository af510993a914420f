import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { readTable } from '../../src/data/read/table.ts'
import type { Table } from '../../src/data/table.ts'
import { npy, read, temporaryFiles, userError, valuesOf } from './files.ts'

const write = temporaryFiles()

type Kind = 'f4' | 'f8' | 'i1' | 'u1' | 'i2' | 'i4' | 'i8' | 'b1'

const number: Record<Kind, fc.Arbitrary<number>> = {
  f4: fc.float({ noNaN: true, noDefaultInfinity: true }),
  f8: fc.double({ noNaN: true, noDefaultInfinity: true }),
  i1: fc.integer({ min: -128, max: 127 }),
  u1: fc.integer({ min: 0, max: 255 }),
  i2: fc.integer({ min: -32768, max: 32767 }),
  i4: fc.integer(),
  i8: fc.maxSafeInteger(),
  b1: fc.constantFrom(0, 1),
}

function encode(values: readonly number[], kind: Kind, little: boolean): Uint8Array {
  const size = Number(kind[1])
  const view = new DataView(new ArrayBuffer(values.length * size))
  values.forEach((value, i) => {
    if (kind === 'f4') view.setFloat32(i * 4, value, little)
    else if (kind === 'f8') view.setFloat64(i * 8, value, little)
    else if (kind === 'i2') view.setInt16(i * 2, value, little)
    else if (kind === 'i4') view.setInt32(i * 4, value, little)
    else if (kind === 'i8') view.setBigInt64(i * 8, BigInt(value), little)
    else view.setUint8(i, value)
  })
  return new Uint8Array(view.buffer)
}

/** Row-major values of a 3-d array in Fortran order: the first index is the fastest. */
function toFortran(values: readonly number[], [a, b, c]: readonly [number, number, number]): number[] {
  const out: number[] = []
  for (let k = 0; k < c; k++)
    for (let j = 0; j < b; j++) for (let i = 0; i < a; i++) out.push(values[(i * b + j) * c + k]!)
  return out
}

/** All numbers of a table, row by row. */
function rowMajor(table: Table): number[] {
  const columns = table.columns.map((column) => valuesOf(table, column.name) as number[])
  return Array.from({ length: table.rows }, (_, i) => columns.map((column) => column[i]!)).flat()
}

describe('NPY', () => {
  it('gives back what was written, for every type, byte order, memory order, version, and gzip', async () => {
    const dim = fc.integer({ min: 1, max: 4 })
    const kind = fc.constantFrom(...(Object.keys(number) as Kind[]))
    const input = fc.tuple(dim, dim, dim, kind).chain(([a, b, c, type]) =>
      fc.record({
        dims: fc.constant([a, b, c] as const),
        type: fc.constant(type),
        values: fc.array(number[type], { minLength: a * b * c, maxLength: a * b * c }),
        little: fc.boolean(),
        fortran: fc.boolean(),
        version: fc.integer({ min: 1, max: 3 }),
        gzip: fc.boolean(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(input, async ({ dims, type, values, little, fortran, version, gzip }) => {
        const stored = fortran ? toFortran(values, dims) : values
        const descr = Number(type[1]) === 1 ? `|${type}` : `${little ? '<' : '>'}${type}`
        const contents = npy(descr, dims, encode(stored, type, little), fortran, version)
        const table = await read(write('round.npy', gzip ? gzipSync(contents) : contents))
        expect(table.rows).toBe(dims[0])
        // -0 and 0 are told apart by toEqual: so they must come back as they were.
        expect(rowMajor(table)).toEqual(type.startsWith('f') ? values : values.map((value) => value + 0))
      }),
      { numRuns: 150 },
    )
  })

  it('keeps an array with labels beside it as one wide column', async () => {
    const x = write('x.npy', npy('<f4', [2, 3], encode([1, 2, 3, 4, 5, 6], 'f4', true)))
    const y = write('y.npy', npy('<i8', [2], encode([1, 0], 'i8', true)))
    const { table } = await readTable(x, y, { source: x })
    expect(table.columns.map((column) => [column.name, column.width])).toEqual([
      ['x', 3],
      ['label', 1],
    ])
    expect(valuesOf(table, 'x')).toEqual([1, 2, 3, 4, 5, 6])
    expect(valuesOf(table, 'label')).toEqual([1, 0])
  })

  it('refuses a truncated file and believes no declared size', async () => {
    const whole = npy('<f8', [5, 2], new Uint8Array(80))
    const message = await userError(() => read(write('cut.npy', whole.subarray(0, whole.length - 8))))
    expect(message).toContain(`Expected ${whole.length} bytes`)
    expect(message).toContain(`found ${whole.length - 8}`)
    expect(await userError(() => read(write('cut.npy.gz', gzipSync(whole.subarray(0, -8)))))).toContain('truncated')
    const huge = npy('<f8', [1_000_000_000, 1_000_000], new Uint8Array(80))
    expect(await userError(() => read(write('huge.npy', huge)))).toContain('truncated or its header is damaged')
    expect(await userError(() => read(write('header.npy', whole.subarray(0, 20))))).toContain('header.npy')
  })

  it('refuses types that are not numbers, a lone number, no rows and integers beyond 2^53', async () => {
    expect(await userError(() => read(write('o.npy', npy('|O', [1], new Uint8Array(8)))))).toContain('got `|O`')
    expect(await userError(() => read(write('s.npy', npy('<U4', [1], new Uint8Array(16)))))).toContain('got `<U4`')
    expect(await userError(() => read(write('e.npy', npy('<f4', [0, 3], new Uint8Array(0)))))).toContain('empty array')
    const lone = npy('<f4', [1], new Uint8Array(4)).toString('latin1').replace('(1,)', '(  )')
    expect(await userError(() => read(write('n.npy', Buffer.from(lone, 'latin1'))))).toContain('single number')
    const big = new Uint8Array(8).fill(0x7f)
    expect(await userError(() => read(write('b.npy', npy('<i8', [1], big))))).toContain('below 2^53')
  })
})

describe('NPZ', () => {
  const x = npy('<f4', [2, 2], encode([1, 2, 3, 4], 'f4', true))
  const y = npy('<i4', [2], encode([0, 1], 'i4', true))

  it('reads each array as a column, stored or deflated, and takes y for the target', async () => {
    for (const level of [0, 9] as const) {
      const table = await read(write('pair.npz', zipSync({ 'y.npy': y, 'x.npy': x }, { level })))
      expect(table.defaultTarget).toBe('y')
      expect(valuesOf(table, 'x')).toEqual([1, 2, 3, 4])
      expect(valuesOf(table, 'y')).toEqual([0, 1])
    }
  })

  it('refuses arrays of different lengths unless some are chosen', async () => {
    const other = npy('<i4', [3], encode([0, 1, 2], 'i4', true))
    const file = write('odd.npz', zipSync({ 'x.npy': x, 'y.npy': y, 'z.npy': other }))
    expect(await userError(() => read(file))).toContain('got x with 2 and z with 3')
    expect((await read(file, { features: ['x'], target: 'y' })).columns.length).toBe(2)
  })

  it('refuses a truncated or damaged file, and sizes that it cannot hold', async () => {
    const whole = zipSync({
      'x.npy': npy(
        '<f8',
        [500],
        new Uint8Array(4000).map((_, i) => i * 31),
      ),
    })
    expect(await userError(() => read(write('cut.npz', whole.subarray(0, whole.length - 40))))).toContain('cut.npz')
    const lying = Uint8Array.from(whole)
    // The uncompressed size stands 24 bytes into the central directory's entry (signature PK 01 02).
    const entry = Buffer.from(lying.buffer).indexOf('PK\x01\x02')
    new DataView(lying.buffer).setUint32(entry + 24, 0xfffffff0, true)
    expect(await userError(() => read(write('lying.npz', lying)))).toContain('cannot hold')
  })
})
