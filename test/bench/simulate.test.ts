import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Costs, PhaseCosts } from '../../bench/simulate/costs.ts'
import { workOf } from '../../bench/simulate/costs.ts'
import { predictions } from '../../bench/simulate/predict.ts'
import { rankOf } from '../../bench/simulate/ranks.ts'
import { workersOf } from '../../bench/simulate/run.ts'
import { simulate } from '../../bench/simulate/schedule.ts'
import type { SimulatedMachine } from '../../bench/simulate/schedule.ts'
import type { Span } from '../../bench/traced.ts'
import type { PlanSummary } from '../../src/plan/summary.ts'

const costs = (...steps: PhaseCosts[][]): Costs => ({
  steps,
  perPiece: 0,
  interrupted: 0,
  wakeLooking: 0,
  wakeSleeping: 0,
  contention: new Map(),
  serialContention: new Map(),
  claimContention: 0,
})
const ideal = (workers: number): SimulatedMachine => ({
  workers,
  counterMicros: 0,
  stretch: () => 1,
  exchange: () => 0,
})
const phase = (pieces: number[], serial = 0, name = 'rows'): PhaseCosts => ({ phase: name, pieces, serial })

describe('a simulated step', () => {
  const pieces = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 })
  const phases = fc.array(fc.tuple(pieces, fc.double({ min: 0, max: 5, noNaN: true })), { minLength: 1, maxLength: 4 })

  it('takes one worker as long as all pieces and sequential parts together', () => {
    fc.assert(
      fc.property(phases, (given) => {
        const step = given.map(([p, serial]) => phase(p, serial))
        const total = given.reduce((sum, [p, serial]) => sum + serial + p.reduce((a, b) => a + b, 0), 0)
        expect(simulate(costs(step), ideal(1)).steps[0]! / total).toBeCloseTo(1, 9)
      }),
    )
  })

  it("lies between the ideal share and Graham's bound for list scheduling, phase by phase", () => {
    fc.assert(
      fc.property(phases, fc.integer({ min: 1, max: 64 }), (given, n) => {
        let [least, most] = [0, 0]
        for (const [p, serial] of given) {
          const [sum, longest] = [p.reduce((a, b) => a + b, 0), Math.max(...p)]
          least += serial + Math.max(longest, sum / n)
          most += serial + sum / n + longest * (1 - 1 / n)
        }
        const micros = simulate(costs(given.map(([p, serial]) => phase(p, serial))), ideal(n)).steps[0]!
        expect(micros).toBeGreaterThanOrEqual(least * (1 - 1e-9))
        expect(micros).toBeLessThanOrEqual(most * (1 + 1e-9))
      }),
    )
  })

  it('waits for the slower of two workers, since what slows one down in a step does not slow down the other', () => {
    // Alone 20 or 60 us. Two together take 10 us where both replay a fast step, a quarter of the time, and 30 otherwise.
    const steps = Array.from({ length: 1000 }, (_, i) => [phase(i % 2 ? [30, 30] : [10, 10])])
    const mean = (workers: number) =>
      simulate(costs(...steps), ideal(workers)).steps.reduce((sum, micros) => sum + micros, 0) / steps.length
    expect(mean(1)).toBeCloseTo(40, 9)
    expect(Math.abs(mean(2) - 25)).toBeLessThan(1)
  })

  it('accounts for every microsecond of every worker', () => {
    fc.assert(
      fc.property(phases, fc.integer({ min: 1, max: 16 }), (given, n) => {
        const step = given.map(([p, serial], i) => phase(p, serial, `phase ${i}`))
        const { steps, phases: sums } = simulate(costs(step), ideal(n))
        const all = [...sums.values()].reduce((sum, { busy, idle, serial }) => sum + busy + idle + serial, 0)
        expect(all / (n * steps[0]!)).toBeCloseTo(1, 9)
      }),
    )
  })

  it('takes from the own queue first, then from the others', () => {
    // Two workers have 3 and 1, 4: the second ends at 5. With 4 and 3, 1 both end at 4.
    expect(simulate(costs([phase([3, 1, 4])]), ideal(2)).steps).toEqual([5])
    expect(simulate(costs([phase([4, 3, 1])]), ideal(2)).steps).toEqual([4])
    // 1, 1 and 5, 1: the first takes the last piece of the second's at 2, and ends at 3.
    expect(simulate(costs([phase([1, 1, 5, 1])]), ideal(2)).steps).toEqual([5])
  })

  it('lets sleepers lose time where those who look do not, and nobody where one piece is all there is', () => {
    const slow: Costs = { ...costs([phase([150]), phase([10, 10])]), wakeLooking: 1, wakeSleeping: 30 }
    // The second worker slept through the first phase: it wakes 30 later, when the opener has done both.
    expect(simulate(slow, ideal(2)).steps).toEqual([150 + 20])
  })
})

