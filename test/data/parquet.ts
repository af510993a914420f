/** Parquet files written by hand, from a tree of plain data that tests may change. Format: parquet.thrift, Thrift's compact protocol. */

/** A struct's fields, in ascending order. Of a number, a word is filled in: see `Places`. */
export type Field = readonly [id: number, kind: keyof typeof KINDS, value: unknown]

const KINDS = { bool: 1, int: 5, long: 6, text: 8, list: 9, struct: 12 } as const

export const TYPES = { boolean: 0, int32: 1, int64: 2, int96: 3, float: 4, double: 5, bytes: 6, fixed: 7 } as const
export const ENCODINGS = { plain: 0, rle: 3, delta: 5, deltaLength: 6, deltaBytes: 7, dictionary: 8, split: 9 } as const

export interface ParquetPage {
  /** Sizes are filled in. */
  readonly header: readonly Field[]
  readonly body: readonly number[]
}

export interface ParquetColumn {
  /** Itself, and what is nested in it, in depth-first order. */
  readonly schema: readonly (readonly Field[])[]
  readonly pages: readonly ParquetPage[]
  /** The metadata of its part of a row group. */
  readonly chunk: readonly Field[]
}

export interface ParquetFile {
  readonly columns: readonly ParquetColumn[]
  readonly root: readonly Field[]
  /** Rows of each group; each has the same pages. */
  readonly groups: readonly number[]
  readonly rows: number
}

/** Where a column's pages are in the file, their bytes, and the bytes of a page. */
type Places = Readonly<Record<string, number>>

export function parquetBytes(file: ParquetFile): Buffer {
  const bytes = [...Buffer.from('PAR1')]
  const places = file.groups.map(() =>
    file.columns.map(({ pages }): Places => {
      const start = bytes.length
      let last = start
      for (const page of pages) {
        last = bytes.length
        bytes.push(...pageBytes(page))
      }
      return { start, last, size: bytes.length - start }
    }),
  )
  return Buffer.concat([Buffer.from(bytes), footerBytes(file, places)])
}

export const pageBytes = ({ header, body }: ParquetPage): number[] => [
  ...struct(header, { size: body.length }),
  ...body,
]

