import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Bench, MakeBench } from './bench.ts'
import { expectSame, numbers, seeds, UNTOUCHED } from './bench.ts'

export interface Product {
  readonly transA: boolean
  readonly transB: boolean
  readonly m: number
  readonly n: number
  readonly k: number
  readonly accumulate: boolean
  /** Elements between the end of a row and the start of the next. */
  readonly gap: number
  readonly seed: number
}

const size = fc.integer({ min: 0, max: 40 })
export const products: fc.Arbitrary<Product> = fc.record({
  transA: fc.boolean(),
  transB: fc.boolean(),
  m: size,
  n: size,
  k: size,
  accumulate: fc.boolean(),
  gap: fc.integer({ min: 0, max: 5 }),
  seed: seeds,
})

/** Sizes across the edges of every block: 96 rows, 32 and 8 columns, 400 steps of k. */
export const largeProducts: readonly Product[] = [
  [97, 9, 513, false, false],
  [193, 17, 30, true, true],
  [7, 65, 1025, true, false],
  [33, 8, 520, false, true],
  [1, 130, 700, false, false],
  [16, 64, 80, false, true],
  [96, 1008, 300, false, true],
  [64, 64, 128, true, false],
  [32, 96, 272, false, true],
].map(([m, n, k, transA, transB], seed) => ({
  ...({ m, n, k, transA, transB } as { m: number; n: number; k: number; transA: boolean; transB: boolean }),
  accumulate: seed % 2 === 1,
  gap: seed,
  seed,
}))

interface Operands {
  a: Float32Array
  b: Float32Array
  c: Float32Array
  lda: number
  ldb: number
  ldc: number
}

function operands({ transA, transB, m, n, k, gap, seed }: Product): Operands {
  const lda = (transA ? m : k) + gap
  const ldb = (transB ? k : n) + gap
  const ldc = n + gap
  return {
    a: numbers(seed, (transA ? k : m) * lda),
    b: numbers(seed + 1, (transB ? n : k) * ldb),
    c: numbers(seed + 2, m * ldc),
    lda,
    ldb,
    ldc,
  }
}

/** All of C, the elements between its rows included. */
export function multiply(bench: Bench, product: Product, o = operands(product)): number[] {
  bench.reset()
  const { transA, transB, m, n, k, accumulate } = product
  const [a, b, c] = [bench.put(o.a), bench.put(o.b), bench.put(o.c)]
  bench.kernels.matmul(transA, transB, m, n, k, a, o.lda, b, o.ldb, c, o.ldc, accumulate)
  expectSame(bench.take(c + o.c.length, 4), [UNTOUCHED, UNTOUCHED, UNTOUCHED, UNTOUCHED], 'after C')
  expectSame(bench.take(a, o.a.length), o.a, 'A')
  expectSame(bench.take(b, o.b.length), o.b, 'B')
  return bench.take(c, o.c.length)
}

/** k products and k sums, each rounded: |error| <= (k + 1) 2^-24 (1 + small) (|c| + the sum of |a b|). */
function expectProduct(actual: readonly number[], product: Product, o: Operands): void {
  const { transA, transB, m, n, k, accumulate } = product
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < o.ldc; j++) {
      const at = i * o.ldc + j
      if (j >= n) {
        expect(actual[at], `C[${i}, ${j}] lies between rows`).toBe(o.c[at])
        continue
      }
      let sum = accumulate ? o.c[at]! : 0
      let size = Math.abs(sum)
      for (let l = 0; l < k; l++) {
        const term = o.a[transA ? l * o.lda + i : i * o.lda + l]! * o.b[transB ? j * o.ldb + l : l * o.ldb + j]!
        sum += term
        size += Math.abs(term)
      }
      const close = Math.abs(actual[at]! - sum) <= (k + 1) * 2 ** -24 * 1.01 * size
      if (!close) expect.fail(`C[${i}, ${j}]: expected ${sum}, got ${String(actual[at])}: ${JSON.stringify(product)}`)
    }
  }
}

