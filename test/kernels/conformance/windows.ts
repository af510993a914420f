/** Convolution and pooling against the reference, for windows of every shape; strict bits are in strict.test.ts. */
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Kernels, Window } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { Bench, MakeBench } from './bench.ts'
import { expectClose, expectSame, numbers, seeds, UNTOUCHED } from './bench.ts'

interface Axis {
  readonly length: number
  readonly size: number
  readonly stride: number
  readonly dilation: number
  readonly before: number
  readonly after: number
}

const outOf = ({ length, size, stride, dilation, before, after }: Axis): number =>
  Math.floor((length + before + after - dilation * (size - 1) - 1) / stride) + 1

const axes: fc.Arbitrary<Axis> = fc
  .record({
    length: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 3 }),
  })
  .map((axis) => {
    const reach = axis.dilation * (axis.size - 1)
    return { ...axis, before: Math.min(axis.before, reach), after: Math.min(axis.after, reach) }
  })
  .filter((axis) => outOf(axis) >= 1)

export const windows: fc.Arbitrary<Window> = fc
  .tuple(axes, axes, fc.integer({ min: 1, max: 9 }))
  .map(([v, h, channels]) => ({
    height: v.length,
    width: h.length,
    channels,
    kernelHeight: v.size,
    kernelWidth: h.size,
    strideHeight: v.stride,
    strideWidth: h.stride,
    dilationHeight: v.dilation,
    dilationWidth: h.dilation,
    top: v.before,
    left: h.before,
    outHeight: outOf(v),
    outWidth: outOf(h),
  }))
  // A window none of whose cells lies inside a row: pooling would have nothing to take.
  .filter((w) => everyPositionMeets(w))

function everyPositionMeets(w: Window): boolean {
  const meets = (out: number, stride: number, before: number, size: number, dilation: number, length: number) =>
    Array.from({ length: out }, (_, o) => o * stride - before).every((start) =>
      Array.from({ length: size }, (_, i) => start + i * dilation).some((at) => at >= 0 && at < length),
    )
  return (
    meets(w.outHeight, w.strideHeight, w.top, w.kernelHeight, w.dilationHeight, w.height) &&
    meets(w.outWidth, w.strideWidth, w.left, w.kernelWidth, w.dilationWidth, w.width)
  )
}

const ROWS = 2

/** Every window kernel once, on the same numbers; the results one after another. */
export function runWindows(bench: Bench, k: Kernels, w: Window, depth: number, seed: number): number[] {
  const positions = ROWS * w.outHeight * w.outWidth
  const cells = w.kernelHeight * w.kernelWidth
  const [inputs, outputs] = [ROWS * w.height * w.width * w.channels, positions * w.channels]
  const x = bench.put(numbers(seed, inputs))
  const dy = bench.put(numbers(seed + 1, outputs))
  const kernel = bench.put(numbers(seed + 2, cells * w.channels))
  const results: number[] = []
  const into = (count: number, run: (at: number) => void) => {
    const at = bench.put(numbers(seed + 3, count))
    run(at)
    results.push(...bench.take(at, count), ...bench.take(at + count, 1))
  }
  const first = positions > 2 ? 1 : 0
  const some = positions - first
  const columns = bench.put(numbers(seed + 4, some * cells * depth))
  into(some * cells * depth, (at) => k.unfold(w, depth, first, some, x + w.channels - depth, at))
  into(inputs, (at) => k.fold(w, depth, first, some, columns, at))
  into(outputs, (at) => k.depthwise(w, ROWS, x, kernel, at))
  into(inputs, (at) => k.depthwiseBackward(w, ROWS, dy, kernel, at))
  into(cells * w.channels, (at) => k.depthwiseKernel(w, ROWS, x, dy, at))
  into(outputs, (at) => k.maxPool(w, ROWS, x, at))
  into(inputs, (at) => k.maxPoolBackward(w, ROWS, x, dy, at))
  into(outputs, (at) => k.averagePool(w, ROWS, x, at))
  into(inputs, (at) => k.averagePoolBackward(w, ROWS, dy, at))
  return results
}

export function windowsConformance(make: MakeBench): void {
  describe('windows', () => {
    test('are unfolded, folded, summed and pooled as the reference does it, and nothing else is written', async () => {
      const bench = await make()
      const reference = createReference(bench.floats)
      fc.assert(
        fc.property(windows, fc.integer({ min: 1, max: 9 }), seeds, (w, depth, seed) => {
          bench.reset()
          const expected = runWindows(bench, reference, w, Math.min(depth, w.channels), seed)
          bench.reset()
          const actual = runWindows(bench, bench.kernels, w, Math.min(depth, w.channels), seed)
          expectClose(actual, expected, 2e-5)
        }),
        { numRuns: 200 },
      )
    })

    test('the largest of equals is the first, and NaN is larger than any number', async () => {
      const bench = await make()
      const w: Window = {
        ...{ height: 1, width: 6, channels: 1, kernelHeight: 1, kernelWidth: 3, strideHeight: 1, strideWidth: 3 },
        ...{ dilationHeight: 1, dilationWidth: 1, top: 0, left: 0, outHeight: 1, outWidth: 2 },
      }
      bench.reset()
      const [x, dy] = [bench.put([2, 5, 5, 7, NaN, NaN]), bench.put([10, 20])]
      const [y, dx] = [bench.room(2), bench.put([1, 1, 1, 1, 1, 1])]
      bench.kernels.maxPool(w, 1, x, y)
      bench.kernels.maxPoolBackward(w, 1, x, dy, dx)
      expectSame(bench.take(y, 3), [5, NaN, UNTOUCHED])
      expectSame(bench.take(dx, 7), [1, 11, 1, 1, 21, 1, UNTOUCHED])
    })

    test('fill writes its run and no more', async () => {
      const bench = await make()
      for (let count = 0; count < 10; count++) {
        bench.reset()
        const at = bench.room(count)
        bench.kernels.fill(count, 0.5, at)
        expectSame(bench.take(at, count + 1), [...Array.from({ length: count }, () => 0.5), UNTOUCHED])
      }
    })
  })
}
