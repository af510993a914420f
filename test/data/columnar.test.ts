/** Parquet and Arrow files: real ones of npm's vega-datasets, and damaged copies of them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Dictionary,
  Field,
  Int32,
  List,
  Message,
  MessageHeader,
  MetadataVersion,
  Null,
  Struct,
  Table,
  tableFromArrays,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadData } from '../../src/data/load.ts'
import { cellColumn, wantedColumns } from '../../src/data/read/cells.ts'
import { readTable } from '../../src/data/read/table.ts'
import { packedArrow } from './arrow.ts'
import { parquetOf } from './parquet.ts'

const folder = join(import.meta.dirname, '../../node_modules/vega-datasets')
const PARQUET = join(folder, 'data/flights-3m.parquet')
const ARROW = join(folder, 'data/flights-200k.arrow')

let temporary = ''
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'brigantine-columnar-'))
})
afterAll(() => rm(temporary, { recursive: true }))

const read = async (source: string, limit: number, more = {}) =>
  (await readTable(source, undefined, { source, limit, ...more })).table

describe('Parquet', () => {
  it('is read in part: the first rows, dates in their parts', async () => {
    const { rows, columns } = await read(PARQUET, 3)
    expect(rows).toBe(3)
    // 2001-01-01 00:01, a Monday, 11,323 days after 1970.
    expect(Object.fromEntries(columns.map(({ name, values }) => [name, Array.from<unknown>(values)]))).toEqual({
      date: Array(3).fill(11_323 + 1 / 1440),
      'date.month': [1, 1, 1],
      'date.weekday': [1, 1, 1],
      'date.hour': Array(3).fill(1 / 60),
      delay: [33, 19, 14],
      distance: [2176, 215, 405],
      origin: ['LAS', 'ATL', 'MCI'],
      destination: ['PHL', 'SAV', 'MDW'],
    })
  })

  it('goes over the border of a row group (272,727 rows), reading only the columns asked for', async () => {
    const { rows, columns } = await read(PARQUET, 272_800, { features: ['distance'], target: 'delay' })
    expect(rows).toBe(272_800)
    expect(columns.map(({ name }) => name)).toEqual(['date', 'delay', 'distance', 'origin', 'destination'])
    expect(columns[0]!.values).toEqual(new Int8Array(rows))
    expect(
      columns.slice(1, 3).every(({ values }) => values.length === rows && !Array.from<unknown>(values).includes(NaN)),
    ).toBe(true)
  })

  it('becomes data to train on', async () => {
    const { train, validation, summary } = await loadData(
      { source: PARQUET, target: 'delay', drop: ['date', 'origin', 'destination'], limit: 500, validationSplit: 0.2 },
      1,
    )
    expect(summary).toMatchObject({ format: 'parquet', task: 'regression', features: 1 })
    expect([train.rows, validation?.rows]).toEqual([400, 100])
  })

  it('that is truncated or damaged is refused with the reason', async () => {
    const whole = await readFile(PARQUET)
    const damagedAt = async (name: string, bytes: Buffer) => {
      const path = join(temporary, name)
      await writeFile(path, bytes)
      return path
    }
    const truncated = await damagedAt('truncated.parquet', whole.subarray(0, whole.length >> 1))
    await expect(read(truncated, 10)).rejects.toThrow(/whole Parquet file, but .*truncated.parquet is damaged/)
    const huge = Buffer.from(whole.subarray(-2000))
    // The length of the footer.
    huge.writeUInt32LE(0xffff_fff0, huge.length - 8)
    await expect(
      read(await damagedAt('footer.parquet', Buffer.concat([whole.subarray(0, 4), huge])), 10),
    ).rejects.toThrow(/damaged/)
    // The footer, wherever it lies, over what it describes cut away.
    const shorter = Buffer.concat([whole.subarray(0, 1000), whole.subarray(-20_000)])
    await expect(read(await damagedAt('shorter.parquet', shorter), 10)).rejects.toThrow(/damaged/)
  })

  it('of which any byte of the footer is changed is read or refused, and never anything else', async () => {
    const whole = await readFile(PARQUET)
    const footer = whole.readUInt32LE(whole.length - 8)
    const path = join(temporary, 'changed.parquet')
    await fc.assert(
      fc.asyncProperty(fc.nat(footer + 7), fc.nat(255), async (back, byte) => {
        const at = whole.length - 1 - back
        const before = whole[at]!
        whole[at] = byte
        await writeFile(path, whole)
        whole[at] = before
        await read(path, 5, { features: ['distance'], target: 'delay' }).catch((error: Error) =>
          expect(error.name).toBe('UserError'),
        )
      }),
      { numRuns: 6 },
    )
  }, 60_000)
})

describe('Parquet that declares more than it has', () => {
  const write = async (bytes: Buffer) => {
    const path = join(temporary, 'declares.parquet')
    await writeFile(path, bytes)
    return path
  }

  it('of one run of equal numbers, is read as what it is', async () => {
    const { rows, columns } = await read(await write(parquetOf(100_000)), Infinity)
    expect([rows, new Set<unknown>(columns[0]!.values as Float64Array)]).toEqual([100_000, new Set([42])])
  })

  it.each<[string, Buffer, RegExp]>([
    ['by its page', parquetOf(10, { page: 2 ** 31 - 1 }), /pages of column n declare 2147483647 values, the column 10/],
    [
      'by its run, page and column',
      parquetOf(2 ** 30),
      /a column declares 1073741824 values, which 128 bytes hardly hold/,
    ],
    ['less by its page', parquetOf(10, { page: -1 }), /damaged/],
    ['by its schema', parquetOf(10, { children: 2 ** 31 - 1 }), /damaged/],
  ])('%s, is refused before it is taken', async (_, bytes, error) => {
    const path = await write(bytes)
    const before = process.memoryUsage().rss
    await expect(read(path, Infinity)).rejects.toThrow(error)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })
})

describe('Arrow', () => {
  it('is read batch by batch, up to the limit', async () => {
    const { rows, columns } = await read(ARROW, 4)
    expect(rows).toBe(4)
    expect(columns.map(({ name }) => name)).toEqual(['delay', 'distance', 'time'])
    expect(Array.from<unknown>(columns[0]!.values).slice(0, 3)).toEqual([0, 171, 177])
    const all = await read(ARROW, Infinity, { features: ['distance'], target: ['delay'] })
    expect([all.rows, all.columns.length]).toEqual([200_000, 3])
  })

  it('that is truncated is refused with the reason', async () => {
    const path = join(temporary, 'truncated.arrow')
    await writeFile(path, (await readFile(ARROW)).subarray(0, 100_000))
    await expect(read(path, 1e6)).rejects.toThrow(/whole Arrow file, but .*truncated.arrow is damaged/)
  })
})

describe.each(['lz4', 'zstd'] as const)('Arrow with buffers of %s', (codec) => {
  const write = async (bytes: Buffer) => {
    const path = join(temporary, `${codec}.arrow`)
    await writeFile(path, bytes)
    return path
  }
  const bytes = packedArrow(codec)

  it('is read', async () => {
    const { columns } = await read(await write(bytes), Infinity)
    expect(columns[0]!.values).toEqual(Float64Array.from({ length: 12_000 }, (_, i) => (i % 2 === 0 ? 1.5 : 2.5)))
    expect(columns[1]!.values).toEqual(Array.from({ length: 12_000 }, (_, i) => (i % 8 === 3 ? null : 'ab')))
  })

  it.each([
    [
      'one that says it is longer than it is',
      2n ** 40n,
      /a buffer of \d+ bytes is declared to have 1099511627776 unpacked/,
    ],
    ['one that says it is shorter', 95_992n, /column x: .*95992 bytes|column x: .* more bytes than it declares/],
  ])('%s is refused before it is taken', async (_, unpacked, error) => {
    const changed = Buffer.from(bytes)
    changed.writeBigInt64LE(unpacked, changed.indexOf(Buffer.from(BigInt64Array.of(96_000n).buffer)))
    const before = process.memoryUsage().rss
    await expect(read(await write(changed), Infinity)).rejects.toThrow(error)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })

  it('of which one is damaged is refused with the column', async () => {
    const changed = Buffer.from(bytes)
    const start = changed.indexOf(Buffer.from(BigInt64Array.of(96_000n).buffer))
    changed.fill(0xff, start + 8, start + 40)
    await expect(read(await write(changed), Infinity)).rejects.toThrow(/is damaged or of an unknown kind: column x: /)
  })
})

describe('Arrow of nested columns', () => {
  const int = (): Field => new Field('a', new Int32())
  it.each([
    ['Struct<{a:Int32}>', new Struct([int()])],
    ['List<List<Int32>>', new List(new Field('l', new List(int())))],
  ])('%s is refused by its type, and can be left out', async (name, type) => {
    const columns = { n: vectorFromArray([1, 2]), s: vectorFromArray([null, null], type) }
    const path = join(temporary, 'nested.arrow')
    await writeFile(path, tableToIPC(new Table(columns)))
    await expect(read(path, Infinity)).rejects.toThrow(`numbers in column \`s\` of ${path}, got \`${name}\`. Leave`)
    expect(await read(path, Infinity, { drop: 's' })).toMatchObject({ rows: 2 })
  })
})

describe('Arrow that declares more than it has', () => {
  const table = tableFromArrays({
    n: Float64Array.from({ length: 1000 }),
    t: Array.from({ length: 1000 }, (_, i) => `${i % 3}`),
  })
  const refused = async (name: string, bytes: Uint8Array, error: RegExp) => {
    const path = join(temporary, name)
    await writeFile(path, bytes)
    const before = process.memoryUsage().rss
    await expect(read(path, Infinity)).rejects.toThrow(error)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  }

  it.each(['file', 'stream'] as const)('rows, in a %s: is refused before they are taken', async (kind) => {
    const whole = Buffer.from(tableToIPC(table, kind))
    const [first] = Array.from({ length: whole.length >> 3 }, (_, i) => 8 * i).filter(
      (at) => whole.readBigInt64LE(at) === 1000n,
    )
    for (const rows of [1001n, 2n ** 31n, 2n ** 40n]) {
      const bytes = Buffer.from(whole)
      bytes.writeBigInt64LE(rows, first)
      await refused('rows.arrow', bytes, /whole Arrow file, but .*rows.arrow is damaged or of an unknown kind: /)
    }
  })

  it.each(['file', 'stream'] as const)('parts of a batch, in a %s: is refused before one is made', async (kind) => {
    const whole = Buffer.from(tableToIPC(table, kind))
    // Two nodes and five buffers, behind the schema: each vector's count stands before its first item.
    const rows = whole.indexOf(Buffer.from(BigInt64Array.of(1000n, 0n).buffer))
    expect(whole.readUInt32LE(rows - 4)).toBe(2)
    whole.writeUInt32LE(2 ** 31, rows - 4)
    await refused('nodes.arrow', whole, /its head of \d+ bytes declares 2147483648 parts of 16 bytes/)
  })

  it.each(['file', 'stream'] as const)('room, in a %s: is refused before it is taken', async (kind) => {
    // Of the batch, whose column of lists has 3 values, and of those.
    const lists = tableFromArrays({ n: [[1, 2], [3]] })
    const whole = Buffer.from(tableToIPC(lists, kind))
    for (const rows of [2n, 3n]) {
      const bytes = Buffer.from(whole)
      bytes.writeBigInt64LE(2n ** 28n, bytes.indexOf(Buffer.from(BigInt64Array.of(rows, 0n).buffer)))
      await refused('room.arrow', bytes, /268435456 rows are declared, it has \d+ bytes/)
    }
  })

  it('values of a head that has none, over which the library reads on: is refused before its rows are asked for', async () => {
    const nothing = new Table({ n: vectorFromArray([null, null, null], new Null()) })
    const whole = Buffer.from(tableToIPC(nothing, 'stream'))
    const batch = Buffer.from(whole.subarray(8 + whole.readInt32LE(4)))
    for (let at = 0; at < batch.length; at += 8) {
      if (batch.readBigInt64LE(at) === 3n) batch.writeBigInt64LE(2n ** 40n, at)
    }
    const encoded = Message.encode(new Message(batch.length, MetadataVersion.V5, MessageHeader.Schema, nothing.schema))
    const schema = Buffer.alloc(8 + 8 * Math.ceil(encoded.length / 8))
    schema.writeInt32LE(-1, 0)
    schema.writeInt32LE(schema.length - 8, 4)
    schema.set(encoded, 8)
    await refused(
      'hidden.arrow',
      Buffer.concat([schema, batch]),
      /kind 1, which has no values, declares \d+ bytes of them/,
    )
  })

  it.each(['file', 'stream'] as const)('texts of a dictionary, in a %s: is refused', async (kind) => {
    const texts = new Table({ t: vectorFromArray([...'abcdefga'], new Dictionary(new Utf8(), new Int32())) })
    const whole = Buffer.from(tableToIPC(texts, kind))
    const declare = (rows: bigint) => {
      const bytes = Buffer.from(whole)
      bytes.writeBigInt64LE(rows, bytes.indexOf(Buffer.from(BigInt64Array.of(7n, 0n).buffer)))
      return bytes
    }
    await refused('texts.arrow', declare(100n), /a dictionary: a column has (100 rows of 7|7 rows of 100)/)
    const overlapping = Buffer.from(whole)
    const places = Buffer.from(Int32Array.of(0, 1, 2, 3, 4).buffer)
    overlapping.writeInt32LE(3, overlapping.indexOf(places) + 4)
    await refused('texts.arrow', overlapping, /a dictionary: values overlap/)
  })

  it('nothing, with something behind its end: is refused', async () => {
    const empty = Buffer.from(tableToIPC(table.slice(0, 0), 'stream'))
    const schema = empty.subarray(0, 8 + empty.readInt32LE(4))
    const behind = Buffer.from(Int32Array.of(-1, 0, 2 ** 30, 1, 2, 3).buffer)
    await refused('empty.arrow', Buffer.concat([schema, behind]), /Expected rows of data in .*empty.arrow, got none/)
  })

  it('a footer: is refused', async () => {
    const whole = Buffer.from(tableToIPC(table, 'file'))
    for (const length of [2 ** 31 - 1, whole.length, -1]) {
      const bytes = Buffer.from(whole)
      bytes.writeInt32LE(length, whole.length - 10)
      await refused('footer.arrow', bytes, /bytes of footer are declared/)
    }
    await refused('short.arrow', whole.subarray(0, 12), /damaged/)
  })
})

describe('columns of decoded values', () => {
  const column = (...chunks: unknown[][]) => {
    const cells = cellColumn('c', 'file')
    for (const chunk of chunks) cells.add(chunk)
    return cells.finish()
  }

  it('are numbers, texts or lists, with what is missing', () => {
    expect(column([null, 1n], [true, 2.5])).toMatchObject([{ kind: 'numbers', width: 1 }])
    expect(column([null, 1n], [true, 2.5])[0]!.values).toEqual(Float64Array.of(NaN, 1, 1, 2.5))
    expect(column(['a'], [null, 'b'])[0]!.values).toEqual(['a', null, 'b'])
    expect(column([[1, 2]], [Float32Array.of(3, 4)])[0]).toMatchObject({
      width: 2,
      values: Float64Array.of(1, 2, 3, 4),
    })
    expect(column([null, null])[0]!.values).toEqual(Float64Array.of(NaN, NaN))
  })

  it('of several kinds, or of none that can be trained on, are refused by name', () => {
    expect(() => column([1, 'a'])).toThrow(
      /column `c` of file to hold one kind of value, got `"a"` \(string\) in row 1/,
    )
    expect(() => column([{ a: 1 }])).toThrow(/column `c` of file, got an object with keys a.*data.drop/)
    expect(() => column([[1, 2], [1]])).toThrow(/2 numbers in column `c` of file, got 1 in row 1/)
  })

  it('are those asked for by name or place, when all are named', () => {
    const names = ['a', 'b', 'date']
    expect(wantedColumns(names, {})).toEqual(names)
    expect(wantedColumns(names, { drop: ['b'] })).toEqual(['a', 'date'])
    expect(wantedColumns(names, { features: ['date.hour'], target: 0 })).toEqual(['a', 'date'])
    expect(wantedColumns(names, { target: 'a' })).toEqual(names)
  })
})
