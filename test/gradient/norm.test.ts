import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkSize, chunkSumSquares, getTotalNorm, normOfPartials } from '../../src/gradient/norm.ts'
import { concatenate, copy, gradient, gradients, nonFinite, normalGradients, pair, times } from './generators.ts'

/** sqrt(sum of squares), exact until one rounding: a float32 is an integer times 2^-149, its square fits a BigInt. */
function exactNorm(data: Float32Array): number {
  let sum = 0n
  for (const x of data) sum += BigInt(x * 2 ** 149) ** 2n
  return Math.sqrt(Number(sum)) * 2 ** -149
}

const exponents = fc.constantFrom(1, 1.5, 2, 3, 7, 20)

describe('the norm of a gradient', () => {
  test('differs from the exact norm by at most (n / 2 + 4) 2^-53', () => {
    fc.assert(
      fc.property(gradient, (g) => {
        const exact = exactNorm(g)
        expect(Math.abs(getTotalNorm(g) - exact)).toBeLessThanOrEqual((g.length / 2 + 4) * 2 ** -53 * exact)
      }),
      { numRuns: 150 },
    )
  })

  test('is 0 exactly when every element is a zero, for every exponent', () => {
    fc.assert(
      fc.property(gradients, exponents, (list, p) => {
        const isZero = list.every((g) => g.every((x) => x === 0))
        expect(getTotalNorm(list, p) === 0).toBe(isZero)
      }),
      { numRuns: 150 },
    )
    expect(getTotalNorm(Float32Array.of(0, -0))).toBe(0)
    expect(getTotalNorm(Float32Array.of(2 ** -149))).toBe(2 ** -149)
  })

  test('is finite exactly when every element is', () => {
    fc.assert(
      fc.property(gradient, fc.nat(), nonFinite, fc.constantFrom(1, 2, 3, 'inf' as const), (g, at, bad, p) => {
        expect(getTotalNorm(g, p)).toSatisfy(Number.isFinite)
        if (g.length === 0) return
        g[at % g.length] = bad
        expect(getTotalNorm(g, p)).not.toSatisfy(Number.isFinite)
      }),
      { numRuns: 150 },
    )
    // 3e38 squared is far beyond float32, and so is 1e-40 squared on the other side.
    expect(getTotalNorm(new Float32Array(4).fill(3e38))).toBeCloseTo(6e38, -32)
    expect(getTotalNorm(new Float32Array(4).fill(1e-40))).toBe(2 * Math.fround(1e-40))
  })

  test('has the same bits however the list is split', () => {
    fc.assert(
      fc.property(gradients, fc.array(fc.nat(), { maxLength: 4 }), exponents, (list, cuts, p) => {
        const whole = concatenate(list)
        const places = cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b)
        const parts = [0, ...places].map((from, i) => whole.subarray(from, places[i]))
        expect(
          getTotalNorm(
            parts.map((part) => part.slice()),
            p,
          ),
        ).toBe(getTotalNorm(whole, p))
        expect(getTotalNorm(list, p)).toBe(getTotalNorm(whole, p))
      }),
      { numRuns: 100 },
    )
  })

  test('changes by at most 1e-12 when the tensors change places', () => {
    fc.assert(
      fc.property(gradients, exponents, (list, p) => {
        const norm = getTotalNorm(list, p)
        expect(Math.abs(getTotalNorm(list.toReversed(), p) - norm)).toBeLessThanOrEqual(1e-12 * norm)
      }),
      { numRuns: 100 },
    )
  })

  test('falls with the exponent, at most by n^(1/p - 1/q)', () => {
    fc.assert(
      fc.property(gradient, exponents, exponents, (g, a, b) => {
        const [p, q] = [Math.min(a, b), Math.max(a, b)]
        const [normP, normQ] = [getTotalNorm(g, p), getTotalNorm(g, q)]
        expect(normQ).toBeLessThanOrEqual(normP * (1 + 1e-12))
        expect(normP).toBeLessThanOrEqual(g.length ** (1 / p - 1 / q) * normQ * (1 + 1e-11))
      }),
      { numRuns: 150 },
    )
  })

  test("of 'inf' is the largest magnitude, exactly", () => {
    fc.assert(
      fc.property(gradient, (g) => {
        const largest = g.reduce((most, x) => (Math.abs(x) > most ? Math.abs(x) : most), 0)
        expect(getTotalNorm(g, 'inf')).toBe(largest)
        expect(getTotalNorm(g, Infinity)).toBe(largest)
      }),
      { numRuns: 100 },
    )
    expect(getTotalNorm(Float32Array.of(NaN, 5), 'inf')).toBeNaN()
    expect(getTotalNorm(Float32Array.of(5, NaN), 'inf')).toBeNaN()
  })

  test('obeys the triangle inequality', () => {
    fc.assert(
      fc.property(pair, exponents, ([a, b], p) => {
        const sum = a.map((x, i) => x + b[i]!)
        const bound = getTotalNorm(a, p) + getTotalNorm(b, p)
        expect(getTotalNorm(sum, p)).toBeLessThanOrEqual(bound * (1 + 1e-12 + 2 ** -24))
      }),
      { numRuns: 150 },
    )
  })

  test('scales with powers of two, bitwise', () => {
    fc.assert(
      fc.property(normalGradients, exponents, fc.integer({ min: -30, max: 30 }), (list, p, k) => {
        expect(getTotalNorm(times(list, 2 ** k), p)).toBe(getTotalNorm(list, p) * 2 ** k)
      }),
      { numRuns: 150 },
    )
  })

  test('counts a buffer that is listed twice once, and skips null', () => {
    const g = Float32Array.of(3, 4)
    expect(getTotalNorm([g, null, g, undefined, new Float32Array(g.buffer)])).toBe(5)
    expect(getTotalNorm([])).toBe(0)
    expect(getTotalNorm([null, undefined])).toBe(0)
  })

  test('does not overflow or vanish for float64 gradients', () => {
    expect(getTotalNorm(Float64Array.of(3e200, 4e200))).toBeCloseTo(5e200, -188)
    expect(getTotalNorm(Float64Array.of(3e-200, 4e-200)) / 5e-200).toBeCloseTo(1, 12)
  })
})

