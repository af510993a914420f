import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipCoefficient } from '../../src/gradient/coefficient.ts'
import {
  decide,
  decideStateLength,
  Decision,
  DecisionField,
  defaultDecideOptions,
  resetDecide,
  skipNonFiniteUpdate,
} from '../../src/gradient/decide.ts'
import type { DecideOptions } from '../../src/gradient/decide.ts'
import { explain, readDecision } from '../../src/gradient/explain.ts'
import { evenly } from './generators.ts'

const fresh = () => new Float64Array(decideStateLength)

function quiet(count = 64): Float64Array {
  const state = fresh()
  for (let i = 0; i < count; i++) decide(state, defaultDecideOptions, 1, 0.5)
  return state
}

type Step = readonly [loss: number, norm: number]
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constant(1), fc.double({ min: 0.1, max: 3, noNaN: true })) },
  { weight: 1, arbitrary: fc.constantFrom<Step>([NaN, 1], [1, NaN], [Infinity, 1], [1, Infinity], [1, 1e12], [1, 0]) },
)
const steps = fc.array(step, { maxLength: 200, size: 'max' })

describe('the decision of a step', () => {
  test('is to apply, with the clip coefficient of the norm before clipping, when all is well', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e30, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (norm, maxNorm) => {
          const state = fresh()
          const options: DecideOptions = { ...defaultDecideOptions, clip: { mode: 'globalNorm', maxNorm } }
          expect(decide(state, options, 1, norm)).toBe(Decision.apply)
          expect(state[DecisionField.coefficient]).toBe(clipCoefficient(norm, maxNorm))
          expect(state[DecisionField.gradNormBeforeClip]).toBe(norm)
          expect(state[DecisionField.gradNormAfterClip]).toBeLessThanOrEqual(Math.max(maxNorm, 0))
        },
      ),
    )
  })

  test('is never to apply what is not finite, under any options', () => {
    const bad = fc.constantFrom<Step>([NaN, 1], [1, NaN], [Infinity, 1], [1, Infinity], [-Infinity, NaN])
    const clip = fc.constantFrom<DecideOptions['clip']>(
      { mode: 'off' },
      { mode: 'value', value: 1 },
      { mode: 'globalNorm', maxNorm: 1 },
    )
    fc.assert(
      fc.property(
        steps,
        bad,
        clip,
        fc.boolean(),
        fc.integer({ min: 1, max: 1000 }),
        (list, [loss, norm], clip, spikeSkip, limit) => {
          const options = { clip, spikeSkip, maxConsecutiveSkips: limit, maxSkipsInWindow: limit }
          const state = fresh()
          for (const [l, n] of list) decide(state, options, l, n)
          for (let i = 0; i < 60; i++) {
            expect(decide(state, options, loss, norm)).not.toBe(Decision.apply)
            expect(state[DecisionField.coefficient]).toBe(0)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('skips a huge spike, clips a lesser one', () => {
    const state = quiet()
    expect(decide(state, defaultDecideOptions, 1, 500)).toBe(Decision.skip)
    expect(readDecision(state)).toMatchObject({ decision: 'skip', verdict: 'GRAD_SPIKE', coefficient: 0 })
    expect(decide(state, defaultDecideOptions, 1, 4)).toBe(Decision.apply)
    expect(readDecision(state)).toMatchObject({
      decision: 'apply',
      verdict: 'GRAD_SPIKE',
      coefficient: clipCoefficient(4, 1),
    })
  })

  test('clips a huge spike where skipping is switched off', () => {
    const state = quiet()
    expect(decide(state, { ...defaultDecideOptions, spikeSkip: false }, 1, 500)).toBe(Decision.apply)
    expect(state[DecisionField.coefficient]).toBe(clipCoefficient(500, 1))
  })

  test('is monotone: a larger norm never gets a larger coefficient', () => {
    const norm = evenly(-5, 25).map(Math.exp)
    fc.assert(
      fc.property(steps, norm, norm, (list, a, b) => {
        const state = fresh()
        for (const [l, n] of list) decide(state, defaultDecideOptions, l, n)
        const coefficient = (norm: number) => {
          const copy = Float64Array.from(state)
          decide(copy, defaultDecideOptions, 1, norm)
          return copy[DecisionField.coefficient]!
        }
        expect(coefficient(Math.max(a, b))).toBeLessThanOrEqual(coefficient(Math.min(a, b)))
      }),
      { numRuns: 150 },
    )
  })

  test('stops exactly at the third skip in a row or the fifth within 50 steps', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const state = fresh()
        const skipped: boolean[] = []
        for (const [loss, norm] of list) {
          const decision = decide(state, defaultDecideOptions, loss, norm)
          skipped.push(decision !== Decision.apply)
          const inARow = skipped.length - 1 - skipped.lastIndexOf(false)
          const inWindow = skipped.slice(-50).filter(Boolean).length
          expect(decision === Decision.stop).toBe(skipped.at(-1)! && (inARow >= 3 || inWindow >= 5))
          expect(readDecision(state)).toMatchObject({
            skipsInARow: inARow,
            skipsInWindow: inWindow,
            numSkips: skipped.filter(Boolean).length,
          })
        }
      }),
      { numRuns: 150 },
    )
    const state = quiet()
    const codes = [1, 2, 3].map(() => decide(state, defaultDecideOptions, NaN, NaN))
    expect(codes).toEqual([Decision.skip, Decision.skip, Decision.stop])
  })

  test('counts to other numbers when told to', () => {
    const state = quiet()
    const options = { ...defaultDecideOptions, maxConsecutiveSkips: 1 }
    expect(decide(state, options, NaN, 1)).toBe(Decision.stop)
  })

  test('continues the same from a copy of its state, and afresh after a reset', () => {
    fc.assert(
      fc.property(steps, steps, (first, second) => {
        const run = (state: Float64Array, list: readonly Step[]) =>
          list.map(([l, n]) => decide(state, defaultDecideOptions, l, n))
        const state = fresh()
        run(state, first)
        const copy = Float64Array.from(state)
        expect(run(copy, second)).toEqual(run(state, second))
        expect(copy).toEqual(state)
        resetDecide(state)
        expect(state).toEqual(fresh())
      }),
      { numRuns: 60 },
    )
  })

  test('skips an update that would not be finite like any other bad step, and stops at the third in a row', () => {
    const state = quiet()
    const codes = [1, 2, 3].map(() => {
      expect(decide(state, defaultDecideOptions, 1, 0.5)).toBe(Decision.apply)
      return skipNonFiniteUpdate(state, defaultDecideOptions)
    })
    expect(codes).toEqual([Decision.skip, Decision.skip, Decision.stop])
    expect(readDecision(state)).toMatchObject({
      verdict: 'NONFINITE_PARAM',
      skipsInARow: 3,
      skipsInWindow: 3,
      numSkips: 3,
    })
    // A good step ends the row, and the window remembers.
    const other = quiet()
    decide(other, defaultDecideOptions, 1, 0.5)
    skipNonFiniteUpdate(other, defaultDecideOptions)
    decide(other, defaultDecideOptions, 1, 0.5)
    expect(readDecision(other)).toMatchObject({ decision: 'apply', skipsInARow: 0, skipsInWindow: 1 })
  })
})

