/** Skip means: this batch never happened. A step that would harm the model leaves every bit as it was. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { TrainingError } from '../../src/errors.ts'
import { Verdict } from '../../src/gradient/detector.ts'
import { readCheckpoint } from '../../src/train/checkpoint.ts'
import type { History } from '../../src/train/history.ts'
import { LAST } from '../../src/train/rotation.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs, line } from './data.ts'

const crew = new Crew(2)
const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
afterAll(async () => {
  await crew.close()
  await rm(directory, { recursive: true })
})

const ROWS = 8
const FEATURES = 5
const base: Config = {
  seed: 4,
  epochs: 1,
  batchSize: ROWS,
  shuffle: false,
  optimizer: { type: 'adam', learningRate: 0.01 },
  schedule: { type: 'exponential', gamma: 0.5, decaySteps: 3 },
  model: {
    layers: [
      { type: 'dense', units: 7, activation: 'tanh' },
      { type: 'dense', units: 3 },
    ],
  },
}

const create = (config: Partial<Config> = {}) => Trainer.create({ ...base, ...config }, { crew })

/** `batches` batches of blobs, in which those of `bad` hold one `value`. */
function damaged(batches: number, bad: readonly number[], value: number): Dataset {
  const { x, y } = blobs(batches * ROWS, FEATURES, 3)
  for (const batch of bad) x[(batch * ROWS + 3) * FEATURES + 2] = value
  return toDataset({ x, y, features: FEATURES, nonFinite: 'allow' })
}

function without(data: Dataset, bad: readonly number[]): Dataset {
  const good = Array.from({ length: data.rows }, (_, row) => row).filter((row) => !bad.includes(Math.floor(row / ROWS)))
  const x = good.map((row) => [...data.x.subarray(row * FEATURES, (row + 1) * FEATURES)])
  return toDataset({ x, y: good.map((row) => data.y[row]!) })
}

/** What is left of a training: weights, and through the file the optimizer's state and its count of updates. */
async function remains(trainer: Trainer): Promise<unknown> {
  const path = join(directory, 'remains.brig')
  await trainer.save(path)
  const { weights, updates } = await readCheckpoint(path)
  return { weights, updates }
}

const skippedAt = (history: History): number[] =>
  [...history.steps.gradNormAfterClip].flatMap((norm, step) => (norm === 0 ? [step] : []))

describe.each([
  ['NaN', NaN],
  ['infinity', Infinity],
])('a batch with %s', (_name, value) => {
  it.each([[[0]], [[2]], [[5]], [[0, 1, 3]]])(
    'at %j never happened: weights, optimizer state, updates and schedule are those of the data without it',
    async (bad) => {
      const data = damaged(6, bad, value)
      const optimizers = ['adam', { type: 'sgd', momentum: 0.9 }, 'rmsprop', 'adagrad'] as const
      for (const optimizer of optimizers) {
        const config = { optimizer, health: { spikeSkip: false } }
        const [hurt, well] = [await create(config), await create(config)]
        const history = await hurt.fit(data)
        const expected = await well.fit(without(data, bad))
        expect(history.skipped).toBe(bad.length)
        expect(skippedAt(history)).toEqual(bad)
        expect(history.steps.length).toBe(6)
        expect(await remains(hurt)).toEqual(await remains(well))
        const rates = [...history.steps.learningRate].filter((_, step) => !bad.includes(step))
        expect(rates).toEqual([...expected.steps.learningRate])
        // Metrics of an epoch are those of the batches that counted.
        expect(history.history).toEqual(expected.history)
      }
    },
  )

  it('alone leaves the initial weights, bit for bit', async () => {
    const trainer = await create({ model: { layers: [{ type: 'dense', units: 3 }] } })
    const data = damaged(1, [0], value)
    await trainer.build(data)
    const before = await remains(trainer)
    const history = await trainer.fit(data)
    expect(history.skipped).toBe(1)
    expect(await remains(trainer)).toEqual(before)
  })
})

