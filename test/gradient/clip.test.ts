import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipGradNorm_, clipGradsWithNorm_, clipGradValue_ } from '../../src/gradient/clip.ts'
import type { ClipOptions } from '../../src/gradient/clip.ts'
import { NonFiniteGradientError } from '../../src/gradient/non-finite.ts'
import { getTotalNorm } from '../../src/gradient/norm.ts'
import {
  evenly,
  bits,
  concatenate,
  copy,
  cosine,
  difference,
  gradients,
  length2,
  nonFinite,
  normalGradients,
  pair,
  shards,
  times,
} from './generators.ts'

function clipped(list: readonly Float32Array[], maxNorm: number, options?: ClipOptions): Float32Array[] {
  const out = copy(list)
  clipGradNorm_(out, maxNorm, options)
  return out
}

/** A bound relative to the norm of the gradient: well below, close to, exactly at, above. */
const factor = fc.oneof(
  fc.double({ min: 1e-3, max: 1.5, noNaN: true }),
  fc.constantFrom(1, 1 - 2 ** -53, 1 - 2 ** -24, 1 - 2 ** -23, 1 + 2 ** -52, 0.5),
)
const boundFor = (list: readonly Float32Array[], factor: number) => (getTotalNorm(list) || 1) * factor
const anyBound = fc.integer({ min: -30, max: 30 }).map((k) => 10 ** k)

describe('clipping by norm', () => {
  test('keeps the bound exactly', () => {
    fc.assert(
      fc.property(gradients, fc.oneof(factor, anyBound), fc.boolean(), (list, bound, relative) => {
        const maxNorm = Math.max(1e-30, relative ? boundFor(list, bound) : bound)
        expect(getTotalNorm(clipped(list, maxNorm))).toBeLessThanOrEqual(maxNorm)
      }),
      { numRuns: 300 },
    )
  })

  test('changes no bit of a gradient within the bound', () => {
    fc.assert(
      fc.property(gradients, fc.double({ min: 1, max: 10, noNaN: true }), (list, factor) => {
        const out = copy(list)
        const result = clipGradNorm_(out, boundFor(list, factor))
        expect(result).toEqual({ totalNorm: getTotalNorm(list), coef: 1, clipped: false, nonFinite: null })
        expect(bits(out)).toEqual(bits(list))
      }),
      { numRuns: 150 },
    )
  })

  test('is bitwise idempotent', () => {
    fc.assert(
      fc.property(gradients, factor, (list, factor) => {
        const maxNorm = Math.max(1e-30, boundFor(list, factor))
        const once = clipped(list, maxNorm)
        expect(bits(clipped(once, maxNorm))).toEqual(bits(once))
      }),
      { numRuns: 200 },
    )
  })

  test('scales with powers of two, bitwise', () => {
    fc.assert(
      fc.property(normalGradients, factor, fc.integer({ min: -20, max: 20 }), (list, factor, k) => {
        const maxNorm = boundFor(list, factor)
        const direct = clipped(times(list, 2 ** k), 2 ** k * maxNorm)
        expect(bits(direct)).toEqual(bits(times(clipped(list, maxNorm), 2 ** k)))
      }),
      { numRuns: 200 },
    )
  })

  test('keeps the direction', () => {
    fc.assert(
      fc.property(normalGradients, factor, (list, factor) => {
        const g = concatenate(list)
        fc.pre(length2(g) > 0)
        expect(cosine(g, concatenate(clipped(list, boundFor(list, factor))))).toBeGreaterThanOrEqual(1 - 1e-10)
      }),
      { numRuns: 200 },
    )
  })

  test('keeps signs, those of zeros among them', () => {
    const sign = (x: number) => (Object.is(x, -0) || x < 0 ? -1 : 1)
    fc.assert(
      fc.property(gradients, factor, (list, factor) => {
        const out = concatenate(clipped(list, Math.max(1e-30, boundFor(list, factor))))
        expect(Array.from(out, sign)).toEqual(Array.from(concatenate(list), sign))
      }),
      { numRuns: 100 },
    )
  })

  test('never moves two gradients apart', () => {
    fc.assert(
      fc.property(pair, factor, ([a, b], factor) => {
        const maxNorm = boundFor([a], factor)
        const apart = length2(difference(clipped([a], maxNorm)[0]!, clipped([b], maxNorm)[0]!))
        expect(apart).toBeLessThanOrEqual(length2(difference(a, b)) * (1 + 1e-6) + 4 * 2 ** -23 * maxNorm)
      }),
      { numRuns: 200 },
    )
  })

  test('gives the nearest point of the ball', () => {
    fc.assert(
      fc.property(pair, factor, fc.double({ min: 0, max: 1, noNaN: true }), ([g, direction], factor, share) => {
        const maxNorm = boundFor([g], factor)
        const reach = (maxNorm * share) / (length2(direction) || 1)
        const inside = Float64Array.from(direction, (x) => x * reach)
        const moved = length2(difference(g, clipped([g], maxNorm)[0]!))
        expect(moved).toBeLessThanOrEqual(length2(difference(g, inside)) + 2 ** -22 * maxNorm)
      }),
      { numRuns: 200 },
    )
  })

  test('is monotone in the bound', () => {
    fc.assert(
      fc.property(gradients, factor, factor, (list, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((f) => Math.max(1e-30, boundFor(list, f)))
        const [normLow, normHigh] = [getTotalNorm(clipped(list, low!)), getTotalNorm(clipped(list, high!))]
        expect(normLow).toBeLessThanOrEqual(normHigh * (1 + 2 ** -22))
      }),
      { numRuns: 150 },
    )
  })

  test.each([1, 3, 'inf'] as const)('keeps the bound for a norm of type %s', (normType) => {
    fc.assert(
      fc.property(normalGradients, factor, (list, factor) => {
        const maxNorm = (getTotalNorm(list, normType) || 1) * factor
        const out = clipped(list, maxNorm, { normType })
        expect(getTotalNorm(out, normType)).toBeLessThanOrEqual(maxNorm)
      }),
      { numRuns: 80 },
    )
  })

  test('scales a gradient of 1e20 to the bound, where float32 sums would make it zero', () => {
    const g = new Float32Array(4).fill(1e20) // norm 2e20, so every element becomes 0.5
    expect(clipGradNorm_(g, 1).totalNorm / 2e20).toBeCloseTo(1, 7)
    expect(g[0]).toBeCloseTo(0.5, 6)
  })

  test('clips a buffer that is listed twice once', () => {
    const g = Float32Array.of(30, 40)
    expect(clipGradNorm_([g, g], 5)).toMatchObject({ totalNorm: 50, clipped: true })
    expect(g[0]).toBeCloseTo(3, 5)
  })

  test('folds the scale into the coefficient', () => {
    const g = Float32Array.of(30, 40)
    const result = clipGradNorm_(g, 5, { scale: 0.5 }) // 25 is clipped to 5: a factor 0.5 * 0.2
    expect(result.totalNorm).toBe(25)
    expect(result.coef).toBeCloseTo(0.1, 7)
    expect(g[1]).toBeCloseTo(4, 5)
    expect(clipGradNorm_(g, Infinity, { scale: 2 })).toMatchObject({ coef: 2, clipped: false })
  })

  test('does nothing, without complaint, to no gradients at all', () => {
    const nothing = { totalNorm: 0, coef: 1, clipped: false, nonFinite: null }
    expect(clipGradNorm_([], 1)).toEqual(nothing)
    expect(clipGradNorm_([null, undefined], 1)).toEqual(nothing)
    expect(clipGradNorm_(new Float32Array(3), 1)).toEqual(nothing)
  })

  test('with an infinite bound only measures', () => {
    const g = Float32Array.of(3, 4)
    expect(clipGradNorm_(g, Infinity)).toEqual({ totalNorm: 5, coef: 1, clipped: false, nonFinite: null })
    expect(Array.from(g)).toEqual([3, 4])
  })

  test('is its two halves: measuring and scaling', () => {
    fc.assert(
      fc.property(gradients, factor, (list, factor) => {
        const maxNorm = boundFor(list, factor)
        const halves = copy(list)
        clipGradsWithNorm_(halves, maxNorm, getTotalNorm(halves))
        expect(bits(halves)).toEqual(bits(clipped(list, maxNorm)))
      }),
      { numRuns: 60 },
    )
  })
})

