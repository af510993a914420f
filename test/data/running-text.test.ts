/** A running text: windows, each with what follows, split by place. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askedOutputs, classAnswers } from '../../src/data/answers.ts'
import type { DataConfig } from '../../src/data/config.ts'
import { loadData, readDataset } from '../../src/data/load.ts'
import { tableOfRecords } from '../../src/data/records.ts'
import { applyTransform, type TokenTarget } from '../../src/data/transform.ts'
import { temporaryFiles, userError } from './files.ts'

const write = temporaryFiles()
const configOf = (source: string, size: number, more: Partial<DataConfig> = {}): DataConfig => ({
  source,
  format: 'text',
  text: { tokens: 'chars', size },
  ...more,
})

describe('a running text', () => {
  it('is windows one after another, the targets one further; the most frequent character is number 2', async () => {
    // 8 characters: two windows of 3 and what follows the last; the eighth is left over. a 4, then b, n by code point.
    const { train, summary } = await loadData(configOf(write('text', 'banana😀z'), 3), 0)
    expect(train).toMatchObject({ rows: 2, features: 3, targets: 3, classNames: ['', '\uFFFD', 'a', 'n', 'b'] })
    expect(Array.from(train.x)).toEqual([4, 2, 3, 2, 3, 2])
    expect(Array.from(train.y)).toEqual([2, 3, 2, 3, 2, 1])
    expect(summary).toMatchObject({ format: 'text', task: 'classification' })
  })

  it('is split by place: training, validation, test; what only the end has is number 1', async () => {
    const source = write('text', `${'ab'.repeat(20)}${'ba'.repeat(5)}${'xa'.repeat(5)}.`)
    const { train, validation, test } = await loadData(
      configOf(source, 5, { validationSplit: 1 / 6, testSplit: 1 / 6 }),
      7,
    )
    expect([train.rows, validation!.rows, test!.rows]).toEqual([8, 2, 2])
    expect(Array.from(train.x.subarray(0, 6))).toEqual([2, 3, 2, 3, 2, 3])
    expect(Array.from(validation!.x)).toEqual([3, 2, 3, 2, 3, 2, 3, 2, 3, 2])
    expect(Array.from(test!.x)).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 1, 2])
  })

  it('as bytes needs no alphabet, and takes what is no text', async () => {
    const config = configOf(write('bytes', Uint8Array.of(0, 255, 10, 0xc3)), 3, {
      text: { tokens: 'bytes', size: 3 },
    })
    const { train, transform } = await loadData(config, 0)
    expect([Array.from(train.x), Array.from(train.y)]).toEqual([
      [1, 256, 11],
      [256, 11, 0xc4],
    ])
    expect(train.classNames).toHaveLength(257)
    expect((await readDataset(config, transform)).x).toEqual(train.x)
  })

  it('has every token but the first as a target once, whatever the size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 9, unit: 'binary' }),
        fc.integer({ min: 2, max: 8 }),
        async (text, size) => {
          const { train } = await loadData(configOf(write('any', text), size), 0)
          const length = [...text].length
          expect(train.rows).toBe(Math.floor((length - 1) / size))
          const names = train.classNames!
          const told = Array.from(train.y, (token) => names[token]!)
          const last = [...text][train.rows * size]!
          // The last one is no input, so that it may be new.
          expect(told.slice(0, -1).join('')).toBe([...text].slice(1, train.rows * size).join(''))
          expect([last, '\uFFFD']).toContain(told.at(-1))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('is asked about as records of text: the answer is what follows the last token', async () => {
    const { transform } = await loadData(configOf(write('text', 'abcabcabcabc'), 4), 0)
    const { x, rows } = applyTransform(transform, tableOfRecords([{ text: 'ab' }, { text: 'bcab' }], transform))
    expect(Array.from(x)).toEqual([2, 3, 0, 0, 3, 4, 2, 3])
    // A model that is sure of class p at position p.
    const outputs = Float32Array.from({ length: 2 * 4 * 5 }, (_, i) => (i % 5 === Math.floor(i / 5) % 4 ? 1 : 0))
    const asked = askedOutputs(outputs, x, rows, transform.target)
    const { classes } = transform.target as TokenTarget
    expect(classAnswers(asked, rows, classes).map((answer) => answer.class)).toEqual(['\uFFFD', 'b'])
  })

  it('is refused where it is too short, is not said how to cut, or is cut in another way', async () => {
    const source = write('text', 'abc')
    expect(await userError(() => loadData(configOf(source, 3), 0))).toContain('more than 3 chars')
    for (const text of [undefined, { tokens: 'words', size: 64 }, { tokens: 'chars', size: 1 }] as const) {
      expect(await userError(() => loadData(configOf(source, 2, { text }), 0))).toMatch(
        /Expected data.text to be .*running/,
      )
    }
    const { transform } = await loadData(configOf(source, 2), 0)
    const other = configOf(write('longer', 'abcabc'), 4)
    expect(await userError(() => readDataset(other, transform))).toMatch(
      /windows of 2 chars .* got 4 chars in .*longer/,
    )
  })
})
