import { describe, expect, it } from 'vitest'
import { OURS } from '../../../bench/health/assess.ts'
import type { Assessment, Said } from '../../../bench/health/assess.ts'
import type { Class } from '../../../bench/health/case.ts'
import type { Label, Outcome } from '../../../bench/health/label.ts'
import {
  confusion,
  isRepaired,
  scorable,
  scoreClasses,
  scoreDetector,
  scoreRepair,
  wilson,
} from '../../../bench/health/score.ts'
import type { Run } from '../../../bench/health/score.ts'
import { caseOf } from '../../../bench/health/suite/index.ts'

type Alarms = readonly (readonly [step: number, is: Class])[]

const repair = { e: 0.9, accuracy: 0.9, cost: 1, seconds: 1, actions: [], stopped: undefined }

function assessment(id: string, alarms: Alarms, more: Partial<Assessment> & { acts?: number } = {}): Assessment {
  const { acts = 0, ...rest } = more
  const said: Said[] = [{ detector: OURS, alarms: alarms.map(([step, is]) => ({ step, class: is })), acts }]
  return { id, seed: 1, steps: caseOf(id).steps, e: 0.1, accuracy: 0.2, seconds: 1, said, repair, ...rest }
}

const run = (id: string, alarms: Alarms, more: Parameters<typeof assessment>[2] = {}): Run => ({
  c: caseOf(id),
  assessment: assessment(id, alarms, more),
  faulty: !id.startsWith('H'),
  twin: 0.8,
})

describe('wilson', () => {
  it('gives the score interval of 8 of 10 as textbooks have it', () => {
    const { share, low, high } = wilson(8, 10)
    expect([share, low, high].map((v) => v.toFixed(4))).toEqual(['0.8000', '0.4902', '0.9433'])
  })

  it('rests on configurations, not on their seeds', () => {
    const { low, high } = wilson(10, 10)
    expect(wilson(30, 30, 3)).toMatchObject({ share: 1, low, high, count: 30, of: 30 })
  })

  it('knows nothing of none', () => {
    expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 })
  })
})

describe('a detector is scored', () => {
  // F4c sets in at step 150 of 400, F1a and F2c at 0. Healthy: 400 steps each.
  const runs = [
    run('F4c', [[160, 'exploding']]),
    run('F4c', [
      [20, 'exploding'],
      [152, 'vanishing'],
    ]),
    run('F1a', [[-1, 'vanishing']]),
    run('F2c', []),
    run('Ha', [
      [5, 'dead'],
      [9, 'shard'],
    ]),
    run('Hd', [], { acts: 4 }),
  ]
  const score = scoreDetector(runs, OURS)

  it('by the faulty runs that have an alarm after the fault set in', () => {
    expect(score.recall).toMatchObject({ count: 3, of: 4 })
    expect(score.missed).toEqual(['F2c#1'])
  })

  it('against alarms on healthy runs, and on faulty ones before the fault', () => {
    expect(score.precision).toMatchObject({ count: 3, of: 5 })
    expect(score.falselyFlagged).toEqual(['Ha#1 dead@5', 'F4c#1 exploding@20'])
    expect(score.healthyFlagged).toMatchObject({ count: 1, of: 2 })
    // Three false alarms in 2 x 400 healthy steps and 2 x 150 before faults.
    expect(score.falseAlarmsPer10k).toBeCloseTo((1e4 * 3) / 1100, 10)
    expect(score.actsPer10k).toBeCloseTo((1e4 * 4) / 800, 10)
  })

  it('by the name it gives first, from when the fault is there', () => {
    // F4c accepts exploding, oscillating and non-finite: the second run was called vanishing.
    expect(score.diagnosis).toMatchObject({ count: 2, of: 3 })
    expect(confusion(runs)).toEqual({
      exploding: { exploding: 1, vanishing: 1 },
      vanishing: { vanishing: 1 },
      collapse: { nothing: 1 },
      healthy: { dead: 1, nothing: 1 },
    })
  })

  it('by its delay from the fault on: -1 is before the first step', () => {
    const found = scoreClasses(runs)
    expect(found.map((each) => [each.class, each.delay?.median, each.delay?.p95])).toEqual([
      ['vanishing', -1, -1],
      ['collapse', undefined, undefined],
      ['exploding', 6, 9.6],
      ['dead', undefined, undefined],
    ])
    expect(score.before).toMatchObject({ count: 1, of: 2 })
    expect(score.delay?.median).toBe(2)
  })
})