describe('clipping by value', () => {
  const bound = evenly(-45, 45).map((k) => 2 ** k)

  test('bounds every element, keeps those inside bitwise, and is idempotent', () => {
    fc.assert(
      fc.property(gradients, bound, (list, value) => {
        const out = copy(list)
        const result = clipGradValue_(out, value)
        const once = copy(out)
        const before = concatenate(list)
        const after = concatenate(out)
        expect(after.every((y) => Math.abs(y) <= value)).toBe(true)
        expect(after.every((y, i) => Math.abs(before[i]!) > value || Object.is(y, before[i]))).toBe(true)
        expect(result.clipped).toBe(before.some((x) => Math.abs(x) > value))
        expect(clipGradValue_(out, value).clipped).toBe(false)
        expect(bits(out)).toEqual(bits(once))
      }),
      { numRuns: 150, examples: [[[Float32Array.of(0.1, -0.1, 1, -1, -0)], 0.1]] },
    )
  })

  test('treats every element by itself: permuting before or after is the same', () => {
    fc.assert(
      fc.property(gradients, bound, (list, value) => {
        const reversed = concatenate(list).toReversed()
        const out = concatenate(list)
        clipGradValue_(out, value)
        clipGradValue_(reversed, value)
        expect(bits([reversed])).toEqual(bits([out.toReversed()]))
      }),
      { numRuns: 60 },
    )
  })
})

