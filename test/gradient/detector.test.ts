import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DetectorField,
  detectorStateLength,
  isHugeSpike,
  observe,
  observeParameters,
  resetDetector,
  Verdict,
} from '../../src/gradient/detector.ts'
import {
  clearWindow,
  pushValue,
  windowCount,
  windowDeviation,
  windowLength,
  windowMedian,
  windowSize,
} from '../../src/gradient/robust-window.ts'
import { thresholds } from '../../src/gradient/thresholds.ts'
import { evenly, normals } from './generators.ts'

const fresh = () => new Float64Array(detectorStateLength)

/** Norms with standard normal logs times sigma, each the share `correlation` of the one before (AR(1)). */
function logNormal(seed: number, count: number, sigma: number, correlation = 0): number[] {
  const normal = normals(seed)
  let x = normal() * sigma
  return Array.from({ length: count }, () => {
    x = correlation * x + Math.sqrt(1 - correlation ** 2) * sigma * normal()
    return Math.exp(x)
  })
}

function verdicts(state: Float64Array, norms: readonly number[]): number[] {
  return norms.map((norm) => observe(state, 1, norm))
}

const norms = fc.oneof(
  fc
    .record({ seed: fc.nat(), count: fc.integer({ min: 0, max: 300 }), sigma: fc.constantFrom(0, 0.01, 0.3, 0.6, 3) })
    .map(({ seed, count, sigma }) => logNormal(seed, count, sigma)),
  fc.array(fc.oneof(fc.double({ min: 0, max: 1e30, noNaN: true }), fc.constantFrom(0, 1, 1e-320, 1e300)), {
    maxLength: 200,
    size: 'max',
  }),
)

