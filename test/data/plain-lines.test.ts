/** Lines that are cut beside the parser that looks at every byte, and numbers beside `Number`. */
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linesOf, PARSING } from '../../src/data/read/csv.ts'
import { parseNumber } from '../../src/data/read/columns.ts'

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? bytes.length)
    yield bytes.slice(at, end)
    at = end
  }
}

/** Cells and line numbers, and the message where it ends in an error. */
async function cut(bytes: Uint8Array, delimiter: string, sizes: readonly number[]) {
  const found: { record: readonly string[]; line: number }[] = []
  try {
    for await (const { records, lines } of linesOf(inChunks(bytes, sizes), delimiter)) {
      records.forEach((record, i) => found.push({ record, line: lines[i]! }))
    }
  } catch (error) {
    return (error as Error).message
  }
  return found
}

function parsed(bytes: Uint8Array, delimiter: string) {
  try {
    const all = parse(Buffer.from(bytes), { ...PARSING, delimiter, bom: true })
    return (all as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      record,
      line: info.lines,
    }))
  } catch (error) {
    return (error as Error).message
  }
}

const plain = [
  '1',
  '-2.5',
  'a',
  'é',
  '\u{1f409}',
  ' ',
  '\t',
  '\u00a0',
  '\ufeff',
  ',',
  ',',
  ';',
  '\n',
  '\n',
  '\r\n',
  '\r',
  '\r\n\r\n',
]
const piecesOf = (pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => new TextEncoder().encode(parts.join('')))
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
const delimiter = fc.constantFrom(',', ';', '\t', ' ', 'é')

describe('lines of CSV', () => {
  it.each([
    ['without quotes', plain],
    ['with quoted fields', [...plain, '"x"', '"y,\n""z"""', '\n"q",']],
    ['with quotes anywhere', [...plain, '"']],
  ])('%s are those that the parser finds, in chunks of any size', async (_name, pieces) => {
    await fc.assert(
      fc.asyncProperty(piecesOf(pieces), delimiter, sizes, async (bytes, delimiter, sizes) => {
        expect(await cut(bytes, delimiter, sizes)).toEqual(parsed(bytes, delimiter))
      }),
      { numRuns: 2000 },
    )
  })

  it('in UTF-16 are left to the parser', async () => {
    const bytes = Buffer.from('\ufeffa,b\n1,2\n', 'utf16le')
    expect(await cut(bytes, ',', [3])).toEqual(parsed(bytes, ','))
  })
})

describe('a number in a cell', () => {
  it('is what `Number` makes of it, bit for bit', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 18 })
    const spelled = fc
      .tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits)
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(
        fc.oneof(spelled, fc.string({ unit: fc.constantFrom(...'01.-+e ') }), fc.double().map(String)),
        (cell) => {
          const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell) && Number.isFinite(Number(cell))
          expect(parseNumber(cell)).toBe(isNumber ? Number(cell) : undefined)
        },
      ),
      { numRuns: 20_000 },
    )
  })
})
