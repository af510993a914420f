import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { learningRate } from '../../src/optim/schedules.ts'
import type { Schedule } from '../../src/optim/schedules.ts'
import golden from './schedules.golden.json' with { type: 'json' }

const cases = golden.schedules.map((example) => ({ ...example, name: JSON.stringify(example.schedule) }))

test.each(cases)('$name agrees with PyTorch', ({ schedule, base, stepsPerEpoch, totalSteps, rates }) => {
  rates.forEach((rate, step) => {
    const ours = learningRate(schedule as Schedule, base, step, stepsPerEpoch, totalSteps)
    // PyTorch's chained forms multiply their rounding errors up; near 0 they are off by some 1e-17.
    expect(Math.abs(ours - rate)).toBeLessThanOrEqual(1e-10 * rate + 1e-15 * base)
  })
})

const length = fc.integer({ min: 1, max: 200 })
const decreasing: fc.Arbitrary<Schedule> = fc.oneof(
  fc.constant<Schedule>({ type: 'constant' }),
  length.map((stepSize): Schedule => ({ type: 'step', stepSize, gamma: 0.5 })),
  length.map((decaySteps): Schedule => ({ type: 'exponential', gamma: 0.9, decaySteps })),
  length.map((steps): Schedule => ({ type: 'cosine', steps })),
  length.map((steps): Schedule => ({ type: 'linear', steps, endFactor: 0.1 })),
  length.map((steps): Schedule => ({ type: 'polynomial', steps, power: 1.5 })),
)
const any = fc.oneof(
  decreasing,
  length.map((steps): Schedule => ({ type: 'cosine', steps, restarts: true, cycleFactor: 2 })),
  fc.constant<Schedule>({ type: 'oneCycle' }),
)

describe('a schedule', () => {
  test('stays between 0 and base, for any step, before and after its end', () => {
    fc.assert(
      fc.property(any, length, fc.nat(2000), fc.nat(50), (schedule, totalSteps, step, warmupSteps) => {
        const rate = learningRate({ ...schedule, warmupSteps }, 0.1, step, 10, totalSteps)
        expect(rate).toBeGreaterThanOrEqual(0)
        expect(rate).toBeLessThanOrEqual(0.1 * (1 + 1e-12))
      }),
      { numRuns: 500 },
    )
  })

  test('without restarts never rises', () => {
    fc.assert(
      fc.property(decreasing, length, fc.nat(500), (schedule, totalSteps, step) => {
        const rate = (t: number) => learningRate(schedule, 0.1, t, 10, totalSteps)
        expect(rate(step + 1)).toBeLessThanOrEqual(rate(step) * (1 + 1e-12))
      }),
      { numRuns: 300 },
    )
  })

  test('starts at base, and is proportional to it', () => {
    fc.assert(
      fc.property(decreasing, length, fc.nat(300), (schedule, totalSteps, step) => {
        expect(learningRate(schedule, 0.1, 0, 10, totalSteps)).toBeCloseTo(0.1, 14)
        const double = learningRate(schedule, 0.2, step, 10, totalSteps)
        expect(double).toBeCloseTo(2 * learningRate(schedule, 0.1, step, 10, totalSteps), 14)
      }),
      { numRuns: 200 },
    )
  })

  test('warms up in a straight line, then runs as if the steps before had not been', () => {
    fc.assert(
      fc.property(
        any,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 60, max: 200 }),
        fc.nat(150),
        (schedule, n, total, t) => {
          const warm = { ...schedule, warmupSteps: n }
          const first = learningRate(schedule, 0.1, 0, 10, total - n)
          for (let step = 0; step < n; step++) {
            expect(learningRate(warm, 0.1, step, 10, total)).toBeCloseTo((first * (step + 1)) / n, 14)
          }
          expect(learningRate(warm, 0.1, n + t, 10, total)).toBe(learningRate(schedule, 0.1, t, 10, total - n))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('given in epochs is the same as given in steps', () => {
    const rate = (schedule: Schedule, step: number) => learningRate(schedule, 0.1, step, 7, 100)
    for (let step = 0; step < 100; step++) {
      expect(rate({ type: 'step', stepEpochs: 2, warmupEpochs: 1 }, step)).toBe(
        rate({ type: 'step', stepSize: 14, warmupSteps: 7 }, step),
      )
      expect(rate({ type: 'cosine', epochs: 3 }, step)).toBe(rate({ type: 'cosine', steps: 21 }, step))
      expect(rate({ type: 'exponential', gamma: 0.9 }, step)).toBe(
        rate({ type: 'exponential', gamma: 0.9, decaySteps: 7 }, step),
      )
    }
  })

  test('of one step has a rate', () => {
    fc.assert(
      fc.property(any, (schedule) => {
        expect(learningRate(schedule, 0.1, 0, 1, 1)).toBeGreaterThan(0)
      }),
    )
  })

  test.each<[Schedule, RegExp]>([
    [{ type: 'step' }, /step length of the schedule to be a number > 0, got `undefined`/],
    [{ type: 'step', stepSize: 3, stepEpochs: 1 }, /in steps or in epochs, got both/],
    [{ type: 'step', stepSize: 0 }, /step length.*got `0`/],
    [{ type: 'cosine', steps: NaN }, /cosine length.*got `NaN`/],
    [{ type: 'constant', warmupSteps: -1 }, /warmup length.*>= 0, got `-1`/],
    [{ type: 'exponential', gamma: 0 }, /`gamma`.*got `0`/],
    [{ type: 'cosine', steps: 3, restarts: true, cycleFactor: 0.5 }, /`cycleFactor`.*got `0.5`/],
    [{ type: 'oneCycle', pctStart: 2 }, /`pctStart`.*got `2`/],
    [{ type: 'polynomial', power: -1 }, /`power`.*got `-1`/],
  ])('%o is refused', (schedule, message) => {
    expect(() => learningRate(schedule, 0.1, 0, 10, 100)).toThrow(message)
  })
})
