/** Files read in parts: the same rows as whole, and what cannot be streamed refused. */
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DataConfig } from '../../src/data/config.ts'
import { loadData } from '../../src/data/load.ts'
import { readCsvParts } from '../../src/data/read/csv.ts'
import { openFile } from '../../src/data/read/file.ts'
import { readJsonlParts } from '../../src/data/read/jsonl.ts'
import { readParts } from '../../src/data/read/table.ts'
import type { Table } from '../../src/data/table.ts'
import { read, temporaryFiles, userError } from './files.ts'

const write = temporaryFiles()
const PARQUET = join(import.meta.dirname, '../../node_modules/vega-datasets/data/flights-3m.parquet')

async function together(parts: AsyncIterable<Table>): Promise<{ sizes: number[]; columns: Record<string, unknown[]> }> {
  const sizes: number[] = []
  const columns: Record<string, unknown[]> = {}
  for await (const { rows, columns: some, lines } of parts) {
    sizes.push(rows)
    for (const { name, values } of some) (columns[name] ??= []).push(...Array.from<unknown>(values))
    ;(columns[' lines'] ??= []).push(...(lines ?? []))
  }
  return { sizes, columns }
}

const records = fc.array(
  fc.record({
    n: fc.option(fc.integer()),
    t: fc.constantFrom('a', 'b', 'long text'),
    m: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  { minLength: 1, maxLength: 40 },
)
const sizes = fc.integer({ min: 1, max: 45 })

describe('a file in parts', () => {
  it('of CSV has the rows and lines of the whole one', async () => {
    await fc.assert(
      fc.asyncProperty(records, sizes, async (rows, size) => {
        // The first 1,000 rows tell the types of the columns.
        const many = Array.from({ length: 1001 + 2 * rows.length }, (_, i) => rows[i % rows.length]!)
        const text = ['n,t,m', ...many.map(({ n, t, m }) => `${n ?? ''},${t},${m}`)].join('\n')
        const file = write('parts.csv', text)
        const { sizes: got, columns } = await together(readCsvParts(await openFile(file), {}, size))
        const whole = await together([await read(file)] as never)
        expect(columns).toEqual(whole.columns)
        expect(got.slice(1, -1).every((count) => count === size)).toBe(true)
        expect(got.length).toBeGreaterThan(1)
      }),
      { numRuns: 50 },
    )
  })

  it('of JSON lines has the rows and lines of the whole one', async () => {
    await fc.assert(
      fc.asyncProperty(records, sizes, async (rows, size) => {
        const first = { n: 1, t: 'a', m: 1 }
        const file = write('parts.jsonl', [first, ...rows].map((row) => JSON.stringify(row)).join('\n'))
        const { sizes: got, columns } = await together(readJsonlParts(await openFile(file), {}, size))
        expect(columns).toEqual((await together([await read(file)] as never)).columns)
        expect(got.slice(0, -1).every((count) => count === size)).toBe(true)
        expect(got.at(-1)).toBeLessThanOrEqual(size)
      }),
      { numRuns: 50 },
    )
  })

  it('of Parquet is a row group each', async () => {
    const config = { source: PARQUET, features: ['distance'], target: 'delay' }
    let [rows, parts] = [0, 0]
    let [second, start] = [new Float64Array(0) as ArrayLike<unknown>, 0]
    for await (const table of readParts(PARQUET, config)) {
      if (parts === 1) [second, start] = [table.columns.find(({ name }) => name === 'delay')!.values, table.firstRow!]
      rows += table.rows
      parts++
      if (parts === 2) break
    }
    const whole = await read(PARQUET, { ...config, limit: rows })
    expect(Array.from(second)).toEqual(
      Array.from<unknown>(whole.columns.find(({ name }) => name === 'delay')!.values).slice(start),
    )
  })
})

const lines = Array.from({ length: 10_000 }, (_, i) => `${i % 10},${i % 7},${i % 2 ? 'odd' : 'even'}`)

describe('streamed data', () => {
  it('has the rows that it has in memory', async () => {
    const source = write('rows.csv', ['a,b,kind', ...lines].join('\n'))
    const whole = await loadData({ source }, 1)
    const { stream, transform, summary } = await loadData({ source, streaming: true }, 1)
    expect(transform).toEqual(whole.transform)
    expect(summary.rows.train).toBeUndefined()
    const [x, y]: number[][] = [[], []]
    let chunks = 0
    for await (const chunk of stream!()) {
      x!.push(...(chunk.x as Float32Array))
      y!.push(...(chunk.y as Float32Array))
      chunks++
    }
    expect(chunks).toBe(3)
    expect(x).toEqual([...whole.train.x])
    expect(y).toEqual([...whole.train.y])
  })

  it('has its held-out files as streams too, which are looked at before anything is trained', async () => {
    const source = write('rows.csv', ['a,b,kind', ...lines].join('\n'))
    const test = write('test.csv', ['a,b,kind', ...lines.slice(0, 6000)].join('\n'))
    const whole = await loadData({ source, test, validation: test }, 1)
    const loaded = await loadData({ source, test, validation: test, streaming: true }, 1)
    expect([loaded.validation, loaded.test]).toEqual([undefined, undefined])
    expect(loaded.summary.rows).toEqual({ train: undefined, validation: undefined, test: undefined })
    for (const stream of [loaded.validationStream!, loaded.testStream!, loaded.testStream!]) {
      const x: number[] = []
      for await (const chunk of stream()) x.push(...(chunk.x as Float32Array))
      expect(x).toEqual([...whole.test!.x])
    }
    const bare = write('bare.csv', ['a,b', '1,2'].join('\n'))
    for (const given of [{ test: bare }, { validation: bare }]) {
      expect(await userError(() => loadData({ source, ...given, streaming: true }, 1))).toMatch(
        /Expected the target column of the training data in .*bare.csv too, found none/,
      )
    }
    expect(await userError(() => loadData({ source, test: 'nowhere.csv', streaming: true }, 1))).toMatch(/nowhere.csv/)
  })

  it('tells of a class that its first rows did not have, with the line', async () => {
    const many = Array.from({ length: 70_000 }, (_, i) => `${i},${i % 2 ? 'odd' : 'even'}`)
    const source = write('late.csv', ['a,kind', ...many, '1,prime'].join('\n'))
    const { stream } = await loadData({ source, streaming: true }, 1)
    const drain = async () => {
      for await (const chunk of stream!()) expect(chunk).toBeDefined()
    }
    await expect(drain()).rejects.toThrow(
      /one of the 2 classes of the training data \(even, odd\) in .*late.csv, line 70002/,
    )
  })

  const refused: [what: string, config: Partial<DataConfig>, error: RegExp][] = [
    ['the digits', { source: 'digits' }, /a file as data.source with data.streaming, got digits/],
    [
      'a held-out share',
      { validationSplit: 0.1 },
      /data.validation, a file, with data.streaming, got data.validationSplit/,
    ],
    ['a limit', { limit: 5 }, /no data.limit with data.streaming, got 5. Set data.stepsPerEpoch/],
    [
      'labels beside the test',
      { test: 'test.csv', testLabels: 'labels.csv' },
      /targets among the columns with data.streaming, got data.testLabels/,
    ],
    ['labels beside it', { labels: 'labels.csv' }, /targets among the columns with data.streaming, got data.labels/],
    [
      'a running text',
      { format: 'text', text: { tokens: 'chars', size: 8 } },
      /Expected CSV, TSV, JSON Lines or Parquet in .* for data.streaming, got text/,
    ],
  ]
  it.each(refused)('%s: refused', async (_, config, error) => {
    const source = write('some.csv', ['a,b,kind', ...lines].join('\n'))
    expect(await userError(() => loadData({ source, streaming: true, ...config }, 1))).toMatch(error)
  })
})
