/** Repairs end: whatever is complained of, in whatever order, the remedies run out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { healthCodes } from '../../src/gradient/verdict.ts'
import { MOST_ENTRANTS } from '../../src/train/tournament.ts'
import { again, before, early, left, mostActions, running, still } from '../../src/remedy/ladder.ts'

const secondLook = Object.fromEntries(healthCodes.map((code) => [code, again]))
const ladders = [before, early, still, running, secondLook]

const complaint = fc.record({
  ladder: fc.constantFrom(...ladders),
  code: fc.constantFrom(...healthCodes),
  choice: fc.nat(),
})

describe('the ladder', () => {
  it('has an end for any sequence of verdicts', () => {
    fc.assert(
      fc.property(fc.array(complaint, { maxLength: 400, size: 'max' }), (complaints) => {
        const actions: { remedy: string }[] = []
        for (const { ladder, code, choice } of complaints) {
          const remedies = left(ladder, code, actions)
          // The first that has something to do is taken: it may be any of them, and others may be tried beside it.
          const from = remedies.length > 0 ? choice % remedies.length : 0
          const tried = new Set(remedies.slice(from, from + MOST_ENTRANTS).map(({ name }) => name))
          for (const remedy of tried) actions.push({ remedy })
        }
        expect(actions.length).toBeLessThanOrEqual(mostActions)
      }),
    )
  })

  it('runs out for the same verdict for ever, and lets a remedy be used as often as its limit says', () => {
    for (const ladder of ladders) {
      for (const code of healthCodes) {
        const actions: { remedy: string }[] = []
        const limits = new Map((ladder[code] ?? []).map(({ name, limit }) => [name, limit]))
        const bound = [...limits.values()].reduce((sum, limit) => sum + limit, 0)
        for (let [first] = left(ladder, code, actions); first; [first] = left(ladder, code, actions)) {
          actions.push({ remedy: first.name })
          expect(actions.length).toBeLessThanOrEqual(bound)
        }
        expect(actions).toHaveLength(bound)
      }
    }
  })

  it('puts data out of scale right before anything is cut, drawn anew or swapped, whatever came of it', () => {
    const codes = [
      'GRAD_EXPLODING',
      'LOSS_DIVERGING',
      'DEAD_LAYER',
      'DEAD_UNITS',
      'ZERO_GRADIENT',
      'SATURATED',
    ] as const
    for (const code of [...codes, 'GRAD_VANISHING', 'SIGNAL_COLLAPSE', 'SIGNAL_OVERSCALE'] as const) {
      const names = early[code]!.map(({ name }) => name)
      expect(names.slice(0, 3), code).toEqual([
        ...['replace broken rows', 'standardise inputs', 'meet the scale of the targets'],
      ])
    }
  })
})
