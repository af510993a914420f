/** Look-ups and the weights of attention against the reference. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Kernels } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { Bench, MakeBench } from './bench.ts'
import { expectClose, numbers, seeds } from './bench.ts'

function run(bench: Bench, k: Kernels, steps: number, width: number, causal: boolean, seed: number): number[] {
  bench.reset()
  const indices = bench.put(numbers(seed, steps).map((value) => Math.floor(Math.abs(value) * 3)))
  const [table, dy] = [bench.put(numbers(seed + 1, 6 * width)), bench.put(numbers(seed + 2, steps * width))]
  const [y, gradient] = [bench.room(steps * width), bench.put(numbers(seed + 3, 6 * width))]
  k.lookUp(steps, width, 6, indices, table, y)
  // Rows 1 to 4 of the table, all columns but the last.
  k.lookUpGradient(steps, width - 1, width, 1, 5, indices, dy, gradient)
  const square = steps * steps
  const [scores, signals] = [bench.put(numbers(seed + 4, square, 8)), bench.put(numbers(seed + 5, square))]
  const [weights, back] = [bench.room(square), bench.room(square)]
  k.attend(steps, 0.37, causal, scores, weights)
  k.attendBackward(steps, 0.37, causal, weights, signals, back)
  k.attend(steps, 0.37, causal, scores, scores)
  return [
    ...bench.take(y, steps * width + 1),
    ...bench.take(gradient, 6 * width + 1),
    ...[weights, back, scores].flatMap((at) => bench.take(at, square + 1)),
  ]
}

export function sequencesConformance(make: MakeBench): void {
  describe('sequences', () => {
    test('are looked up and attend as in the reference; nothing else is written', async () => {
      const bench = await make()
      const reference = createReference(bench.floats)
      const size = fc.integer({ min: 1, max: 13 })
      fc.assert(
        fc.property(size, size, fc.boolean(), seeds, (steps, width, causal, seed) => {
          const expected = run(bench, reference, steps, width, causal, seed)
          expectClose(run(bench, bench.kernels, steps, width, causal, seed), expected, 2e-5)
        }),
      )
    })

    test('an index that is no row of the table gives NaN, and no gradient', async () => {
      const bench = await make()
      bench.reset()
      const [indices, table] = [bench.put([1, 3, -1, 0.5, NaN]), bench.put([1, 2, 3])]
      const [y, out, dy] = [bench.room(5), bench.put([0, 0, 0]), bench.put([5, 5, 5, 5, 5])]
      bench.kernels.lookUp(5, 1, 3, indices, table, y)
      expect(bench.take(y, 5)).toEqual([2, NaN, NaN, NaN, NaN])
      bench.kernels.lookUpGradient(1, 1, 1, 0, 3, indices, dy, out)
      bench.kernels.lookUpGradient(1, 1, 1, 0, 3, indices + 4, dy, out)
      expect(bench.take(out, 3)).toEqual([0, 5, 0])
    })
  })
}
