/** Files read in parts: the same rows as whole, and what cannot be streamed refused. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Bool,
  Field,
  FixedSizeList,
  Float64,
  Int32,
  LargeUtf8,
  List,
  Table as ArrowTable,
  tableToIPC,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DataConfig } from '../../src/data/config.ts'
import { loadData, streamDataset } from '../../src/data/load.ts'
import { readArrowParts } from '../../src/data/read/arrow.ts'
import { readCsvParts } from '../../src/data/read/csv.ts'
import { openFile } from '../../src/data/read/file.ts'
import { readJsonlParts } from '../../src/data/read/jsonl.ts'
import { readParquetParts } from '../../src/data/read/parquet.ts'
import { openPlaces } from '../../src/data/read/places.ts'
import { readTextParts } from '../../src/data/read/text.ts'
import { readParts } from '../../src/data/read/table.ts'
import type { RowChunk } from '../../src/data/stream.ts'
import type { Table } from '../../src/data/table.ts'
import { read, temporaryFiles, userError } from './files.ts'
import { columnOf, dataPage, ENCODINGS, fileOf, listOf, parquetBytes, TYPES } from './parquet.ts'
import type { ParquetPage } from './parquet.ts'
import { greyPng } from './png.ts'

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

  it('of Parquet has the rows of the whole one, and a part is less than a row group', async () => {
    const config = { source: PARQUET, features: ['distance'], target: 'delay' }
    const delays = ({ columns }: Table) => columns.find(({ name }) => name === 'delay')!.values as Float64Array
    const values: number[] = []
    for await (const table of readParts(PARQUET, undefined, config)) {
      expect(table.rows).toBeLessThanOrEqual(4096)
      expect(table.firstRow).toBe(values.length)
      values.push(...delays(table))
      // The first group has 272,727.
      if (values.length > 280_000) break
    }
    const whole = delays(await read(PARQUET, { ...config, limit: values.length }))
    expect(whole.length).toBe(values.length)
    expect(values.findIndex((value, i) => value !== whole[i])).toBe(-1)
  })
})

describe('Parquet in parts', () => {
  /** Levels as runs of one value each, behind their length. */
  const levels = (values: readonly number[]): number[] => [2 * values.length, 0, 0, 0, ...values.flatMap((v) => [2, v])]
  const bytes = (values: readonly number[]): number[] => [...new Uint8Array(Int32Array.from(values).buffer)]
  /** Pages of so many values as `cuts` say in turn. */
  function paged<T>(values: readonly T[], cuts: readonly number[], page: (of: readonly T[]) => ParquetPage) {
    const pages: ParquetPage[] = []
    for (let at = 0, i = 0; at < values.length; i++) {
      const end = at + cuts[i % cuts.length]!
      pages.push(page(values.slice(at, end)))
      at = end
    }
    return pages
  }
  const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })
  const row = fc.option(fc.tuple(fc.nat(99), fc.nat(99)), { freq: 3 })

  it('has the rows of the whole one, whatever its pages, of which one may end within a list', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 30 }),
        cuts,
        cuts,
        fc.integer({ min: 1, max: 31 }),
        async (rows, cutsOfNumbers, cutsOfLists, part) => {
          const count = rows.length
          const numbers = paged([...rows.keys()], cutsOfNumbers, (of) =>
            dataPage(of.length, ENCODINGS.plain, bytes(of)),
          )
          // Of a number: whether it goes on with a list, how much of it is there, and itself.
          const cells = rows.flatMap((row): (readonly [number, number, number])[] =>
            row === null ? [[0, 0, 0]] : row.map((value, i) => [i, 3, value]),
          )
          const lists = paged(cells, cutsOfLists, (of) =>
            dataPage(of.length, ENCODINGS.plain, [
              ...levels(of.map(([repeated]) => repeated)),
              ...levels(of.map(([, defined]) => defined)),
              ...bytes(of.filter(([, defined]) => defined === 3).map(([, , value]) => value)),
            ]),
          )
          const columns = [columnOf('n', TYPES.int32, count, numbers), listOf('l', TYPES.int32, cells.length, lists)]
          const file = write('pages.parquet', parquetBytes(fileOf(columns, count, [count, count])))
          const opened = await openFile(file)
          const got = await together(readParquetParts(opened.places!, { source: file }, part, 2 ** 24))
          await opened.close()
          const expected = [...rows, ...rows]
          expect(got.columns.n).toEqual([...rows.keys(), ...rows.keys()])
          // A part of nothing but missing lists does not say how long they are.
          const numbersOf = (values: readonly unknown[]) => values.filter((value) => !Number.isNaN(value))
          expect(numbersOf(got.columns.l!)).toEqual(expected.flatMap((row) => row ?? []))
          expect(got.sizes.every((size) => size <= part)).toBe(true)
          const whole = await together([await read(file)] as never)
          expect(whole.columns.n).toEqual(got.columns.n)
          if (rows.some((row) => row !== null))
            expect(whole.columns.l).toEqual(expected.flatMap((row) => row ?? [NaN, NaN]))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is refused where a column has fewer rows than its row group', async () => {
    const pages = [dataPage(3, ENCODINGS.plain, bytes([1, 2, 3]))]
    const file = write('short.parquet', parquetBytes(fileOf([columnOf('n', TYPES.int32, 3, pages)], 4)))
    await expect(read(file)).rejects.toThrow(/short.parquet is damaged.*column n has 1 rows less than its row group/)
  })

  it('ends where a column of a structure has fewer than no parts', async () => {
    const column = listOf('l', TYPES.int32, 3, [dataPage(3, ENCODINGS.plain, bytes([1, 2, 3]))])
    const schema = column.schema.map((fields) =>
      fields.map((field) => (field[0] === 5 ? ([5, 'int', -1] as const) : field)),
    )
    const file = write('negative.parquet', parquetBytes(fileOf([{ ...column, schema }], 3)))
    expect(await userError(() => read(file))).toContain('negative.parquet')
  })
})