describe('the explanation', () => {
  test('says what happened, where, and what became of the weights', () => {
    const state = quiet()
    const say = (loss: number, norm: number, where?: string) => {
      decide(state, defaultDecideOptions, loss, norm)
      return explain(readDecision(state), 412, where)
    }
    expect(say(1, 0.5)).toBe('Gradient norm 0.5 at step 412 is healthy; it was applied as it is.')
    expect(say(1, 1.2)).toBe('Gradient norm 1.2 at step 412 is healthy; it was clipped to 1.')
    expect(say(1, 40)).toBe(
      'Gradient norm 40 at step 412 is 80 times its recent median 0.5; the batch was skipped, weights were not updated.',
    )
    expect(say(1, NaN, 'layer dense_2, samples 96-127')).toBe(
      'Gradient is not finite (norm NaN) at step 412 (layer dense_2, samples 96-127); the batch was skipped, weights were not updated.',
    )
    expect(say(Infinity, NaN)).toBe(
      'Loss is not finite (Infinity) at step 412; training stopped after 3 skipped steps in a row, 3 in the last 50, ' +
        'weights were not updated. Lower the learning rate, or look for bad numbers in the data.',
    )
    const other = quiet()
    decide(other, defaultDecideOptions, 1, 0.5)
    skipNonFiniteUpdate(other, defaultDecideOptions)
    expect(explain(readDecision(other), 413)).toBe(
      'The update at step 413 would leave parameters that are not finite; the batch was skipped, weights were not updated.',
    )
  })

  test('does not claim a clipped norm where elements are clamped', () => {
    const state = fresh()
    decide(state, { ...defaultDecideOptions, clip: { mode: 'value', value: 0.1 } }, 1, 0.5)
    expect(explain(readDecision(state), 1)).toBe('Gradient norm 0.5 at step 1 is healthy; its elements were clamped.')
  })
})
