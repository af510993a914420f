import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MakeBench } from './bench.ts'
import { counts, expectClose, expectSame, numbers, seeds, UNTOUCHED } from './bench.ts'

const rows = fc.integer({ min: 0, max: 5 })
const gaps = fc.integer({ min: 0, max: 5 })

export function gradientConformance(make: MakeBench): void {
  test('sumSquares is the float64 sum of squares, finite exactly when every element is', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, fc.constantFrom(1e-30, 1, 3.4e38), (r, c, gap, seed, size) => {
        bench.reset()
        const ld = c + gap
        const x = numbers(seed, r * ld, size)
        const [row, col] = [seed % Math.max(1, r), seed % Math.max(1, c)]
        const expected = x.reduce((sum, value, i) => sum + (i % ld < c ? value * value : 0), 0)
        // What lies between the rows does not count.
        for (let i = 0; i < x.length; i++) if (i % ld >= c) x[i] = NaN
        const actual = bench.kernels.sumSquares(r, c, bench.put(x), ld)
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-13 * expected)
        for (const poison of [NaN, Infinity, -Infinity]) {
          if (r * c === 0) continue
          x[row * ld + col] = poison
          expect(Number.isFinite(bench.kernels.sumSquares(r, c, bench.put(x), ld))).toBe(false)
        }
      }),
    )
  })

  test('sumSquaredChanges is the float64 sum of squared differences to a copy that copyRows made', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, fc.constantFrom(1e-30, 1, 1e18), (r, c, gap, seed, size) => {
        bench.reset()
        const ld = c + gap
        const [old, now] = [numbers(seed, r * ld, size), numbers(seed + 1, r * ld, size)]
        const x = bench.put(old)
        const copy = bench.room(r * c)
        bench.kernels.copyRows(r, c, x, ld, copy)
        const inRows = (_: number, i: number) => i % ld < c
        expectSame(bench.take(copy, r * c), old.filter(inRows))
        expect(bench.kernels.sumSquaredChanges(r, c, x, ld, copy)).toBe(0)
        // What lies between the rows does not count.
        bench.floats.set(
          now.map((value, i) => (i % ld < c ? value : NaN)),
          x,
        )
        const expected = now.reduce((sum, v, i) => sum + (i % ld < c ? Math.fround(v - old[i]!) ** 2 : 0), 0)
        const actual = bench.kernels.sumSquaredChanges(r, c, x, ld, copy)
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-13 * expected)
      }),
    )
  })

  test('sumSquaredChanges of a copy of zeros is sumSquares, bit for bit', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, (r, c, gap, seed) => {
        bench.reset()
        const ld = c + gap
        const x = bench.put(numbers(seed, r * ld, 1))
        const zeros = bench.put(new Float32Array(r * c))
        expect(bench.kernels.sumSquaredChanges(r, c, x, ld, zeros)).toBe(bench.kernels.sumSquares(r, c, x, ld))
      }),
    )
  })

  test('activeUnits tells which columns have a number above 0', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, fc.constantFrom(0, 0.5, 0.95), (r, c, gap, seed, silent) => {
        bench.reset()
        const ld = c + gap
        const x = numbers(seed, r * ld, 1).map((value, i) => {
          const kind = (seed + i * 7919) % 97
          return kind === 0 ? NaN : kind === 1 ? 1e-45 : kind < 97 * silent ? -Math.abs(value) : value
        })
        const out = bench.room(c)
        bench.kernels.activeUnits(r, c, bench.put(x), ld, out)
        const expected = Array.from({ length: c }, (_, col) =>
          Number(Array.from({ length: r }, (_, row) => Math.fround(x[row * ld + col]!)).some((value) => value > 0)),
        )
        expectSame(bench.take(out, c), expected)
      }),
    )
  })

  test('clampedSquares is the float64 sum of the squares of x * scale, clamped', async () => {
    const bench = await make()
    const scales = fc.constantFrom(1, 1 / 3, 1e-3, 7)
    fc.assert(
      fc.property(counts, seeds, scales, fc.constantFrom(0.1, 1, Infinity), (count, seed, scale, limit) => {
        bench.reset()
        const x = numbers(seed, count, 1)
        const bound = Math.fround(limit)
        const values = x.map((value) => Math.max(-bound, Math.min(bound, value * scale)))
        const expected = values.reduce((sum, value) => sum + value * value, 0)
        const actual = bench.kernels.clampedSquares(count, bench.put(x), scale, limit)
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-6 * expected)
      }),
    )
  })

  test('largestOf is the largest magnitude, and lets a NaN through', async () => {
    const bench = await make()
    fc.assert(
      fc.property(counts, seeds, fc.constantFrom(1e-30, 1, 3.4e38), (count, seed, size) => {
        bench.reset()
        const x = numbers(seed, count, size)
        expect(bench.kernels.largestOf(count, bench.put(x))).toBe(x.reduce((most, v) => Math.max(most, Math.abs(v)), 0))
        if (count === 0) return
        x[seed % count] = -Infinity
        expect(bench.kernels.largestOf(count, bench.put(x))).toBe(Infinity)
        x[(seed >> 8) % count] = NaN
        expect(bench.kernels.largestOf(count, bench.put(x))).toBeNaN()
      }),
    )
  })

  test('sumPowers is the float64 sum of the powers of |x| / unit', async () => {
    const bench = await make()
    const exponents = fc.oneof(fc.constantFrom(1, 2, 3), fc.double({ min: 1, max: 50, noNaN: true }))
    fc.assert(
      fc.property(counts, seeds, exponents, fc.constantFrom(1, 3, 1e30), (count, seed, exponent, unit) => {
        bench.reset()
        const x = numbers(seed, count, unit)
        const expected = x.reduce((sum, value) => sum + (Math.abs(value) / unit) ** exponent, 0)
        const actual = bench.kernels.sumPowers(count, bench.put(x), unit, exponent)
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-13 * expected)
      }),
    )
  })

  test('reduceLanes adds by the binary tree, whatever the number of lanes, and leaves the lanes alone', async () => {
    const bench = await make()
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), counts, fc.nat(5), seeds, (lanes, count, gap, seed) => {
        bench.reset()
        const stride = count + gap
        const x = numbers(seed, lanes * stride)
        const [first, out] = [bench.put(x), bench.room(count)]
        bench.kernels.reduceLanes(count, lanes, first, stride, out)
        const sum = x.slice()
        for (let s = 1; s < lanes; s *= 2) {
          for (let j = 0; j + s < lanes; j += 2 * s) {
            for (let i = 0; i < count; i++) sum[j * stride + i]! += sum[(j + s) * stride + i]!
          }
        }
        expectSame(bench.take(out, count + 1), [...sum.subarray(0, count), UNTOUCHED])
        expectSame(bench.take(first, x.length), x, 'lanes')
      }),
    )
  })

  test('reduceLanes of lanes of two values is their sum', async () => {
    const bench = await make()
    bench.reset()
    // 1 + 10 + 100 + 1000 + 10000 = 11111, in any order.
    const first = bench.put([1, 2, 10, 20, 100, 200, 1000, 2000, 10000, 20000])
    const out = bench.room(2)
    bench.kernels.reduceLanes(2, 5, first, 2, out)
    expectClose(bench.take(out, 2), [11111, 22222], 0)
  })
}
