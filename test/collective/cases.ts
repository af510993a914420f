/** Trainings whose bits must not depend on ranks and workers; batches of 203 rows by 64 end with one of 11. */
import type { Config } from '../../src/config/schema.ts'
import type { Workforce } from '../../src/crew/task.ts'
import type { Ranks } from '../../src/crew/ranks.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from '../train/data.ts'

const data = blobs(203, 21, 5)
const weights = Float32Array.from({ length: data.rows }, (_, i) => (i % 7) / 3)

const base: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 64,
  shards: 4,
  kernels: 'wasm',
  optimizer: { type: 'adam', learningRate: 0.01 },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

const cases: { config: Config; data: Dataset }[] = [
  { config: base, data },
  { config: { ...base, clip: { maxNorm: 0.02, normType: 'inf' } }, data },
  {
    config: { ...base, accumulationSteps: 2, clip: { mode: 'value', value: 0.01 }, shards: 6 },
    data: { ...data, sampleWeight: weights },
  },
  {
    // Several runs of parameters, and layers in phases of their own.
    config: {
      ...base,
      batchSize: 160,
      clip: { mode: 'layerNorm', maxNorm: 0.05, normType: 1.5 },
      model: {
        layers: [
          { type: 'dense', units: 300, activation: 'relu' },
          { type: 'dense', units: 290 },
          { type: 'dense', units: 5 },
        ],
      },
    },
    data: blobs(200, 130, 5),
  },
  {
    // Moments over all ranks, of the input too; a pooling in one pass with its norm; the last batch's rows are all of one rank.
    config: {
      ...base,
      model: {
        inputShape: [4, 4, 2],
        layers: [
          { type: 'batchNorm' },
          { type: 'conv2d', filters: 6, kernelSize: 3, padding: 'same', useBias: false },
          { type: 'batchNorm' },
          { type: 'activation', activation: 'relu' },
          { type: 'maxPooling2d' },
          { type: 'residual', layers: [{ type: 'conv2d', filters: 6, kernelSize: 1 }, { type: 'batchNorm' }] },
          { type: 'flatten' },
          { type: 'dense', units: 5 },
        ],
      },
    },
    data: blobs(203, 32, 5),
  },
  {
    config: {
      ...base,
      batchSize: 160,
      accumulationSteps: 3,
      shards: 6,
      model: {
        layers: [
          { type: 'dense', units: 300, useBias: false },
          { type: 'batchNorm' },
          { type: 'activation', activation: 'relu' },
          { type: 'dense', units: 5 },
        ],
      },
    },
    data: { ...blobs(200, 130, 5), sampleWeight: Float32Array.from({ length: 200 }, (_, i) => (i % 7) / 3) },
  },
]

/** The weights of the first case by so many shards, added so. */
export async function weightsBy(
  reduce: 'tree' | 'mpi-sum',
  shards: number,
  crew: Workforce,
  ranks?: Ranks,
): Promise<{ hash: string; weights: number[] }> {
  await using trainer = await Trainer.create({ ...base, reduce, shards, workers: crew.workers }, { crew, ranks })
  await trainer.fit(data)
  const weights = Object.values(trainer.getWeights()).flatMap((values) => [...values])
  return { hash: trainer.weightsHash(), weights }
}

/** The first case with these faults, or with a row that no float32 can hold the products of: what was seen, and the weights. */
export async function looksAt(
  crew: Workforce,
  inject: readonly string[] | 'numbers',
  ranks?: Ranks,
): Promise<{ hash: string; skipped: number; events: readonly string[] }> {
  const config: Config = { ...base, health: { check: 'off' }, workers: crew.workers }
  await using trainer = await Trainer.create(config, { crew, ranks })
  const x = data.x.slice()
  if (inject === 'numbers') x.fill(3e38, 21 * 50, 21 * 51)
  const { events, skipped } = await trainer.fit({ ...data, x }, inject === 'numbers' ? {} : { inject })
  return { hash: trainer.weightsHash(), skipped, events: events.map(({ step, text }) => `${step} ${text}`) }
}

/** One SHA-256 for each case. */
export async function hashes(crew: Workforce, ranks?: Ranks, over: Partial<Config> = {}): Promise<string[]> {
  const all: string[] = []
  for (const { config, data } of cases) {
    await using trainer = await Trainer.create({ ...config, ...over, workers: crew.workers }, { crew, ranks })
    const validationData = data.features === 21 ? blobs(50, 21, 5, 2) : undefined
    await trainer.fit(data, { validationData })
    all.push(trainer.weightsHash())
  }
  return all
}
