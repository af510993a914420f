/** Augmentation in a run: in training alone, exact after a resume, refused where it makes no sense. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { toCategorical } from '../../src/data/one-hot.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const data = toCategorical(blobs(203, 128, 5))
const validation = toCategorical(blobs(50, 128, 5, 2))

const config: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 64,
  workers: 2,
  loss: 'categoricalCrossentropy',
  augment: { horizontalFlip: true, randomCrop: 2, mixup: 0.4, gaussianNoise: 0.2 },
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3, strides: 2, activation: 'relu' },
      { type: 'flatten' },
      { type: 'dense', units: 5 },
    ],
  },
}

/** A layer so large that the next batch is gathered beside the update of this one. */
const ahead: Config = {
  ...config,
  augment: { mixup: 0.4, gaussianNoise: 0.2 },
  batchSize: 100,
  model: {
    layers: [
      { type: 'dense', units: 400, activation: 'relu' },
      { type: 'dense', units: 380, activation: 'relu' },
      { type: 'dense', units: 5 },
    ],
  },
}

let directory: string
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'brigantine-'))))
afterAll(() => rm(directory, { recursive: true }))

describe.each([
  ['row blocks', config, 8],
  ['rows gathered ahead', ahead, 6],
] as const)('%s', (_, given, steps) => {
  test('a run resumed in the middle of an epoch, with another number of workers, has the bits of the whole run', async () => {
    await using whole = await Trainer.create(given)
    expect(whole.plan(data).gathersAhead).toBe(given === ahead)
    const history = await whole.fit(data, { validationData: validation })
    expect(history.steps).toHaveLength(steps)
    for (const at of [1, 3, 5]) {
      const path = join(directory, 'middle.ckpt')
      {
        await using first = await Trainer.create({ ...given, workers: 3, maxSteps: at })
        await first.fit(data, { validationData: validation })
        await first.save(path)
      }
      await using second = await Trainer.load(path, { workers: 1, maxSteps: undefined })
      expect((await second.fit(data, { validationData: validation })).history).toEqual(history.history)
      expect(second.weightsHash()).toBe(whole.weightsHash())
    }
  })
})

it('is done in training alone: validation, evaluation and prediction see the rows as they are', async () => {
  const still: Config = { ...config, optimizer: { type: 'sgd', learningRate: 1e-30 }, epochs: 1 }
  await using plain = await Trainer.create({ ...still, augment: undefined })
  await using augmented = await Trainer.create(still)
  const [a, b] = [
    await plain.fit(data, { validationData: validation }),
    await augmented.fit(data, { validationData: validation }),
  ]
  // Weights that move by less than their rounding tell what was seen.
  expect(b.history.loss).not.toEqual(a.history.loss)
  expect(b.history.val_loss).toEqual(a.history.val_loss)
  expect(await augmented.evaluate(validation)).toEqual(await plain.evaluate(validation))
  expect(await augmented.predict(validation.x)).toEqual(await plain.predict(validation.x))
})

it('sees other rows in each epoch, and the same again with the same seed', async () => {
  const still: Config = { ...config, optimizer: { type: 'sgd', learningRate: 1e-30 }, epochs: 3, shuffle: false }
  const lossesOf = async (changes: Partial<Config>) => {
    await using trainer = await Trainer.create({ ...still, ...changes })
    return (await trainer.fit(data)).history.loss!
  }
  const losses = await lossesOf({})
  expect(new Set(losses).size).toBe(3)
  expect(await lossesOf({ workers: 1 })).toEqual(losses)
  // Without augmentation all epochs see the same.
  expect(new Set(await lossesOf({ augment: undefined })).size).toBe(1)
})

it('mixup is refused for labels, also where the data decided on the loss', async () => {
  const wanted: Config = { ...config, loss: 'auto', augment: { mixup: 0.2 } }
  await using trainer = await Trainer.create(wanted)
  await expect(trainer.fit(blobs(20, 128, 5))).rejects.toThrow(
    '`augment.mixup`: expected a loss that takes a number per output, to mix targets, got `sparseCategoricalCrossentropy`',
  )
  await using second = await Trainer.create({ ...wanted, epochs: 1 })
  const names = { ...data, classNames: ['a', 'b', 'c', 'd', 'e'] }
  expect(Object.keys((await second.fit(names)).history)).toEqual(['loss', 'acc'])
})
