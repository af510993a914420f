import fc from 'fast-check'
import { expect, test } from 'vitest'
import { observePlateau, plateauFactor, plateauStateLength } from '../../src/optim/plateau.ts'
import type { PlateauOptions } from '../../src/optim/plateau.ts'
import golden from './schedules.golden.json' with { type: 'json' }

const fresh = () => new Float64Array(plateauStateLength)
const cases = golden.plateaus.map((example) => ({ ...example, name: JSON.stringify(example.options) }))

test.each(cases)('reduce-on-plateau $name agrees with PyTorch', ({ options, base, metrics, rates }) => {
  const state = fresh()
  metrics.forEach((metric, epoch) => {
    const rate = base * observePlateau(state, options as PlateauOptions, base, Number(metric))
    expect(Math.abs(rate - rates[epoch]!)).toBeLessThanOrEqual(1e-12 * rate)
  })
})

const metrics = fc.array(fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.constantFrom(NaN, Infinity, 1, 1)), {
  maxLength: 80,
  size: 'max',
})
const options = fc.record({
  mode: fc.constantFrom('min' as const, 'max' as const),
  patience: fc.nat(4),
  cooldown: fc.nat(3),
  factor: fc.constantFrom(0.1, 0.5),
  minLearningRate: fc.constantFrom(0, 0.02),
})

test('the factor never rises, and the rate never falls below its minimum', () => {
  fc.assert(
    fc.property(options, metrics, (options, metrics) => {
      const state = fresh()
      let last = plateauFactor(state)
      expect(last).toBe(1)
      for (const metric of metrics) {
        const factor = observePlateau(state, options, 0.1, metric)
        expect(factor).toBeLessThanOrEqual(last)
        expect(factor * 0.1).toBeGreaterThanOrEqual(options.minLearningRate * (1 - 1e-12))
        expect(plateauFactor(state)).toBe(factor)
        last = factor
      }
    }),
    { numRuns: 150 },
  )
})

test('continues the same from a copy of its state', () => {
  fc.assert(
    fc.property(options, metrics, metrics, (options, first, second) => {
      const run = (state: Float64Array, list: readonly number[]) =>
        list.map((metric) => observePlateau(state, options, 0.1, metric))
      const state = fresh()
      run(state, first)
      const copy = Float64Array.from(state)
      expect(run(copy, second)).toEqual(run(state, second))
    }),
    { numRuns: 60 },
  )
})

test('a factor that would not reduce is refused', () => {
  expect(() => observePlateau(fresh(), { factor: 1 }, 0.1, 1)).toThrow(/`factor`.*between 0 and 1, got `1`/)
})
