import { describe, expect, test } from 'vitest'
import { parseConfig, type Config } from '../../src/config/schema.ts'
import { UserError } from '../../src/errors.ts'

const model = { layers: [{ type: 'dense', units: 10 }] }

/** The message for a config whose `model` is fine unless given. */
function messageOf(fields: Record<string, unknown>): string {
  try {
    parseConfig({ model, ...fields })
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return (error as Error).message
  }
  throw new Error('expected the config to be refused')
}

describe('a refused config says field, expectation, value and what was probably meant', () => {
  const activations =
    "one of 'linear', 'relu', 'leakyRelu', 'elu', 'selu', 'gelu', 'sigmoid', 'tanh', 'softplus', 'exponential', or an object"
  const cases: [string, Record<string, unknown>, string][] = [
    [
      'misspelt field, nested',
      { optimizer: { learningrate: 0.1 } },
      '`optimizer.learningrate`: unknown field; did you mean `learningRate`?',
    ],
    ['misspelt field', { epoch: 3 }, '`epoch`: unknown field; did you mean `epochs`?'],
    [
      'field of another member of the union',
      { optimizer: { type: 'sgd', beta1: 0.9 } },
      '`optimizer.beta1`: unknown field; known here: type, learningRate, momentum, nesterov, weightDecay',
    ],
    ['wrong type', { seed: 'one' }, '`seed`: expected an integer from 0 to 4294967295, got `"one"` (string)'],
    ['NaN', { epochs: NaN }, '`epochs`: expected an integer >= 1, got `NaN` (number)'],
    ['not a whole number', { epochs: 1.5 }, '`epochs`: expected an integer >= 1, got `1.5` (number)'],
    ['batch of 0', { batchSize: 0 }, "`batchSize`: expected an integer >= 1 or 'full', got `0` (number)"],
    ['no workers', { workers: 0 }, "`workers`: expected 'auto' or an integer from 1 to 256, got `0` (number)"],
    [
      'too many workers',
      { workers: 10_000 },
      "`workers`: expected 'auto' or an integer from 1 to 256, got `10000` (number)",
    ],
    [
      'misspelt name in shorthand',
      { optimizer: 'adm' },
      "`optimizer`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or an object, " +
        'got `"adm"` (string); did you mean `adam`?',
    ],
    [
      'misspelt type',
      { optimizer: { type: 'adm' } },
      "`optimizer.type`: expected one of 'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', " +
        'got `"adm"` (string); did you mean `adam`?',
    ],
    ['clip norm of 0', { clip: { maxNorm: 0 } }, '`clip.maxNorm`: expected a number > 0, got `0` (number)'],
    [
      'clip -1',
      { clip: -1 },
      "`clip`: expected a number > 0, or one of 'off', 'auto', or an object, got `-1` (number)",
    ],
    [
      'misspelt health',
      { health: 'repiar' },
      "`health`: expected one of 'off', 'observe', 'warn', 'repair', or an object, " +
        'got `"repiar"` (string); did you mean `repair`?',
    ],
    ['no model', { model: undefined }, '`model`: missing; expected an object with `layers`'],
    ['no layers', { model: { layers: [] } }, '`model.layers`: expected at least one layer, got an array of 0'],
    [
      'softmax',
      { model: { layers: [{ type: 'dense', units: 10, activation: 'softmax' }] } },
      `\`model.layers[0].activation\`: expected ${activations}, got \`"softmax"\` (string); ` +
        'the loss takes logits, so leave it out; predict gives probabilities',
    ],
    [
      'layer inside a residual block',
      { model: { layers: [{ type: 'residual', layers: [{ type: 'dropout', rate: 1 }] }] } },
      '`model.layers[0].layers[0].rate`: expected a number in [0, 1), got `1` (number)',
    ],
    [
      'schedule without its length',
      { schedule: 'step' },
      '`schedule`: expected a schedule with `stepSize` or `stepEpochs`, got `"step"` (string)',
    ],
    [
      'two lengths',
      { schedule: { warmupSteps: 3, warmupEpochs: 1 } },
      '`schedule`: expected either `warmupSteps` or `warmupEpochs`, not both, ' +
        'got an object with keys warmupSteps, warmupEpochs',
    ],
    [
      'epsilon that float32 has no word for',
      { optimizer: { type: 'adam', epsilon: 1e-50 } },
      '`optimizer.epsilon`: expected a number >= 1e-30, got `1e-50` (number)',
    ],
    [
      'negative class weight',
      { classWeight: { cat: -1 } },
      '`classWeight.cat`: expected a number >= 0, got `-1` (number)',
    ],
    [
      'split of 1',
      { data: { source: 'a.csv', testSplit: 1 } },
      '`data.testSplit`: expected a number in [0, 1), got `1` (number)',
    ],
    [
      'more parts than samples',
      { batchSize: 4, accumulationSteps: 8 },
      '`accumulationSteps`: expected at most `batchSize` (4), got 8; a part holds at least one sample',
    ],
  ]
  test.each(cases)('%s', (_name, fields, message) => {
    expect(messageOf(fields)).toBe(message)
  })

  test('every problem has a line of its own, each begun with where the config came from', () => {
    const parse = () => parseConfig({ epoch: 1, model, seed: -1 }, 'run.yaml')
    expect(parse).toThrow(
      'run.yaml: `seed`: expected an integer from 0 to 4294967295, got `-1` (number)\n' +
        'run.yaml: `epoch`: unknown field; did you mean `epochs`?',
    )
  })

  test.each([[7], [null], ['text'], [[]]])('%j is no config', (input) => {
    expect(() => parseConfig(input)).toThrow(/^expected an object, got /)
  })
})

describe('a resolved config', () => {
  test('has every default, with shorthands written out', () => {
    const config = parseConfig({ model: { layers: [{ type: 'dense', units: 3, activation: 'elu' }] }, clip: 2 })
    expect(config).toMatchObject({
      seed: 0,
      epochs: 10,
      batchSize: 32,
      workers: 'auto',
      optimizer: { type: 'adam', learningRate: 0.001 },
      schedule: { type: 'constant' },
      clip: { mode: 'globalNorm', maxNorm: 2, normType: 2 },
      loss: 'auto',
    })
    expect(config.model.layers[0]).toMatchObject({ useBias: true, activation: { type: 'elu', alpha: 1 } })
  })

  test('is unchanged when it is parsed again', () => {
    const inputs: Omit<Config, 'model'>[] = [
      {},
      { optimizer: 'rmsprop', learningRate: 0.5, schedule: { warmupSteps: 4 }, clip: 'off' },
      { loss: 'huber', metrics: ['topK', 'mae'], earlyStopping: {}, reduceOnPlateau: {}, data: 'a.csv' },
    ]
    for (const input of inputs) {
      const once = parseConfig({ ...input, model })
      expect(parseConfig(once)).toEqual(once)
    }
  })

  test('takes the learning rate of the short field over that of the optimizer', () => {
    const config = parseConfig({ model, optimizer: { type: 'sgd', learningRate: 1 }, learningRate: 0.25 })
    expect(config.optimizer.learningRate).toBe(0.25)
    expect(config).not.toHaveProperty('learningRate')
  })
})

test('a key such as __proto__ is an unknown field and changes no prototype', () => {
  const hostile: unknown = JSON.parse('{ "__proto__": { "polluted": true }, "model": { "layers": [] } }')
  expect(() => parseConfig(hostile)).toThrow('`__proto__`: unknown field')
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})
