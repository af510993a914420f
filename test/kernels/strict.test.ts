import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Bench } from './conformance/bench.ts'
import { counts, expectSame, makeBench, numbers, seeds } from './conformance/bench.ts'
import { largeProducts, multiply, products } from './conformance/matrix.ts'
import { Activation } from '../../src/kernels/kernels.ts'
import type { Window } from '../../src/kernels/kernels.ts'
import { runWindows, windows } from './conformance/windows.ts'
import { compileKernels } from '../../src/kernels/compile.ts'
import { instantiateKernels, scratchElements } from '../../src/kernels/wasm.ts'

/** `reference` and `wasm-strict` promise the same bits wherever no transcendental function is involved. */
async function both(): Promise<[Bench, Bench]> {
  return [await makeBench('reference'), await makeBench('wasm-strict')]
}

test('matmul of wasm-strict has the bits of the reference', async () => {
  const [reference, strict] = await both()
  fc.assert(
    fc.property(products, (product) => expectSame(multiply(strict, product), multiply(reference, product))),
    { numRuns: 150 },
  )
  for (const product of largeProducts) expectSame(multiply(strict, product), multiply(reference, product))
})

test('windows of wasm-strict have the bits of the reference', async () => {
  const [reference, strict] = await both()
  const run = (bench: Bench, w: Window, seed: number) => {
    bench.reset()
    return runWindows(bench, bench.kernels, w, w.channels, seed)
  }
  fc.assert(
    fc.property(windows, seeds, (w, seed) => expectSame(run(strict, w, seed), run(reference, w, seed))),
    { numRuns: 150 },
  )
})

test('sums, dropout and every optimizer of wasm-strict have the bits of the reference', async () => {
  const benches = await both()
  const run = (bench: Bench, rows: number, cols: number, seed: number): number[] => {
    bench.reset()
    const { kernels } = bench
    const count = rows * cols
    const [x, y] = [bench.put(numbers(seed, count)), bench.put(numbers(seed + 1, count))]
    const [g, s, v] = [
      bench.put(numbers(seed + 2, count)),
      bench.put(new Float32Array(count)),
      bench.put(new Float32Array(count)),
    ]
    const [out, p] = [bench.room(cols), bench.put(numbers(seed + 3, count))]
    const results = [kernels.sumSquares(1, count, x, 0)]
    kernels.add(count, x, y)
    kernels.dropout(rows, cols, x, x, 0.37, seed, 1, 2, 3)
    kernels.columnSums(rows, cols, y, out, false)
    kernels.preluSlopes(rows, cols, x, y, out, true)
    kernels.biasActivate(Activation.leakyRelu, rows, cols, y, cols, out, 0.25)
    if (rows > 0) kernels.reduceLanes(cols, rows, y, cols, out)
    for (let t = 1; t <= 3; t++) {
      results.push(
        kernels.sgd(count, p, g, s, 0.7, 0.9, 0.1, 0.9, true, 0.01),
        kernels.adam(count, p, g, s, v, 0.7, 0.9, 0.1, 0.9, 0.99, 1e-7, 0.01, true, 1 - 0.9 ** t, 1 - 0.99 ** t),
        kernels.rmsprop(count, p, x, v, s, 1, Infinity, 0.01, 0.9, 1e-3, 0.5, 0.1),
        kernels.adagrad(count, p, g, v, 1, Infinity, 0.01, 1e-3, 0.1),
      )
    }
    return [...results, ...[x, y, p, s, v].flatMap((at) => bench.take(at, count)), ...bench.take(out, cols)]
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), counts, seeds, (rows, cols, seed) => {
      const [reference, strict] = benches.map((bench) => run(bench, rows, cols, seed))
      expectSame(strict!, reference!)
    }),
  )
})

test('a kernel works beyond the first 2 GiB, where a byte address is negative as an int32', async () => {
  // 2 GiB + 1 MiB of address space; only what is touched becomes memory.
  const memory = new WebAssembly.Memory({ initial: 32_768 + 16, maximum: 65_536, shared: true })
  const kernels = instantiateKernels('wasm-strict', compileKernels('wasm-strict'), memory, 2 ** 29 + 1024)
  const floats = new Float32Array(memory.buffer)
  const a = 2 ** 29 + 1024 + scratchElements
  floats.set([1, 2, 3, 4], a)
  floats.set([5, 6, 7, 8], a + 4)
  kernels.matmul(false, true, 2, 2, 2, a, 2, a + 4, 2, a + 8, 2, false)
  // [1 2; 3 4] [5 7; 6 8] = [17 23; 39 53].
  expect(Array.from(floats.subarray(a + 8, a + 12))).toEqual([17, 23, 39, 53])
})

test('both modules keep the same constants in the same places: instances of both work on one memory', async () => {
  const constants = await Promise.all(
    [true, false].map(async (strict) => {
      const bench = await makeBench(strict ? 'wasm-strict' : 'wasm')
      return new Uint8Array(bench.floats.buffer, 0, 65_536).slice()
    }),
  )
  expect(constants[0]!.some((byte) => byte !== 0)).toBe(true)
  expect(constants[0]).toEqual(constants[1])
})
