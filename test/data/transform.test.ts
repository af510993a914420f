import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Column, Table } from '../../src/data/table.ts'
import { applyTransform, fitTransform, inferTask, inverseTarget } from '../../src/data/transform.ts'
import { userError } from './files.ts'

function numbers(name: string, values: readonly number[], width = 1): Column {
  return { kind: 'numbers', name, width, values: Float64Array.from(values) }
}

function texts(name: string, values: readonly (string | null)[]): Column {
  return { kind: 'text', name, width: 1, values }
}

/** A table as of a CSV file with a header: row 0 stands in line 2. */
function table(...columns: Column[]): Table {
  const rows = columns[0]!.values.length / columns[0]!.width
  return { file: 'data.csv', rows, columns, lines: Uint32Array.from({ length: rows }, (_, i) => i + 2) }
}

describe('numeric columns', () => {
  it('have mean 0 and standard deviation 1 on the training part, for numbers of any size', () => {
    const column = fc.tuple(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 50 }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    )
    fc.assert(
      fc.property(column, ([unit, scale, offset]) => {
        const values = [...unit, 0, 1].map((value) => value * scale + offset)
        const data = table(numbers('a', values), numbers('y', values))
        const { x } = applyTransform(fitTransform(data, { task: 'regression' }), data)
        const mean = x.reduce((sum, value) => sum + value, 0) / x.length
        const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length
        expect(Math.abs(mean)).toBeLessThan(1e-5)
        expect(Math.abs(variance - 1)).toBeLessThan(1e-5)
      }),
    )
  })

  it('use the mean and deviation of the training part for any other part', () => {
    // mean (1 + 3) / 2 = 2, standard deviation 1: 5 becomes 3.
    const train = table(numbers('a', [1, 3]), numbers('y', [0.5, 1]))
    const other = table(numbers('a', [5]), numbers('y', [0.5]))
    expect([...applyTransform(fitTransform(train), other).x]).toEqual([3])
  })

  it('become 0 where they are constant, even if their mean is not exact', () => {
    const data = table(numbers('a', Array<number>(7).fill(0.1)), numbers('y', [1.5, 2, 3, 4, 5, 6, 7]))
    const { x } = applyTransform(fitTransform(data), data)
    expect(Math.max(...x.map(Math.abs))).toBeLessThan(1e-15)
  })

  it('are multiplied by a constant, or left, if so configured, also in wide columns', () => {
    const data = table(numbers('p', [0, 51, 102, 255], 2), numbers('y', [0.5, 1]))
    expect([...applyTransform(fitTransform(data, { scale: 1 / 255 }), data).x]).toEqual(
      [0, 0.2, 0.4, 1].map((value) => Math.fround(value)),
    )
    expect([...applyTransform(fitTransform(data, { scale: 'none' }), data).x]).toEqual([0, 51, 102, 255])
    expect(applyTransform(fitTransform(data), data).featureNames).toEqual(['p[0]', 'p[1]'])
  })

  it('with a missing value are refused by line and column, or filled with mean or number before scaling', async () => {
    // Present: 1 and 3, mean 2.
    const data = table(numbers('a', [1, NaN, 3]), numbers('y', [0.5, 1, 2]))
    const message = await userError(() => applyTransform(fitTransform(data), data))
    expect(message).toContain('data.csv, line 3, column "a"')
    expect(message).toContain('fillMissing')
    const mean = fitTransform(data, { fillMissing: 'mean', scale: 'none' })
    expect([...applyTransform(mean, data).x]).toEqual([1, 2, 3])
    const zero = fitTransform(data, { fillMissing: 0, scale: 10 })
    expect([...applyTransform(zero, data).x]).toEqual([10, 0, 30])
  })

  it('with a text are refused by line, column and value, unless dropped', async () => {
    const column: Column = {
      ...(numbers('a', [1, NaN]) as Column & { kind: 'numbers' }),
      text: { row: 1, value: 'tw0' },
    }
    const data = table(column, numbers('b', [1, 2]), numbers('y', [0.5, 1]))
    const message = await userError(() => fitTransform(data))
    expect(message).toContain('data.csv, line 3, column "a", got "tw0"')
    expect(applyTransform(fitTransform(data, { drop: ['a'] }), data).features).toBe(1)
  })

  it('with infinities, or numbers beyond float32, are refused', async () => {
    const infinite = table(numbers('a', [1, Infinity]), numbers('y', [0.5, 1]))
    expect(await userError(() => applyTransform(fitTransform(infinite, { scale: 'none' }), infinite))).toContain(
      '`Infinity`',
    )
    const large = table(numbers('a', [1, 1e300]), numbers('y', [0.5, 1]))
    const message = await userError(() => applyTransform(fitTransform(large, { scale: 'none' }), large))
    expect(message).toContain('line 3, column "a", got `1e+300` (too large for float32')
  })
})

