/** Every clipping mode in the training step: the bits of any number of workers, and what the readable twins say. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { adaptiveClip_ } from '../../src/gradient/adaptive-clip.ts'
import { clipGradNorm_ } from '../../src/gradient/clip.ts'
import { getTotalNorm } from '../../src/gradient/norm.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const crews = [1, 2, 3].map((workers) => new Crew(workers))
afterAll(() => Promise.all(crews.map((crew) => crew.close())))

const data = blobs(203, 150, 5)
const base: Config = {
  ...{ seed: 3, epochs: 2, batchSize: 64, kernels: 'wasm-strict' },
  optimizer: { type: 'sgd', learningRate: 0.5 },
  model: {
    layers: [
      { type: 'dense', units: 130, activation: 'relu' },
      { type: 'dense', units: 37, activation: 'tanh' },
      { type: 'dense', units: 5 },
    ],
  },
}

type Weights = Record<string, Float32Array>

async function run(config: Partial<Config>, crew = crews[0]!) {
  await using trainer = await Trainer.create({ ...base, ...config }, { crew })
  await trainer.build(data)
  const before = trainer.getWeights()
  const { steps, skipped } = await trainer.fit(data)
  return { before, after: trainer.getWeights(), hash: trainer.weightsHash(), steps, skipped }
}

/** The mean gradient of one step: what SGD at a rate of 1 takes away. */
const change = ({ before, after }: { before: Weights; after: Weights }): Weights =>
  Object.fromEntries(Object.entries(before).map(([name, w]) => [name, w.map((v, i) => v - after[name]![i]!)]))

const norm = (...all: Float32Array[]) => Math.sqrt(all.reduce((sum, g) => g.reduce((s, v) => s + v * v, sum), 0))

