/** A step that is passed over leaves every word as the rules would have left it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { observeByRules, observeHealth } from '../../src/gradient/health.ts'
import type { StepSignals } from '../../src/gradient/health.ts'
import { passOrdinary } from '../../src/gradient/rules/ordinary.ts'
import { feed, noisy } from './stream.ts'
import type { Step } from './stream.ts'

/** Quiet but for some steps: each kind makes another rule speak, or stop to. */
const events: Record<string, (step: Step, since: number) => Step> = {
  spike: ({ loss, gradNorm }) => ({ loss, gradNorm: 40 * gradNorm }),
  nanLoss: ({ gradNorm }) => ({ loss: NaN, gradNorm }),
  nanNorm: ({ loss }) => ({ loss, gradNorm: NaN }),
  infinite: ({ loss }) => ({ loss, gradNorm: Infinity }),
  zero: ({ loss }) => ({ loss, gradNorm: 0 }),
  growth: ({ loss, gradNorm }, since) => ({ loss: loss * 1.02 ** since, gradNorm: gradNorm * 1.1 ** since }),
  runaway: ({ loss, gradNorm }, since) => ({ loss: 30 * loss, gradNorm: gradNorm * 1.01 ** since }),
  converged: ({ gradNorm }) => ({ loss: 0.001, gradNorm: 0.001 * gradNorm }),
  worse: ({ loss, gradNorm }) => ({ loss: loss + 0.7, gradNorm }),
}

const stretch = fc.record({
  kind: fc.constantFrom(...Object.keys(events)),
  from: fc.integer({ min: 0, max: 300 }),
  length: fc.integer({ min: 1, max: 60 }),
})

const streams = fc
  .record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    sigma: fc.double({ min: 0.05, max: 0.6, noNaN: true }),
    stretches: fc.array(stretch, { maxLength: 4 }),
    learns: fc.boolean(),
  })
  .map(({ seed, sigma, stretches, learns }): Step[] =>
    noisy(400, seed, sigma).map((plain, step) => {
      const base = learns ? { ...plain, loss: plain.loss * Math.exp(-step / 60) } : plain
      return stretches.reduce((s, { kind, from, length }) => {
        const since = step - from
        return since >= 0 && since < length ? events[kind]!(s, since) : s
      }, base)
    }),
  )

/** As `observeHealth`, beside every rule on a copy. */
function judgeTwice(state: Float64Array, s: StepSignals): void {
  const byRules = state.slice()
  observeByRules(byRules, s)
  observeHealth(state, s)
  expect(bits(state)).toEqual(bits(byRules))
}

const bits = (state: Float64Array) => [...new BigUint64Array(state.buffer, state.byteOffset, state.length)]

describe('passOrdinary', () => {
  it('leaves the state of the rules, bit for bit, whatever comes', () => {
    fc.assert(
      fc.property(streams, fc.constantFrom(NaN, 1.2, 2.3), (steps, nullLoss) => {
        feed(steps, { nullLoss, judge: judgeTwice })
      }),
      { numRuns: 40 },
    )
  })

  it('says no, and changes nothing, where a rule has something to do', () => {
    const judge = (state: Float64Array, s: StepSignals) => {
      const before = state.slice()
      if (!passOrdinary(state, s)) expect(bits(state)).toEqual(bits(before))
      state.set(before)
      observeHealth(state, s)
    }
    fc.assert(
      fc.property(streams, (steps) => void feed(steps, { nullLoss: 1.2, judge })),
      { numRuns: 20 },
    )
  })

  // The first has no state to go on from, and an alarm's five checks are what a run that has converged needs.
  it.each([
    ['a run that learns nothing', 1, 399],
    ['a run that has converged', 0.001, 395],
  ])('takes nearly every step of %s', (_, loss, steps) => {
    let passed = 0
    const judge = (state: Float64Array, s: StepSignals) => {
      if (passOrdinary(state.slice(), s)) passed++
      observeHealth(state, s)
    }
    feed(noisy(400, 7, 0.2, 0, loss), { nullLoss: 1.2, judge })
    expect(passed).toBe(steps)
  })
})