describe('a gradient that is not finite', () => {
  const poisoned = fc
    .tuple(shards(1, 3), fc.nat(), fc.nat(), nonFinite, nonFinite)
    .map(([list, t, i, first, second]) => {
      const tensor = t % list.length
      const index = i % list[tensor]!.length
      list[tensor]![index] = first
      const last = list.at(-1)!
      if (tensor < list.length - 1 || index < last.length - 1) last[last.length - 1] = second
      return { list, at: { tensor, index, value: first } }
    })

  test("is left bitwise alone by default, and its first non-finite element named ('skip')", () => {
    fc.assert(
      fc.property(poisoned, fc.constantFrom(clipGradNorm_, clipGradValue_), ({ list, at }, clip) => {
        const before = bits(list)
        const result = clip(list, 1)
        expect(result).toMatchObject({ coef: 1, clipped: false, nonFinite: at })
        expect(result.totalNorm).not.toSatisfy(Number.isFinite)
        expect(bits(list)).toEqual(before)
      }),
      { numRuns: 100 },
    )
  })

  test("throws and is left bitwise alone ('error')", () => {
    fc.assert(
      fc.property(poisoned, fc.constantFrom(clipGradNorm_, clipGradValue_), ({ list, at }, clip) => {
        const before = bits(list)
        expect(() => clip(list, 1, { onNonFinite: 'error' })).toThrow(NonFiniteGradientError)
        expect(() => clip(list, 1, { onNonFinite: 'error' })).toThrow(`element ${at.index} of gradient ${at.tensor}`)
        expect(bits(list)).toEqual(before)
      }),
      { numRuns: 60 },
    )
  })

  test("holds nothing non-finite afterwards, and obeys the bound ('zero')", () => {
    fc.assert(
      fc.property(poisoned, ({ list, at }) => {
        const result = clipGradNorm_(list, 1, { onNonFinite: 'zero' })
        expect(result.nonFinite).toEqual(at)
        expect(result.totalNorm).toSatisfy(Number.isFinite)
        expect(getTotalNorm(list)).toBeLessThanOrEqual(1)
        expect(list[at.tensor]![at.index]).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('counts null entries in the position it reports', () => {
    const result = clipGradNorm_([null, Float32Array.of(1), undefined, Float32Array.of(0, NaN)], 1)
    expect(result.nonFinite).toEqual({ tensor: 3, index: 1, value: NaN })
  })

  test('with a known norm is treated the same', () => {
    const g = Float32Array.of(1, Infinity)
    expect(clipGradsWithNorm_(g, 1, Infinity).nonFinite).toEqual({ tensor: 0, index: 1, value: Infinity })
    expect(Array.from(g)).toEqual([1, Infinity])
  })
})

describe('bad arguments', () => {
  const calls: [string, (g: Float32Array) => unknown, RegExp][] = [
    ['a bound of 0', (g) => clipGradNorm_(g, 0), /`maxNorm` to be a number > 0, got `0`.*allowZero/],
    ['a negative bound', (g) => clipGradNorm_(g, -1), /`maxNorm`.*got `-1`/],
    ['a NaN bound', (g) => clipGradNorm_(g, NaN), /`maxNorm`.*got `NaN`/],
    ['a bound of 0 in torch mode', (g) => clipGradNorm_(g, 0, { mode: 'torch' }), /`maxNorm`/],
    ['an exponent below 1', (g) => clipGradNorm_(g, 1, { normType: 0.5 }), /`normType`.*got `0.5`/],
    ['an exponent of 0', (g) => clipGradNorm_(g, 1, { normType: 0 }), /`normType`/],
    ['a negative value', (g) => clipGradValue_(g, -1), /`value`.*got `-1`/],
    ['a NaN value', (g) => clipGradValue_(g, NaN), /`value`/],
    ['a negative norm', (g) => clipGradsWithNorm_(g, 1, -1), /`totalNorm`/],
    ['a scale of 0', (g) => clipGradNorm_(g, 1, { scale: 0 }), /`scale`/],
    ['something else in the list', (g) => clipGradNorm_([g, [1] as unknown as null], 1), /gradient 1 .*an array of 1/],
    ['views that overlap in part', (g) => clipGradNorm_([g, g.subarray(1)], 1), /gradients 0 and 1/],
  ]
  test.each(calls)('%s: throws and changes nothing', (_, call, message) => {
    const g = Float32Array.of(3, -4, 1e20)
    const before = bits([g])
    expect(() => call(g)).toThrow(message)
    expect(bits([g])).toEqual(before)
  })

  test('a bound of 0 zeroes the gradient when that is allowed', () => {
    const g = Float32Array.of(3, -4)
    expect(clipGradNorm_(g, 0, { allowZero: true })).toMatchObject({ totalNorm: 5, coef: 0, clipped: true })
    expect(Array.from(g)).toEqual([0, -0])
    expect(clipGradNorm_(g, 0, { allowZero: true })).toMatchObject({ totalNorm: 0, coef: 1, clipped: false })
  })
})
