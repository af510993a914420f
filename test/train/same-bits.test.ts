/**
 * The flagship: the weights have the same bits for any number of workers, for every kernel implementation, through
 * uneven batches, dropout, accumulation, clipping, weights, lanes and tiles, and a resume with another number of workers.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { toCategorical } from '../../src/data/one-hot.ts'
import { kernelAvailability, kernelNames } from '../../src/kernels/select.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const WORKERS = [1, 2, 3, 5, 8]
/** 203 rows: batches of 64, 64, 64 and 11. */
const data = blobs(203, 21, 5)
const validation = blobs(50, 21, 5, 2)
const validationFor = ({ features }: Dataset) => (features === 21 ? validation : undefined)
const weights = Float32Array.from({ length: data.rows }, (_, i) => (i % 7) / 3)

/** Three labels a row, a third of them masked. */
const positions: Dataset = {
  ...blobs(203, 20, 5),
  targets: 3,
  y: Float32Array.from({ length: 203 * 3 }, (_, i) => (i % 3 === (i >> 2) % 3 ? -1 : (i * 7) % 5)),
}

const base: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 64,
  optimizer: { type: 'adam', learningRate: 0.01 },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'residual', layers: [{ type: 'dense', units: 37, activation: 'tanh' }] },
      { type: 'prelu' },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Layers so large that they are phases of their own, and gradients of several tiles. */
