/** The states to go back to: the last one that was well, unless an earlier one was clearly better. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Patient } from '../../src/remedy/patient.ts'
import { GoodStates } from '../../src/train/good-states.ts'
import { newHistory } from '../../src/train/history.ts'
import { evenly } from '../gradient/generators.ts'

/** States kept after 16 steps of the same loss each, where the best constant answer has a loss of 1. */
function kept(explained: readonly number[]): number | undefined {
  const history = newHistory()
  const states = new GoodStates()
  for (const share of explained) {
    for (let i = 0; i < 16; i++) history.steps.push([1 - share, 1, 1, 0.1, 0, 0])
    states.keep({} as Patient, { history, nullLoss: 1 })
  }
  return states.best?.explained
}

describe('good states', () => {
  it('keep the best through any number of worse ones', () => {
    expect(kept([0.9, 0.2, 0, -1, 0.3])).toBeCloseTo(0.9)
  })

  it('prefer the last one where it is as good but for chance', () => {
    expect(kept([0.5, 0.9, 0.87])).toBeCloseTo(0.87)
  })

  it('offer nothing where nothing was learnt', () => {
    expect(kept([0.05, 0.02])).toBeUndefined()
    expect(kept([])).toBeUndefined()
  })

  it('never offer one that explained clearly less than another', () => {
    fc.assert(
      fc.property(fc.array(evenly(-1, 1), { minLength: 1 }), (shares) => {
        const best = Math.max(...shares)
        const offered = kept(shares)
        if (offered === undefined) expect(shares.at(-1)! <= 0.1001 || best <= 0.1501).toBe(true)
        else expect(offered).toBeGreaterThan(best - 0.0501)
      }),
    )
  })
})