describe('categorical columns', () => {
  const train = table(texts('c', ['red', 'blue', 'red', null]), numbers('y', [0.5, 1, 2, 3]))

  it('become one 1 among zeros, categories sorted; a missing one takes the most frequent if so configured', () => {
    const transform = fitTransform(train, { fillMissing: 'mean' })
    const dataset = applyTransform(transform, train)
    expect(dataset.featureNames).toEqual(['c=blue', 'c=red'])
    expect([...dataset.x]).toEqual([0, 1, 1, 0, 0, 1, 0, 1])
  })

  it('have one 1 in every row, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 30 }), (values) => {
        const data = table(
          texts('c', values),
          numbers(
            'y',
            values.map((_, i) => i + 0.5),
          ),
        )
        const { x, features, featureNames } = applyTransform(fitTransform(data), data)
        values.forEach((value, row) => {
          const line = x.subarray(row * features, (row + 1) * features)
          expect(line.filter((one) => one === 1).length).toBe(1)
          expect(featureNames![line.indexOf(1)]).toBe(`c=${value}`)
        })
      }),
    )
  })

  it('may be numbers: sorted as numbers', () => {
    const data = table(numbers('c', [10, 9, 10]), numbers('y', [0.5, 1, 2]))
    const dataset = applyTransform(fitTransform(data, { categorical: ['c'] }), data)
    expect(dataset.featureNames).toEqual(['c=9', 'c=10'])
    expect([...dataset.x]).toEqual([0, 1, 1, 0, 0, 1])
  })

  it('refuse a category that the training part has not, by line, column and value, or make it all zero', async () => {
    const known = table(texts('c', ['red', 'blue']), numbers('y', [0.5, 1]))
    const other = table(texts('c', ['red', 'rod']), numbers('y', [0.5, 1]))
    const message = await userError(() => applyTransform(fitTransform(known), other))
    expect(message).toContain('data.csv, line 3, column "c", got "rod"')
    expect(message).toContain('Did you mean "red"?')
    const zero = fitTransform(known, { unknownCategory: 'zero' })
    expect([...applyTransform(zero, other).x]).toEqual([0, 1, 0, 0])
  })

  it('refuse a missing value unless filled, and thousands of different texts unless listed', async () => {
    expect(await userError(() => applyTransform(fitTransform(train), train))).toContain('line 5, column "c", got none')
    const names = Array.from({ length: 1001 }, (_, i) => `name ${i}`)
    const data = table(
      texts('c', names),
      numbers(
        'y',
        names.map((_, i) => i + 0.5),
      ),
    )
    expect(await userError(() => fitTransform(data))).toContain('got 1001 different texts')
    expect(fitTransform(data, { categorical: ['c'] }).features.length).toBe(1)
  })
})

