import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyClassWeight, toDataset, type TensorInput } from '../../src/data/tensor.ts'
import { userError } from './files.ts'

describe('toDataset', () => {
  it('gives the same rows from nested arrays, arrays of typed arrays and flat typed arrays', () => {
    const shape = fc.record({ rows: fc.integer({ min: 1, max: 10 }), width: fc.integer({ min: 1, max: 10 }) })
    const input = shape.chain(({ rows, width }) =>
      fc.array(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: width, maxLength: width }), {
        minLength: rows,
        maxLength: rows,
      }),
    )
    fc.assert(
      fc.property(input, (rows) => {
        const y = rows.map((_, i) => i % 3)
        const expected = Float32Array.from(rows.flat())
        for (const x of [rows, rows.map((row) => Float32Array.from(row)), Float64Array.from(rows.flat())]) {
          const dataset = toDataset({ x, y: Int32Array.from(y) })
          expect([dataset.rows, dataset.features, dataset.targets]).toEqual([rows.length, rows[0]!.length, 1])
          expect(dataset.x).toEqual(expected)
          expect([...dataset.y]).toEqual(y)
        }
      }),
    )
  })

  it('takes several targets a row, nested or flat', () => {
    const x = [[1], [2]]
    const nested = toDataset({
      x,
      y: [
        [1, 2],
        [3, 4],
      ],
    })
    const flat = toDataset({ x, y: Float32Array.of(1, 2, 3, 4), targets: 2 })
    expect([nested.targets, ...nested.y]).toEqual([2, 1, 2, 3, 4])
    expect(flat.y).toEqual(nested.y)
  })

  it('copies: later changes of the input do not reach the data', () => {
    const x = Float32Array.of(1, 2)
    const dataset = toDataset({ x, y: [0, 1] })
    x[0] = 99
    expect(dataset.x[0]).toBe(1)
  })

  const ok = {
    x: [
      [1, 2],
      [3, 4],
    ],
    y: [0, 1],
  }
  it.each<[string, TensorInput, string]>([
    ['a ragged row', { ...ok, x: [[1, 2], [3]] }, 'Expected 2 numbers in x[1] as in x[0], got 1'],
    ['x and y of different length', { ...ok, y: [0, 1, 1] }, 'x of 2 x 2 and y of 3 x 1'],
    [
      'NaN in x',
      {
        ...ok,
        x: [
          [1, 2],
          [3, NaN],
        ],
      },
      '`NaN` in row 1, column 1',
    ],
    ['infinity in flat x', { ...ok, x: Float64Array.of(1, Infinity, 3, 4) }, '`Infinity` in row 0, column 1'],
    [
      'numbers beyond float32',
      {
        ...ok,
        x: [
          [1, 2],
          [1e300, 4],
        ],
      },
      '`Infinity` in row 1, column 0',
    ],
    ['NaN in y', { ...ok, y: [0, NaN] }, 'in y, got `NaN` in row 1, column 0'],
    ['no rows', { x: [], y: [] }, 'got an empty y'],
    ['no rows of x', { x: [], y: [1] }, 'x'],
    ['empty rows', { ...ok, x: [[], []] }, 'got an empty row'],
    ['flat x that does not divide', { ...ok, x: Float32Array.of(1, 2, 3) }, 'Give `features`'],
    ['flat x of other width', { ...ok, x: Float32Array.of(1, 2, 3), features: 2 }, 'whole rows of 2, got 3 numbers'],
    ['a negative label', { ...ok, y: [0, -1], task: 'classification' }, 'integers >= 0, got `-1` in y[1]'],
    ['a fraction as label', { ...ok, y: [0.5, 1], task: 'classification' }, 'got `0.5` in y[0]'],
    [
      'a label beyond the names',
      { ...ok, y: [0, 2], task: 'classification', classNames: ['a', 'b'] },
      'in 0..1 (2 classes), got `2`',
    ],
    ['weights of other length', { ...ok, sampleWeight: [1] }, 'Expected 2 sample weights, one per row, got 1'],
    ['a negative weight', { ...ok, sampleWeight: [1, -1] }, '`-1` in sampleWeight[1]'],
    ['a weight that is NaN', { ...ok, sampleWeight: [NaN, 1] }, '`NaN` in sampleWeight[0]'],
    ['weights that are all zero', { ...ok, sampleWeight: [0, 0] }, 'only zeros'],
    ['names of other length', { ...ok, featureNames: ['a'] }, 'Expected 2 featureNames'],
    [
      'text',
      {
        ...ok,
        x: [
          [1, '2'],
          [3, 4],
        ] as unknown as number[][],
      },
      'Expected a number in x[0][1], got `"2"` (string)',
    ],
    ['an object', { ...ok, x: { a: 1 } as unknown as number[][] }, 'got an object with keys a'],
    [
      'nothing',
      { ...ok, x: null as unknown as number[][] },
      'Expected x to be a typed array or an array of rows, got `null`',
    ],
    ['a row that is no array', { ...ok, x: [[1, 2], null] as unknown as number[][] }, 'x[1] to be a row of 2 numbers'],
    ['64-bit integers', { ...ok, x: BigInt64Array.of(1n, 2n) as unknown as Int32Array }, 'a BigInt64Array of 2'],
  ])('refuses %s', async (_, input, part) => {
    expect(await userError(() => toDataset(input))).toContain(part)
  })

  it('lets NaN through in x where that is asked for', () => {
    expect(toDataset({ x: [[NaN]], y: [1], nonFinite: 'allow' }).x[0]).toBeNaN()
  })
})

describe('applyClassWeight', () => {
  const dataset = toDataset({ x: [[1], [2], [3]], y: [0, 1, 0], sampleWeight: [1, 2, 3], classNames: ['no', 'yes'] })

  it('multiplies the weights of the classes named or numbered, and leaves the others', () => {
    expect([...applyClassWeight(dataset, { yes: 10 }).sampleWeight!]).toEqual([1, 20, 3])
    expect([...applyClassWeight(dataset, { 0: 0.5 }).sampleWeight!]).toEqual([0.5, 2, 1.5])
    expect([...dataset.sampleWeight!]).toEqual([1, 2, 3])
  })

  it('refuses unknown classes and bad weights', async () => {
    expect(await userError(() => applyClassWeight(dataset, { yess: 1 }))).toContain('Did you mean "yes"?')
    expect(await userError(() => applyClassWeight(dataset, { 2: 1 }))).toContain('got "2"')
    expect(await userError(() => applyClassWeight(dataset, { no: -1 }))).toContain('classWeight.no')
    expect(await userError(() => applyClassWeight(dataset, { no: 0, yes: 0 }))).toContain('zero for all')
  })
})
