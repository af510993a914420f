/** What a simulation replays is what the plan says that a step is made of. */
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { bandwidthPeak, matmulPeak } from '../../bench/peak.ts'
import { measurementOf, observe } from '../../bench/simulate/measure.ts'
import { rankOf } from '../../bench/simulate/ranks.ts'
import { simulate } from '../../bench/simulate/schedule.ts'
import { resolveKernels } from '../../src/kernels/select.ts'
import { pieces as piecesOf } from '../../src/plan/pieces.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from '../train/data.ts'

const layers = [{ type: 'dense', units: 24, activation: 'relu' } as const, { type: 'dense', units: 3 } as const]
// 160 rows by 32: five steps an epoch, none of them short.
const small = {
  name: 'small',
  config: { model: { layers }, batchSize: 32, health: 'off' as const },
  data: blobs(160, 6, 3),
}
const turn = { micros: 2000, least: 3, most: 3, seconds: 0 }

it(
  'holds every piece of every phase of whole steps, for each number of workers that is asked for',
  { timeout: 120_000 },
  async () => {
    const { kernels, steps, planOf } = measurementOf(await observe(small, 'wasm', [1, 2, 3], turn), 0)
    expect(kernels).toBe('wasm')
    expect([...steps.keys()]).toEqual(availableParallelism() > 1 ? [1, 2] : [1])
    for (const workers of [1, 2, 3]) {
      const { plan, costs } = planOf(workers)
      const planned = new Map(plan.phases.map(({ phase, pieces }) => [phase, pieces]))
      expect(costs.steps.length).toBeGreaterThan(10)
      for (const step of costs.steps) {
        expect(step.map(({ phase }) => phase)).toEqual(['rows', 'gradient', 'reduce', 'update'])
        for (const { phase, pieces, serial } of step) {
          // Beside the update, the next batch is gathered where rows are a phase of their own: not here.
          expect(pieces).toHaveLength(planned.get(phase)!)
          expect([...pieces, serial].every((micros) => micros >= 0 && micros < Infinity)).toBe(true)
        }
      }
      expect(costs.interrupted).toBeLessThan(1)
    }
    // One worker's replay of a step is the sum of its pieces and of what claiming them takes.
    const { costs } = planOf(1)
    const ideal = { workers: 1, counterMicros: 0, stretch: () => 1, exchange: () => 0 }
    const sums = costs.steps.map((step) =>
      step.reduce((sum, { pieces, serial }) => pieces.reduce((a, b) => a + b + costs.perPiece, sum + serial), 0),
    )
    simulate(costs, ideal).steps.forEach((replayed, i) => expect(replayed / sums[i]!).toBeCloseTo(1, 9))
    expect(steps.get(1)).toBeGreaterThan(0)
  },
)

it('gives each of two machines the pieces that a rank of the plan has', { timeout: 120_000 }, async () => {
  const { alone, planOf } = measurementOf(await observe(small, 'wasm', [1], turn, 2), 0)
  await using trainer = await Trainer.create({ ...small.config, kernels: 'wasm', workers: 1, shards: 2 })
  const { spec } = trainer.plan(small.data)
  for (const rank of [0, 1]) {
    const sharing = { shards: 2, rank, ranks: 2 }
    const plan = compilePlan({ ...spec, sharing })
    const { costs, plan: summary, meets } = planOf(1)
    for (const step of rankOf(costs, summary, meets, sharing).steps)
      expect(step.map(({ phase, pieces }) => [phase, pieces.length])).toEqual([
        ['rows', piecesOf.stage(plan, 0, 16)],
        ['gradient', piecesOf.gradient(plan, 0, 16)],
        ['reduce', piecesOf.reduce(plan)],
        ['combine', piecesOf.update(plan)],
        ['update', piecesOf.update(plan)],
      ])
  }
  // One worker of one machine has the whole batch as one shard.
  expect(alone.plan.phases).not.toEqual(planOf(1).plan.phases)
})

it('measures what one core can do, in memory that is large enough for it', async () => {
  expect(await bandwidthPeak()).toBeGreaterThan(0)
  expect(await matmulPeak(resolveKernels('wasm-strict'))).toBeGreaterThan(0)
})
