/** What is taken back is as if it had never been: skipped batches, and those since a state that was gone back to. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { Phase } from '../../src/plan/plan.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import type { View } from '../../src/train/inline.ts'
import { State } from '../../src/train/state.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const crews = [new Crew(1), new Crew(2)]
afterAll(() => Promise.all(crews.map((crew) => crew.close())))

const ROWS = 8
const FEATURES = 5

/** Rows of the batches that `stay` says, in their order. */
function batchesOf(data: Dataset, stay: (batch: number) => boolean): Dataset {
  const rows = Array.from({ length: data.rows }, (_, row) => row).filter((row) => stay(Math.floor(row / ROWS)))
  const x = Float32Array.from(rows.flatMap((row) => [...data.x.subarray(row * FEATURES, (row + 1) * FEATURES)]))
  return toDataset({ x, y: rows.map((row) => data.y[row]!), features: FEATURES, nonFinite: 'allow' })
}

const optimizer = fc.constantFrom<Config['optimizer'][]>(
  { type: 'sgd', learningRate: 0.05 },
  { type: 'sgd', learningRate: 0.02, momentum: 0.9, nesterov: true },
  { type: 'adam', learningRate: 0.01 },
  { type: 'adamw', learningRate: 0.01, weightDecay: 0.1 },
  { type: 'rmsprop', learningRate: 0.003, momentum: 0.5 },
  { type: 'adagrad', learningRate: 0.05 },
)

/** What an update may leave behind, as numbers: parameters (running statistics among them), slots, its count. */
function remains({ plan, arena, state }: View): string {
  const vectors = [plan.at.parameters, ...plan.at.slots].map((at) =>
    Buffer.from(arena.floats.slice(at, at + plan.placements.total).buffer).toString('base64'),
  )
  return [...vectors, state[State.updates]].join()
}

/** Before each batch: what is there. The second look at a batch is the same batch. */
class Watched extends InlineCrew {
  readonly seen: string[]
  constructor(also: (view: View) => void = () => {}) {
    const seen: string[] = []
    super({
      before(phase, view) {
        if (phase !== Phase.rows || view.state[State.stage] !== 0) return
        seen[view.state[State.batch]!] = remains(view)
        also(view)
      },
    })
    this.seen = seen
  }
}

describe('invariant 49: a skipped batch never happened', () => {
  const bad = fc.record({
    batch: fc.nat(11),
    row: fc.nat(ROWS - 1),
    feature: fc.nat(FEATURES - 1),
    value: fc.constantFrom(NaN, Infinity, -Infinity, 3e38),
  })
  const given = fc.record({
    optimizer,
    normalised: fc.boolean(),
    schedule: fc.constantFrom<Config['schedule'][]>(
      'constant',
      { type: 'exponential', gamma: 0.5, decaySteps: 3 },
      { type: 'step', stepSize: 4, gamma: 0.1 },
    ),
    clip: fc.constantFrom<Config['clip'][]>('off', 'auto', 1, { maxNorm: 0.1, normType: 'inf' }, { mode: 'layerNorm' }),
    damage: fc.array(bad, { minLength: 1, maxLength: 2 }),
    crew: fc.constantFrom(...crews),
  })

  it('to the bit, in weights, optimizer state, statistics, count of updates and schedule; the data go on', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ({ damage, crew, normalised, ...config }) => {
        const whole = blobs(12 * ROWS, FEATURES, 3)
        const x = whole.x.slice()
        for (const { batch, row, feature, value } of damage) x[(batch * ROWS + row) * FEATURES + feature] = value
        const data = batchesOf({ ...whole, x }, () => true)
        const model = {
          layers: [
            { type: 'dense', units: 7, ...(normalised ? {} : { activation: 'tanh' }) },
            ...(normalised ? [{ type: 'batchNorm' }] : []),
            { type: 'dense', units: 3 },
          ],
        } as Config['model']
        const create = () =>
          Trainer.create(
            { ...config, model, seed: 4, epochs: 1, batchSize: ROWS, shuffle: false, health: { check: 'off' } },
            { crew },
          )
        await using hurt = await create()
        await using well = await create()
        const history = await hurt.fit(data)
        const skipped = new Set(
          [...history.steps.gradNormAfterClip].flatMap((norm, step) => (norm === 0 ? [step] : [])),
        )
        const mustSkip = damage.filter(({ value }) => !Number.isFinite(value)).map(({ batch }) => batch)
        for (const batch of mustSkip) expect(skipped).toContain(batch)
        expect(history.skipped).toBe(skipped.size)
        expect(history.steps.length).toBe(12)
        const expected = await well.fit(batchesOf(data, (batch) => !skipped.has(batch)))
        expect(hurt.weightsHash()).toBe(well.weightsHash())
        const counted = (values: Float32Array) => [...values].filter((_, step) => !skipped.has(step))
        expect(counted(history.steps.learningRate)).toEqual([...expected.steps.learningRate])
        expect(counted(history.steps.loss)).toEqual([...expected.steps.loss])
        // Optimizer state and count of updates show in what comes next.
        await hurt.fit(whole)
        await well.fit(whole)
        expect(hurt.weightsHash()).toBe(well.weightsHash())
      }),
      { numRuns: 25 },
    )
  })
})

describe('invariant 50: a state gone back to is that state', () => {
  const BATCHES = 160
  const given = fc.record({
    optimizer,
    seed: fc.integer({ min: 1, max: 50 }),
    at: fc.integer({ min: 70, max: 110 }),
  })

  it('to the bit, and the batches after it give the trajectory of a run that never had those between', async () => {
    const data = blobs(BATCHES * ROWS, FEATURES, 3)
    let rolledBack = 0
    await fc.assert(
      fc.asyncProperty(given, async ({ optimizer, seed, at }) => {
        const config: Config = {
          ...{ optimizer, seed, epochs: 1, batchSize: ROWS, shuffle: false, kernels: 'wasm-strict' },
          model: {
            layers: [
              { type: 'dense', units: 12, activation: 'relu' },
              { type: 'dense', units: 12, activation: 'relu' },
              { type: 'dense', units: 3 },
            ],
          },
        }
        let first: string[] = []
        let isDead = false
        const killing = new Watched(({ plan, arena, state }) => {
          if (isDead || state[State.batch] !== at) return
          isDead = true
          first = killing.seen.slice()
          const { offset, size } = plan.placements.all.find(({ spec }) => spec.name === 'dense_2/bias')!
          arena.floats.fill(-1e3, plan.at.parameters + offset, plan.at.parameters + offset + size)
        })
        await using hurt = await Trainer.create({ ...config, health: 'repair' }, { crew: killing })
        const { actions } = await hurt.fit(data)
        fc.pre(actions.length === 1 && actions[0]!.remedy === 'roll back')
        rolledBack++
        const from = actions[0]!.step + 1
        const to = first.indexOf(killing.seen[from]!)
        expect(to).toBeGreaterThan(0)
        expect(to).toBeLessThanOrEqual(at)

        const watching = new Watched()
        await using well = await Trainer.create({ ...config, health: 'off' }, { crew: watching })
        await well.fit(batchesOf(data, (batch) => batch < to || batch >= from))
        expect(watching.seen.slice(0, to)).toEqual(first.slice(0, to))
        expect(watching.seen.slice(to)).toEqual(killing.seen.slice(from))
        expect(hurt.weightsHash()).toBe(well.weightsHash())
      }),
      { numRuns: 8 },
    )
    expect(rolledBack).toBe(8)
  })
})