describe('the target', () => {
  const features = numbers('a', [1, 2, 3, 4])

  it.each<[string, Column, string]>([
    ['text', texts('y', ['a', 'b', 'a', 'b']), 'classification'],
    ['few integers', numbers('y', [0, 1, 1, 0]), 'classification'],
    ['integers that come less than twice each', numbers('y', [0, 1, 1, 2]), 'regression'],
    ['integers all different', numbers('y', [10, 20, 30, 40]), 'regression'],
    ['fractions', numbers('y', [0, 1, 0.5, 1]), 'regression'],
    ['negative integers', numbers('y', [-1, 1, -1, 1]), 'regression'],
    [
      'more than 20 integers',
      numbers(
        'y',
        Array.from({ length: 63 }, (_, i) => i % 21),
      ),
      'regression',
    ],
    [
      '20 integers',
      numbers(
        'y',
        Array.from({ length: 60 }, (_, i) => i % 20),
      ),
      'classification',
    ],
  ])('chooses the task by itself: %s', (_, column, task) => {
    expect(inferTask([column], {}).task).toBe(task)
    expect(inferTask([column], { task: 'regression' })).toEqual({ task: 'regression', reason: 'as configured' })
  })

  it('of classes is indices into sorted names: texts by code point, numbers by value', () => {
    const data = table(features, texts('y', ['b', 'B', 'a', 'b']))
    const dataset = applyTransform(fitTransform(data), data)
    expect(dataset.classNames).toEqual(['B', 'a', 'b'])
    expect([...dataset.y]).toEqual([2, 0, 1, 2])
    const numeric = table(features, texts('y', ['10', '9', '2', '10']))
    expect(applyTransform(fitTransform(numeric), numeric).classNames).toEqual(['2', '9', '10'])
  })

  it('is the last column unless named, and is not among the features', () => {
    const data = table(numbers('y', [0, 1, 0, 1]), features)
    expect(fitTransform(data).target).toMatchObject({ kind: 'numbers', names: ['a'] })
    expect(fitTransform(data, { target: 'y' }).target).toMatchObject({ kind: 'classes', name: 'y' })
    expect(fitTransform(data, { target: -2 }).features.map((feature) => feature.name)).toEqual(['a'])
  })

  it('refuses a label out of the range of the training data, naming line, column, value and classes', async () => {
    const train = table(features, numbers('y', [0, 1, 0, 1]))
    const other = table(features, numbers('y', [0, 1, 7, 1]))
    const message = await userError(() => applyTransform(fitTransform(train), other))
    expect(message).toContain('2 classes of the training data (0, 1)')
    expect(message).toContain('data.csv, line 4, column "y", got "7"')
  })

  it('refuses missing values, fractions as labels, text as numbers, a single class, and one class a row', async () => {
    const fit = (column: Column, task?: 'classification' | 'regression') => () => {
      const count = column.values.length
      const data = table(
        numbers(
          'a',
          Array.from({ length: count }, (_, i) => i),
        ),
        column,
      )
      applyTransform(fitTransform(data, { task }), data)
    }
    expect(await userError(fit(texts('y', ['a', null, 'b', 'a'])))).toContain('line 3, column "y", got none')
    expect(await userError(fit(numbers('y', [1.5, NaN, 2, 3])))).toContain('line 3, column "y", got none')
    expect(await userError(fit(numbers('y', [0, 0.5, 1, 1]), 'classification'))).toContain(
      'got `0.5` in data.csv, line 3',
    )
    expect(await userError(fit(texts('y', ['a', 'b', 'a', 'b']), 'regression'))).toContain(
      'got "a" in data.csv, line 2',
    )
    expect(await userError(fit(texts('y', ['a', 'a', 'a', 'a'])))).toContain('only "a"')
    const all = texts(
      'y',
      Array.from({ length: 21 }, (_, i) => `id${i}`),
    )
    expect(await userError(fit(all))).toContain('got 21 different labels in 21 rows')
  })

  it('of numbers is left, or standardised with an inverse', () => {
    const column = numbers('y', [10.5, 20, 30, 40])
    const data = table(features, column)
    expect([...applyTransform(fitTransform(data), data).y]).toEqual([10.5, 20, 30, 40])
    const transform = fitTransform(data, { scaleTarget: 'standardize' })
    const { y } = applyTransform(transform, data)
    expect(Math.abs(y.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-5)
    inverseTarget(transform.target, y).forEach((value, i) => expect(value).toBeCloseTo(Number(column.values[i]), 4))
  })

  it('of several columns is several numbers, or class probabilities that add up to 1', async () => {
    const [p, q] = [numbers('p', [0.25, 0, 1, 0.5]), numbers('q', [0.75, 1, 0, 0.5])]
    const data = table(features, p, q)
    const numeric = applyTransform(fitTransform(data, { target: ['p', 'q'] }), data)
    expect([numeric.targets, numeric.classNames]).toEqual([2, undefined])
    const soft = applyTransform(fitTransform(data, { target: ['p', 'q'], task: 'classification' }), data)
    expect(soft.classNames).toEqual(['p', 'q'])
    expect([...soft.y.subarray(0, 2)]).toEqual([0.25, 0.75])
    const wrong = table(features, p, numbers('q', [0.75, 1, 0, 0.75]))
    const options = { target: ['p', 'q'], task: 'classification' } as const
    expect(await userError(() => applyTransform(fitTransform(wrong, options), wrong))).toContain('line 5, got 1.25')
  })
})

describe('a transform', () => {
  it('does the same after a trip through JSON', () => {
    const data = table(numbers('a', [1, 2, 4]), texts('c', ['x', 'y', 'x']), texts('y', ['n', 'p', 'p']))
    const transform = fitTransform(data, { fillMissing: 'mean' })
    const again = JSON.parse(JSON.stringify(transform)) as typeof transform
    expect(applyTransform(again, data)).toEqual(applyTransform(transform, data))
  })

  it('gives no targets where the file has none, and refuses a file without a feature', async () => {
    const train = table(numbers('a', [1, 2, 4]), numbers('b', [1, 2, 5]), texts('y', ['n', 'p', 'p']))
    const transform = fitTransform(train)
    const bare = applyTransform(transform, table(numbers('b', [1]), numbers('a', [1])))
    expect([bare.rows, bare.features, bare.targets, bare.y.length]).toEqual([1, 2, 0, 0])
    const message = await userError(() => applyTransform(transform, table(numbers('b', [1]))))
    expect(message).toContain('Expected column "a"')
    expect(message).toContain('whose features are a, b; data.csv has b.')
  })

  it('refuses columns that are not there, with a suggestion, and columns of another kind or width', async () => {
    const data = table(numbers('age', [1, 2]), numbers('wide', [1, 2, 3, 4], 2), numbers('y', [0.5, 1]))
    expect(await userError(() => fitTransform(data, { target: 'yy' }))).toContain('Did you mean "y"?')
    expect(await userError(() => fitTransform(data, { drop: ['aeg'] }))).toContain('data.drop')
    expect(await userError(() => fitTransform(data, { features: ['y'] }))).toContain('got "y" in both')
    expect(await userError(() => fitTransform(data, { drop: ['age', 'wide'] }))).toContain('Expected a feature column')
    const transform = fitTransform(data)
    const other = table(texts('age', ['old', 'new']), numbers('wide', [1, 2, 3, 4], 2))
    expect(await userError(() => applyTransform(transform, other))).toContain('got "old" in data.csv, line 2')
    const wider = table(numbers('age', [1, 2]), numbers('wide', [1, 2, 3, 4, 5, 6], 3))
    expect(await userError(() => applyTransform(transform, wider))).toContain(
      'Expected 2 numbers a row in column "wide"',
    )
  })
})
