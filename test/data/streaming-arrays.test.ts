/** IDX, NPY and NPZ some rows at a time: the rows, and the bits of a training, of the same file in memory. */
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import type { DataConfig } from '../../src/data/config.ts'
import { loadData } from '../../src/data/load.ts'
import { readArrayParts } from '../../src/data/read/arrays.ts'
import type { ArrayFormat, ArrayOptions } from '../../src/data/read/arrays.ts'
import { openFile } from '../../src/data/read/file.ts'
import type { RowChunk } from '../../src/data/stream.ts'
import type { Table } from '../../src/data/table.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { idx, npy, read, temporaryFiles, userError } from './files.ts'

const write = temporaryFiles()

async function partsOf(file: string, format: ArrayFormat, options: Partial<ArrayOptions>, rows: number) {
  const opened = await openFile(file)
  const parts: Table[] = []
  try {
    for await (const table of readArrayParts(format, opened, { whole: false, mostBytes: 2 ** 20, ...options }, rows)) {
      parts.push(table)
    }
  } finally {
    await opened.close()
  }
  return parts
}

const columnsOf = (tables: readonly Table[]) =>
  tables[0]!.columns.map(({ name, width }, i) => ({
    name,
    width,
    values: tables.flatMap(({ columns }) => Array.from<unknown>(columns[i]!.values)),
  }))

const shorts = (values: readonly number[]) => new Uint8Array(Int16Array.from(values).buffer)
const dims = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }))
const arrays = dims.chain(([rows, a, b]) =>
  fc.record({
    dims: fc.constant([rows, a, b] as const),
    values: fc.array(fc.integer({ min: -999, max: 999 }), { minLength: rows * a * b, maxLength: rows * a * b }),
    labels: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: rows, maxLength: rows }),
    fortran: fc.boolean(),
    packed: fc.boolean(),
    part: fc.integer({ min: 1, max: 13 }),
  }),
)

