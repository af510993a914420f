/** Penalties and bounds on weights, against their arithmetic and through every way a gradient is summed. */
import { describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const rows = blobs(203, 21, 5)
const weighted = { ...rows, sampleWeight: Float32Array.from({ length: rows.rows }, (_, i) => (i % 7) / 3) }
const RATE = 0.1

const config = (bounds: object, more: Partial<Config> = {}): Config => ({
  seed: 3,
  maxSteps: 1,
  batchSize: 160,
  kernels: 'wasm',
  clip: 'off',
  health: 'off',
  optimizer: { type: 'sgd', learningRate: RATE },
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'tanh', ...bounds },
      { type: 'dense', units: 5 },
    ],
  },
  ...more,
})

async function weightsOf(given: Config, data = rows) {
  const trainer = await Trainer.create(given, { crew: new InlineCrew() })
  await trainer.build(data)
  const before = trainer.getWeights()
  await trainer.fit(data)
  return { before, after: trainer.getWeights() }
}

describe('l1 and l2', () => {
  const bounds = { kernelRegularizer: { l1: 0.03, l2: 0.2 }, biasRegularizer: 'l2', biasInitializer: 'ones' } as const
  const cases: [string, Partial<Config>, typeof rows][] = [
    ['by tiles', { gradient: 'tiles' }, rows],
    ['by lanes', { gradient: 'lanes' }, rows],
    ['by lanes, accumulated, of weighted samples', { gradient: 'lanes', accumulationSteps: 3 }, weighted],
    ['by tiles, accumulated, in shards, of weighted samples', { shards: 3, accumulationSteps: 2 }, weighted],
  ]
  it.each(cases)('add l1 sign(w) + 2 l2 w to the mean gradient, %s', async (_name, more, data) => {
    const { after: free } = await weightsOf(config({ biasInitializer: 'ones' }, more), data)
    const { before, after } = await weightsOf(config(bounds, more), data)
    // One step of descent: what the penalty's gradient adds is the rate times it. Float32 keeps about 1e-7 of each weight.
    before['dense_1/kernel']!.forEach((w, i) => {
      const penalty = 0.03 * Math.sign(w) + 2 * 0.2 * w
      expect(after['dense_1/kernel']![i]! - free['dense_1/kernel']![i]!).toBeCloseTo(-RATE * penalty, 6)
    })
    before['dense_1/bias']!.forEach((w, i) => {
      expect(after['dense_1/bias']![i]! - free['dense_1/bias']![i]!).toBeCloseTo(-RATE * 2 * 0.01 * w, 6)
    })
    expect(after['dense_2/kernel']).toEqual(free['dense_2/kernel'])
  })

  it('leave weights of 0 where they are', async () => {
    const given = config({ kernelInitializer: 'zeros', kernelRegularizer: 'l1', activation: 'linear' })
    const still = { ...rows, x: new Float32Array(rows.x.length) }
    expect((await weightsOf(given, still)).after['dense_1/kernel']!.every((w) => w === 0)).toBe(true)
  })
})

describe('maxNorm', () => {
  const norms = (kernel: Float32Array) =>
    Array.from({ length: 37 }, (_, unit) => Math.hypot(...kernel.filter((_, i) => i % 37 === unit)))

  it.each([{}, { shards: 2 }])(
    "brings a unit's weights down to the norm, and leaves the others alone, %j",
    async (more) => {
      const { after: free } = await weightsOf(config({}, more))
      const most = norms(free['dense_1/kernel']!).toSorted((a, b) => a - b)[18]!
      const { after } = await weightsOf(config({ kernelConstraint: { type: 'maxNorm', maxValue: most } }, more))
      const bounded = norms(after['dense_1/kernel']!)
      norms(free['dense_1/kernel']!).forEach((norm, unit) => expect(bounded[unit]).toBeCloseTo(Math.min(norm, most), 6))
      expect(after['dense_2/kernel']).toEqual(free['dense_2/kernel'])
    },
  )

  it('is no damage in the eyes of the detector, which compares weights with those that the last update left', async () => {
    const given = config({ kernelConstraint: { type: 'maxNorm', maxValue: 0.5 } }, { maxSteps: 40, health: 'warn' })
    const trainer = await Trainer.create(given, { crew: new InlineCrew() })
    const history = await trainer.fit(rows)
    expect(history.health.filter(({ code }) => code === 'REPLICA_DIVERGENCE')).toEqual([])
    expect(Math.max(...norms(trainer.getWeights()['dense_1/kernel']!))).toBeLessThan(0.5 + 1e-6)
  })
})