describe('dropout after a skipped batch', () => {
  it('draws the masks of its own batch, not those of the batch before', async () => {
    const model = { layers: [{ type: 'dropout', rate: 0.5 } as const, { type: 'dense', units: 3 } as const] }
    const data = damaged(3, [0], NaN)
    const [hurt, well] = [await create({ model }), await create({ model })]
    await hurt.fit(data)
    await well.fit(without(data, [0]))
    expect(hurt.weightsHash()).not.toBe(well.weightsHash())
  })
})

describe('verdicts', () => {
  it('tell a loss that is not finite from a gradient that is not', async () => {
    const trainer = await create()
    const { steps } = await trainer.fit(damaged(3, [1], NaN))
    expect([...steps.verdict]).toEqual([0, Verdict.NONFINITE_LOSS, 0])
    expect(steps.loss[1]).toBeNaN()
  })
})

describe('training stops', () => {
  const stop = async (batches: number, bad: readonly number[], config: Partial<Config> = {}) => {
    const trainer = await create(config)
    const folder = join(directory, `stop-${bad.join('-')}`)
    const data = damaged(batches, bad, NaN)
    const told: number[] = []
    const callbacks = { onBatchEnd: (batch: number) => void told.push(batch) }
    const error: unknown = await trainer
      .fit(data, { checkpoint: { directory: folder }, callbacks })
      .catch((e: unknown) => e)
    return { trainer, data, error, told, file: await readCheckpoint(join(folder, LAST)) }
  }

  it.each([
    ['three skipped batches in a row', [4, 5, 6], 6],
    ['five skipped batches within fifty', [1, 3, 9, 20, 40], 40],
  ])('after %s, saying where, what and what to do', async (_name, bad, at) => {
    const { trainer, data, error, told, file } = await stop(60, bad)
    expect(error).toBeInstanceOf(TrainingError)
    const { message } = error as TrainingError
    expect(message).toContain(`step ${at}`)
    expect(message).toContain('not finite')
    expect(message).toContain('weights were not updated')
    expect(message).toMatch(/Lower the learning rate, or look for bad numbers in the data/)
    expect(told).toHaveLength(at + 1)

    for (const values of [...file.weights.parameters, ...file.weights.slots.flat()]) {
      expect(values.every(Number.isFinite)).toBe(true)
    }
    expect(file.updates).toBe(at + 1 - bad.length)
    // The weights are those of the good batches before.
    const well = await create()
    const good = without(data, bad)
    const rows = (at + 1 - bad.length) * ROWS
    const { x, y } = good
    await well.fit({ ...good, rows, x: x.slice(0, rows * FEATURES), y: y.slice(0, rows) })
    expect(trainer.weightsHash()).toBe(well.weightsHash())
    expect(file.weights.parameters).toEqual(Object.values(trainer.getWeights()))
    // And the trainer can be used again, with better data.
    expect((await trainer.fit(good)).stopped).toBe('completed')
  })

  it('not after two in a row, nor after four within fifty', async () => {
    const { error } = await stop(120, [4, 5, 30, 31, 60, 61, 90, 91])
    expect(error).toMatchObject({ stopped: 'completed', skipped: 8 })
  })

  it('when the config says', async () => {
    const { error } = await stop(10, [2], { health: { maxConsecutiveSkips: 1 } })
    expect(error).toBeInstanceOf(TrainingError)
  })
})

describe('a gradient that overflows', () => {
  it('skips its batch, though the loss is finite', async () => {
    const data = line(3 * ROWS, FEATURES)
    // The derivative of a square is 2 x 3e38, beyond 3.4e38; the square itself is finite in float64.
    data.y[ROWS + 2] = 3e38
    const config: Partial<Config> = { model: { layers: [{ type: 'dense', units: 1 }] } }
    const [hurt, well] = [await create(config), await create(config)]
    const { steps } = await hurt.fit(data)
    await well.fit(without(data, [1]))
    expect([...steps.verdict]).toEqual([0, Verdict.NONFINITE_GRAD, 0])
    expect(await remains(hurt)).toEqual(await remains(well))
  })
})

