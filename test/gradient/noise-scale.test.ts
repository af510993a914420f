/** The noise scale: no noise where the parts agree, unbiased where they do not, and advice only where it is worth a word. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signalOf, traceOf } from '../../src/gradient/noise-scale.ts'
import { evenly, normals } from './generators.ts'
import { feed, noisy } from './stream.ts'

const PARAMETERS = 40

describe('the noise scale', () => {
  it('is 0 where all parts have the same gradient', () => {
    const squares = fc.double({ min: 1e-20, max: 1e20, noNaN: true })
    fc.assert(
      fc.property(squares, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 2, max: 16 }), (g, rows, parts) => {
        expect(traceOf(g, g, rows, rows * parts)).toBe(0)
        expect(signalOf(g, g, rows, rows * parts) / g).toBeCloseTo(1, 12)
      }),
    )
  })

  it('has both its parts without bias: within 4 standard errors of what the samples were drawn with', () => {
    const given = fc.record({
      rows: fc.integer({ min: 1, max: 32 }),
      parts: fc.integer({ min: 2, max: 12 }),
      sigma: fc.double({ min: 0.05, max: 3, noNaN: true }),
      size: evenly(0, 1),
      seed: fc.nat(2 ** 31 - 1),
    })
    fc.assert(
      fc.property(given, ({ rows, parts, sigma, size, seed }) => {
        const trials = 300
        const noise = normals(seed)
        const truth = Array.from({ length: PARAMETERS }, (_, i) => size * Math.sin(i))
        const signals: number[] = []
        const traces: number[] = []
        for (let trial = 0; trial < trials; trial++) {
          const means = Array.from({ length: parts }, () => truth.map((g) => g + (sigma / Math.sqrt(rows)) * noise()))
          const whole = truth.map((_, i) => means.reduce((sum, mean) => sum + mean[i]!, 0) / parts)
          const squares = (g: readonly number[]) => g.reduce((sum, x) => sum + x * x, 0)
          const small = means.reduce((sum, mean) => sum + squares(mean), 0) / parts
          signals.push(signalOf(small, squares(whole), rows, rows * parts))
          traces.push(traceOf(small, squares(whole), rows, rows * parts))
        }
        const check = (values: readonly number[], wanted: number) => {
          const mean = values.reduce((a, b) => a + b) / trials
          const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (trials - 1))
          expect(Math.abs(mean - wanted)).toBeLessThan((4 * deviation) / Math.sqrt(trials))
        }
        check(
          signals,
          truth.reduce((sum, g) => sum + g * g, 0),
        )
        check(traces, PARAMETERS * sigma ** 2)
      }),
      // What lies within 4 standard errors does so in all draws but one of 16,000: these are known.
      { numRuns: 12, seed: 48 },
    )
  })
})

describe('the advice on the batch', () => {
  /** Parts of 8 rows whose mean gradients have these squares, in a batch whose mean gradient has 1. */
  const said = (small: number) =>
    feed(noisy(1200, 4, 0.1), {
      layers(s) {
        if (s.parts === 0) return
        s.partRows = 8
        s.wholeSquares = (8 * s.parts) ** 2
        for (let p = 0; p < s.parts; p++) s.partSquares[p] = small * 8 ** 2 * (1 + 0.01 * p)
      },
    }).filter(({ code }) => code === 'BATCH_ADVICE')

  it('comes once, as information, after enough steps, and where the batch is four times away', () => {
    // tr = (small - 1) / (1/8 - 1/32), |G|^2 = (32 - 8 small) / 24: the scale is 32 at small = 2.5.
    expect(said(2.5)).toEqual([])
    for (const small of [1.05, 3.9]) {
      const [first, ...others] = said(small)
      expect(first).toMatchObject({ severity: 'info' })
      expect(first!.step).toBeGreaterThanOrEqual(256)
      expect(others).toEqual([])
    }
  })
})