/** @param anySplit false for 'blas', whose library may order a sum by the shape of the call: pieces are fixed, so bits still are. */
export function matrixConformance(make: MakeBench, anySplit: boolean): void {
  test('transpose is exact, and writes between no rows', async () => {
    const bench = await make()
    const gaps = fc.integer({ min: 0, max: 5 })
    fc.assert(
      fc.property(size, size, gaps, gaps, seeds, (rows, cols, gapX, gapY, seed) => {
        bench.reset()
        const [ldx, ldy] = [cols + gapX, rows + gapY]
        const [x, before] = [numbers(seed, rows * ldx), numbers(seed + 1, cols * ldy)]
        const y = bench.put(before)
        bench.kernels.transpose(rows, cols, bench.put(x), ldx, y, ldy)
        const expected = before.map((value, i) => (i % ldy < rows ? x[(i % ldy) * ldx + Math.floor(i / ldy)]! : value))
        expectSame(bench.take(y, cols * ldy + 1), [...expected, UNTOUCHED])
      }),
    )
  })

  test('matmul equals the float64 product for every size, orientation and leading dimension', async () => {
    const bench = await make()
    const check = (product: Product) => expectProduct(multiply(bench, product), product, operands(product))
    fc.assert(fc.property(products, check), { numRuns: 150 })
    largeProducts.forEach(check)
  })

  test.runIf(anySplit)('matmul split over k in accumulating calls gives the bits of one call', async () => {
    const bench = await make()
    const check = (product: Product, fraction: number) => {
      const { transA, transB, m, n, k } = product
      const o = operands(product)
      const whole = multiply(bench, product, o)
      bench.reset()
      const [a, b, c] = [bench.put(o.a), bench.put(o.b), bench.put(o.c)]
      const first = Math.floor(k * fraction)
      const aRest = a + first * (transA ? o.lda : 1)
      const bRest = b + first * (transB ? 1 : o.ldb)
      bench.kernels.matmul(transA, transB, m, n, first, a, o.lda, b, o.ldb, c, o.ldc, product.accumulate)
      bench.kernels.matmul(transA, transB, m, n, k - first, aRest, o.lda, bRest, o.ldb, c, o.ldc, true)
      expectSame(bench.take(c, o.c.length), whole)
    }
    fc.assert(fc.property(products, fc.double({ min: 0, max: 1, noNaN: true }), check), { numRuns: 80 })
    largeProducts.forEach((product) => check(product, 0.37))
  })

  test.runIf(anySplit)('a row of C does not depend on how many rows are computed with it', async () => {
    const bench = await make()
    fc.assert(
      fc.property(products, (product) => {
        fc.pre(product.m > 0)
        const o = operands(product)
        const all = multiply(bench, product, o)
        bench.reset()
        const { transA, transB, m, n, k } = product
        const [a, b, c] = [bench.put(o.a), bench.put(o.b), bench.put(o.c)]
        for (let i = 0; i < m; i++) {
          const row = a + i * (transA ? 1 : o.lda)
          bench.kernels.matmul(transA, transB, 1, n, k, row, o.lda, b, o.ldb, c + i * o.ldc, o.ldc, product.accumulate)
        }
        expectSame(bench.take(c, o.c.length), all)
      }),
      { numRuns: 40 },
    )
  })

  test.each([false, true])('NaN and infinities reach every element they touch (transA %s)', async (transA) => {
    const bench = await make()
    const product = { transA, transB: false, m: 7, n: 11, k: 13, accumulate: false, gap: 0, seed: 3 }
    for (const poison of [NaN, Infinity]) {
      const o = operands(product)
      o.b.fill(0)
      o.a[transA ? 5 * 7 + 2 : 2 * 13 + 5] = poison
      const c = multiply(bench, product, o)
      // Row 2 of A holds the poison: 0 * NaN and 0 * Infinity are NaN; every other row is a sum of zeros.
      c.forEach((value, i) => expect(value, `element ${i}`).toBe(Math.floor(i / 11) === 2 ? NaN : 0))
    }
  })

  test('without terms C becomes 0, or stays as it was with accumulate', async () => {
    const bench = await make()
    const product = { transA: false, transB: false, m: 3, n: 5, k: 0, accumulate: false, gap: 2, seed: 1 }
    const c = operands(product).c
    const isGap = (i: number) => i % 7 >= 5
    expectSame(
      multiply(bench, product),
      c.map((value, i) => (isGap(i) ? value : 0)),
    )
    expectSame(multiply(bench, { ...product, accumulate: true }), c)
  })
}
