import fc from 'fast-check'
import { expect, test } from 'vitest'
import { activation, derivative, geluSlope } from '../../../src/kernels/reference/functions.ts'
import { Activation } from '../../../src/kernels/kernels.ts'
import type { ActivationCode, ActivationName } from '../../../src/kernels/kernels.ts'
import type { MakeBench } from './bench.ts'
import { counts, expectClose, expectSame, numbers, seeds, UNTOUCHED } from './bench.ts'

const rows = fc.integer({ min: 0, max: 9 })
const special = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 3.4e38, -3.4e38, 88.7, -87.3, 104, -104]

/** -20 to 20 in steps of 1/32, and finer about 0: 1,283 + 513 points. */
const sweep = Float32Array.from([
  ...Array.from({ length: 1283 }, (_, i) => (i - 641) / 32),
  ...Array.from({ length: 513 }, (_, i) => (i - 256) / 4096),
])

export function rowsConformance(make: MakeBench): void {
  const kinds = Object.entries(Activation) as [ActivationName, ActivationCode][]
  const gaps = fc.integer({ min: 0, max: 5 })

  test('biasActivate adds bias[c] to every row and is `activate` of that, and writes between no rows', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, fc.constantFrom(...kinds), (r, c, gap, seed, [, kind]) => {
        bench.reset()
        const ld = c + gap
        const [x, bias] = [numbers(seed, r * ld), numbers(seed + 1, c)]
        const inRow = (i: number) => i % ld < c
        const at = bench.put(x)
        bench.kernels.biasActivate(kind, r, c, at, ld, bench.put(bias), 0.25)
        const expected = bench.put(x.map((value, i) => (inRow(i) ? value + bias[i % ld]! : value)))
        for (let row = 0; row < r; row++) {
          bench.kernels.activate(kind, c, expected + row * ld, expected + row * ld, 0.25)
        }
        expectSame(bench.take(at, r * ld + 1), [...bench.take(expected, r * ld), UNTOUCHED])
      }),
    )
  })

  test('activateBackward of rows is that of each row, and writes between no rows', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, gaps, seeds, fc.constantFrom(...kinds), (r, c, gap, seed, [, kind]) => {
        bench.reset()
        const ld = c + gap
        const [saved, dy, dx] = [0, 1, 2].map((i) => bench.put(numbers(seed + i, r * ld)))
        const expected = bench.put(bench.take(dx!, r * ld))
        bench.kernels.activateBackward(kind, r, c, ld, saved!, dy!, dx!, 0.25)
        for (let at = 0; at < r * ld; at += ld) {
          bench.kernels.activateBackward(kind, 1, c, 0, saved! + at, dy! + at, expected + at, 0.25)
        }
        expectSame(bench.take(dx!, r * ld + 1), [...bench.take(expected, r * ld), UNTOUCHED])
      }),
    )
  })

  test('columnSums sums rows in order, and goes on from `out` with accumulate', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, seeds, fc.boolean(), (r, c, seed, accumulate) => {
        bench.reset()
        const [x, before] = [numbers(seed, r * c), numbers(seed + 1, c)]
        const out = bench.put(before)
        bench.kernels.columnSums(r, c, bench.put(x), out, accumulate)
        const expected = before.map((value, col) => {
          let sum = accumulate ? value : 0
          for (let row = 0; row < r; row++) sum = Math.fround(sum + x[row * c + col]!)
          return sum
        })
        expectSame(bench.take(out, c), expected)
        expect(bench.take(out + c, 1)).toEqual([UNTOUCHED])
      }),
    )
  })

  test('add and copy take exactly `count` elements, NaN and infinities included', async () => {
    const bench = await make()
    fc.assert(
      fc.property(counts, seeds, (count, seed) => {
        bench.reset()
        const [x, y] = [numbers(seed, count), numbers(seed + 1, count)]
        special.slice(0, count).forEach((value, i) => (x[i] = value))
        const [from, sum, target] = [bench.put(x), bench.put(y), bench.room(count)]
        bench.kernels.add(count, from, sum)
        bench.kernels.copy(count, from, target)
        expectSame(bench.take(sum, count + 1), [...y.map((value, i) => value + x[i]!), UNTOUCHED])
        expectSame(bench.take(target, count + 1), [...x, UNTOUCHED])
      }),
    )
  })

  test.each(kinds)('%s and its derivative are within 1e-6 of float64, in place or not', async (_, kind) => {
    const bench = await make()
    for (const alpha of kind === Activation.elu || kind === Activation.leakyRelu ? [0.01, 1, 1.5] : [1]) {
      bench.reset()
      const slope = Math.fround(alpha)
      const expected = Array.from(sweep, (x) => activation(kind, x, slope))
      const [x, y] = [bench.put(sweep), bench.room(sweep.length)]
      bench.kernels.activate(kind, sweep.length, x, y, alpha)
      const outputs = bench.take(y, sweep.length)
      expectClose(outputs, expected, 1e-6)
      const saved = kind === Activation.gelu ? Array.from(sweep, geluSlope) : outputs
      const dy = numbers(5, sweep.length)
      const [savedAt, dyAt, dx] = [bench.put(saved), bench.put(dy), bench.room(sweep.length)]
      bench.kernels.activateBackward(kind, 1, sweep.length, 0, savedAt, dyAt, dx, alpha)
      const slopes = saved.map((value, i) => dy[i]! * derivative(kind, value, slope))
      expectClose(bench.take(dx, sweep.length), slopes, 2e-6)
      bench.kernels.activate(kind, sweep.length, x, x, alpha)
      expectSame(bench.take(x, sweep.length), outputs, 'in place')
      const apart = bench.take(dx, sweep.length)
      bench.kernels.activateBackward(kind, 1, sweep.length, 0, savedAt, dyAt, dyAt, alpha)
      expectSame(bench.take(dyAt, sweep.length), apart, 'in place')
    }
  })

  test('gelu with its slope is gelu and its slope, wherever an element stands', async () => {
    const bench = await make()
    bench.reset()
    const [x, y, whole] = [bench.put(sweep), bench.room(sweep.length), bench.put(sweep)]
    bench.kernels.activate(Activation.gelu, sweep.length, whole, whole, 1)
    bench.kernels.geluWithSlope(sweep.length, x, y)
    expectSame(bench.take(y, sweep.length), bench.take(whole, sweep.length))
    expectClose(bench.take(x, sweep.length), Array.from(sweep, geluSlope), 2e-6)
    for (let count = 0; count <= 5; count++) {
      const [part, out] = [bench.put(sweep.slice(7, 7 + count)), bench.room(count)]
      bench.kernels.geluWithSlope(count, part, out)
      expectSame(bench.take(part, count), bench.take(x + 7, count))
      expectSame(bench.take(out, count + 1), [...bench.take(y + 7, count), UNTOUCHED])
    }
  })

  test.each(kinds)('%s gives an element the same bits wherever it stands, and no other is written', async (_, kind) => {
    const bench = await make()
    bench.reset()
    const x = numbers(9, 23, 4)
    const [from, whole] = [bench.put(x), bench.room(23)]
    bench.kernels.activate(kind, 23, from, whole, 0.5)
    for (let start = 0; start < 23; start++) {
      for (let count = 0; count <= Math.min(6, 23 - start); count++) {
        const y = bench.room(6)
        bench.kernels.activate(kind, count, from + start, y, 0.5)
        expectSame(bench.take(y, count), bench.take(whole + start, count))
        expect(bench.take(y + count, 1)).toEqual([UNTOUCHED])
      }
    }
  })

  test.each(kinds)('%s of NaN is NaN, of extremes what float64 says', async (_, kind) => {
    const bench = await make()
    bench.reset()
    const [x, y] = [bench.put(special), bench.room(special.length)]
    bench.kernels.activate(kind, special.length, x, y, 1)
    const expected = Array.from(Float32Array.from(special), (value) => Math.fround(activation(kind, value, 1)))
    expectClose(bench.take(y, special.length).map(Math.abs), expected.map(Math.abs), 1e-6)
  })

  test('the derivative of relu at 0 is 0, of leakyRelu alpha', async () => {
    const bench = await make()
    bench.reset()
    const [y, dy, dx] = [bench.put([0, 0, 1, -0, 2]), bench.put([3, -4, 5, 6, NaN]), bench.room(5)]
    bench.kernels.activateBackward(Activation.relu, 1, 5, 0, y, dy, dx, 0)
    expect(bench.take(dx, 5)).toEqual([0, 0, 5, 0, NaN])
    bench.kernels.activateBackward(Activation.leakyRelu, 1, 5, 0, y, dy, dx, 0.25)
    expect(bench.take(dx, 5)).toEqual([0.75, -1, 5, 1.5, NaN])
  })

  test('prelu, its derivative and the gradient of its slopes use the slope of the column where x <= 0', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, counts, seeds, fc.boolean(), (r, c, seed, accumulate) => {
        bench.reset()
        const [x, dy] = [numbers(seed, r * c), numbers(seed + 1, r * c)]
        const [slopes, before] = [numbers(seed + 2, c), numbers(seed + 3, c)]
        if (x.length > 0) x[0] = 0
        const [xAt, dyAt, slopesAt, out] = [bench.put(x), bench.put(dy), bench.put(slopes), bench.put(before)]
        const [y, dx] = [bench.room(r * c), bench.room(r * c)]
        bench.kernels.prelu(r, c, xAt, slopesAt, y)
        bench.kernels.preluBackward(r, c, xAt, slopesAt, dyAt, dx)
        bench.kernels.preluSlopes(r, c, xAt, dyAt, out, accumulate)
        expectSame(
          bench.take(y, r * c),
          x.map((value, i) => (value > 0 ? value : slopes[i % c]! * value)),
        )
        expectSame(
          bench.take(dx, r * c),
          dy.map((value, i) => (x[i]! > 0 ? value : slopes[i % c]! * value)),
        )
        const sums = Array.from(before, (value) => (accumulate ? value : 0))
        x.forEach((value, i) => (sums[i % c]! += value > 0 ? 0 : value * dy[i]!))
        expectClose(bench.take(out, c), sums, 1e-5)
      }),
    )
  })

  test('dropout keeps x / (1 - rate) or gives 0, about `rate` of the time, by position and not by call', async () => {
    const bench = await make()
    bench.reset()
    const [r, c, rate] = [40, 51, 0.3]
    const x = bench.put(numbers(4, r * c).map((value) => value + 3))
    const [whole, parts] = [bench.room(r * c), bench.room(r * c)]
    bench.kernels.dropout(r, c, x, whole, rate, 7, 2, 4_000_000_000, 100)
    for (let row = 0; row < r; row += 8) {
      bench.kernels.dropout(8, c, x + row * c, parts + row * c, rate, 7, 2, 4_000_000_000, 100 + row)
    }
    const y = bench.take(whole, r * c)
    expectSame(bench.take(parts, r * c), y)
    const keep = Math.fround(1 - rate)
    bench.take(x, r * c).forEach((value, i) => expect([0, Math.fround(value / keep)]).toContain(y[i]))
    // 2,040 draws: the standard deviation of the share is sqrt(0.21 / 2040) = 0.0101; five of them.
    expect(Math.abs(y.filter((value) => value === 0).length / (r * c) - rate)).toBeLessThan(0.0507)
    bench.kernels.dropout(r, c, x, parts, rate, 7, 2, 4_000_000_001, 100)
    expect(bench.take(parts, r * c)).not.toEqual(y)
    bench.kernels.dropout(r, c, x, parts, 0, 7, 2, 0, 100)
    expectSame(bench.take(parts, r * c), bench.take(x, r * c), 'rate 0')
  })

  test('softmax is positive, sums to 1, and does not overflow', async () => {
    const bench = await make()
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 40 }), seeds, fc.constantFrom(1, 50, 1e4), (r, c, seed, size) => {
        bench.reset()
        const x = numbers(seed, r * c, size)
        const [at, y] = [bench.put(x), bench.room(r * c)]
        bench.kernels.softmax(r, c, at, y)
        for (let row = 0; row < r; row++) {
          const logits = Array.from(x.subarray(row * c, (row + 1) * c))
          const largest = Math.max(...logits)
          const terms = logits.map((value) => Math.exp(Math.fround(value - largest)))
          const total = terms.reduce((sum, value) => sum + value, 0)
          expectClose(
            bench.take(y + row * c, c),
            terms.map((value) => value / total),
            1e-6,
          )
        }
        const apart = bench.take(y, r * c)
        bench.kernels.softmax(r, c, at, at)
        expectSame(bench.take(at, r * c), apart, 'in place')
      }),
    )
  })
}
