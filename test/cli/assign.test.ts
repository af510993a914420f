import { describe, expect, test } from 'vitest'
import { assignAll, parseSet } from '../../src/cli/assign.ts'
import { configFlags, kebab } from '../../src/cli/flags.ts'
import { UserError } from '../../src/errors.ts'

const flags = new Map(configFlags().map((flag) => [flag.name, flag]))

/** The config that `--name value ...` make of a given one. */
function given(config: Record<string, unknown>, ...pairs: [string, string][]): Record<string, unknown> {
  return assignAll(
    config,
    pairs.map(([name, value]) => ({ flag: flags.get(name)!, value })),
  )
}

describe('a flag per field', () => {
  test('in kebab-case, with dots for nesting, members of unions merged', () => {
    const names = [
      'epochs',
      'batch-size',
      'optimizer',
      'optimizer.type',
      'optimizer.learning-rate',
      'optimizer.momentum',
    ]
    const more = ['clip.max-norm', 'clip.value', 'data.validation-split', 'early-stopping.patience', 'model.layers']
    for (const name of [...names, ...more, 'schedule.warmup-epochs']) expect(flags.has(name), name).toBe(true)
    expect(flags.get('optimizer.type')!.values).toEqual(['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'])
    expect(kebab('minLearningRate')).toBe('min-learning-rate')
  })

  test('every one says what it is, but for those that only name the member of a union', () => {
    const silent = [...flags.values()].filter(({ description }) => description === '')
    expect(silent.map(({ path }) => path.at(-1)).filter((key) => key !== 'type' && key !== 'mode')).toEqual([])
  })
})

test('values take the type of their field', () => {
  const config = given(
    {},
    ['epochs', '5'],
    ['batch-size', 'full'],
    ['learning-rate', '1e-3'],
    ['shuffle', 'false'],
    ['data.source', '12'],
    ['data.target', 'a,b'],
    ['data.drop', '0'],
    ['data.images.size', '8'],
    ['metrics', 'accuracy,topK'],
    ['class-weight', '{ cat: 2 }'],
  )
  expect(config).toEqual({
    epochs: 5,
    batchSize: 'full',
    learningRate: 0.001,
    shuffle: false,
    data: { source: '12', target: ['a', 'b'], drop: [0], images: { size: 8 } },
    metrics: ['accuracy', 'topK'],
    classWeight: { cat: 2 },
  })
})

test('a field inside a shorthand makes an object of the shorthand', () => {
  expect(given({}, ['optimizer', 'sgd'], ['optimizer.momentum', '0.9'])).toEqual({
    optimizer: { type: 'sgd', momentum: 0.9 },
  })
  expect(given({ clip: 3, data: 'a.csv' }, ['clip.max-norm', '2'], ['data.limit', '7'])).toEqual({
    clip: { mode: 'globalNorm', maxNorm: 2 },
    data: { source: 'a.csv', limit: 7 },
  })
})

test('the last flag wins, and the given config stays as it is', () => {
  const config = { epochs: 1, data: { source: 'a.csv', target: 'y' } }
  expect(given(config, ['epochs', '2'], ['epochs', '3'], ['data', 'b.csv'])).toEqual({
    epochs: 3,
    data: { source: 'b.csv', target: 'y' },
  })
  expect(config).toEqual({ epochs: 1, data: { source: 'a.csv', target: 'y' } })
})

test('numbers as layers are dense relu layers and a linear one', () => {
  expect(given({}, ['model.layers', '8,3'])).toEqual({
    model: {
      layers: [
        { type: 'dense', units: 8, activation: 'relu' },
        { type: 'dense', units: 3 },
      ],
    },
  })
})

test('--set takes a path, and no path reaches a prototype', () => {
  expect(assignAll({}, [parseSet('optimizer.beta1=0.5')])).toEqual({ optimizer: { beta1: 0.5 } })
  const hostile = assignAll({}, [parseSet('__proto__.polluted=1'), parseSet('constructor.prototype.polluted=1')])
  expect(Object.keys(hostile)).toEqual(['__proto__', 'constructor'])
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(() => parseSet('nothing')).toThrow(UserError)
})

test('a comma within brackets separates nothing', () => {
  const set = (text: string) => assignAll({}, [parseSet(text)])
  expect(set('clip={mode: globalNorm, maxNorm: 2}')).toEqual({ clip: { mode: 'globalNorm', maxNorm: 2 } })
  expect(set('metrics={type: topK, k: 3},accuracy')).toEqual({ metrics: [{ type: 'topK', k: 3 }, 'accuracy'] })
  expect(given({}, ['data.target', 'a [m],b [m]'])).toEqual({ data: { target: ['a [m]', 'b [m]'] } })
  expect(given({}, ['data.target', 'a {,b'])).toEqual({ data: { target: ['a {', 'b'] } })
})
