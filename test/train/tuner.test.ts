import { describe, expect, it } from 'vitest'
import { TUNING_DOUBLES } from '../../src/plan/lengths.ts'
import { beginTuning, fastest, trialsOf, tune } from '../../src/train/tuner.ts'

/** Drives the tuner with steps of `micros(workers)` and returns the numbers of workers it asked for, in order. */
function drive(workers: number, micros: (workers: number) => number, steps = 2000) {
  const state = new Float64Array(TUNING_DOUBLES)
  beginTuning(state, workers)
  const asked: number[] = []
  let now = 1e12
  let active = workers
  for (let i = 0; i < steps; i++) {
    now += micros(active) / 1000
    const next = tune(state, now)
    if (next > 0) asked.push((active = next))
  }
  return { asked, active, state }
}

describe('the tuner', () => {
  it('tries all, half, .. one, three times over, and goes on with the fastest', () => {
    expect(drive(8, (n) => 800 / n).asked).toEqual([4, 2, 1, 8, 4, 2, 1, 8, 4, 2, 1, 8])
    expect(drive(8, (n) => 100 + 50 * n).asked).toEqual([4, 2, 1, 8, 4, 2, 1, 8, 4, 2, 1, 1])
    expect(drive(6, (n) => (n === 3 ? 100 : 200)).asked).toEqual([3, 2, 1, 6, 3, 2, 1, 6, 3, 2, 1, 3])
  })

  it('keeps fewer workers busy where more are not clearly faster', () => {
    expect(drive(2, () => 100).active).toBe(1)
    expect(drive(2, (n) => (n === 2 ? 98 : 100)).active).toBe(1)
    expect(drive(2, (n) => (n === 2 ? 90 : 100)).active).toBe(2)
  })

  it('says what it saw', () => {
    const { state } = drive(4, (n) => 1000 / n)
    const trials = trialsOf(state)
    expect(trials.map(({ workers }) => workers)).toEqual([4, 2, 1])
    trials.forEach(({ workers, microsPerStep }) => expect(microsPerStep).toBeCloseTo(1000 / workers, 0))
    expect(fastest(state)).toBe(4)
  })

  it('is not deceived by slow first steps', () => {
    const state = new Float64Array(TUNING_DOUBLES)
    beginTuning(state, 2)
    let [now, active] = [1e12, 2]
    for (let i = 0; i < 500; i++) {
      // The first hundred steps take ten times as long, whoever takes them.
      now += ((i < 100 ? 10 : 1) * 100) / active / 1000
      active = tune(state, now) || active
    }
    expect(active).toBe(2)
  })

  it('judges by the mean of the steps: a lucky one counts for nothing', () => {
    let odd = 0
    expect(drive(2, (n) => (n === 1 ? 90 : (odd ^= 1) ? 40 : 160)).active).toBe(1)
  })

  it('has nothing to try with one worker', () => {
    expect(drive(1, () => 100).asked).toEqual([])
  })

  it('judges long steps by few of them', () => {
    // 5 steps a trial (two of them do not count), two trials, three rounds.
    expect(drive(2, (n) => 1e6 / n, 30).asked).toEqual([1, 2, 1, 2, 1, 2])
  })
})