describe('arrays in parts', () => {
  it('have the rows and types of the whole file, in either order of memory', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async ({ dims, values, labels, fortran, packed, part }) => {
        const x = npy('<i2', dims, shorts(values), fortran)
        const y = npy('|u1', [dims[0]], Uint8Array.from(labels))
        const inOrder = !fortran || dims[1] * dims[2] === 1
        const level = packed && inOrder ? 9 : 0
        const files: [format: ArrayFormat, file: string][] = [
          ['npy', write('parts.npy', packed && inOrder ? gzipSync(x) : x)],
          ['npz', write('parts.npz', zipSync({ 'x.npy': x, 'y.npy': y }, { level }))],
          ['idx', write('parts.idx', idx(dims, shorts(values), 11))],
        ]
        for (const [format, file] of files) {
          const whole = await read(file)
          const parts = await partsOf(file, format, {}, part)
          expect(columnsOf(parts)).toEqual(columnsOf([whole]))
          expect(parts.map(({ rows }) => rows).slice(0, -1)).toEqual(Array(parts.length - 1).fill(part))
          expect(parts.map(({ firstRow }) => firstRow)).toEqual(parts.map((_, i) => i * part))
          expect(parts[0]!.columns[0]!.values.constructor).toBe(whole.columns[0]!.values.constructor)
          expect(parts[0]!.defaultTarget).toBe(whole.defaultTarget)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('are of as many rows as the memory of a part holds, one at least', async () => {
    const file = write('wide.npy', npy('<i2', [9, 100], shorts(Array<number>(900).fill(1))))
    const rowsOf = async (mostBytes: number) => (await partsOf(file, 'npy', { mostBytes }, 7)).map(({ rows }) => rows)
    // A row is 100 numbers of four bytes once it is trained on.
    expect(await rowsOf(1200)).toEqual([3, 3, 3])
    expect(await rowsOf(10)).toEqual(Array(9).fill(1))
    expect(await rowsOf(1e6)).toEqual([7, 2])
  })
})

/** 4,500 rows of two blobs, more than one part of a stream. */
const ROWS = 4500
const images = Uint8Array.from({ length: ROWS * 6 }, (_, i) => ((i * 7919) % 100) + (Math.floor(i / 6) % 2) * 90)
const labels = Uint8Array.from({ length: ROWS }, (_, i) => i % 2)
const sources = () => ({
  idx: {
    source: write('images.idx.gz', gzipSync(idx([ROWS, 2, 3], images))),
    labels: write('labels.idx', idx([ROWS], labels)),
  },
  npy: {
    source: write('images.npy', npy('|u1', [ROWS, 6], transposed(), true)),
    labels: write('labels.npy', npy('|u1', [ROWS], labels)),
  },
  npz: {
    source: write(
      'both.npz',
      zipSync({ 'x.npy': npy('|u1', [ROWS, 2, 3], images), 'y.npy': npy('|u1', [ROWS], labels) }),
    ),
  },
})

function transposed(): Uint8Array {
  return images.map((_, i) => images[(i % ROWS) * 6 + Math.floor(i / ROWS)]!)
}

async function drain(stream: AsyncGenerator<RowChunk>): Promise<{ x: number[]; y: number[]; chunks: number }> {
  const [x, y]: number[][] = [[], []]
  let chunks = 0
  for await (const chunk of stream) {
    for (const value of chunk.x as Float32Array) x!.push(value)
    for (const value of chunk.y as Float32Array) y!.push(value)
    chunks++
  }
  return { x: x!, y: y!, chunks }
}

describe('a stream of arrays', () => {
  it.each(['idx', 'npy', 'npz'] as const)(
    'of %s has the rows that it has in memory, held-out ones too',
    async (kind) => {
      const given: DataConfig = sources()[kind]
      const held = { test: given.source, testLabels: given.labels }
      const whole = await loadData({ ...given, ...held }, 1)
      const streamed = await loadData({ ...given, ...held, streaming: true }, 1)
      expect(streamed.transform).toEqual(whole.transform)
      expect(streamed.summary).toMatchObject({ format: kind, task: 'classification', classes: ['0', '1'] })
      const { x, y, chunks } = await drain(streamed.stream!(0))
      expect(chunks).toBe(2)
      expect(x).toEqual([...whole.train.x])
      expect(y).toEqual([...whole.train.y])
      const test = await drain(streamed.testStream!())
      expect([test.x, test.y]).toEqual([x, y])
    },
  )

  it('trains to the same bits with one worker and two, and as in memory where a window holds it', async () => {
    const given = sources().npz
    const whole = await loadData(given, 1)
    const { stream } = await loadData({ ...given, streaming: true }, 1)
    const hashOf = async (data: typeof whole.train | typeof stream, workers: number, bufferRows?: number) => {
      await using trainer = await Trainer.create({
        seed: 5,
        epochs: 2,
        batchSize: 128,
        workers,
        model: {
          layers: [
            { type: 'dense', units: 9, activation: 'relu' },
            { type: 'dense', units: 2 },
          ],
        },
      })
      await trainer.fit(data!, bufferRows === undefined ? {} : { bufferRows })
      return trainer.weightsHash()
    }
    const windows = await hashOf(stream, 1, 1024)
    expect(await hashOf(stream, 2, 1024)).toBe(windows)
    const inMemory = await hashOf(whole.train, 2)
    expect(inMemory).not.toBe(windows)
    expect(await hashOf(stream, 1, ROWS)).toBe(inMemory)
    expect(await hashOf(stream, 2, ROWS)).toBe(inMemory)
  })

  it('takes labels from a file that is cut elsewhere, of any kind', async () => {
    const { source } = sources().idx
    const csv = write('labels.csv', ['class', ...Array.from(labels, (label) => (label ? 'odd' : 'even'))].join('\n'))
    const { stream, train } = await loadData({ source, labels: csv, streaming: true }, 1)
    expect(train.classNames).toEqual(['even', 'odd'])
    expect((await drain(stream!(0))).y).toEqual([...labels])
  })
})

describe('a stream of arrays is refused', () => {
  const x = npy('<f4', [40, 3], new Uint8Array(480))
  const refused = async (config: DataConfig) => userError(() => loadData({ ...config, streaming: true }, 1))

  it('where its rows lie all over a compressed file', async () => {
    const fortran = npy('<f4', [40, 3], new Uint8Array(480), true)
    const error =
      /rows that lie one after another in .* for data.streaming, got a compressed array in Fortran order \(x\). Save it by numpy.ascontiguousarray/
    expect(await refused({ source: write('order.npy.gz', gzipSync(fortran)) })).toMatch(error)
    expect(await refused({ source: write('order.npz', zipSync({ 'x.npy': fortran }, { level: 9 })) })).toMatch(error)
  })

  it('by its header, before memory is taken or a row is read', async () => {
    const before = process.memoryUsage().rss
    const huge = npy('<f8', [1_000_000_000, 1000], new Uint8Array(80))
    expect(await refused({ source: write('huge.npy', huge) })).toMatch(/truncated or its header is damaged/)
    expect(await refused({ source: write('huge.idx', idx([2 ** 32 - 1, 2 ** 16], new Uint8Array(8))) })).toMatch(
      /Expected 281474976645132 bytes in .*huge.idx .*found 20: the file is truncated or its header is damaged/,
    )
    expect(await refused({ source: write('huge.npz', zipSync({ 'x.npy': huge })) })).toMatch(/huge.npz \(x.npy\)/)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })

  it('for another number of labels, before the first row where the files say so, else at their end', async () => {
    const source = write('some.npy', x)
    const fewer = write(
      'fewer.npy',
      npy(
        '|u1',
        [39],
        new Uint8Array(39).map((_, i) => i % 2),
      ),
    )
    expect(await refused({ source, labels: fewer })).toMatch(
      /as many labels as samples, got 40 samples in .*some.npy and 39 labels in .*fewer.npy/,
    )
    const csv = (rows: number) => Array.from({ length: rows }, (_, i) => (i % 2 ? 'odd' : 'even')).join('\n')
    const late = async (rows: number) => {
      const given = { source: sources().idx.source, labels: write('late.csv', csv(rows)), header: false }
      const { stream } = await loadData({ ...given, labels: write('right.csv', csv(ROWS)), streaming: true }, 1)
      write('right.csv', csv(rows))
      return userError(() => drain(stream!(0)))
    }
    expect(await late(ROWS - 1)).toMatch(/got 4500 or more samples in .*images.idx.gz and 4499 labels in .*right.csv/)
    expect(await late(ROWS + 3)).toMatch(/got 4500 samples in .*images.idx.gz and 4503 or more labels in .*right.csv/)
  })

  it('of a folder or a running text with labels beside it', async () => {
    const source = write('labels.npy', npy('|u1', [4], new Uint8Array(4)))
    expect(await refused({ source: dirname(source), labels: source })).toMatch(
      /a file of samples in .* beside the labels in .*labels.npy, got a folder. Leave them out/,
    )
    expect(await refused({ source, labels: source, format: 'text', text: { tokens: 'bytes', size: 2 } })).toMatch(
      /got a running text/,
    )
  })
})