const wide: Partial<Config> = {
  batchSize: 160,
  model: {
    layers: [
      { type: 'dense', units: 300, activation: 'relu' },
      { type: 'dense', units: 290, activation: 'gelu' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 280 },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Rows as images: convolutions in lanes and, by their size, in tiles; pooling; a residual block with strides. */
const images: Partial<Config> = {
  epochs: 1,
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 12, kernelSize: 3, padding: 'same', strides: 2 }] },
      { type: 'conv2d', filters: 12, kernelSize: 3, groups: 12, activation: 'tanh' },
      { type: 'maxPooling2d', poolSize: 2, strides: 1 },
      { type: 'flatten' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Barriers inside the rows part, in a residual block too; a layer after them in phases of its own. */
const normalised: Partial<Config> = {
  epochs: 2,
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 8, kernelSize: 3, useBias: false },
      { type: 'batchNorm' },
      { type: 'activation', activation: 'relu' },
      { type: 'residual', layers: [{ type: 'conv2d', filters: 8, kernelSize: 1 }, { type: 'batchNorm' }] },
      { type: 'groupNorm', groups: 4 },
      { type: 'resnetBlock', filters: 4, strides: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 320 },
      { type: 'batchNorm' },
      { type: 'activation', activation: 'tanh' },
      { type: 'layerNorm', trainable: false },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Tokens: 7 a row. */
const tokens: Dataset = {
  ...blobs(90, 7, 5),
  x: Float32Array.from({ length: 90 * 7 }, (_, i) => (i * 31 + (i % 11) * (i % 5)) % 13),
}
const sequences: Partial<Config> = {
  epochs: 2,
  model: {
    layers: [
      { type: 'embedding', inputDim: 13, outputDim: 8 },
      { type: 'residual', layers: [{ type: 'layerNorm' }, { type: 'attention', numHeads: 2, causal: true }] },
      { type: 'positionEmbedding' },
      { type: 'residual', layers: [{ type: 'rmsNorm' }, { type: 'dense', units: 8, activation: 'gelu' }] },
      { type: 'transformerBlock', numHeads: 2, rate: 0.1 },
      { type: 'globalAveragePooling1d' },
      { type: 'dense', units: 5 },
    ],
  },
}

/** Penalties in lanes and tiles, bounded norms, whole channels dropped. */
const bounded: Partial<Config> = {
  model: {
    inputShape: [8, 8, 2],
    layers: [
      { type: 'conv2d', filters: 6, kernelSize: 3, strides: 2, kernelRegularizer: 'l1l2', kernelConstraint: 'maxNorm' },
      { type: 'upSampling2d' },
      { type: 'spatialDropout2d', rate: 0.3 },
      { type: 'flatten' },
      { type: 'dense', units: 300, kernelRegularizer: 'l2', kernelConstraint: { type: 'maxNorm', maxValue: 0.8 } },
      { type: 'dense', units: 5, biasRegularizer: 'l1' },
    ],
  },
}

/** Rows that are made anew in each epoch. */
const augmented: Partial<Config> = {
  loss: 'categoricalCrossentropy',
  augment: { horizontalFlip: true, randomCrop: 2, mixup: 0.4, gaussianNoise: 0.2 },
}

/** Branches, several inputs, a layer in two places, element-wise layers apart from the product they belong to. */
const graph: Partial<Config> = {
  epochs: 2,
  batchSize: 160,
  model: {
    inputs: [
      { name: 'left', shape: [60] },
      { name: 'right', shape: [60] },
      { name: 'rest', shape: [10] },
    ],
    layers: [
      { type: 'dense', units: 280, inputs: ['left'], name: 'tower' },
      { type: 'shared', layer: 'tower', inputs: ['right'], name: 'other' },
      { type: 'activation', activation: 'relu', inputs: ['tower'], name: 'one' },
      { type: 'activation', activation: 'tanh', inputs: ['other'], name: 'two' },
      { type: 'add', inputs: ['one', 'two'], name: 'sum' },
      { type: 'dense', units: 280, activation: 'gelu', inputs: ['two'], name: 'wide' },
      { type: 'activation', activation: 'sigmoid', inputs: ['sum'], name: 'gate' },
      { type: 'concatenate', inputs: ['gate', 'wide', 'sum', 'rest'] },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 5 },
    ],
  },
}

const recurrent: Partial<Config> = {
  epochs: 2,
  model: {
    layers: [
      { type: 'embedding', inputDim: 13, outputDim: 8 },
      { type: 'lstm', units: 19, returnSequences: true },
      { type: 'bidirectional', layer: { type: 'lstm', units: 7, returnSequences: true } },
      { type: 'custom', module: new URL('../model/own/swish.ts', import.meta.url).href },
      { type: 'dropout', rate: 0.1 },
      { type: 'gru', units: 17 },
      { type: 'dense', units: 5 },
    ],
  },
}

const cases: Record<string, { config?: Partial<Config>; data?: Dataset }> = {
  'uneven batches, dropout, residual, prelu, clipping by norm': {},
  'clipping by value and SGD with momentum': {
    config: {
      clip: { mode: 'value', value: 0.01 },
      optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
    },
  },
  'sample weights and accumulation in uneven parts': {
    config: { accumulationSteps: 3 },
    data: { ...data, sampleWeight: weights },
  },
  'layers in phases of their own': { config: wide, data: blobs(200, 130, 5) },
  'convolution and pooling': { config: images, data: blobs(100, 128, 5) },
  'convolution by tiles': { config: { ...images, gradient: 'tiles' }, data: blobs(100, 128, 5) },
  'normalisation over the batch and within rows': { config: normalised, data: blobs(100, 128, 5) },
  'normalisation over uneven parts of the batch': {
    config: { ...normalised, epochs: 1, accumulationSteps: 3 },
    data: blobs(100, 128, 5),
  },
  'normalisation over the batch in shards': {
    config: { ...normalised, shards: 3 },
    data: blobs(100, 128, 5),
  },
  'normalisation over uneven parts of shards': {
    config: { ...normalised, epochs: 1, shards: 4, accumulationSteps: 3 },
    data: blobs(100, 128, 5),
  },
  'penalties, bounds and upsampling': { config: { ...bounded, shards: 2 }, data: blobs(100, 128, 5) },
  'images flipped, cropped, mixed and noised': {
    config: { ...images, ...augmented, epochs: 2, accumulationSteps: 2 },
    data: toCategorical(blobs(100, 128, 5)),
  },
  'rows mixed and noised, gathered ahead, in shards': {
    config: {
      ...wide,
      epochs: 1,
      loss: 'categoricalCrossentropy',
      augment: { mixup: 2, gaussianNoise: 0.1 },
      shards: 3,
    },
    data: { ...toCategorical(blobs(200, 130, 5)), sampleWeight: Float32Array.from({ length: 200 }, (_, i) => i % 3) },
  },
  'recurrent layers, and one of the user': { config: recurrent, data: tokens },
  'a graph of branches and inputs': { config: graph, data: blobs(200, 130, 5) },
  'a graph in shards': { config: { ...graph, epochs: 1, shards: 3 }, data: blobs(200, 130, 5) },
  'embedding and attention': { config: sequences, data: tokens },
  'no part of a batch by itself': { config: { gradient: 'whole', accumulationSteps: 3 } },
  'every gradient by lanes': { config: { gradient: 'lanes' } },
  'positions with masked labels, and metrics of classes': {
    config: {
      loss: 'maskedCrossentropy',
      metrics: ['accuracy', 'f1', 'auc', 'perplexity'],
      model: {
        layers: [
          { type: 'dense', units: 37, activation: 'tanh' },
          { type: 'dense', units: 15 },
        ],
      },
    },
    data: positions,
  },
  'stochastic descent': { config: { batchSize: 1, epochs: 1, maxSteps: 60 } },
  'shards of uneven rows, in parts, of sample weights, clipped by value': {
    config: { shards: 5, accumulationSteps: 2, clip: { mode: 'value', value: 0.01 } },
    data: { ...data, sampleWeight: weights },
  },
  'shards of layers in phases of their own': { config: { ...wide, shards: 4 }, data: blobs(200, 130, 5) },
  'full batch, schedule, early stopping': {
    config: {
      batchSize: 'full',
      epochs: 6,
      schedule: 'cosine',
      earlyStopping: { patience: 1, restoreBestWeights: true },
      reduceOnPlateau: { patience: 0 },
    },
  },
}

/** Crews live as long as the file: starting threads takes longer than these trainings. */
const crews = new Map(WORKERS.map((workers) => [workers, new Crew(workers)]))
afterAll(() => Promise.all([...crews.values()].map((crew) => crew.close())))

async function hashAfter(config: Config & { workers: number }, data: Dataset): Promise<string> {
  await using trainer = await Trainer.create(config, { crew: crews.get(config.workers) })
  await trainer.fit(data, { validationData: validationFor(data) })
  return trainer.weightsHash()
}

describe.for(kernelNames)('%s', (kernels) => {
  const availability = kernelAvailability(kernels)
  const why = availability.available ? '' : ` (skipped: ${availability.reason})`
  const it = test.skipIf(!availability.available)

  it.for(Object.entries(cases))(`%s: one hash for 1, 2, 3, 5 and 8 workers${why}`, async ([, given]) => {
    const hashes = new Set<string>()
    for (const workers of WORKERS) {
      hashes.add(await hashAfter({ ...base, ...given.config, kernels, workers }, given.data ?? data))
    }
    expect([...hashes]).toHaveLength(1)
  })

  // A native BLAS may order a sum by the shape of the call: there it holds within rounding only.
  test.runIf(availability.available && kernels !== 'blas')(
    'accumulation in parts equals the big batch, bit for bit',
    async () => {
      const hashes = new Set<string>()
      for (const accumulationSteps of [1, 2, 4, 5, 64]) {
        hashes.add(await hashAfter({ ...base, kernels, workers: 2, accumulationSteps }, data))
      }
      expect([...hashes]).toHaveLength(1)
    },
  )

  test.runIf(availability.available && kernels !== 'blas')(
    'large layers in phases of their own, their samples gathered ahead, give the bits of row blocks',
    async () => {
      const hashes = new Set<string>()
      // 160 rows in 1, 2 or 40 parts: parts of 4 rows are too little work for phases of their own.
      for (const accumulationSteps of [1, 2, 40]) {
        hashes.add(await hashAfter({ ...base, ...wide, kernels, workers: 2, accumulationSteps }, blobs(400, 130, 5)))
      }
      expect([...hashes]).toHaveLength(1)
    },
  )

  it('differs by seed, so that equal hashes mean something', async () => {
    const one = await hashAfter({ ...base, kernels, workers: 1, seed: 1 }, data)
    const two = await hashAfter({ ...base, kernels, workers: 1, seed: 2 }, data)
    expect(one).not.toBe(two)
  })
})

describe('the calling thread alone', () => {
  it('gives the bits of a crew, gates and epochs included', async () => {
    for (const [config, rows] of [
      [{ ...base, ...wide }, blobs(200, 130, 5)],
      [base, data],
    ] as const) {
      const expected = await hashAfter({ ...config, workers: 2 }, rows)
      const phases = new Set<number>()
      const crew = new InlineCrew({ before: (phase) => phases.add(phase), after: (phase) => phases.add(-phase) })
      await using trainer = await Trainer.create(config, { crew })
      const ends: number[] = []
      await trainer.fit(rows, {
        validationData: validationFor(rows),
        callbacks: { onEpochEnd: (epoch) => void ends.push(epoch) },
      })
      expect(trainer.weightsHash()).toBe(expected)
      expect(ends).toEqual([0, 1])
      expect([...phases].filter((phase) => phase < 0).length).toBe(phases.size / 2)
    }
  })
})

describe("workers: 'auto'", () => {
  it('changes the number of workers while it trains, and no bit', async () => {
    const config = { ...base, epochs: 60 }
    const expected = await hashAfter({ ...config, workers: 1 }, data)
    await using trainer = await Trainer.create({ ...config, workers: 'auto' }, { crew: crews.get(5) })
    const history = await trainer.fit(data, { validationData: validation })
    expect(history.trials.map(({ workers }) => workers)).toEqual([5, 3, 2, 1])
    expect(trainer.weightsHash()).toBe(expected)
  })
})

describe('resuming', () => {
  let directory: string
  beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'brigantine-'))))
  afterAll(() => rm(directory, { recursive: true }))

  test.each([1, 3, 4, 5, 7])(
    'after step %i of 8, with another number of workers, gives the bits of the whole run',
    async (at) => {
      const whole = await hashAfter({ ...base, workers: 2 }, data)
      const path = join(directory, `after-${at}.ckpt`)
      {
        await using first = await Trainer.create({ ...base, workers: 3, maxSteps: at })
        const history = await first.fit(data, { validationData: validation })
        expect(history.stopped).toBe('maxSteps')
        await first.save(path)
      }
      await using second = await Trainer.load(path, { workers: 1, maxSteps: undefined })
      expect(second.resumable).toBe(true)
      const history = await second.fit(data, { validationData: validation })
      expect(history.stopped).toBe('completed')
      expect(history.epoch).toEqual([0, 1])
      expect(second.weightsHash()).toBe(whole)
    },
  )
})

const native = kernelAvailability('native')
describe.skipIf(!native.available)(`native${native.available ? '' : ` (skipped: ${native.reason})`}`, () => {
  test.for(Object.entries(cases))('%s: the hash of `wasm`', async ([, given]) => {
    const hashes = new Set<string>()
    for (const kernels of ['wasm', 'native'] as const) {
      hashes.add(await hashAfter({ ...base, ...given.config, kernels, workers: 2 }, given.data ?? data))
    }
    expect([...hashes]).toHaveLength(1)
  })
})
