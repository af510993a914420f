import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { read, temporaryFiles, userError, valuesOf } from './files.ts'

const write = temporaryFiles()
const lines = (...rows: unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n')

describe('JSONL', () => {
  it('gives back objects: numbers, booleans, texts, null, absent keys and arrays of numbers', async () => {
    const row = fc.record(
      {
        n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
        t: fc.option(fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\\'), minLength: 1 })),
        b: fc.boolean(),
        v: fc.tuple(fc.integer(), fc.integer()),
      },
      { requiredKeys: ['b', 'v'] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), fc.boolean(), async (rows, gzip) => {
        const first = { n: 1, t: 'first', b: true, v: [0, 0] as [number, number] }
        const all: Partial<typeof first>[] = [first, ...(rows as Partial<typeof first>[])]
        const text = lines(...all) + '\n'
        const table = await read(write('round.jsonl', gzip ? gzipSync(text) : text))
        // JSON writes -0 as 0.
        expect(valuesOf(table, 'n')).toEqual(all.map((r) => (r.n ?? NaN) + 0))
        expect(valuesOf(table, 't')).toEqual(all.map((r) => r.t ?? null))
        expect(valuesOf(table, 'b')).toEqual(all.map((r) => Number(r.b)))
        expect(valuesOf(table, 'v')).toEqual(all.flatMap((r) => r.v!.map((value) => value + 0)))
      }),
      { numRuns: 60 },
    )
  })

  it('reads arrays by position', async () => {
    const table = await read(write('arrays.jsonl', lines([1, 'a'], [2, 'b']) + '\n\n'))
    expect(valuesOf(table, '0')).toEqual([1, 2])
    expect(valuesOf(table, '1')).toEqual(['a', 'b'])
  })

  it('takes keys for data: none reaches a prototype', async () => {
    const text =
      '{"__proto__": 1, "constructor": 2, "polluted": 3}\n{"__proto__": 4, "constructor": 5, "polluted": 6}\n'
    const table = await read(write('keys.jsonl', text))
    expect(table.columns.map((column) => column.name)).toEqual(['__proto__', 'constructor', 'polluted'])
    expect(valuesOf(table, '__proto__')).toEqual([1, 4])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it.each([
    ['text that is not JSON', '{"a": 1}\n{"a": }\n', 'line 2'],
    ['a number alone', '{"a": 1}\n7\n', 'line 2, got `7` (number)'],
    ['an array among objects', '{"a": 1}\n[1]\n', 'Expected an object'],
    ['an array of another length', '[1, 2]\n[1]\n', 'Expected 2 values'],
    ['a nested object', '{"a": {"b": 1}}\n', 'key "a"'],
    ['a text among the numbers of an array', '{"a": [1, "x"]}\n', 'got `"x"` (string) at position 1'],
    ['a ragged array of numbers', '{"a": [1, 2]}\n{"a": [1]}\n', 'Expected 2 numbers'],
    ['nothing but blank lines', '{}\n'.replace('{}', '  ') + '[', 'does not parse'],
  ])('refuses %s', async (_, text, part) => {
    const file = write('bad.jsonl', text)
    const message = await userError(() => read(file, { format: 'jsonl' }))
    expect(message).toContain(part)
    expect(message).toContain(file)
  })
})
