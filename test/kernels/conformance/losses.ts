import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Loss } from '../../../src/kernels/kernels.ts'
import type { LossCode, LossName } from '../../../src/kernels/kernels.ts'
import { createReference } from '../../../src/kernels/reference.ts'
import type { Bench, MakeBench } from './bench.ts'
import { expectClose, expectSame, numbers, seeds } from './bench.ts'

const kinds = Object.entries(Loss) as [LossName, LossCode][]

interface Case {
  readonly rows: number
  readonly cols: number
  readonly outputs: ArrayLike<number>
  readonly targets: ArrayLike<number>
  readonly weights: ArrayLike<number>
  readonly parameter: number
  readonly second?: number
}

/** Targets of the kind: labels, probabilities that sum to 1, numbers in [0, 1], or anything. */
function makeCase(kind: LossCode, rows: number, cols: number, seed: number, size: number): Case {
  const raw = numbers(seed + 1, rows * cols).map((value) => (value + 2) / 4)
  const targets = () => {
    if (kind === Loss.sparseCategoricalCrossentropy || kind === Loss.sparseCategoricalFocalCrossentropy)
      return raw.slice(0, rows).map((_, r) => (seed + r * 7) % cols)
    if (kind === Loss.hinge) return raw.map((value) => Math.sign(value - 0.5))
    if (kind !== Loss.categoricalCrossentropy && kind !== Loss.klDivergence) return raw
    const rowSum = (i: number) => {
      const start = i - (i % cols)
      return raw.subarray(start, start + cols).reduce((sum, value) => sum + value, 0)
    }
    return raw.map((value, i) => value / rowSum(i))
  }
  return {
    rows,
    cols,
    outputs: numbers(seed, rows * cols, size),
    targets: targets(),
    weights: numbers(seed + 2, rows).map((value, r) => (r % 3 === 2 ? 0 : Math.abs(value))),
    parameter: parameterOf(kind, seed),
    second: 0.25,
  }
}

function parameterOf(kind: LossCode, seed: number): number {
  if (kind === Loss.huber) return 0.75
  if (kind === Loss.binaryFocalCrossentropy || kind === Loss.sparseCategoricalFocalCrossentropy)
    return [0, 0.5, 1, 2][seed % 4]!
  return seed % 2 ? 0.1 : 0
}

function run(bench: Bench, kind: LossCode, c: Case): { sum: number; gradient: number[] } {
  bench.reset()
  const [outputs, targets, weights] = [bench.put(c.outputs), bench.put(c.targets), bench.put(c.weights)]
  const gradient = bench.room(c.rows * c.cols)
  const { rows, cols, parameter, second = 0 } = c
  const sum = bench.kernels.loss(kind, rows, cols, outputs, targets, weights, gradient, parameter, second)
  expect(bench.kernels.loss(kind, rows, cols, outputs, targets, weights, -1, parameter, second)).toBe(sum)
  return { sum, gradient: bench.take(gradient, c.rows * c.cols) }
}

/** The same loss in float64, and its derivative by central differences. */
function exact(kind: LossCode, c: Case): { sum: number; gradient: number[] } {
  const count = c.rows * c.cols
  const floats = Float64Array.from([...Array.from(c.outputs), ...Array.from(c.targets), ...Array.from(c.weights)])
  const { loss } = createReference(floats)
  const evaluate = () => loss(kind, c.rows, c.cols, 0, count, count + c.targets.length, -1, c.parameter, c.second ?? 0)
  const h = 1e-6
  const gradient = Array.from({ length: count }, (_, i) => {
    const x = floats[i]!
    floats[i] = x + h
    const above = evaluate()
    floats[i] = x - h
    const below = evaluate()
    floats[i] = x
    return (above - below) / (2 * h)
  })
  return { sum: evaluate(), gradient }
}

