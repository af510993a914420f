/** Parquet and Arrow files of strangers: each kind of column, page and message is changed in turn. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import * as arrow from 'apache-arrow'
import fc from 'fast-check'
import { readArrow, readArrowParts } from '../../src/data/read/arrow.ts'
import { readParquet, readParquetParts } from '../../src/data/read/parquet.ts'
import { packedArrow } from '../data/arrow.ts'
import {
  columnOf,
  dataPage,
  dictionaryPage,
  ENCODINGS,
  fileOf,
  listOf,
  pageOf,
  parquetBytes,
  TYPES,
} from '../data/parquet.ts'
import type { Field, ParquetColumn, ParquetFile } from '../data/parquet.ts'
import { changed, changes, cuts, mangled, numbers, renumbered } from './mutate.ts'
import { placesOf, reader } from './survive.ts'

const all = async (parts: AsyncIterable<unknown>) => {
  for await (const part of parts) void part
}
const limit = fc.constantFrom(undefined, 0, 1, 5, 8)
const part = fc.option(fc.integer({ min: 1, max: 5 }))

const ROWS = 6
const bytesOf = (array: ArrayBufferView): number[] => [
  ...new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
]
const ints = bytesOf(Int32Array.from({ length: ROWS }, (_, i) => i * i))
const longs = bytesOf(BigInt64Array.from({ length: ROWS }, (_, i) => 10n ** BigInt(2 * i)))
const doubles = bytesOf(Float64Array.from({ length: ROWS }, (_, i) => i / 3))
const texts = Array.from({ length: ROWS }, (_, i) => [2, 0, 0, 0, 97 + i, 97]).flat()
/** 0, 1, 3, 6, 10, 15: a block of 4 parts of 32, of which the first has 2 bits for each difference above 1. */
const deltas = [128, 1, 4, ROWS, 0, 2, 2, 0, 0, 0, 0b11_100100, 0, 0, 0, 0, 0, 0, 0]
/** The same number each time. */
const same = (value: number) => [128, 1, 4, ROWS, 2 * value, 0, 0, 0, 0, 0]
/** A first one of 0 and then ones. */
const ones = [128, 1, 4, ROWS, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
const letters = Array.from({ length: 2 * ROWS }, (_, i) => 97 + i)
/** Two bits for each of eight. */
const indices = [2, 3, 0b00_100100, 0b00_100100]
/** All but the fourth are there: a run of three, and then eight of one bit each. */
const levels = [4, 0, 0, 0, 2 * 3, 1, 3, 0b110]
const present = [2, 0, 0, 0, 2 * ROWS, 1]
const text: Field[] = [[6, 'int', 0]]

const { plain, rle, delta, deltaLength, deltaBytes, dictionary, split } = ENCODINGS
const one = (name: string, type: number, encoding: number, body: number[], more = {}) =>
  columnOf(name, type, ROWS, [dataPage(ROWS, encoding, body)], more)
const packed = (name: string, codec: number, body: Iterable<number>) =>
  columnOf(name, TYPES.int32, ROWS, [dataPage(ROWS, plain, [...body], ints.length)], { codec })

/** A page of the newer kind: its levels are before it, unpacked. */
const newer = (name: string, type: number, encoding: number, body: number[]) => {
  const own: Field[] = [
    [1, 'int', ROWS],
    [2, 'int', 1],
    [3, 'int', ROWS],
    [4, 'int', encoding],
    [5, 'int', 4],
    [6, 'int', 0],
    [7, 'bool', false],
  ]
  return columnOf(name, type, ROWS, [pageOf(3, body.length + 4, 8, own, [...levels.slice(4), ...body])], {
    repetition: 1,
  })
}

const pairs = bytesOf(Int32Array.from({ length: 2 * ROWS }, (_, i) => i))
const listPages = [dataPage(2 * ROWS, plain, [3, 0, 0, 0, 5, 0xaa, 0x0a, 2, 0, 0, 0, 2 * 2 * ROWS, 3, ...pairs])]
const list = listOf('l', TYPES.int32, 2 * ROWS, listPages)

const columns: ParquetColumn[] = [
  one('i', TYPES.int32, plain, ints),
  one('delta', TYPES.int32, delta, deltas),
  one('delta64', TYPES.int64, delta, deltas),
  one('time', TYPES.int64, plain, longs, { more: [[6, 'int', 10]] }),
  one('day', TYPES.int32, plain, ints, { more: [[6, 'int', 6]] }),
  one('int96', TYPES.int96, plain, [...ints, ...longs]),
  one('f', TYPES.float, plain, ints),
  one('split', TYPES.double, split, doubles),
  one('b', TYPES.boolean, plain, [0b101010]),
  one('runs', TYPES.boolean, rle, present),
  one('text', TYPES.bytes, plain, texts, { more: text }),
  one('lengths', TYPES.bytes, deltaLength, [...same(2), ...letters], { more: text }),
  one('prefixes', TYPES.bytes, deltaBytes, [...ones, ...same(1), ...letters.slice(0, ROWS)], { more: text }),
  one('decimal', TYPES.fixed, plain, letters, {
    typeLength: 2,
    more: [
      [6, 'int', 5],
      [7, 'int', 1],
    ],
  }),
  one('maybe', TYPES.int32, plain, [...levels, ...ints.slice(4)], { repetition: 1 }),
  columnOf('known', TYPES.bytes, ROWS, [dictionaryPage(3, texts.slice(0, 18)), dataPage(ROWS, dictionary, indices)], {
    more: text,
  }),
  columnOf('few', TYPES.int32, ROWS, [
    dictionaryPage(3, ints.slice(0, 12)),
    dataPage(4, dictionary, indices),
    dataPage(2, dictionary, [2, 2 * 2, 1]),
  ]),
  newer('new', TYPES.int32, plain, ints.slice(4)),
  newer('newDelta', TYPES.int64, delta, deltas),
  list,
  packed('snappy', 1, [ints.length, (ints.length - 1) << 2, ...ints]),
  packed('gzip', 2, gzipSync(Buffer.from(ints))),
  packed('brotli', 4, brotliCompressSync(Buffer.from(ints))),
  packed('zstd', 6, zstdCompressSync(Buffer.from(ints))),
  packed('lz4', 7, [0xf0, ints.length - 15, ...ints]),
]

const files: ParquetFile[] = [
  ...columns.map((column) => fileOf([column], ROWS)),
  ...columns.map((column, i) => fileOf([column, columns[(i + 7) % columns.length]!], ROWS, [ROWS, ROWS])),
]

async function readsParquet(bytes: Uint8Array, limit: number | undefined, rows: number | null): Promise<void> {
  if (rows === null) await readParquet(placesOf(bytes), { source: 'hostile', limit })
  else await all(readParquetParts(placesOf(bytes), { source: 'hostile' }, rows, 2 ** 24))
}

const batches = (columns: Record<string, arrow.Vector>) => {
  const table = new arrow.Table(columns)
  return new arrow.Table([...table.slice(0, 3).batches, ...table.slice(3).batches])
}
const of = (values: unknown[], type: arrow.DataType) => arrow.vectorFromArray(values, type) as arrow.Vector
const six = [...Array(ROWS).keys()]
const child = (type: arrow.DataType) => new arrow.Field('item', type, true)
const tables = [
  batches({
    n: of([0, null, 2, 3, 4, 5], new arrow.Float64()),
    b: of(
      six.map((i) => i % 2 === 0),
      new arrow.Bool(),
    ),
  }),
  batches({ t: of(['a', 'bc', null, '', 'd', 'e'], new arrow.Utf8()), i: of(six, new arrow.Int8()) }),
  batches({
    d: of(
      six.map((i) => `${i % 2}`),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 0),
    ),
    l: of(six.map(BigInt), new arrow.Int64()),
  }),
  batches({
    list: of(
      six.map((i) => [i, i + 1]),
      new arrow.List(child(new arrow.Float32())),
    ),
    fixed: of(
      six.map((i) => [i, i + 1]),
      new arrow.FixedSizeList(2, child(new arrow.Int16())),
    ),
  }),
  batches({
    time: of(
      six.map((i) => new Date(i * 1e9)),
      new arrow.TimestampMillisecond(),
    ),
    day: of(
      six.map((i) => new Date(i * 864e5)),
      new arrow.DateDay(),
    ),
    half: of(six, new arrow.Float16()),
  }),
  batches({
    large: of(['a', 'b', 'c', 'd', 'e', 'f'], new arrow.LargeUtf8()),
    nothing: of(
      six.map(() => null),
      new arrow.Null(),
    ),
  }),
]

