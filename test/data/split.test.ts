import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitIndices, takeRows } from '../../src/data/split.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { userError } from './files.ts'

const shares = fc.record({
  validationSplit: fc.double({ min: 0.05, max: 0.45, noNaN: true }),
  testSplit: fc.double({ min: 0.05, max: 0.45, noNaN: true }),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
})

describe('splitIndices', () => {
  it('puts every row in one part once, with round(rows * share) rows to a part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 500 }), shares, (rows, options) => {
        const { train, validation, test } = splitIndices(rows, options)
        expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(
          Array.from({ length: rows }, (_, i) => i),
        )
        expect(validation.length).toBe(Math.round(rows * options.validationSplit))
        expect(test.length).toBe(Math.round(rows * options.testSplit))
      }),
    )
  })

  it('is fixed by the seed, and differs between seeds', () => {
    const split = (seed: number): string => splitIndices(100, { validationSplit: 0.3, seed }).validation.join()
    expect(split(1)).toBe(split(1))
    expect(new Set(Array.from({ length: 20 }, (_, seed) => split(seed))).size).toBe(20)
  })

  it('stratified, gives each class its share of each part to within two rows', () => {
    const classes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 30, maxLength: 300 })
    fc.assert(
      fc.property(classes, shares, (stratify, options) => {
        const rows = stratify.length
        const parts = splitIndices(rows, { ...options, stratify })
        for (const part of [parts.train, parts.validation, parts.test]) {
          for (let c = 0; c < 5; c++) {
            const all = stratify.filter((label) => label === c).length
            const here = part.filter((row) => stratify[row] === c).length
            expect(Math.abs(here - (all * part.length) / rows)).toBeLessThanOrEqual(2)
          }
        }
        expect(parts.train.length + parts.validation.length + parts.test.length).toBe(rows)
      }),
    )
  })

  it('refuses shares out of (0, 1) and parts without rows', async () => {
    for (const share of [-0.1, 1, 1.5, NaN]) {
      expect(await userError(() => splitIndices(10, { validationSplit: share }))).toContain('data.validationSplit')
    }
    expect(await userError(() => splitIndices(10, { testSplit: 0.01 }))).toContain('`0.01` of 10 rows')
    const message = await userError(() => splitIndices(10, { testSplit: 0.5, validationSplit: 0.5 }))
    expect(message).toContain('5 are for validation and 5 for the test')
  })
})

describe('takeRows', () => {
  it('takes x, y and weights of the rows, in the order asked for', async () => {
    const dataset = toDataset({
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      y: [0, 1, 2],
      sampleWeight: [1, 2, 3],
    })
    const taken = takeRows(dataset, [2, 0])
    expect([taken.rows, ...taken.x, ...taken.y, ...taken.sampleWeight!]).toEqual([2, 5, 6, 1, 2, 2, 0, 3, 1])
    expect(await userError(() => takeRows(dataset, [3]))).toContain('rows in 0..2, got `3`')
  })
})
