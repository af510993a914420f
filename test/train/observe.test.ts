/** A large layer is looked at in parts; together they say what one look at all of it would. */
import { expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import { createReference } from '../../src/kernels/reference.ts'
import { OBSERVED_PIECE } from '../../src/plan/constants.ts'
import { scratchOf } from '../../src/plan/addresses.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { SIGNAL_FIELDS } from '../../src/plan/watch.ts'
import { gatherSignals, observePart } from '../../src/train/observe.ts'
import { State } from '../../src/train/state.ts'
import { base } from '../plan/specs.ts'

const UNITS = 700

it.each([{ rows: 128 }, { rows: 5 }])('of a batch of $rows of 128 rows', ({ rows }) => {
  const layers = [
    { type: 'dense', units: UNITS, activation: { type: 'relu' } },
    { type: 'dense', units: UNITS, activation: { type: 'tanh' } },
    { type: 'dense', units: 2 },
  ] as const
  const plan = compilePlan({ ...base, model: { layers: [...layers] }, batchSize: 128, accumulationSteps: 1 })
  // 128 x 700 outputs are 2.7 times as many as a part has.
  expect(plan.watch.parts.map(({ layer }) => layer)).toEqual([0, 0, 0, 1, 1, 1, 2])
  expect(128 * UNITS).toBeGreaterThan(2 * OBSERVED_PIECE)

  const arena = createArena(plan.layout)
  const { floats, doubles } = arena
  const { at, watch } = plan
  doubles[at.state + State.rows] = rows
  const [relu, tanh] = watch.layers as [(typeof watch.layers)[0], (typeof watch.layers)[0]]
  // Of the relu's units every third is silent; of the tanh's every fourth is at its end.
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < UNITS; c++) {
      floats[relu.output!.value + r * UNITS + c] = c % 3 === 0 ? 0 : Math.max(0, Math.sin(1 + r * UNITS + c))
      floats[relu.backSignal + r * UNITS + c] = Math.cos(r + c)
      floats[tanh.output!.value + r * UNITS + c] = c % 4 === 0 ? 1 : Math.sin(r + c) / 2
    }
  }
  const [outputs, backSignals, tanhs] = [relu.output!.value, relu.backSignal, tanh.output!.value].map((from) =>
    Float64Array.from(floats.subarray(from, from + rows * UNITS)),
  ) as [Float64Array, Float64Array, Float64Array]
  const kernels = createReference(floats)
  const room = scratchOf(plan, 0).piece
  watch.parts.forEach((_, i) => observePart(plan, kernels, floats, doubles, i, room))
  gatherSignals(plan, doubles)

  // Sizes are those of the first eight rows, whose 700 outputs each are more than enough.
  const rms = (values: Float64Array) => {
    const seen = values.subarray(0, 8 * UNITS)
    return Math.sqrt(seen.reduce((sum, x) => sum + x * x, 0) / seen.length)
  }
  const silent = (unit: number) => outputs.every((x, i) => i % UNITS !== unit || !(x > 0))
  const awake = Array.from({ length: UNITS }, (_, c) => c).filter((c) => !silent(c)).length
  const of = (layer: number) => [...doubles.subarray(at.signals + layer * SIGNAL_FIELDS).subarray(0, SIGNAL_FIELDS)]
  expect(of(0)).toEqual([
    expect.closeTo(rms(outputs), 6),
    expect.closeTo(rms(backSignals), 6),
    awake / UNITS,
    0,
    rows,
    NaN,
  ])
  expect(of(1)).toEqual([expect.closeTo(rms(tanhs), 6), expect.any(Number), NaN, NaN, NaN, 0.25])
})
