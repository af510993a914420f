import { existsSync, readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { read, temporaryFiles, userError, valuesOf } from './files.ts'

const write = temporaryFiles()

describe('CSV', () => {
  it('gives back the numbers and texts that were written, with any delimiter, line end and gzip', async () => {
    const text = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', ' ', '"', ',', ';', '\n', 'é', '\t') })
    const row = fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), text)
    const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (rows, delimiter, end, gzip) => {
          const lines = [`size${delimiter}name`, ...rows.map(([n, t]) => `${n}${delimiter}${quote(`t${t}t`)}`)]
          const contents = Buffer.from(lines.join(end))
          const file = write('round.csv', gzip ? gzipSync(contents) : contents)
          const table = await read(file, { header: true, delimiter })
          expect(table.rows).toBe(rows.length)
          expect(valuesOf(table, 'size')).toEqual(rows.map(([n]) => n + 0))
          expect(valuesOf(table, 'name')).toEqual(rows.map(([, t]) => `t${t}t`))
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ['names, then numbers', 'a,b\n1,2\n', ['a', 'b'], 1],
    ['numbers only', '1,2\n3,4\n', ['0', '1'], 2],
    ['a first row of a text and a number', 'red,2\nblue,4\n', ['0', '1'], 2],
    ['texts that come again in their column', 'red,yes\nblue,no\nred,no\n', ['0', '1'], 3],
    ['an unnamed index column', ',b\n0,2\n', ['0', 'b'], 1],
  ])('tells a header by itself: %s', async (_, contents, names, rows) => {
    const table = await read(write('header.csv', contents))
    expect(table.columns.map((column) => column.name)).toEqual(names)
    expect(table.rows).toBe(rows)
  })

  it('finds tab, semicolon and bar by the first line, not counting those in quotes', async () => {
    for (const delimiter of ['\t', ';', '|']) {
      const table = await read(write('delimiter.csv', `"a,a,a,a"${delimiter}b\n1${delimiter}2\n`))
      expect(table.columns.map((column) => column.name)).toEqual(['a,a,a,a', 'b'])
    }
  })

  it('reads .tsv by tabs, a byte order mark, blank lines and a last line without end', async () => {
    const table = await read(write('marked.tsv', '\ufeffa\tb\r\n\r\n1\t2\r\n\r\n3\t4'))
    expect(valuesOf(table, 'a')).toEqual([1, 3])
    expect(Array.from(table.lines!)).toEqual([3, 5])
  })

  it('takes the missing words as missing, in numbers and in texts', async () => {
    const contents = 'a,b\n1,x\n,?\nNA,y\nNaN,\nnull,x\n'
    const table = await read(write('missing.csv', contents))
    expect(valuesOf(table, 'a')).toEqual([1, NaN, NaN, NaN, NaN])
    expect(valuesOf(table, 'b')).toEqual(['x', null, 'y', null, 'x'])
    const other = await read(write('missing.csv', 'a,b\n1,x\n-,y\n2,z\n'), { missing: ['-'] })
    expect(valuesOf(other, 'a')).toEqual([1, NaN, 2])
  })

  it('keeps texts that look like numbers where the column is listed as categorical', async () => {
    const table = await read(write('codes.csv', 'code,b\n007,1\n7,2\n'), { categorical: ['code'] })
    expect(valuesOf(table, 'code')).toEqual(['007', '7'])
  })

  it('stops at the limit, also inside a large file', async () => {
    const table = await read(write('long.csv', 'a,b\n' + '1,2\n'.repeat(200_000)), { limit: 1500 })
    expect(table.rows).toBe(1500)
    expect(table.lines!.length).toBe(1500)
    expect((await read(write('short.csv', 'a,b\n1,2\n3,4\n5,6\n'), { limit: 2 })).rows).toBe(2)
  })

  it('keeps line numbers right far into a file', async () => {
    const table = await read(write('lines.csv', 'a,b\n' + '1,2\n'.repeat(5000) + 'oops,2\n'))
    const column = table.columns[0]!
    expect(column.kind === 'numbers' && column.text).toEqual({ row: 5000, value: 'oops' })
    expect(table.lines![5000]).toBe(5002)
  })

  it('takes a number too large for float64 as the text it is, with its line', async () => {
    const table = await read(write('huge.csv', 'a,b\n1,2\n1e999,3\n4,5\n'))
    const column = table.columns[0]!
    expect(column.kind === 'numbers' && column.text).toEqual({ row: 1, value: '1e999' })
  })

  it.each([
    ['a line of other length', 'a,b\n1,2\n3\n', ['Expected 2 fields', 'got 1', 'line 3']],
    ['a quote that is not closed', 'a,b\n1,"x\n', ['does not parse', 'Quote Not Closed', 'line 2']],
    ['a header alone', 'a,b\n', ['Expected rows of data', 'got none']],
    ['a name twice', 'a,a\n1,2\n', ['"a" twice', 'data.header']],
  ])('refuses %s', async (_, contents, parts) => {
    const file = write('bad.csv', contents)
    const message = await userError(() => read(file))
    for (const part of [...parts, file]) expect(message).toContain(part)
  })

  it('refuses an empty file, a folder and a file that is not there, with a suggestion', async () => {
    expect(await userError(() => read(write('empty.csv', '')))).toContain('empty file (0 bytes)')
    const file = write('iris.csv', 'a,b\n1,2\n')
    expect(await userError(() => read(file.replace('iris', 'irsi')))).toContain('Did you mean iris.csv?')
    expect(await userError(() => read(file.replace('/iris.csv', '')))).toContain('got a directory')
  })

  it('refuses a gzip file that is truncated or damaged', async () => {
    const whole = gzipSync('a,b\n' + Array.from({ length: 5000 }, (_, i) => `${i},${i * 7919}\n`).join(''))
    const cut = write('cut.csv.gz', whole.subarray(0, whole.length >> 1))
    expect(await userError(() => read(cut))).toMatch(/cut\.csv\.gz is truncated: it ends after \d+ bytes/)
    const damaged = Buffer.from(whole)
    damaged.fill(0xff, 200, 260)
    expect(await userError(() => read(write('bad.csv.gz', damaged)))).toContain('bad.csv.gz is damaged')
  })

  it.skipIf(!existsSync('/proc/self/fd'))(
    'leaves no file open, read or refused (skipped where there is no /proc)',
    async () => {
      const openFiles = (): number => readdirSync('/proc/self/fd').length
      const good = write('good.csv', 'a,b\n' + '1,2\n'.repeat(100_000))
      const bad = write('x.bin', Buffer.alloc(1 << 20, 1).fill(0, 1, 2))
      await read(good)
      const before = openFiles()
      for (let i = 0; i < 10; i++) {
        await read(good, { limit: 10 })
        await userError(() => read(bad))
      }
      // Streams close a turn or more after they end.
      await setTimeout(50)
      expect(openFiles()).toBeLessThanOrEqual(before)
    },
  )

  it('refuses binary data of an unknown kind', async () => {
    expect(await userError(() => read(write('x.bin', Buffer.from([1, 0, 2, 0, 9]))))).toContain('binary data')
  })
})