describe('an update that would overflow', () => {
  /** x = 0 and y = 3.4e38, of which the bias of 3e38 falls short: by absolute error its gradient is -1 in every batch. */
  const far = (batches: number): Dataset => {
    const rows = batches * ROWS
    const [x, y] = [new Float32Array(rows * FEATURES), new Float32Array(rows).fill(3.4e38)]
    return { rows, features: FEATURES, targets: 1, x, y }
  }
  const nearTheEnd = async (optimizer: Config['optimizer']): Promise<Trainer> => {
    const model = { layers: [{ type: 'dense', units: 1 } as const] }
    const trainer = await create({ model, optimizer, loss: 'meanAbsoluteError', clip: 'off', schedule: 'constant' })
    await trainer.build(far(1))
    trainer.setWeights({ 'dense_1/bias': Float32Array.of(3e38) })
    return trainer
  }
  const optimizers: Config['optimizer'][] = [
    { type: 'sgd', learningRate: 1e38 },
    { type: 'sgd', learningRate: 1e38, momentum: 0.9 },
    { type: 'adam', learningRate: 1e38 },
    { type: 'rmsprop', learningRate: 1e38 },
    { type: 'adagrad', learningRate: 1e38 },
  ]

  it.each(optimizers)('of %j is skipped and leaves every bit', async (optimizer) => {
    const trainer = await nearTheEnd(optimizer)
    const before = await remains(trainer)
    const { steps, skipped } = await trainer.fit(far(2))
    expect([...steps.gradNorm]).toEqual([1, 1])
    expect([...steps.verdict]).toEqual([Verdict.NONFINITE_PARAM, Verdict.NONFINITE_PARAM])
    expect([...steps.gradNormAfterClip]).toEqual([0, 0])
    expect(skipped).toBe(2)
    expect(await remains(trainer)).toEqual(before)
  })

  it('is made where it fits: 3e38 + 1e37', async () => {
    const trainer = await nearTheEnd({ type: 'sgd', learningRate: 1e37 })
    expect((await trainer.fit(far(1))).skipped).toBe(0)
    expect(trainer.getWeights()['dense_1/bias']![0]! / 1e38).toBeCloseTo(3.1, 6)
  })

  it('stops training when it comes three times in a row', async () => {
    const trainer = await nearTheEnd({ type: 'sgd', learningRate: 1e38 })
    const before = await remains(trainer)
    await expect(trainer.fit(far(6))).rejects.toThrow(TrainingError)
    expect(await remains(trainer)).toEqual(before)
  })
})

describe('a huge spike', () => {
  const config: Partial<Config> = {
    model: { layers: [{ type: 'dense', units: 1 }] },
    schedule: 'constant',
    optimizer: { type: 'sgd', learningRate: 0.001 },
  }
  const BATCHES = 30
  const SPIKE = 25
  const data = line(BATCHES * ROWS, FEATURES)
  for (let row = SPIKE * ROWS; row < SPIKE * ROWS + 4; row++) data.y[row] = 1e6

  it('skips its batch', async () => {
    const [hurt, well] = [await create(config), await create(config)]
    const history = await hurt.fit(data)
    await well.fit(without(data, [SPIKE]))
    expect(skippedAt(history)).toEqual([SPIKE])
    expect(history.steps.verdict[SPIKE]).toBe(Verdict.GRAD_SPIKE)
    expect(history.steps.gradNorm[SPIKE]).toBeGreaterThan(1e4)
    expect(hurt.weightsHash()).toBe(well.weightsHash())
  })

  it('is only clipped with `spikeSkip: false`', async () => {
    const [hurt, well] = [await create({ ...config, health: { spikeSkip: false } }), await create(config)]
    const history = await hurt.fit(data)
    await well.fit(without(data, [SPIKE]))
    expect(history.skipped).toBe(0)
    expect(history.steps.verdict[SPIKE]).toBe(Verdict.GRAD_SPIKE)
    expect(history.steps.gradNormAfterClip[SPIKE]).toBeLessThanOrEqual(1)
    expect(history.steps.gradNormAfterClip[SPIKE]).toBeGreaterThan(0.999)
    expect(hurt.weightsHash()).not.toBe(well.weightsHash())
  })
})
