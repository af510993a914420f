import { expect, test } from 'vitest'
import type { PlanSummary } from '../../src/plan/summary.ts'
import { formatFlops, planText } from '../../src/report/plan.ts'

const plan: PlanSummary = {
  model: [{ layer: 'dense_1', type: 'dense', inputs: [4], outputs: [3], parameters: 15 }],
  parameters: 15,
  batchSize: 32,
  microBatches: 2,
  rowsPerBlock: 8,
  lanes: 1,
  phases: [{ phase: 'rows', piece: '8 rows of the batch', pieces: 4, flops: 1536, bytes: 2048 }],
  tensors: [{ name: 'dense_1/kernel', shape: [4, 3], gradient: 'tiles', pieces: 1 }],
  memory: [{ region: 'parameters', bytes: 64 }],
  sharedBytes: 1000,
  arenaBytes: 65_600,
  flops: 1536,
  bytes: 2048,
}

test('a plan is printed with layers, phases, gradients and memory, each with its sum', () => {
  expect(planText(plan)).toBe(`Model
  layer    type   shape  parameters
  dense_1  dense  4 > 3          15
  total                          15

Step of 32 rows in 2 parts, row blocks of 8, 1 lane
  phase  pieces   FLOPs     bytes  a piece is
  rows        4  1.54 k  2.00 KiB  8 rows of the batch
  total          1.54 k  2.00 KiB

Gradients
  tensor          shape  summed in  pieces
  dense_1/kernel  4 x 3  tiles           1

Memory
  region          size
  parameters      64 B
  arena       64.1 KiB
  without places that several activations and back-signals share: 65.0 KiB`)
})

test.each([
  [850, '850'],
  [12_340, '12.34 k'],
  [4_560_000, '4.56 M'],
  [1.2e9, '1.20 G'],
])('%d FLOPs are shown as %s', (flops, text) => expect(formatFlops(flops)).toBe(text))