describe('the robust window', () => {
  test('gives the median and MAD of a sort-based reference, exactly', () => {
    const values = fc.array(
      fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.integer({ min: -3, max: 3 })),
      { maxLength: 200, size: 'max' },
    )
    fc.assert(
      fc.property(values, (values) => {
        const at = 5
        const state = new Float64Array(at + windowLength)
        values.forEach((value, i) => {
          pushValue(state, at, value)
          const last = values.slice(Math.max(0, i + 1 - windowSize), i + 1)
          const median = medianOf(last)
          expect(windowCount(state, at)).toBe(last.length)
          expect(windowMedian(state, at) === median).toBe(true)
          expect(windowDeviation(state, at, median) === medianOf(last.map((x) => Math.abs(x - median)))).toBe(true)
        })
        clearWindow(state, at)
        expect(state.every((x) => x === 0)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  function medianOf(values: readonly number[]): number {
    const sorted = values.toSorted((a, b) => a - b)
    const middle = sorted.length >> 1
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  }
})

describe('the detector', () => {
  test('saved and restored at any step gives the same verdicts and the same state', () => {
    fc.assert(
      fc.property(norms, fc.nat(), (list, at) => {
        const cut = list.length === 0 ? 0 : at % list.length
        const whole = fresh()
        const expected = verdicts(whole, list)
        const first = fresh()
        const before = verdicts(first, list.slice(0, cut))
        const restored = Float64Array.from(first)
        expect([...before, ...verdicts(restored, list.slice(cut))]).toEqual(expected)
        expect(restored).toEqual(whole)
      }),
      { numRuns: 100 },
    )
  })

  test('reset is as good as new', () => {
    fc.assert(
      fc.property(norms, norms, (first, second) => {
        const state = fresh()
        verdicts(state, first)
        resetDetector(state)
        expect(verdicts(state, second)).toEqual(verdicts(fresh(), second))
      }),
      { numRuns: 50 },
    )
  })

  test('names non-finite numbers, and all its baselines stay bitwise as they were', () => {
    const bad = fc.constantFrom<[number, number, number]>(
      [NaN, 1, Verdict.NONFINITE_LOSS],
      [Infinity, 1, Verdict.NONFINITE_LOSS],
      [-Infinity, NaN, Verdict.NONFINITE_LOSS],
      [1, NaN, Verdict.NONFINITE_GRAD],
      [1, Infinity, Verdict.NONFINITE_GRAD],
    )
    fc.assert(
      fc.property(norms, fc.array(bad, { minLength: 1, maxLength: 70 }), norms, (before, poison, after) => {
        const state = fresh()
        verdicts(state, before)
        const baseline = state.slice(DetectorField.runSide)
        for (const [loss, norm, verdict] of poison) {
          expect(observe(state, loss, norm)).toBe(verdict)
          expect(state[DetectorField.z]).toBe(0)
        }
        expect(state.slice(DetectorField.runSide)).toEqual(baseline)
        expect(state[DetectorField.numNonFinite]).toBe(poison.length)

        const clean = fresh()
        verdicts(clean, before)
        expect(verdicts(state, after)).toEqual(verdicts(clean, after))
      }),
      { numRuns: 100 },
    )
  })

  test('names parameters that are not finite', () => {
    expect(observeParameters(fresh(), 3e38)).toBe(Verdict.healthy)
    for (const bad of [NaN, Infinity]) {
      const state = fresh()
      expect(observeParameters(state, bad)).toBe(Verdict.NONFINITE_PARAM)
      expect(state[DetectorField.verdict]).toBe(Verdict.NONFINITE_PARAM)
    }
  })

  test('finds no spike in a constant stream, in zeros, or in fewer than 16 values, and never a NaN', () => {
    const streams = fc.oneof(
      fc
        .tuple(fc.double({ min: 0, max: 1e30, noNaN: true }), fc.nat(200))
        .map(([x, count]) => new Array<number>(count).fill(x)),
      fc.array(fc.double({ min: 0, max: 1e300, noNaN: true }), { maxLength: 16 }),
    )
    fc.assert(
      fc.property(streams, (list) => {
        const state = fresh()
        expect(verdicts(state, list)).toEqual(list.map(() => Verdict.healthy))
        expect(state.some(Number.isNaN)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  test('a zero gradient poisons nothing: later verdicts are as without it', () => {
    fc.assert(
      fc.property(norms, norms, (before, after) => {
        const state = fresh()
        verdicts(state, before)
        const clean = Float64Array.from(state)
        expect(observe(state, 1, 0)).toBe(Verdict.healthy)
        expect(verdicts(state, after)).toEqual(verdicts(clean, after))
      }),
      { numRuns: 60 },
    )
  })

  test('raises no false alarm to speak of: at most 3 spikes in 10,000 healthy steps', () => {
    for (const [sigma, correlation] of [
      [0.05, 0],
      [0.3, 0],
      [0.6, 0],
      [0.3, 0.8],
      [0.3, 0.95],
      [0.6, 0.95],
    ] as const) {
      for (const seed of [1, 2, 3]) {
        const codes = verdicts(fresh(), logNormal(seed, 10_000, sigma, correlation))
        expect(codes.filter((code) => code === Verdict.GRAD_SPIKE).length).toBeLessThanOrEqual(3)
      }
    }
  })

  test('finds a spike of ten times its threshold in any healthy stream, and knows a huge one', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 16, max: 200 }), fc.constantFrom(0, 0.05, 0.3), (seed, count, sigma) => {
        const state = fresh()
        verdicts(state, logNormal(seed, count, sigma))
        // sigma 0.3 gives a scale of 0.3 or so: e^20 is far above z = 20 then, and above ten medians.
        expect(observe(state, 1, Math.exp(20))).toBe(Verdict.GRAD_SPIKE)
        expect(isHugeSpike(state)).toBe(true)
        expect(observe(state, 1, 1)).toBe(Verdict.healthy)
        expect(isHugeSpike(state)).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test('states its thresholds: a spike is z > 8 and three medians, a huge one z > 20 and ten medians', () => {
    const afterQuiet = (ratio: number) => {
      const state = fresh()
      verdicts(state, new Array<number>(64).fill(1)) // median 1, scale at its least, 0.05
      return [observe(state, 1, ratio), isHugeSpike(state)]
    }
    expect(afterQuiet(2.9)).toEqual([Verdict.healthy, false]) // z = ln 2.9 / 0.05 = 21, but below three medians
    expect(afterQuiet(3.1)).toEqual([Verdict.GRAD_SPIKE, false])
    expect(afterQuiet(9.9)).toEqual([Verdict.GRAD_SPIKE, false])
    expect(afterQuiet(10.1)).toEqual([Verdict.GRAD_SPIKE, true])
    // Logs -1 to 1, evenly spread: MAD 16 / 31.5, scale 0.753; z > 8 needs ln ratio > 6.02, z > 20 needs 15.06.
    const afterNoise = (log: number) => {
      const state = fresh()
      verdicts(
        state,
        Array.from({ length: 64 }, (_, i) => Math.exp((((i * 37) % 64) - 31.5) / 31.5)),
      )
      return [observe(state, 1, Math.exp(log)), isHugeSpike(state)]
    }
    expect(afterNoise(6)).toEqual([Verdict.healthy, false])
    expect(afterNoise(6.05)).toEqual([Verdict.GRAD_SPIKE, false])
    expect(afterNoise(15)).toEqual([Verdict.GRAD_SPIKE, false])
    expect(afterNoise(15.1)).toEqual([Verdict.GRAD_SPIKE, true])
  })

  test('is monotone: a larger norm never gets a milder verdict', () => {
    const ratio = evenly(-2, 40)
    fc.assert(
      fc.property(norms, ratio, ratio, (list, a, b) => {
        const state = fresh()
        verdicts(state, list)
        const verdict = (log: number) => {
          const copy = Float64Array.from(state)
          return [observe(copy, 1, Math.exp(log)), Number(isHugeSpike(copy))] as const
        }
        const [milder, graver] = [verdict(Math.min(a, b)), verdict(Math.max(a, b))]
        expect(graver[0]).toBeGreaterThanOrEqual(milder[0])
        expect(graver[1]).toBeGreaterThanOrEqual(milder[1])
      }),
      { numRuns: 200 },
    )
  })

  test('does not see the unit of the loss: 2^k times the norms give the same verdicts and z', () => {
    const noisy = fc.tuple(fc.nat(), fc.constantFrom(0.05, 0.3)).map(([seed, sigma]) => {
      const list = logNormal(seed, 150, sigma)
      for (const [at, factor] of [
        [40, 5],
        [70, 30],
        [71, 1e3],
        [100, 1e6],
      ] as const)
        list[at]! *= factor
      return list
    })
    fc.assert(
      fc.property(noisy, fc.integer({ min: -60, max: 60 }), (list, k) => {
        const [a, b] = [fresh(), fresh()]
        let spikes = 0
        for (const norm of list) {
          const verdict = observe(a, 1, norm)
          expect(observe(b, 2 ** k, norm * 2 ** k)).toBe(verdict)
          expect(Math.abs(a[DetectorField.z]! - b[DetectorField.z]!)).toBeLessThanOrEqual(
            1e-9 * (1 + Math.abs(a[DetectorField.z]!)),
          )
          if (verdict === Verdict.GRAD_SPIKE) spikes++
        }
        expect(spikes).toBeGreaterThanOrEqual(1)
      }),
      { numRuns: 40 },
    )
  })

  test('raises at most one spike alarm per cool-down, and never raises and clears in one step', () => {
    const spiky = fc.array(
      fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(1e9) }),
      {
        minLength: 100,
        maxLength: 400,
      },
    )
    fc.assert(
      fc.property(fc.oneof(norms, spiky), (list) => {
        const state = fresh()
        let last = -Infinity
        list.forEach((norm, step) => {
          const wasOn = state[DetectorField.cooldown]! > 0
          const verdict = observe(state, 1, norm)
          const isOn = state[DetectorField.cooldown]! > 0
          if (state[DetectorField.raised] === 1) {
            expect(verdict).toBe(Verdict.GRAD_SPIKE)
            expect([wasOn, isOn]).toEqual([false, true])
            expect(step - last).toBeGreaterThan(thresholds.spike.cooldown)
            last = step
          }
        })
      }),
      { numRuns: 100 },
    )
    const state = fresh()
    const raised = [...new Array<number>(40).fill(1), 1e9, 1, 1e9].map((norm) => {
      observe(state, 1, norm)
      return state[DetectorField.raised]!
    })
    expect(raised.lastIndexOf(1)).toBe(40)
    expect(state[DetectorField.numSpikes]).toBe(2)
  })

  test('accepts a lasting change of level after eight steps, downwards and upwards', () => {
    for (const level of [1 / 50, 5, 50]) {
      const state = fresh()
      verdicts(state, logNormal(3, 100, 0.1))
      const shifted = logNormal(4, 60, 0.1).map((norm) => norm * level)
      const rebaselined = shifted.map((norm) => {
        observe(state, 1, norm)
        return state[DetectorField.rebaselined]!
      })
      expect(rebaselined.indexOf(1)).toBe(7)
      expect(state[DetectorField.medianNorm]! / level).toBeCloseTo(1, 0)
      expect(Math.abs(state[DetectorField.z]!)).toBeLessThan(6)
    }
  })

  test('does not take a growing norm for a new level', () => {
    const state = fresh()
    verdicts(state, logNormal(3, 100, 0.05))
    for (let step = 1; step <= 30; step++) {
      observe(state, 1, 1.2 ** step)
      expect(state[DetectorField.rebaselined]).toBe(0)
    }
  })

  test('is not blinded by spikes: winsorised values leave the next spike as visible', () => {
    const state = fresh()
    verdicts(state, logNormal(5, 100, 0.1))
    const codes = Array.from({ length: 60 }, (_, i) => observe(state, 1, i % 5 === 0 ? 1e6 : 1))
    expect(codes.filter((code) => code === Verdict.GRAD_SPIKE).length).toBe(12)
    // Logs about 0 with a scale of 0.1 or so: ln 1e6 = 13.8 must lie nowhere in the window.
    expect(Math.max(...state.slice(detectorStateLength - 2 * windowSize))).toBeLessThan(2)
  })

  test('leaves alone what stands out among the vanishing gradients of a network that has learnt its data', () => {
    // Norms fall from 1 to 1e-12, then one of 1e-6: a million times its median, and a millionth of what was normal.
    const falling = logNormal(6, 300, 0.1).map((norm, i) => norm * 10 ** (-12 * Math.min(1, i / 200)))
    const state = fresh()
    verdicts(state, falling)
    expect(observe(state, 1, 1e-6)).toBe(Verdict.GRAD_SPIKE)
    expect(isHugeSpike(state)).toBe(false)
    expect(observe(state, 1, 100)).toBe(Verdict.GRAD_SPIKE)
    expect(isHugeSpike(state)).toBe(true)
  })
})
