import { cachedDataVersionTag } from 'node:v8'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileNarrow, compileWide, relaxedSimdAvailable } from '../../src/kernels/compile.ts'
import { Activation } from '../../src/kernels/kernels.ts'
import type { Bench } from './conformance/bench.ts'
import { counts, expectSame, makeBench, numbers, seeds } from './conformance/bench.ts'
import { largeProducts, multiply, products } from './conformance/matrix.ts'

const wide = { wasm: compileWide('wasm'), 'wasm-strict': compileWide('wasm-strict') }
const why = wide.wasm ? '' : ' (this engine or processor joins no vectors)'

for (const variant of ['wasm', 'wasm-strict'] as const) {
  const here = test.skipIf(!wide[variant] || !relaxedSimdAvailable())
  const both = async () => [await makeBench(variant, compileNarrow(variant)), await makeBench(variant, wide[variant])]

  here(`a product of ${variant} has the same bits in vectors of 128 and of 256 bits${why}`, async () => {
    const [narrow, joined] = await both()
    const same = (product: (typeof largeProducts)[number]) =>
      expectSame(multiply(joined!, product), multiply(narrow!, product))
    fc.assert(fc.property(products, same), { numRuns: 150 })
    largeProducts.forEach(same)
  })

  here(`what goes element by element has the same bits in ${variant}${why}`, async () => {
    const benches = await both()
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), counts, seeds, (rows, cols, seed) => {
        const [narrow, joined] = benches.map((bench) => passes(bench, rows, cols, seed))
        expectSame(joined!, narrow!)
      }),
    )
  })
}

/** Everything that has a part in every step, on rows x cols numbers. */
function passes(bench: Bench, rows: number, cols: number, seed: number): number[] {
  bench.reset()
  const { kernels: k } = bench
  const count = rows * cols
  const given = (offset: number, length = count) => bench.put(numbers(seed + offset, length, 4))
  const [x, dy, p, m, out] = [given(0, 2 * count), given(1), given(2), given(3), bench.room(2 * count)]
  const v = bench.put(numbers(seed + 4, count).map(Math.abs))
  const [a, b, c, d] = [given(5, cols), given(6, cols), given(7, cols), given(8, cols)]
  const results: number[] = []
  const keep = (at = out, length = count) => results.push(...bench.take(at, length))
  for (const kind of Object.values(Activation)) {
    k.activate(kind, count, x, out, 0.3)
    keep()
    k.activateBackward(kind, 1, count, 0, x, dy, out, 0.3)
    keep()
  }
  k.copy(count, x, out)
  k.geluWithSlope(count, out, m)
  keep()
  keep(m)
  k.softmax(rows, cols, x, out)
  keep()
  k.dropout(rows, cols, x, out, 0.37, seed, 1, 2, 3)
  k.biasActivate(Activation.linear, rows, cols, out, cols, a, 1)
  k.add(count, dy, out)
  keep()
  k.prelu(rows, cols, x, a, out)
  keep()
  k.preluBackward(rows, cols, x, a, dy, out)
  keep()
  k.normalize(rows, cols, x, a, b, c, out)
  keep()
  k.normBackward(rows, cols, x, dy, a, b, c, a, d, 8, out)
  keep()
  const [lines, width] = [rows >> 1, 1]
  k.normPool(lines, width, cols, x, a, b, c, out)
  keep(out, lines * width * cols)
  k.normPoolBackward(lines, width, cols, x, dy, a, b, c, a, d, 8, out)
  keep(out, 4 * lines * width * cols)
  k.columnSums(rows, cols, x, a, true)
  keep(a, cols)
  if (rows > 0) k.moments(rows, cols, x, a, b)
  keep(a, cols)
  keep(b, cols)
  for (const clip of [Infinity, 0.5]) {
    for (const weightDecay of [0, 0.01]) {
      results.push(k.sgd(count, p, dy, v, 0.7, clip, 0.1, 0.9, true, weightDecay))
      results.push(k.adam(count, p, dy, m, v, 0.7, clip, 0.1, 0.9, 0.99, 1e-7, weightDecay, clip > 1, 0.2, 0.1))
      results.push(k.rmsprop(count, p, dy, v, m, 1, clip, 0.01, 0.9, 1e-3, 0.5, weightDecay))
      results.push(k.adagrad(count, p, dy, v, 1, clip, 0.01, 1e-3, weightDecay))
      ;[p, m, v].forEach((at) => keep(at))
    }
  }
  return results
}

test('compiling for wider vectors leaves the switches of the engine as they were', () => {
  const before = cachedDataVersionTag()
  compileWide('wasm')
  expect(cachedDataVersionTag()).toBe(before)
})