async function readsArrow(bytes: Uint8Array, limit: number | undefined, rows: number | null): Promise<void> {
  if (rows === null) await readArrow(placesOf(bytes), { source: 'hostile', limit })
  else await all(readArrowParts(placesOf(bytes), { source: 'hostile' }, rows, 2 ** 24))
}

const kinds = ['file', 'stream'] as const
const [arrowFiles, arrowStreams] = kinds.map((kind) =>
  tables.map((table) => Buffer.from(arrow.tableToIPC(table, kind))),
) as [Buffer[], Buffer[]]
const packedFiles = (['shortLz4', 'shortZstd'] as const).map((name) => ({
  what: `Arrow ${name}`,
  bytes: packedArrow(name),
}))

/** What is read before it is changed, each of `ROWS` rows or of a multiple. */
export const unchanged = [
  ...files.map((file) => ({
    what: `Parquet file of ${file.columns.map(({ schema }) => schema[0]!.find(([id]) => id === 4)![2]).join()}`,
    rows: file.rows,
    read: () => readParquet(placesOf(parquetBytes(file)), { source: 'hostile' }),
  })),
  ...[...arrowFiles, ...arrowStreams].map((bytes, i) => ({
    what: `Arrow ${kinds[Math.floor(i / tables.length)]!} ${i % tables.length}`,
    rows: ROWS,
    read: () => readArrow(placesOf(bytes), { source: 'hostile' }),
  })),
  ...packedFiles.map(({ what, bytes }) => ({
    what,
    rows: 96,
    read: () => readArrow(placesOf(bytes), { source: 'hostile' }),
  })),
]

const arrowReader = (kind: string, wholes: readonly Buffer[]) =>
  reader(
    `Arrow ${kind}`,
    [fc.constantFrom(...wholes), numbers, fc.option(cuts, { freq: 2 }), limit, part],
    (whole, list, more, limit, rows) => {
      const bytes = renumbered(whole, list)
      return readsArrow(more ? mangled(bytes, more) : bytes, limit, rows)
    },
  )

export const columnar = [
  reader(
    'Parquet file',
    [fc.constantFrom(...files), changes, fc.option(cuts, { freq: 2 }), limit, part],
    (file, list, more, limit, rows) => {
      let whole: Buffer
      try {
        whole = parquetBytes(changed(file, list) as ParquetFile)
      } catch {
        // The changes left something that cannot be written.
        whole = parquetBytes(file)
      }
      return readsParquet(more ? mangled(whole, more) : whole, limit, rows)
    },
  ),
  arrowReader('file', arrowFiles),
  arrowReader('stream', arrowStreams),
  arrowReader(
    'with compressed buffers',
    packedFiles.map(({ bytes }) => bytes),
  ),
]