describe('Arrow in parts', () => {
  const numbers = fc.integer({ min: 1, max: 30 })
  const pairs = new List(new Field('item', new Float64(), true))

  it('has the rows of the whole file or stream, whatever its batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(numbers, { minLength: 1, maxLength: 4 }),
        numbers,
        fc.boolean(),
        async (of, part, isFile) => {
          let next = 0
          const batches = of.map((rows) => {
            const values = Array.from({ length: rows }, () => next++)
            const listed = values.map((value) => (value % 3 === 1 ? null : [value, value + 1]))
            return new ArrowTable({
              n: vectorFromArray(Float64Array.from(values)),
              t: vectorFromArray(
                values.map((value) => (value % 7 === 0 ? null : `text ${value % 5}`)),
                new Utf8(),
              ),
              unread: vectorFromArray(values.map(String), new LargeUtf8()),
              alsoUnread: vectorFromArray(listed, new List(new Field('item', new Int32(), true))),
              l: vectorFromArray(listed, pairs),
              fixed: vectorFromArray(listed, new FixedSizeList(2, new Field('item', new Int32(), true))),
              b: vectorFromArray(
                values.map((value) => (value % 5 === 0 ? null : value % 2 === 0)),
                new Bool(),
              ),
            })
          })
          const file = write(
            'parts.arrow',
            tableToIPC(
              batches.reduce((a, b) => a.concat(b)),
              isFile ? 'file' : 'stream',
            ),
          )
          const places = openPlaces(file, statSync(file).size)
          const config = { source: file, drop: ['unread', 'alsoUnread'] }
          const { sizes: got, columns } = await together(readArrowParts(places, config, part, 2 ** 24))
          await places.close()
          const rows = Array.from({ length: next }, (_, i) => i)
          expect(columns.n).toEqual(rows)
          // A part of nothing but missing values does not say of what.
          const texts = rows.map((i) => (i % 7 === 0 ? null : `text ${i % 5}`))
          expect(columns.t!.map((text) => (Number.isNaN(text) ? null : text))).toEqual(texts)
          const numbersOf = (values: readonly unknown[]) => values.filter((value) => !Number.isNaN(value))
          const listed = rows.flatMap((i) => (i % 3 === 1 ? [] : [i, i + 1]))
          expect(numbersOf(columns.l!)).toEqual(listed)
          expect(numbersOf(columns.fixed!)).toEqual(listed)
          expect(columns.b).toEqual(rows.map((i) => (i % 5 === 0 ? NaN : 1 - (i % 2))))
          expect(Math.max(...got)).toBeLessThanOrEqual(part)
          const whole = await read(file)
          expect(whole.columns.map(({ name }) => name)).toEqual(['n', 't', 'unread', 'alsoUnread', 'l', 'fixed', 'b'])
          if (next > 1) expect(whole.columns[1]!.values).toEqual(texts)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a part of Arrow in which columns have nothing', () => {
  const pairs = new List(new Field('item', new Float64(), true))
  /** Three batches of one row of each kind; of the second only the numbers are there. */
  const batches = [0, 1, 2].map((batch) => {
    const seen = <T>(value: T) => (batch === 1 ? null : value)
    const row = [batch, batch + 0.5]
    return new ArrowTable({
      d: vectorFromArray(
        row.map((n) => seen(new Date(n * 1e10))),
        new TimestampMillisecond(),
      ),
      l: vectorFromArray(
        row.map((n) => seen([n, -n])),
        pairs,
      ),
      t: vectorFromArray(
        row.map((n) => seen(`${n}`)),
        new Utf8(),
      ),
      n: vectorFromArray(Float64Array.from(row)),
    })
  })
  const source = () => write('blank.arrow', tableToIPC(batches.reduce((a, b) => a.concat(b))))

  it('is filled as in memory', async () => {
    const config: DataConfig = { source: source(), target: 'n', task: 'regression', fillMissing: 'mean' }
    const whole = await loadData(config, 1)
    const { stream, transform } = await loadData({ ...config, streaming: true }, 1)
    expect(transform).toEqual(whole.transform)
    const x: number[] = []
    for await (const chunk of stream!(0)) x.push(...(chunk.x as Float32Array))
    expect(x).toEqual([...whole.train.x])
  })

  it.each(['d', 'd.hour', 'l'])('is refused for its missing %s, with the row', async (target) => {
    const features = target === 'l' ? ['n'] : ['n', 'l']
    const config: DataConfig = { source: source(), features, target, task: 'regression', fillMissing: 'mean' }
    expect(await userError(() => loadData(config, 1))).toMatch(/row 2 \(counted from 0\), column "[dl].*", got none/)
    const { transform } = await loadData({ ...config, target: 'n', features: ['l'] }, 1)
    const width = target === 'l' ? 2 : 1
    const numbers = {
      names: [target],
      widths: [width],
      mean: Array<number>(width).fill(0),
      std: Array<number>(width).fill(1),
    }
    const told = { ...transform, target: { kind: 'numbers', ...numbers } } as const
    const drain = async () => {
      for await (const chunk of streamDataset(config, told)) expect(chunk).toBeDefined()
    }
    expect(await userError(drain)).toMatch(/row 2 \(counted from 0\), column "[dl].*", got none \(missing or NaN\)/)
  })
})

describe('a running text in parts', () => {
  const configOf = (tokens: 'chars' | 'bytes', size: number) => ({ format: 'text', text: { tokens, size } }) as const

  it('has the windows of the whole one, wherever its bytes are cut', async () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '\n'), minLength: 12, maxLength: 60 })
    const size = fc.integer({ min: 2, max: 5 })
    await fc.assert(
      fc.asyncProperty(
        texts,
        size,
        size,
        size,
        fc.constantFrom('chars', 'bytes'),
        async (text, n, part, cut, tokens) => {
          const bytes = Buffer.from(text)
          const file = write('parts.txt', bytes)
          async function* chunks() {
            for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut)
          }
          const opened = { file, head: bytes.subarray(0, cut), chunks: chunks() }
          const { columns } = await together(readTextParts(opened, configOf(tokens, n), part))
          expect(columns).toEqual((await together([await read(file, configOf(tokens, n))] as never)).columns)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('that begins as UTF-8 and goes on as something else is refused with the place', async () => {
    const parts = [Buffer.from('abc'), Buffer.from([0xe9, 0x61])]
    async function* chunks() {
      yield* parts
    }
    const opened = { file: 'mixed.txt', head: parts[0]!, chunks: chunks() }
    await expect(together(readTextParts(opened, configOf('chars', 2), 1))).rejects.toThrow(
      /UTF-8 in mixed.txt, as it begins, got something else between its bytes 3 and 5. Save it as UTF-8, or set data.text.tokens to 'bytes'/,
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
    for await (const chunk of stream!(0)) {
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

  it('of class folders has every class, and in each epoch every file once, in an order of its own', async () => {
    const source = mkdtempSync(join(tmpdir(), 'brigantine-classes-'))
    onTestFinished(() => rmSync(source, { recursive: true }))
    for (const [c, name] of ['bright', 'dark'].entries()) {
      mkdirSync(join(source, name))
      for (let i = 0; i < 40; i++) {
        writeFileSync(
          join(source, name, `${10 + i}.png`),
          greyPng(3, 2, () => 40 * (1 - c) + i),
        )
      }
    }
    const config = { source, test: source, images: { colorMode: 'grayscale' } } as const
    const whole = await loadData({ source, images: { colorMode: 'grayscale' } }, 1)
    const rowsOf = async (stream: AsyncGenerator<RowChunk>) => {
      const rows: string[] = []
      for await (const { x, y } of stream) {
        for (const [i, label] of (y as Float32Array).entries())
          rows.push(`${label}: ${(x as Float32Array).slice(6 * i, 6 * i + 6).join(' ')}`)
      }
      return rows
    }
    const inOrder = await rowsOf(streamDataset({ source, images: { colorMode: 'grayscale' } }, whole.transform))
    expect(inOrder).toEqual(
      Array.from(whole.train.y, (label, i) => `${label}: ${whole.train.x.slice(6 * i, 6 * i + 6).join(' ')}`),
    )

    const few = await loadData({ ...config, streaming: true, bufferRows: 16 }, 1)
    expect([few.train.classNames, few.summary.format]).toEqual([['bright', 'dark'], 'images'])
    expect(await rowsOf(few.testStream!())).toEqual(inOrder)
    const epochs = [await rowsOf(few.stream!(0)), await rowsOf(few.stream!(1)), await rowsOf(few.stream!(0))]
    expect(epochs[2]).toEqual(epochs[0])
    expect(epochs[1]).not.toEqual(epochs[0])
    for (const rows of epochs) {
      expect([...rows].sort()).toEqual([...inOrder].sort())
      expect(new Set(rows.slice(0, 16).map((row) => row[0])).size).toBe(2)
    }
    // Where the window holds them all, it is their order.
    const many = await loadData({ ...config, streaming: true, bufferRows: 80 }, 1)
    expect(await rowsOf(many.stream!(1))).toEqual(inOrder)
  })

  it('tells of a class that its first rows did not have, with the line', async () => {
    const many = Array.from({ length: 70_000 }, (_, i) => `${i},${i % 2 ? 'odd' : 'even'}`)
    const source = write('late.csv', ['a,kind', ...many, '1,prime'].join('\n'))
    const { stream } = await loadData({ source, streaming: true }, 1)
    const drain = async () => {
      for await (const chunk of stream!(0)) expect(chunk).toBeDefined()
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
  ]
  it.each(refused)('%s: refused', async (_, config, error) => {
    const source = write('some.csv', ['a,b,kind', ...lines].join('\n'))
    expect(await userError(() => loadData({ source, streaming: true, ...config }, 1))).toMatch(error)
  })
})