describe('clipping by', () => {
  const modes: Config['clip'][] = [
    'auto',
    { mode: 'quantile', quantile: 0.2 },
    { mode: 'layerNorm', maxNorm: 0.05 },
    { mode: 'adaptive', lambda: 0.01 },
    { maxNorm: 0.5, normType: 1 },
    { maxNorm: 0.02, normType: 'inf' },
    { mode: 'layerNorm', maxNorm: 0.02, normType: 3.5 },
  ]
  it.each(modes)('%j: one hash for 1, 2 and 3 workers', async (clip) => {
    const hashes = new Set<string>()
    for (const gradient of ['lanes', 'tiles'] as const) {
      const own = new Set<string>()
      for (const crew of crews) own.add((await run({ clip, gradient, epochs: 10 }, crew)).hash)
      expect(own.size).toBe(1)
      hashes.add([...own][0]!)
    }
    // Nothing need stand out in a training as short as this one.
    if (clip !== 'auto') expect(hashes.has((await run({ clip: 'off', epochs: 10 })).hash)).toBe(false)
  })

  const one: Partial<Config> = { maxSteps: 1, optimizer: { type: 'sgd', learningRate: 1 } }

  it('layer: each layer is cut to the bound by itself', async () => {
    const free = change(await run({ ...one, clip: 'off' }))
    const cut = await run({ ...one, clip: { mode: 'layerNorm', maxNorm: 0.05 } })
    const got = change(cut)
    let squares = 0
    for (const layer of ['dense_1', 'dense_2', 'dense_3']) {
      const own = [free[`${layer}/kernel`]!, free[`${layer}/bias`]!]
      clipGradNorm_(own, 0.05)
      const ours = [got[`${layer}/kernel`]!, got[`${layer}/bias`]!]
      expect(norm(...ours)).toBeCloseTo(norm(...own), 5)
      ours.forEach((g, t) => g.forEach((v, i) => expect(Math.abs(v - own[t]![i]!)).toBeLessThan(1e-6)))
      squares += norm(...own) ** 2
    }
    expect(cut.steps.gradNormAfterClip[0]).toBeCloseTo(Math.sqrt(squares), 5)
  })

  const norms = fc.record({
    normType: fc.oneof(fc.constantFrom(1, 2, 'inf' as const), fc.double({ min: 1, max: 12, noNaN: true })),
    share: fc.double({ min: 0.05, max: 1.5, noNaN: true }),
    gradient: fc.constantFrom('lanes' as const, 'tiles' as const),
    byLayer: fc.boolean(),
    shards: fc.constantFrom(1, 3),
  })
  const drawn = { numRuns: 12, endOnFailure: true }

  it('any p-norm: what clipGradNorm_ makes of the gradient, with the bits of any number of workers', async () => {
    const gradients = new Map<string, Weights>()
    const free = async (config: Partial<Config>) => {
      const key = JSON.stringify(config)
      if (!gradients.has(key)) gradients.set(key, change(await run({ ...one, ...config, clip: 'off' })))
      return gradients.get(key)!
    }
    await fc.assert(
      fc.asyncProperty(norms, async ({ normType, share, gradient, byLayer, shards }) => {
        const whole = await free({ gradient, shards })
        const expected = Object.fromEntries(Object.entries(whole).map(([name, g]) => [name, g.slice()]))
        const maxNorm = share * getTotalNorm(Object.values(whole), normType) * (byLayer ? 0.5 : 1)
        const names = Object.keys(expected)
        const layers = byLayer ? [...new Set(names.map((name) => name.split('/')[0]!))] : ['']
        for (const layer of layers) {
          const own = names.filter((name) => name.startsWith(layer)).map((name) => expected[name]!)
          clipGradNorm_(own, maxNorm, { normType })
        }
        const clip: Config['clip'] = { mode: byLayer ? 'layerNorm' : 'globalNorm', maxNorm, normType }
        const cut = await run({ ...one, gradient, shards, clip })
        const got = change(cut)
        for (const name of names) {
          got[name]!.forEach((v, i) => expect(Math.abs(v - expected[name]![i]!)).toBeLessThan(1e-6))
        }
        expect(cut.steps.gradNormAfterClip[0]).toBeCloseTo(norm(...Object.values(expected)), 5)
        for (const crew of crews.slice(1)) {
          expect((await run({ ...one, gradient, shards, clip }, crew)).hash).toBe(cut.hash)
        }
      }),
      drawn,
    )
  })

  it('unit: each unit is held to its weights, as adaptiveClip_ does it', async () => {
    const plain = await run({ ...one, clip: 'off' })
    const free = change(plain)
    const cut = await run({ ...one, clip: { mode: 'adaptive', lambda: 0.01 } })
    const got = change(cut)
    for (const [name, gradient] of Object.entries(free)) {
      const units = name.endsWith('kernel') ? { dense_1: 130, dense_2: 37, dense_3: 5 }[name.slice(0, 7)]! : 1
      adaptiveClip_(gradient, plain.before[name]!, units, name.endsWith('kernel') ? {} : { units: 'rows' })
      gradient.forEach((v, i) => expect(Math.abs(v - got[name]![i]!)).toBeLessThan(1e-6))
    }
    expect(cut.steps.gradNormAfterClip[0]).toBeCloseTo(norm(...Object.values(free)), 5)
  })

  it('auto: a norm that stands out is brought back, the others stay', async () => {
    const wild = { ...data, x: data.x.map((v, i) => (Math.floor(i / 600) === 37 ? 40 * v : v)) }
    await using trainer = await Trainer.create(
      {
        ...base,
        clip: 'auto',
        epochs: 1,
        batchSize: 4,
        shuffle: false,
        optimizer: { type: 'sgd', learningRate: 1e-3 },
        health: 'observe',
      },
      { crew: crews[0]! },
    )
    const { steps } = await trainer.fit(wild)
    const [before, after] = [steps.gradNorm, steps.gradNormAfterClip]
    const at = 37
    const usual = [...before.slice(16, at)].sort((a, b) => a - b)[(at - 16) >> 1]!
    expect(before[at]!).toBeGreaterThan(4 * usual)
    expect(after[at]!).toBeLessThan(3 * usual)
    expect([...after.slice(0, 16)]).toEqual([...before.slice(0, 16)])
  })
})
