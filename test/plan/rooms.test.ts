/** Tensors that share a place: never two that are needed together, and every network computes what it does without. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { createReference } from '../../src/kernels/reference.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import type { LoweredLayer, Pass } from '../../src/model/layer.ts'
import { loadOwn } from '../../src/model/own.ts'
import { matrixOf } from '../../src/model/shape.ts'
import type { Schedule } from '../../src/plan/lifetimes.ts'
import { scratchOf } from '../../src/plan/addresses.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { placeRooms } from '../../src/plan/rooms.ts'
import { meetingBefore, tilesAcross } from '../../src/plan/stages.ts'
import type { Stage } from '../../src/plan/stages.ts'
import { rowSize } from '../model/network.ts'
import { layerSamples } from '../model/samples.ts'
import { base } from './specs.ts'

await loadOwn({ layers: layerSamples.flatMap(([, , layers]) => layers) })

/** Of up to 20 moments in 5 phases, of which one in four is no phase of row blocks: all of it is one moment. */
const schedule = (tensors: number): fc.Arbitrary<Schedule> =>
  fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: 5, maxLength: 5 })
    .map((lengths) => lengths.flatMap((length, phase) => Array<number>(length).fill(phase)))
    .chain((phases) => {
      const moment = fc.integer({ min: 0, max: phases.length - 1 })
      const life = fc.tuple(moment, moment).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as [number, number])
      return fc.record({
        lives: fc.array(fc.option(life, { freq: 5 }), { minLength: tensors, maxLength: tensors }),
        phases: fc.constant(phases),
      })
    })

const problems = fc.integer({ min: 1, max: 30 }).chain((count) =>
  fc.record({
    wanted: fc.array(
      fc.record({ cols: fc.integer({ min: 1, max: 4 }), rows: fc.constantFrom(20, 50) }).map(({ cols, rows }) => ({
        cols,
        length: cols * rows,
      })),
      { minLength: count, maxLength: count },
    ),
    schedules: fc.array(schedule(count), { minLength: 1, maxLength: 2 }),
  }),
)

describe('places of tensors', () => {
  it('are apart for those that are needed together, or by rows of other lengths in one phase', () => {
    fc.assert(
      fc.property(problems, ({ wanted, schedules }) => {
        const { offsets, length, apart } = placeRooms(wanted, schedules)
        expect(length).toBeLessThanOrEqual(apart)
        for (const { lives, phases } of schedules) {
          lives.forEach((a, i) => {
            lives.slice(0, i).forEach((b, j) => {
              if (!a || !b) return
              const [from, end] = [offsets[i]!, offsets[i]! + wanted[i]!.length]
              if (offsets[j]! >= end || offsets[j]! + wanted[j]!.length <= from) return
              // They overlap: a barrier lies between them, or each row takes its own place, later.
              const [before, after] = a[0] < b[0] ? [a, b] : [b, a]
              expect(before[1]).toBeLessThan(after[0])
              if (phases[before[1]] !== phases[after[0]]) return
              expect([wanted[i]!.cols, from]).toEqual([wanted[j]!.cols, offsets[j]])
            })
          })
          for (const offset of offsets) expect(offset % 16).toBe(0)
        }
      }),
    )
  })

  it('of two by two that follow on each other are half as many', () => {
    const lives = [0, 1, 2, 3].map((i): [number, number] => [2 * i, 2 * i + 2])
    const wanted = lives.map(() => ({ cols: 2, length: 64 }))
    const phases = Array<number>(9).fill(0)
    expect(placeRooms(wanted, [{ lives, phases }])).toMatchObject({ length: 128, apart: 256 })
    // Rows as long as those before or not: in a phase of its own each may lie anywhere.
    const mixed = wanted.map(({ length }, i) => ({ cols: 1 + i, length }))
    expect(placeRooms(mixed, [{ lives, phases }]).length).toBe(256)
    expect(placeRooms(mixed, [{ lives, phases: phases.map((_, i) => i) }]).length).toBe(128)
  })
})

const ROWS = 21

/** Numbers that no two places have. */
const valueAt = (stream: number, i: number): number => Math.sin(1 + i + 1e3 * stream)

function planOf(layers: LayerConfig[], given: (typeof layerSamples)[number][1], share: boolean): Plan {
  const isPorts = typeof given[0] === 'object'
  const model = isPorts ? { inputs: given as never, layers } : { inputShape: given as number[], layers }
  const inputs = rowSize(given)
  const outputs = compilePlan({ ...base, model, inputs, loss: { type: 'meanSquaredError' }, metrics: [] }).model.outputs
  return compilePlan(
    { ...base, model, inputs, targets: outputs, loss: { type: 'meanSquaredError' }, metrics: [], batchSize: ROWS },
    share,
  )
}

type Order = 'piece after piece' | 'layer after layer'