describe('kinds of faults', () => {
  it('are counted by what was put in and by what was said', () => {
    const runs = [
      run('F1a', [[3, 'stalled']]),
      run('F1a', [[3, 'dead']]),
      run('F8a', [[90, 'stalled']]),
      run('Ha', [[1, 'stalled']]),
    ]
    const [vanishing, dead, stalled] = scoreClasses(runs)
    // Vanishing may be called stalled too, not dead.
    expect(vanishing).toMatchObject({ class: 'vanishing', runs: 2, found: 2, named: 1, said: 0 })
    expect(dead).toMatchObject({ class: 'dead', runs: 0, said: 1, right: 0 })
    expect(stalled).toMatchObject({ class: 'stalled', runs: 1, named: 1, said: 3, right: 2 })
  })
})

describe('repair is scored', () => {
  it('by what is repaired, by steps over the budget, and by what it does to healthy runs', () => {
    const runs = [
      run('F1a', [], { repair: { ...repair, cost: 1.5 } }),
      run('F2c', [], { repair: { ...repair, e: 0.1, accuracy: 0.1 } }),
      run('Ha', [], { e: 0.92, acts: 2 }),
      run('Hd', [], { e: 0.9 }),
    ]
    const score = scoreRepair(runs)
    expect(score.repaired).toMatchObject({ count: 1, of: 2 })
    expect(score.cost).toEqual({ median: 1.5, mean: 1.5, p95: 1.5 })
    // 0.2 before; 0.9 and 0.1 after.
    expect(score.gain).toBeCloseTo(30, 10)
    expect(score.untouchedHealthy).toMatchObject({ count: 1, of: 2 })
    expect(score.healthy!.mean).toBeCloseTo(-0.01, 10)
    expect(score.healthy!.worst).toBeCloseTo(-0.02, 10)
    expect([score.failed, score.touched]).toEqual([['F2c#1'], ['Ha#1']])
  })
})

describe('a run is repaired', () => {
  const repaired = (change: Partial<typeof repair> | { stopped: string }) =>
    isRepaired(run('F1a', [], { repair: { ...repair, ...change } }))

  it("where it explains 0.9 of what its twin does, in twice the twin's steps at the most, without being stopped", () => {
    expect(repaired({ e: 0.73 })).toBe(true)
    expect(repaired({ e: 0.71 })).toBe(false)
    expect(repaired({ cost: 2 })).toBe(true)
    expect(repaired({ cost: 2.01 })).toBe(false)
    expect(repaired({ stopped: 'no remedy is left' })).toBe(false)
  })
})

describe('only runs whose outcome is known are scored', () => {
  const outcome = (e: number): Outcome => ({ seed: 1, e, twin: 0.8, nonFinite: false })
  const label = (kind: Label['label'], e: number): Label => ({ label: kind, split: 'tune', outcomes: [outcome(e)] })
  const score = (kind: Label['label'], e: number, seed = 1) =>
    scorable([assessment('F1a', [], { seed })], new Map([['F1a', caseOf('F1a')]]), { F1a: label(kind, e) })

  it('a latent one is not, nor a faulty one that came off well with this seed, nor a seed without a label', () => {
    expect(score('faulty', 0.1)).toHaveLength(1)
    expect(score('latent', 0.1)).toEqual([])
    expect(score('faulty', 0.7)).toEqual([])
    expect(score('faulty', 0.1, 2)).toEqual([])
  })
})