describe('a step of two ranks', () => {
  // A weight of 299 x 100 in two tiles, and a bias of 100 in lanes, of which each shard has three.
  const plan = {
    parameters: 30_000,
    lanes: 3,
    tensors: [
      { name: 'weight', shape: [299, 100], gradient: 'tiles', pieces: 2 },
      { name: 'bias', shape: [100], gradient: 'lanes', pieces: 3 },
    ],
    phases: ['rows 1', 'rows 2', 'gradient', 'reduce', 'update'].map((phase) => ({ phase, pieces: 2, bytes: 0 })),
  } as unknown as PlanSummary
  // As one process works off the plan of two shards: the tiles of both come before the lanes of both.
  const step = [
    phase([10, 11, 12, 13], 1, 'rows 1'),
    phase([20, 21], 2, 'rows 2'),
    phase([30, 31, 32, 33, 1, 2, 3, 4, 5, 6], 3, 'gradient'),
    phase([8, 7], 4, 'reduce'),
    // The update of two runs of parameters, and two blocks of the next batch.
    phase([40, 41, 5, 6], 5, 'update'),
  ]
  const ranks = [0, 1].map((rank) => rankOf(costs(step), plan, new Set(['rows 2']), { rank, ranks: 2 }).steps[0]!)

  it('is one shard of rows and gradient, and one slice of what is combined and updated', () => {
    // Of the first run three of four additions are those of its lanes, of which each rank has half.
    expect(ranks[0]).toEqual([
      { phase: 'rows 1', pieces: [10, 11], serial: 1, then: 'moments' },
      { phase: 'rows 2', pieces: [20], serial: 2 },
      { phase: 'gradient', pieces: [30, 31, 1, 2, 3], serial: 3 },
      { phase: 'reduce', pieces: [3, 0], serial: 0, then: 'gradients' },
      { phase: 'combine', pieces: [2], serial: 4, then: 'norms' },
      { phase: 'update', pieces: [40, 5], serial: 5, then: 'weights' },
    ])
    expect(ranks[1]!.map(({ pieces }) => pieces)).toEqual([[12, 13], [21], [32, 33, 4, 5, 6], [3, 0], [7], [41, 6]])
  })

  it('waits at each exchange for the slower rank, for the exchange, and for threads that wake up', () => {
    const network = { latencyMicros: 10, network: 0.5 }
    const assumptions = { cores: 2, counterMicros: 0, memory: undefined, machines: 2, ...network }
    const slow = { ...costs(step), wakeSleeping: 2, contention: new Map([['reduce', 3]]) }
    const planned = { costs: slow, plan, meets: new Set(['rows 2']) }
    const seen = (isOneHost: boolean) => predictions(planned, () => planned, { ...assumptions, isOneHost }, [1])[0]!
    // To the moments; to the gradients, whose half is 60,000 bytes at 500 a microsecond; to the norms; to the weights.
    const between = [25 + 1, 21 + 2 + 80 + 3 + 3, 7 + 4, 47 + 5]
    const exchanges = [10, 10 + 120, 10, 10 + 120]
    // Each has a thread that sleeps before it, and one after it that begins the next phase.
    const wakes = 4 * 2 + 3 * 2
    const micros = [...between, ...exchanges].reduce((sum, part) => sum + part, wakes)
    expect(seen(false).micros).toBeCloseTo(micros, 9)
    // Alone: 46 + 41 + 147 + 15 + 92 and the sequential parts.
    expect(seen(false).speedUp).toBeCloseTo((46 + 41 + 147 + 15 + 92 + 15) / micros, 9)
    // Beside each other lanes take three times as long, and so does what is combined.
    expect(seen(true).micros).toBeCloseTo(micros + 2 * 3 + 2 * 7, 9)
  })
})

describe('costs', () => {
  const span = (name: string, ts: number, dur: number, piece = 0): Span => ({
    name,
    ph: 'X',
    tid: 0,
    ts,
    dur,
    args: { piece },
  })
  const step = (at: number): Span[] => [
    span('rows', at, 10, 1),
    span('rows', at + 11, 20, 0),
    span('decide', at + 31, 2),
    span('update', at + 34, 5, 0),
    span('decide', at + 39, 1),
  ]

  it('are the pieces in the order of claiming, with what lies between them spread over the claims', () => {
    const spans = [0, 50, 100, 150].flatMap(step)
    const { steps, perPiece } = workOf([spans], 44, 0)
    expect(steps[0]).toEqual([
      { phase: 'rows', pieces: [20, 10], serial: 2 },
      { phase: 'update', pieces: [5], serial: 1 },
    ])
    expect(perPiece).toBe((44 - 38) / 3)
  })
})

describe('--workers', () => {
  it('is a range of powers of two with its ends, or a list', () => {
    expect(workersOf('1..6')).toEqual([1, 2, 4, 6])
    expect(workersOf('8,1')).toEqual([1, 8])
    expect(() => workersOf('many')).toThrow('Expected `--workers` as a range like 1..256')
  })
})