/** Digests of outputs and gradients of a step, then the outputs of an evaluation, over an arena full of junk. */
function compute(plan: Plan, indices: number, order: Order): string[] {
  const { floats } = createArena(plan.layout)
  const { network, input, placements, blockRows, spec } = plan
  const k = createReference(floats)
  const pass: Pass = {
    ...{
      training: true,
      seed: 3,
      batch: 0,
      firstRow: 0,
      rows: ROWS,
      shardRows: ROWS,
      blockRows,
      firstShard: 0,
      floats,
    },
    temporary: scratchOf(plan, 0).piece,
  }
  const region = plan.layout.regions.find(({ name }) => name === 'activations')!
  for (let i = 0; i < region.length; i++) floats[region.offsetBytes / 4 + i] = valueAt(9, i)
  for (const { offset, size } of placements.all) {
    for (let i = offset; i < offset + size; i++) floats[plan.at.parameters + i] = 0.5 + 0.3 * valueAt(0, i)
  }
  const giveInput = (rows: number) => {
    for (let i = 0; i < rows * spec.inputs; i++) {
      floats[input.value + i] = indices > 0 ? (i * 7) % indices : valueAt(1, i)
    }
  }
  const { output } = network
  const lossOf = (row: number, rows: number) => {
    for (let i = row * output.cols; i < (row + rows) * output.cols; i++) floats[output.gradient + i] = valueAt(2, i)
  }
  const found: string[] = []
  const see = (at: number, count: number) => found.push(digest(floats.subarray(at, at + count)))
  giveInput(ROWS)
  for (const stage of plan.stages) {
    meetingBefore(stage)?.sum(k, 0, pass)
    meetingBefore(stage)?.join(k, pass)
    inOrder(order, ROWS, partsOf(stage, k, pass, lossOf), stage.kind === 'block' ? stage.blockRows : stage.tileRows)
    // As whoever observes the loss would.
    if (stage.kind === 'block' && stage.loss) see(output.value, ROWS * output.cols)
  }
  for (const task of network.gradients) {
    const { spec, offset, size } = placements.all.find((p) => p.spec.name === task.parameter)!
    const [rowEnd, colEnd] = matrixOf(spec.shape)
    const into = plan.at.gradients + offset
    task.run(k, 0, ROWS, { row: 0, rowEnd, col: 0, colEnd }, into, false, pass)
    see(into, size)
  }
  for (const { output, backSignal, signalCols } of plan.watch.layers) {
    if (output) see(output.value, ROWS * output.cols)
    if (backSignal !== -1) see(backSignal, ROWS * signalCols)
  }
  const { evaluationRows: rows } = plan
  giveInput(rows)
  pass.training = false
  const forward = (network.parts ?? [network]).map((part) => rowsOf(part, 'forward', k, pass))
  inOrder(order, rows, forward, blockRows)
  see(output.value, rows * output.cols)
  return found
}

const digest = (values: Float32Array): string => createHash('sha256').update(values).digest('hex')

type Rows = (row: number, rows: number) => void

const rowsOf =
  (part: LoweredLayer, way: 'forward' | 'backward', k: Kernels, pass: Pass): Rows =>
  (row, rows) =>
    part[way](k, row, rows, pass)

function partsOf(stage: Stage, k: Kernels, pass: Pass, loss: Rows): Rows[] {
  if (stage.kind === 'tile') {
    return [
      (row, rows) => {
        for (let tile = 0; tile < tilesAcross(stage, false); tile++) {
          const [col, colEnd] = [tile * stage.tileCols, Math.min(stage.cols, (tile + 1) * stage.tileCols)]
          for (const part of [stage.product, ...stage.riders]) part[stage.direction](k, row, rows, col, colEnd)
        }
      },
    ]
  }
  return [
    ...stage.forward.map((part) => rowsOf(part, 'forward', k, pass)),
    ...(stage.loss ? [loss] : []),
    ...stage.backward.map((part) => rowsOf(part, 'backward', k, pass)),
  ]
}

/** Either extreme of what workers at the same phase may do. */
function inOrder(order: Order, rows: number, parts: Rows[], step: number): void {
  const starts = Array.from({ length: Math.ceil(rows / step) }, (_, i) => i * step)
  if (order === 'layer after layer') {
    for (const part of parts) for (const row of starts) part(row, Math.min(step, rows - row))
  } else {
    for (const row of starts) for (const part of parts) part(row, Math.min(step, rows - row))
  }
}

const deep: [string, (typeof layerSamples)[number][1], LayerConfig[], number][] = [
  [
    'blocks of a residual network',
    [4, 4, 2],
    [1, 2, 1].map((strides): LayerConfig => ({ type: 'resnetBlock', filters: 3, strides })),
    0,
  ],
  ['blocks of a transformer', [4, 6], [1, 2, 3].map((): LayerConfig => ({ type: 'transformerBlock', numHeads: 2 })), 0],
  [
    'large layers, which are phases of their own',
    [500],
    [480, 500, 5].map((units): LayerConfig => ({ type: 'dense', units, activation: { type: 'gelu' } })),
    0,
  ],
]

describe.each([...layerSamples, ...deep])('%s', (_name, shape, layers, indices) => {
  const withLast: LayerConfig[] = [...layers, { type: 'flatten' }, { type: 'dense', units: 2 }]
  it.each([
    ['alone', layers],
    ['before others', withLast],
  ])(
    '%s gives the same bits where tensors share their places',
    (_, list) => {
      const apart = compute(planOf(list, shape, false), indices, 'piece after piece')
      const shared = planOf(list, shape, true)
      expect(compute(shared, indices, 'piece after piece')).toEqual(apart)
      expect(compute(shared, indices, 'layer after layer')).toEqual(apart)
    },
    60_000,
  )
})
