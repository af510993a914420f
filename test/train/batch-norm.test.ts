/** Batch normalisation in a run: whole-batch statistics, running ones that follow accepted steps only, frozen layers. */
import { expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { UserError } from '../../src/errors.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const config: Config = {
  epochs: 1,
  batchSize: 20,
  shuffle: false,
  kernels: 'wasm-strict',
  optimizer: { type: 'sgd', learningRate: 0.1 },
  health: { check: 'off' },
  model: {
    layers: [
      { type: 'batchNorm', momentum: 0.75 },
      { type: 'dense', units: 8, activation: 'relu' },
      { type: 'batchNorm' },
      { type: 'dense', units: 3 },
    ],
  },
}

const train = async (given: Partial<Config>, data: Dataset): Promise<Trainer> => {
  const trainer = await Trainer.create({ ...config, ...given }, { crew: new InlineCrew() })
  await trainer.fit(data)
  return trainer
}

/** Rows [from, to) of a data set. */
const slice = ({ features, x, y, ...rest }: Dataset, from: number, to: number): Dataset => ({
  ...rest,
  rows: to - from,
  features,
  x: x.slice(from * features, to * features),
  y: y.slice(from, to),
})

it('keeps a running mean and variance of whole batches, the last short one included', async () => {
  const data = blobs(47, 4, 3)
  const trainer = await train({}, data)
  let [mean, variance] = [0, 1]
  for (const [from, to] of [
    [0, 20],
    [20, 40],
    [40, 47],
  ] as const) {
    const column = Array.from({ length: to - from }, (_, r) => data.x[(from + r) * 4 + 2]!)
    const centre = column.reduce((sum, v) => sum + v, 0) / column.length
    const spread = column.reduce((sum, v) => sum + (v - centre) ** 2, 0) / column.length
    mean = 0.75 * mean + 0.25 * centre
    variance = 0.75 * variance + 0.25 * spread
  }
  const weights = trainer.getWeights()
  expect(weights['batchNorm_1/movingMean']![2]).toBeCloseTo(mean, 5)
  expect(weights['batchNorm_1/movingVariance']![2]).toBeCloseTo(variance, 5)
})

it('predicts by the running statistics: each row for itself', async () => {
  const data = blobs(40, 4, 3)
  const trainer = await train({ epochs: 3 }, data)
  const all = await trainer.predict(data.x)
  const alone = await trainer.predict(data.x.slice(8, 12))
  expect(Array.from(alone)).toEqual(Array.from(all.slice(6, 9)))
})

it('a skipped batch leaves statistics and weights as if it had never been', async () => {
  const [good, bad] = [blobs(60, 4, 3), blobs(60, 4, 3)]
  bad.x.fill(Infinity, 20 * 4, 40 * 4)
  const trained = await train({}, bad)
  const without: Dataset = {
    ...slice(good, 0, 40),
    x: Float32Array.from([...good.x.slice(0, 80), ...good.x.slice(160)]),
  }
  without.y.set(good.y.slice(40, 60), 20)
  const expected = await train({}, without)
  expect(trained.getWeights()).toEqual(expected.getWeights())
})

it('accumulates the gradients of parts that are normalised each by itself, as Keras and PyTorch do', async () => {
  const data = blobs(40, 4, 3)
  const [first, second] = [slice(data, 0, 20), slice(data, 20, 40)]
  const clip = 'off'
  const both = (await train({ clip, batchSize: 40, accumulationSteps: 2 }, data)).getWeights()
  const [a, b] = [(await train({ clip }, first)).getWeights(), (await train({ clip }, second)).getWeights()]
  // One step of plain SGD is linear in the gradient: that of the mean of two gradients is the mean of their steps.
  for (const name of Object.keys(both)) {
    if (name.includes('moving')) continue
    both[name]!.forEach((w, i) => expect(w).toBeCloseTo((a[name]![i]! + b[name]![i]!) / 2, 6))
  }
})

it('running statistics take in the parts of a batch one after the other', async () => {
  const data = blobs(47, 4, 3)
  // Rows 0-19 and 20-39 of the first batch; the last one's 7 rows are one part.
  const weights = (await train({ batchSize: 40, accumulationSteps: 2 }, data)).getWeights()
  const expected = (await train({}, data)).getWeights()
  for (const part of ['movingMean', 'movingVariance']) {
    expect(weights[`batchNorm_1/${part}`]).toEqual(expected[`batchNorm_1/${part}`])
  }
})

it.each([2, 3, 7, 20])(
  'normalises over the whole batch in %i shards too: the same but for rounding',
  async (shards) => {
    // The last batch has 7 rows: of 20 shards one each, of 3 all in the first.
    const data = blobs(47, 4, 3)
    const [whole, parts] = [(await train({}, data)).getWeights(), (await train({ shards }, data)).getWeights()]
    for (const name of Object.keys(whole)) {
      whole[name]!.forEach((w, i) => expect(parts[name]![i]).toBeCloseTo(w, 5))
    }
  },
)

it('in shards too with accumulation: parts of the batch take rows of every shard', async () => {
  // Without shards, rows 0-19 are one part. Of 2 shards of 20 rows a part has 10 each: rows 0-9 and 20-29.
  const data = blobs(40, 4, 3)
  const order = Array.from({ length: 40 }, (_, i) => (i < 10 || i >= 30 ? i : i < 20 ? i + 10 : i - 10))
  const turned: Dataset = { ...data, x: data.x.slice(), y: data.y.slice() }
  order.forEach((from, to) => {
    turned.x.set(data.x.subarray(from * 4, from * 4 + 4), to * 4)
    turned.y[to] = data.y[from]!
  })
  const given = { batchSize: 40, accumulationSteps: 2 }
  const [whole, parts] = [await train(given, turned), await train({ ...given, shards: 2 }, data)]
  const expected = whole.getWeights()
  for (const [name, values] of Object.entries(parts.getWeights())) {
    values.forEach((w, i) => expect(w).toBeCloseTo(expected[name]![i]!, 5))
  }
})

it('frozen layers keep every bit, statistics too, while others learn', async () => {
  const data = blobs(60, 4, 3)
  const layers = config.model.layers.map((layer, i) => (i < 3 ? { ...layer, trainable: false } : layer))
  const trainer = await Trainer.create({ ...config, model: { layers } }, { crew: new InlineCrew() })
  await trainer.build(data)
  const before = trainer.getWeights()
  await trainer.fit(data)
  const after = trainer.getWeights()
  for (const name of Object.keys(before)) {
    if (name.startsWith('dense_2')) expect(after[name]).not.toEqual(before[name])
    else expect(after[name]).toEqual(before[name])
  }
})

it('refuses to train where nothing may learn', async () => {
  const layers: Config['model']['layers'] = [{ type: 'dense', units: 3, trainable: false }]
  await expect(train({ model: { layers } }, blobs(60, 4, 3))).rejects.toThrow(
    new UserError('Expected something to learn, but every layer has `trainable: false`. Let one of them learn.'),
  )
})
