/** Normalisation against the reference, which test/model holds to finite differences and PyTorch. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Kernels, Window } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { Bench, MakeBench } from './bench.ts'
import { expectClose, numbers, seeds, UNTOUCHED } from './bench.ts'

const cols = fc.integer({ min: 1, max: 19 })

/** Every kernel over columns once; the results one after another, with the element behind each. */
function byColumn(bench: Bench, k: Kernels, rows: number, c: number, parts: number, seed: number): number[] {
  bench.reset()
  const per = Math.ceil(rows / parts)
  const used = Math.ceil(rows / per)
  const [x, dy] = [bench.put(numbers(seed, rows * c).map((v) => v + 3)), bench.put(numbers(seed + 1, rows * c))]
  const [gamma, beta] = [bench.put(numbers(seed + 2, c)), bench.put(numbers(seed + 3, c))]
  const [means, squares] = [bench.room(used * c), bench.room(used * c)]
  const vectors = Array.from({ length: 9 }, () => bench.room(c))
  const [mean, variance, inverse, scale, sums, products, blend, plain, spread] = vectors as [
    number,
    number,
    number,
    number,
  ] &
    number[]
  const [y, dx] = [bench.room(rows * c), bench.room(rows * c)]
  for (let p = 0; p < used; p++) {
    k.moments(Math.min(per, rows - p * per), c, x + p * per * c, means + p * c, squares + p * c)
  }
  k.mergeMoments(used, c, per, rows, means, squares, rows, mean, variance)
  k.mergeMoments(used, c, per, rows, means, squares, 1, mean, spread!)
  k.normScale(c, variance, 1e-3, -1, inverse, plain!)
  k.normScale(c, variance, 1e-3, gamma, inverse, scale)
  k.normalize(rows, c, x, mean, scale, beta, y)
  k.normSums(rows, c, x, dy, mean, inverse, sums!, products!)
  k.normBackward(rows, c, x, dy, mean, inverse, scale, sums!, products!, rows, dx)
  k.lerp(c, gamma, beta, 0.25, blend!)
  return [
    ...vectors.flatMap((at) => bench.take(at, c + 1)),
    ...bench.take(y, rows * c + 1),
    ...bench.take(dx, rows * c + 1),
  ]
}

/** Pooled, and by one kernel after the other what that is to be; every second time many cells are equal. Those that differ do
 * so by enough to be told apart when they are normalised. */
function pooled(bench: Bench, k: Kernels, [lines, width, c]: readonly [number, number, number], seed: number) {
  bench.reset()
  const [cells, count] = [4 * lines * width, 4 * lines * width * c]
  const rough = (v: number) => (seed % 2 === 0 ? Math.round(1024 * v) / 1024 : Math.round(2 * v))
  const [x, dy] = [bench.put(numbers(seed, count).map(rough)), bench.put(numbers(seed + 1, count / 4))]
  const [gamma, shift] = [bench.put(numbers(seed + 2, c)), bench.put(numbers(seed + 3, c))]
  const beta = seed % 3 === 0 ? -1 : shift
  const room = () => bench.room(c)
  const [mean, squares, inverse, scale] = [room(), room(), room(), room()]
  const [sums, products, sumsAfter, productsAfter] = [room(), room(), room(), room()]
  const [y, dx, yAfter, dxAfter] = [bench.room(count / 4), bench.room(count), bench.room(count / 4), bench.room(count)]
  const [between, back] = [bench.room(count), bench.put(new Array<number>(count).fill(0))]
  k.moments(cells, c, x, mean, squares)
  k.normScale(c, squares, 1e-3, gamma, inverse, scale)
  k.normPool(lines, width, c, x, mean, scale, beta, y)
  k.normPoolSums(lines, width, c, x, dy, mean, inverse, scale, sums, products)
  k.normPoolBackward(lines, width, c, x, dy, mean, inverse, scale, sums, products, cells, dx)
  const w: Window = {
    ...{ height: 2 * lines, width: 2 * width, channels: c, kernelHeight: 2, kernelWidth: 2, strideHeight: 2 },
    ...{ strideWidth: 2, dilationHeight: 1, dilationWidth: 1, top: 0, left: 0, outHeight: lines, outWidth: width },
  }
  k.normalize(cells, c, x, mean, scale, beta, between)
  k.maxPool(w, 1, between, yAfter)
  k.maxPoolBackward(w, 1, between, dy, back)
  k.normSums(cells, c, x, back, mean, inverse, sumsAfter, productsAfter)
  k.normBackward(cells, c, x, back, mean, inverse, scale, sums, products, cells, dxAfter)
  const take = (...parts: (readonly [at: number, count: number])[]) =>
    parts.flatMap(([at, count]) => bench.take(at, count + 1))
  return {
    atOnce: take([y, count / 4], [dx, count], [sums, c], [products, c]),
    inTurn: take([yAfter, count / 4], [dxAfter, count], [sumsAfter, c], [productsAfter, c]),
  }
}