/** What stands behind the pages. @param places of each group's columns */
export function footerBytes(
  { columns, root, groups, rows }: ParquetFile,
  places: readonly (readonly Places[])[],
): Buffer {
  const rowGroups = groups.map((groupRows, group): Field[] => {
    const chunks = columns.map(({ chunk }, i): Field[] => {
      const place = places[group]![i]!
      return [
        [2, 'long', place.start],
        [3, 'struct', chunk.map(([id, kind, value]) => [id, kind, place[String(value)] ?? value])],
      ]
    })
    return [
      [1, 'list', ['struct', chunks]],
      [2, 'long', places[group]!.reduce((sum, { size }) => sum + size!, 0)],
      [3, 'long', groupRows],
    ]
  })
  const schema = [root, ...columns.flatMap(({ schema }) => schema)]
  const footer = struct([
    [1, 'int', 1],
    [2, 'list', ['struct', schema]],
    [3, 'long', rows],
    [4, 'list', ['struct', rowGroups]],
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([Buffer.from(footer), length, Buffer.from('PAR1')])
}

const struct = (fields: readonly Field[], places: Places = {}): number[] => [
  ...fields.flatMap(([id, kind, value], i) => [
    ((id - (fields[i - 1]?.[0] ?? 0)) << 4) | (KINDS[kind] + (kind === 'bool' && !value ? 1 : 0)),
    ...element(kind, value, places),
  ]),
  0,
]

function element(kind: Field[1], value: unknown, places: Places): number[] {
  switch (kind) {
    case 'bool':
      return []
    case 'int':
    case 'long': {
      const number = BigInt(places[String(value)] ?? (value as number))
      return varint(number < 0 ? -2n * number - 1n : 2n * number)
    }
    case 'text':
      return [...varint((value as string).length), ...Buffer.from(value as string)]
    case 'struct':
      return struct(value as Field[], places)
    case 'list': {
      const [inner, items] = value as [Field[1], unknown[]]
      const count = items.length < 15 ? [] : varint(items.length)
      const head = (Math.min(items.length, 15) << 4) | KINDS[inner]
      return [head, ...count, ...items.flatMap((item) => element(inner, item, places))]
    }
  }
}

export function varint(value: bigint | number): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

/** @param unpacked bytes of the page  @param place of the header's own struct  @param body as it is in the file */
export const pageOf = (
  type: number,
  unpacked: number,
  place: number,
  own: Field[],
  body: readonly number[],
): ParquetPage => ({
  header: [
    [1, 'int', type],
    [2, 'int', unpacked],
    [3, 'int', 'size'],
    [place, 'struct', own],
  ],
  body,
})

/** @param body of values of the type, one behind the other */
export const dictionaryPage = (values: number, body: readonly number[], unpacked = body.length): ParquetPage =>
  pageOf(
    2,
    unpacked,
    7,
    [
      [1, 'int', values],
      [2, 'int', ENCODINGS.plain],
    ],
    body,
  )

export const dataPage = (
  values: number,
  encoding: number,
  body: readonly number[],
  unpacked = body.length,
): ParquetPage =>
  pageOf(
    0,
    unpacked,
    5,
    [
      [1, 'int', values],
      [2, 'int', encoding],
      [3, 'int', ENCODINGS.rle],
      [4, 'int', ENCODINGS.rle],
    ],
    body,
  )

/** @param first are its schema's elements before its name, and `more` those behind it  @param path below its name */
export function columnOf(
  name: string,
  type: number,
  values: number,
  pages: readonly ParquetPage[],
  { codec = 0, repetition = 0, more = [] as Field[], typeLength = 0 } = {},
): ParquetColumn {
  const element: Field[] = [
    [1, 'int', type],
    ...(typeLength > 0 ? [[2, 'int', typeLength] as const] : []),
    [3, 'int', repetition],
    [4, 'text', name],
    ...more,
  ]
  return { schema: [element], pages, chunk: chunkOf([name], type, values, pages, codec) }
}

/** Lists of which any may be missing, or numbers in them. @param values of all of them */
export const listOf = (name: string, type: number, values: number, pages: readonly ParquetPage[]): ParquetColumn => ({
  schema: [
    [
      [3, 'int', 1],
      [4, 'text', name],
      [5, 'int', 1],
      [6, 'int', 3],
    ],
    [
      [3, 'int', 2],
      [4, 'text', 'list'],
      [5, 'int', 1],
    ],
    [
      [1, 'int', type],
      [3, 'int', 1],
      [4, 'text', 'element'],
    ],
  ],
  pages,
  chunk: chunkOf([name, 'list', 'element'], type, values, pages, 0),
})

const chunkOf = (
  path: readonly string[],
  type: number,
  values: number,
  pages: readonly ParquetPage[],
  codec: number,
): Field[] => [
  [1, 'int', type],
  [2, 'list', ['int', [ENCODINGS.plain]]],
  [3, 'list', ['text', path]],
  [4, 'int', codec],
  [5, 'long', values],
  [6, 'long', 'size'],
  [7, 'long', 'size'],
  [9, 'long', 'last'],
  ...(pages.length > 1 ? [[11, 'long', 'start'] as const] : []),
]

export const fileOf = (
  columns: readonly ParquetColumn[],
  rows: number,
  groups: readonly number[] = [rows],
): ParquetFile => ({
  columns,
  root: [
    [4, 'text', 'root'],
    [5, 'int', columns.length],
  ],
  groups,
  rows: rows * groups.length,
})

/**
 * One column `n` of equal numbers: one dictionary page, and one run in one data page.
 * @param rows in the run  @param declared by the page, by the column, and by the group of rows
 */
export function parquetOf(
  rows: number,
  declared: { page?: number; column?: number; group?: number; children?: number } = {},
): Buffer {
  const { page = rows, column = rows, group = rows, children = 1 } = declared
  const run = [1, ...varint(2 * rows), 0]
  const pages = [dictionaryPage(1, [42, 0, 0, 0]), dataPage(page, ENCODINGS.dictionary, run)]
  const root: Field[] = [
    [4, 'text', 'root'],
    [5, 'int', children],
  ]
  return parquetBytes({ ...fileOf([columnOf('n', TYPES.int32, column, pages)], group), root })
}
