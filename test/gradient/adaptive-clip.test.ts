import fc from 'fast-check'
import { expect, test } from 'vitest'
import { adaptiveClip_ } from '../../src/gradient/adaptive-clip.ts'
import { bits, length2, nonFinite, stream } from './generators.ts'

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 12 }), fc.nat(), fc.integer({ min: -12, max: 12 }))
  .map(([numUnits, size, seed, exponent]) => {
    const next = stream(seed)
    const draw = (scale: number) => Float32Array.from({ length: numUnits * size }, () => (2 * next() - 1) * scale)
    return { numUnits, size, gradient: draw(2 ** exponent), weights: draw(next() < 0.2 ? 0 : 1) }
  })

const unitOf = (data: Float32Array, unit: number, numUnits: number, units: 'rows' | 'columns') =>
  data.filter((_, i) => (units === 'rows' ? Math.floor(i / (data.length / numUnits)) : i % numUnits) === unit)

test.each(['rows', 'columns'] as const)(
  'adaptive clipping bounds each unit (%s) and leaves units within bitwise alone',
  (units) => {
    fc.assert(
      fc.property(matrices, fc.constantFrom(0.01, 0.1, 1), ({ numUnits, gradient, weights }, lambda) => {
        const after = gradient.slice()
        const numClipped = adaptiveClip_(after, weights, numUnits, { lambda, units })
        let outside = 0
        for (let unit = 0; unit < numUnits; unit++) {
          const bound = lambda * Math.max(length2(unitOf(weights, unit, numUnits, units)), 1e-3)
          const before = unitOf(gradient, unit, numUnits, units)
          const now = unitOf(after, unit, numUnits, units)
          if (length2(before) > bound) outside++
          else expect(bits([now])).toEqual(bits([before]))
          expect(length2(now)).toBeLessThanOrEqual(bound)
        }
        expect(numClipped).toBe(outside)
      }),
      { numRuns: 150 },
    )
  },
)

test('adaptive clipping leaves a gradient that is not finite bitwise alone', () => {
  fc.assert(
    fc.property(matrices, fc.nat(), nonFinite, ({ numUnits, gradient, weights }, at, bad) => {
      gradient[at % gradient.length] = bad
      const before = bits([gradient])
      expect(adaptiveClip_(gradient, weights, numUnits, { lambda: 1e-6 })).toBe(0)
      expect(bits([gradient])).toEqual(before)
    }),
    { numRuns: 60 },
  )
})

test('adaptive clipping refuses shapes and options that do not fit', () => {
  const six = new Float32Array(6)
  expect(() => adaptiveClip_(six, six, 4)).toThrow(/`numUnits` to divide the 6 elements, got `4`/)
  expect(() => adaptiveClip_(six, new Float32Array(5), 2)).toThrow(/6 weights.*got 5/)
  expect(() => adaptiveClip_(six, six, 2, { lambda: 0 })).toThrow(/`lambda`/)
  expect(() => adaptiveClip_(six, six, 2, { epsilon: NaN })).toThrow(/`epsilon`/)
})