describe('partial sums of squares', () => {
  test('give the norm of the whole, the same bits whoever computes them, without a factor for the number of workers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (length, workers, seed) => {
          const g = Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed))
          const count = Math.ceil(length / chunkSize)
          const partials = new Float64Array(count + 3).fill(NaN) // what lies behind `count` must not matter
          for (let worker = 0; worker < workers; worker++) {
            for (let chunk = count - 1 - worker; chunk >= 0; chunk -= workers)
              partials[chunk] = chunkSumSquares(g, chunk)
          }
          expect(normOfPartials(partials, count)).toBe(getTotalNorm(g))
          expect(Math.abs(normOfPartials(partials, count) - exactNorm(g))).toBeLessThanOrEqual(5e-13 * exactNorm(g))
        },
      ),
      { numRuns: 20 },
    )
  })

  test('are combined in the fixed binary tree', () => {
    // (1 + 2^60) + (-2^60 + 1) loses both ones; from the left or from the right one of them would be kept.
    expect(normOfPartials(Float64Array.of(1, 2 ** 60, -(2 ** 60), 1), 4)).toBe(0)
  })

  test('leave the gradient alone', () => {
    const list = [Float32Array.of(1, NaN, -0)]
    const before = copy(list)
    getTotalNorm(list)
    expect(list).toEqual(before)
  })
})

test.each([0, 0.5, -1, NaN, -Infinity])('an exponent of %s is refused', (p) => {
  expect(() => getTotalNorm(Float32Array.of(1), p)).toThrow(/Expected `normType`/)
})
