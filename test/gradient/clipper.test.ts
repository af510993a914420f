import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clipGradNorm_ } from '../../src/gradient/clip.ts'
import { createClipper } from '../../src/gradient/clipper.ts'
import { getTotalNorm } from '../../src/gradient/norm.ts'
import type { NormType } from '../../src/gradient/norm.ts'
import { copy, normalGradients } from './generators.ts'

const normType = fc.oneof(
  fc.constantFrom<NormType>(1, 2, 'inf'),
  fc.double({ min: 1, max: 30, noNaN: true }),
) as fc.Arbitrary<NormType>
const share = fc.double({ min: 0.01, max: 2, noNaN: true })

test("a clipper by norm, of the mode's type or of the options', clips as clipGradNorm_ does", () => {
  fc.assert(
    fc.property(normalGradients, normType, share, fc.boolean(), (list, normType, share, byMode) => {
      const maxNorm = (getTotalNorm(list, normType) || 1) * share
      const [ours, theirs] = [copy(list), copy(list)]
      const clip = { mode: 'globalNorm' as const, maxNorm, ...(byMode ? { normType } : {}) }
      const told = createClipper(clip, byMode ? {} : { normType })(ours)
      expect(told).toEqual(clipGradNorm_(theirs, maxNorm, { normType }))
      expect(ours).toEqual(theirs)
      expect(getTotalNorm(ours, normType)).toBeLessThanOrEqual(maxNorm * (1 + 1e-12))
    }),
  )
})

test('a clipper by layer takes each tensor by itself, and tells the norm of the whole', () => {
  fc.assert(
    fc.property(normalGradients, normType, share, (list, normType, share) => {
      const maxNorm = (getTotalNorm(list, normType) || 1) * share
      const [ours, theirs] = [copy(list), copy(list)]
      const { totalNorm } = createClipper({ mode: 'layerNorm', maxNorm, normType })(ours)
      for (const tensor of theirs) clipGradNorm_(tensor, maxNorm, { normType })
      expect(ours).toEqual(theirs)
      const whole = getTotalNorm(list, normType)
      expect(Math.abs(totalNorm - whole)).toBeLessThanOrEqual(1e-12 * whole)
    }),
  )
})

test('a clipper with a memory holds norms of the given type to those before', () => {
  fc.assert(
    fc.property(normType, fc.integer({ min: 1, max: 40 }), (normType, length) => {
      const clip = createClipper({ mode: 'quantile', quantile: 0.5 }, { normType })
      for (let step = 0; step < 40; step++) clip(new Float32Array(length).fill(1))
      const usual = getTotalNorm(new Float32Array(length).fill(1), normType)
      const wild = new Float32Array(length).fill(1000)
      expect(clip(wild).clipped).toBe(true)
      expect(getTotalNorm(wild, normType) / usual).toBeCloseTo(1, 5)
    }),
  )
})

test('a type that is no norm is refused before anything is changed', () => {
  const list = [Float32Array.of(3, 4)]
  for (const normType of [0, 0.5, -1, NaN, 'max' as 'inf']) {
    expect(() => createClipper({ mode: 'globalNorm', maxNorm: 1, normType })(list)).toThrow('`normType`')
  }
  expect(list[0]).toEqual(Float32Array.of(3, 4))
})

test('a mode or a quantile that is none is refused, not taken for one that never clips', () => {
  for (const quantile of [undefined, 0, -1, 1.5, NaN, '0.9']) {
    expect(() => createClipper({ mode: 'quantile', quantile: quantile as number }), String(quantile)).toThrow(
      '`quantile`',
    )
  }
  for (const mode of ['norm', undefined]) {
    expect(() => createClipper({ mode } as never), String(mode)).toThrow("Expected `mode` to be 'globalNorm'")
  }
})
