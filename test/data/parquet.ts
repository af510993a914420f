/** A Parquet file of one column `n` of equal numbers, written by hand: one dictionary page, and one run in one data page. */

type Field = readonly [id: number, kind: 'int' | 'long' | 'text' | 'list' | 'struct', value: unknown]

const KINDS = { int: 5, long: 6, text: 8, list: 9, struct: 12 } as const

function varint(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

function element(kind: Field[1], value: unknown): number[] {
  if (kind === 'int' || kind === 'long')
    return varint((value as number) < 0 ? -2n * BigInt(value as number) - 1n : 2n * BigInt(value as number))
  if (kind === 'text') return [...varint(BigInt((value as string).length)), ...Buffer.from(value as string)]
  if (kind === 'struct') return struct(value as Field[])
  const [inner, items] = value as [Field[1], unknown[]]
  return [(items.length << 4) | KINDS[inner], ...items.flatMap((item) => element(inner, item))]
}

/** Thrift's compact protocol; fields in ascending order. */
const struct = (fields: readonly Field[]): number[] => [
  ...fields.flatMap(([id, kind, value], i) => [
    ((id - (fields[i - 1]?.[0] ?? 0)) << 4) | KINDS[kind],
    ...element(kind, value),
  ]),
  0,
]

/** @param rows in the run  @param declared by the page, by the column, and by the group of rows */
export function parquetOf(
  rows: number,
  declared: { page?: number; column?: number; group?: number; children?: number } = {},
): Buffer {
  const { page = rows, column = rows, group = rows, children = 1 } = declared
  const [INT32, RLE_DICTIONARY, PLAIN] = [1, 8, 0]
  const header = (type: number, size: number, place: number, of: Field[]) =>
    struct([
      [1, 'int', type],
      [2, 'int', size],
      [3, 'int', size],
      [place, 'struct', of],
    ])
  // prettier-ignore
  const dictionary = [...header(2, 4, 7, [[1, 'int', 1], [2, 'int', PLAIN]]), 42, 0, 0, 0]
  const run = [1, ...varint(2n * BigInt(rows)), 0]
  const encodings: Field[] = [
    [1, 'int', page],
    [2, 'int', RLE_DICTIONARY],
    [3, 'int', 3],
    [4, 'int', 3],
  ]
  const pages = [...dictionary, ...header(0, run.length, 5, encodings), ...run]
  // prettier-ignore
  const chunk: Field[] = [
    [1, 'int', INT32], [2, 'list', ['int', [RLE_DICTIONARY]]], [3, 'list', ['text', ['n']]], [4, 'int', 0],
    [5, 'long', column], [6, 'long', pages.length], [7, 'long', pages.length], [9, 'long', 4 + dictionary.length], [11, 'long', 4],
  ]
  const footer = struct([
    [1, 'int', 1],
    [
      2,
      'list',
      [
        'struct',
        [
          [
            [4, 'text', 'root'],
            [5, 'int', children],
          ],
          [
            [1, 'int', INT32],
            [3, 'int', 0],
            [4, 'text', 'n'],
          ],
        ],
      ],
    ],
    [3, 'long', group],
    [
      4,
      'list',
      [
        'struct',
        [
          [
            [
              1,
              'list',
              [
                'struct',
                [
                  [
                    [2, 'long', 4],
                    [3, 'struct', chunk],
                  ],
                ],
              ],
            ],
            [2, 'long', pages.length],
            [3, 'long', group],
          ],
        ],
      ],
    ],
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([Buffer.from('PAR1'), Buffer.from(pages), Buffer.from(footer), length, Buffer.from('PAR1')])
}
