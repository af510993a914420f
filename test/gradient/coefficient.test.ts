import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipCoefficient, elementLimit, stepCoefficient } from '../../src/gradient/coefficient.ts'
import { clipGradNorm_ } from '../../src/gradient/clip.ts'
import { getTotalNorm } from '../../src/gradient/norm.ts'
import { normals } from './generators.ts'

const f = Math.fround
const ulp = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23)

describe('the clip coefficient', () => {
  test('is exactly 1 within the bound, NaN for NaN, and never rises with the norm', () => {
    expect(clipCoefficient(1, 1)).toBe(1)
    expect(clipCoefficient(0, 1)).toBe(1)
    expect(clipCoefficient(4, 1)).toBe(0.25 * (1 - 2 ** -23))
    expect(clipCoefficient(NaN, 1)).toBeNaN()
    const positive = fc.double({ min: 1e-30, max: 1e30, noNaN: true })
    fc.assert(
      fc.property(positive, positive, positive, (a, b, maxNorm) => {
        expect(clipCoefficient(Math.max(a, b), maxNorm)).toBeLessThanOrEqual(clipCoefficient(Math.min(a, b), maxNorm))
      }),
    )
  })

  test('of each mode', () => {
    expect(stepCoefficient({ mode: 'globalNorm', maxNorm: 2 }, 8)).toBe(clipCoefficient(8, 2))
    expect(stepCoefficient({ mode: 'value', value: 2 }, 8)).toBe(1)
    expect(stepCoefficient({ mode: 'off' }, 8)).toBe(1)
    expect(elementLimit({ mode: 'value', value: 2 })).toBe(2)
    expect(elementLimit({ mode: 'globalNorm', maxNorm: 2 })).toBe(Infinity)
    expect(elementLimit({ mode: 'off' })).toBe(Infinity)
  })
})

describe('folding the coefficient into the optimizer equals clipping first', () => {
  const problem = fc.record({
    seed: fc.nat(),
    length: fc.integer({ min: 1, max: 50 }),
    factor: fc.constantFrom(0.01, 0.3, 0.999),
  })

  test('for SGD, to 1 ulp of each parameter', () => {
    fc.assert(
      fc.property(problem, ({ seed, length, factor }) => {
        const normal = normals(seed)
        // Parameters of size 1 to 2 and steps below a hundredth of that: one ulp of p covers the roundings of the step.
        const parameters = Float32Array.from({ length }, () => 1 + Math.abs(normal()) / 8)
        const gradient = Float32Array.from({ length }, normal)
        const norm = getTotalNorm(gradient)
        const scale = f(clipCoefficient(norm, norm * factor))
        const clippedFirst = gradient.slice()
        clipGradNorm_(clippedFirst, norm * factor)
        const step = (p: number, g: number) => f(p - f(f(0.01) * g))
        parameters.forEach((p, i) => {
          const fused = step(p, f(gradient[i]! * scale))
          const separate = step(p, clippedFirst[i]!)
          expect(Math.abs(fused - separate)).toBeLessThanOrEqual(ulp(separate))
        })
      }),
      { numRuns: 100 },
    )
  })

  test('for Adam, to 1e-6 relative over ten steps', () => {
    fc.assert(
      fc.property(problem, ({ seed, length, factor }) => {
        const normal = normals(seed)
        const start = Float32Array.from({ length }, () => 1 + Math.abs(normal()))
        const steps = Array.from({ length: 10 }, () => Float32Array.from({ length }, normal))
        const bound = (g: Float32Array) => getTotalNorm(g) * factor

        const fused = adam(start)
        const separate = adam(start)
        steps.forEach((gradient, t) => {
          const clippedFirst = gradient.slice()
          clipGradNorm_(clippedFirst, bound(gradient))
          fused.step(gradient, f(clipCoefficient(getTotalNorm(gradient), bound(gradient))), t + 1)
          separate.step(clippedFirst, 1, t + 1)
        })
        fused.p.forEach((p, i) => expect(Math.abs(p / separate.p[i]! - 1)).toBeLessThanOrEqual(1e-6))
      }),
      { numRuns: 60 },
    )
  })
})

/** Adam as in Kingma and Ba, 2015, algorithm 1, in float32. */
function adam(start: Float32Array) {
  const p = start.slice()
  const m = new Float32Array(p.length)
  const v = new Float32Array(p.length)
  const step = (gradient: Float32Array, scale: number, t: number) => {
    gradient.forEach((element, i) => {
      const g = f(element * scale)
      m[i] = f(0.9) * m[i]! + f(0.1) * g
      v[i] = f(0.999) * v[i]! + f(0.001) * f(g * g)
      const unbiased = m[i]! / (1 - 0.9 ** t)
      p[i] = p[i]! - f(0.01) * (unbiased / (Math.sqrt(v[i]! / (1 - 0.999 ** t)) + 1e-8))
    })
  }
  return { p, step }
}