export function lossesConformance(make: MakeBench): void {
  test.each(kinds)('%s and its gradient agree with float64 and finite differences', async (_, kind) => {
    const bench = await make()
    const sizes = fc.constantFrom(0.5, 3, 20)
    fc.assert(
      fc.property(fc.nat(6), fc.integer({ min: 1, max: 13 }), seeds, sizes, (rows, cols, seed, size) => {
        const c = makeCase(kind, rows, cols, seed, size)
        const actual = run(bench, kind, c)
        const expected = exact(kind, c)
        expectClose([actual.sum], [expected.sum], 1e-6)
        expectClose(actual.gradient, expected.gradient, 1e-5)
      }),
      { numRuns: 60 },
    )
  })

  test.each(kinds)('%s: a row of weight 0 counts for nothing, even where its loss is not finite', async (_, kind) => {
    const bench = await make()
    const c = makeCase(kind, 3, 5, 12, 2)
    const outputs = Float32Array.from(c.outputs)
    outputs.fill(NaN, 5, 10)
    const weights = [1, 0, 2]
    const actual = run(bench, kind, { ...c, outputs, weights })
    const without = run(bench, kind, { ...c, weights })
    expect(actual.sum).toBe(without.sum)
    expectSame(actual.gradient, without.gradient)
    expectSame(actual.gradient.slice(5, 10), [0, 0, 0, 0, 0])
  })

  test.each(kinds)('%s of NaN outputs is NaN', async (_, kind) => {
    const bench = await make()
    const c = makeCase(kind, 2, 6, 4, 2)
    const outputs = Float32Array.from(c.outputs)
    outputs[3] = NaN
    const { sum, gradient } = run(bench, kind, { ...c, outputs, weights: [1, 1] })
    expect(sum).toBeNaN()
    expect(gradient[3]).toBeNaN()
  })

  test('softmax cross-entropy of logits of 1e4 is finite: the distance to the largest', async () => {
    const bench = await make()
    const c: Case = {
      rows: 2,
      cols: 3,
      outputs: [1e4, -1e4, 0, -1e4, 1e4, 0],
      targets: [1, 1],
      weights: [1, 1],
      parameter: 0,
    }
    const sparse = run(bench, Loss.sparseCategoricalCrossentropy, c)
    // Row 0 is wrong by 2e4, row 1 right.
    expect(sparse.sum).toBe(2e4)
    expectSame(sparse.gradient, [1, -1, 0, 0, 0, 0])
    const soft = run(bench, Loss.categoricalCrossentropy, { ...c, targets: [0, 1, 0, 0, 1, 0] })
    expect(soft.sum).toBe(2e4)
    const binary = run(bench, Loss.binaryCrossentropy, { ...c, targets: [0, 1, 0, 0, 1, 0] })
    // (1e4 + 1e4 + log 2) / 3 + log 2 / 3.
    expectClose([binary.sum], [(2e4 + 2 * Math.LN2) / 3], 1e-9)
  })

  test('equal logits over c classes lose log(c), whatever the label smoothing', async () => {
    const bench = await make()
    for (const cols of [2, 10, 1500]) {
      for (const parameter of [0, 0.1, 0.5]) {
        const c: Case = { rows: 1, cols, outputs: new Float32Array(cols), targets: [1], weights: [1], parameter }
        expectClose([run(bench, Loss.sparseCategoricalCrossentropy, c).sum], [Math.log(cols)], 1e-9)
      }
    }
  })

  test('a label that is no class gives NaN, not a read outside the row', async () => {
    const bench = await make()
    for (const kind of [Loss.sparseCategoricalCrossentropy, Loss.sparseCategoricalFocalCrossentropy])
      for (const label of [-1, 3, 0.5, NaN, 1e9]) {
        const c: Case = { rows: 1, cols: 3, outputs: [1, 2, 3], targets: [label], weights: [1], parameter: 0 }
        const { sum, gradient } = run(bench, kind, c)
        expectSame([sum, ...gradient], [NaN, NaN, NaN, NaN])
      }
  })
}
