import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvRecords } from '../../src/data/read/csv-records.ts'
import { UserError } from '../../src/errors.ts'

type Outcome = { line: number; cells: string[] }[] | string

/** Every record, or the error. */
function recordsOf(chunks: readonly Uint8Array[], delimiter = ','): Outcome {
  const records = csvRecords('a.csv', delimiter)
  const found: { line: number; cells: string[] }[] = []
  try {
    for (const chunk of [...chunks, undefined]) {
      records.feed(chunk)
      while (records.next())
        found.push({ line: records.line, cells: Array.from({ length: records.length }, (_, i) => records.text(i)) })
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return error.message
  }
  return found
}
const ofText = (text: string, delimiter?: string) => recordsOf([Buffer.from(text)], delimiter)
const cellsOf = (text: string, delimiter?: string) => {
  const found = ofText(text, delimiter)
  return typeof found === 'string' ? found : found.map(({ cells }) => cells)
}

describe('CSV in records', () => {
  it('is the same however the bytes are cut', () => {
    const piece = fc.constantFrom('a', '1', ',', '::', '"', '""', '\n', '\r', '\r\n', ' ', '\t', 'é', '\ufeff')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        fc.constantFrom(',', '::', '\t'),
        (pieces, cuts, delimiter) => {
          const bytes = Buffer.from(pieces.join(''))
          const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
          const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
          expect(recordsOf(chunks, delimiter)).toEqual(recordsOf([bytes], delimiter))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['blanks around cells', ' a ,\t"b " \n', [['a', 'b ']]],
    [
      'cells without anything',
      ',\n1,\n',
      [
        ['', ''],
        ['1', ''],
      ],
    ],
    ['lines of blanks, but no quotes of nothing', 'a\n  \n\n""\n', [['a'], ['']]],
    ['quotes, line ends and delimiters inside quotes', '"a ""b"", c\nd",2\n', [['a "b", c\nd', '2']]],
  ])('reads %s', (_, text, cells) => {
    expect(cellsOf(text)).toEqual(cells)
  })

  it('takes a delimiter of several letters, and one that is a blank', () => {
    expect(cellsOf('a::b:c::d', '::')).toEqual([['a', 'b:c', 'd']])
    expect(cellsOf('\ta\t\tb \n', '\t')).toEqual([['', 'a', '', 'b']])
  })

  it('tells the first line of a record, whatever ends lines', () => {
    const text = 'a,"b\nb\r\nb\rb"\r\n\r\nc,d\re,f'
    expect((ofText(text) as { line: number }[]).map(({ line }) => line)).toEqual([1, 6, 7])
  })

  it.each([
    ['a\n"b\n', 'a quote that is not closed in line 2'],
    ['a\n1\n"b"c,2\n', 'text behind a closing quote in line 3'],
    ['"a\nb",5" pipe\n', 'a quote inside a field without quotes in line 2'],
  ])('refuses %j', (text, message) => {
    expect(ofText(text)).toContain(message)
  })

  it('refuses a record without end before it takes more memory than a record may', () => {
    const records = csvRecords('a.csv', ',')
    const chunk = Buffer.alloc(1 << 20, 'a')
    expect(() => {
      for (let i = 0; i < 18; i++) {
        records.feed(chunk)
        records.next()
      }
    }).toThrow('a record of more than 16777216 bytes in line 1')
  })
})
