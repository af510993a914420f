/** Steps of LSTM and GRU, there and back, against the reference. */
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Kernels } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { Bench, MakeBench } from './bench.ts'
import { expectClose, numbers, seeds } from './bench.ts'

const STEPS = 3

function run(bench: Bench, k: Kernels, kind: 'lstm' | 'gru', rows: number, units: number, more: boolean, seed: number) {
  bench.reset()
  const state = STEPS * units
  const width = (kind === 'lstm' ? 4 : 3) * units
  const put = (n: number, count: number) => bench.put(numbers(seed + n, count))
  const [gates, other, before, dh] = [
    put(0, rows * STEPS * width),
    put(1, rows * STEPS * width),
    put(2, rows * state),
    put(3, rows * state),
  ]
  const [cells, next, out] = [bench.room(rows * state), bench.room(rows * state), bench.room(rows * units)]
  const [dgates, down, carry, bias] = [
    bench.room(rows * STEPS * width),
    bench.room(rows * STEPS * width),
    put(4, rows * state),
    put(5, width),
  ]
  // The middle step; its states go to the next one's place, and to rows of their own.
  const [g, s] = [width, units]
  const optional = (pointer: number) => (more ? pointer : -1)
  if (kind === 'lstm') {
    k.lstm(rows, units, STEPS, gates + g, optional(before), cells + s, optional(next + s), out, units)
    k.lstmBackward(rows, units, STEPS, gates + g, optional(before), cells + s, dh + s, carry, dgates + g)
  } else {
    k.gru(rows, units, STEPS, gates + g, other + g, optional(bias), before, next + s, optional(out), units)
    k.gruBackward(rows, units, STEPS, gates + g, other + g, before, dh + s, optional(carry), more, dgates + g, down + g)
  }
  const wide = [gates, other, dgates, down].flatMap((at) => bench.take(at, rows * STEPS * width + 1))
  const narrow = [cells, next, carry].flatMap((at) => bench.take(at, rows * state + 1))
  return [...wide, ...narrow, ...bench.take(out, rows * units + 1)]
}

export function recurrentConformance(make: MakeBench): void {
  describe('recurrent steps', () => {
    test.each(['lstm', 'gru'] as const)('of %s are as in the reference; nothing else is written', async (kind) => {
      const bench = await make()
      const reference = createReference(bench.floats)
      const rows = fc.integer({ min: 0, max: 5 })
      const units = fc.integer({ min: 1, max: 13 })
      fc.assert(
        fc.property(rows, units, fc.boolean(), seeds, (rows, units, more, seed) => {
          const expected = run(bench, reference, kind, rows, units, more, seed)
          expectClose(run(bench, bench.kernels, kind, rows, units, more, seed), expected, 2e-5)
        }),
      )
    })
  })
}