function byGroup(
  bench: Bench,
  k: Kernels,
  [rows, positions, width, groups]: readonly [number, number, number, number],
  centred: boolean,
  affine: boolean,
  seed: number,
): number[] {
  bench.reset()
  const c = width * groups
  const count = rows * positions * c
  const [x, dy] = [bench.put(numbers(seed, count).map((v) => v + 1)), bench.put(numbers(seed + 1, count))]
  const gamma = affine ? bench.put(numbers(seed + 2, c)) : -1
  const beta = affine ? bench.put(numbers(seed + 3, c)) : -1
  const [stats, y, dx] = [bench.room(rows * groups * 2), bench.room(count), bench.room(count)]
  const [fresh, grown] = [bench.room(c), bench.put(numbers(seed + 4, c))]
  k.groupNorm(rows, positions, c, groups, centred, 1e-3, x, gamma, beta, stats, y)
  k.groupNormBackward(rows, positions, c, groups, centred, x, dy, gamma, stats, dx)
  k.groupNormGamma(rows, positions, c, groups, x, dy, stats, fresh, false)
  k.groupNormGamma(rows, positions, c, groups, x, dy, stats, grown, true)
  return [
    ...bench.take(stats, rows * groups * 2 + 1),
    ...[y, dx].flatMap((at) => bench.take(at, count + 1)),
    ...[fresh, grown].flatMap((at) => bench.take(at, c + 1)),
  ]
}

export function normsConformance(make: MakeBench): void {
  describe('normalisation', () => {
    test('by column, in parts, is the reference’s; nothing else is written', async () => {
      const bench = await make()
      const reference = createReference(bench.floats)
      fc.assert(
        fc.property(
          fc.integer({ min: 2, max: 40 }),
          cols,
          fc.integer({ min: 1, max: 5 }),
          seeds,
          (r, c, parts, seed) => {
            const expected = byColumn(bench, reference, r, c, parts, seed)
            expectClose(byColumn(bench, bench.kernels, r, c, parts, seed), expected, 2e-5)
          },
        ),
      )
    })

    test('with the largest of 2 x 2 cells is the reference’s, and what both kernels give in turn', async () => {
      const bench = await make()
      const reference = createReference(bench.floats)
      const size = fc.integer({ min: 1, max: 5 })
      fc.assert(
        fc.property(fc.tuple(size, size, cols), seeds, (sizes, seed) => {
          const expected = pooled(bench, reference, sizes, seed)
          const { atOnce, inTurn } = pooled(bench, bench.kernels, sizes, seed)
          expectClose(atOnce, expected.atOnce, 2e-4)
          // Their float32 sums are of other runs of cells; the way back multiplies them by up to 1 / sqrt(1e-3).
          expectClose(atOnce, inTurn, 4e-6)
        }),
      )
    })

    test('by group is the reference’s; nothing else is written', async () => {
      const bench = await make()
      const reference = createReference(bench.floats)
      const size = fc.integer({ min: 1, max: 6 })
      const sizes = fc.tuple(size, size, fc.integer({ min: 2, max: 11 }), fc.integer({ min: 1, max: 4 }))
      fc.assert(
        fc.property(sizes, fc.boolean(), fc.boolean(), seeds, (dims, centred, affine, seed) => {
          const expected = byGroup(bench, reference, dims, centred, affine, seed)
          expectClose(byGroup(bench, bench.kernels, dims, centred, affine, seed), expected, 2e-4)
        }),
      )
    })

    test('moments are exact where the mean is large beside the spread', async () => {
      const bench = await make()
      bench.reset()
      // 4096 +- 1/256: a sum of squares in float32 would see nothing of the spread.
      const x = bench.put(Array.from({ length: 64 }, (_, i) => 4096 + (i % 2 === 0 ? 1 : -1) / 256))
      const [mean, squares] = [bench.room(1), bench.room(1)]
      bench.kernels.moments(64, 1, x, mean, squares)
      expect(bench.take(mean, 1)).toEqual([4096])
      expect(bench.take(squares, 1)).toEqual([64 / 256 ** 2])
    })

    test('moments of many rows are those of float64, where the mean drifts or jumps; of equal numbers exactly 0', async () => {
      const bench = await make()
      const shapes = fc.record({
        count: fc.integer({ min: 1, max: 300 }),
        c: fc.integer({ min: 1, max: 21 }),
        seed: seeds,
        drift: fc.constantFrom(0, 0.1, 30),
        jump: fc.constantFrom(0, 1000),
      })
      fc.assert(
        fc.property(shapes, ({ count, c, seed, drift, jump }) => {
          bench.reset()
          const noise = numbers(seed, count * c, 1)
          const at = (row: number, col: number) =>
            Math.fround(col === 0 ? 0.1 + drift : noise[row * c + col]! + row * drift + (row > 40 ? jump : 0))
          const values = Array.from({ length: count * c }, (_, i) => at(Math.floor(i / c), i % c))
          const [mean, squares] = [bench.room(c), bench.room(c)]
          bench.kernels.moments(count, c, bench.put(values), mean, squares)
          for (let col = 0; col < c; col++) {
            const own = Array.from({ length: count }, (_, row) => at(row, col))
            const centre = own.reduce((sum, x) => sum + x, 0) / count
            const spread = own.reduce((sum, x) => sum + (x - centre) ** 2, 0)
            const [m, s] = [bench.take(mean + col, 1)[0]!, bench.take(squares + col, 1)[0]!]
            expect(Math.abs(m - centre)).toBeLessThanOrEqual(2e-7 * Math.abs(centre) + 1e-6 * Math.sqrt(spread / count))
            if (col === 0) expect(s).toBe(0)
            else expect(Math.abs(s - spread)).toBeLessThanOrEqual(3e-6 * spread)
          }
          expect(bench.take(mean + c, 1).concat(bench.take(squares + c, 1))).toEqual([UNTOUCHED, UNTOUCHED])
        }),
      )
    })

    test('an infinite variance gives NaN, which the step’s finiteness check sees, and no silence', async () => {
      const bench = await make()
      bench.reset()
      const [variance, inverse, scale] = [bench.put([Infinity, 0]), bench.room(2), bench.room(2)]
      bench.kernels.normScale(2, variance, 0.25, -1, inverse, scale)
      expect(bench.take(scale, 2)).toEqual([NaN, 2])
    })
  })
}
