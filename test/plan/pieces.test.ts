/**
 * Who writes what: every piece is run alone on the reference kernels, over an arena whose every output was filled with
 * junk, and what has changed is what it wrote. Pieces of a phase write apart from each other, and together all that the
 * phase is there for: this is why it does not matter who runs them.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import { createReference } from '../../src/kernels/reference.ts'
import { UPDATE_PIECE } from '../../src/plan/constants.ts'
import { firstLane, lanesOfShard, pieces } from '../../src/plan/pieces.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { Phase } from '../../src/plan/plan.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { RunSettings } from '../../src/plan/settings.ts'
import { fullRows, ownRows } from '../../src/plan/shards.ts'
import type { PlanSpec } from '../../src/plan/spec.ts'
import { Program } from '../../src/train/program.ts'
import { State } from '../../src/train/state.ts'
import { base, specs } from './specs.ts'

const settings: RunSettings = {
  tune: false,
  watch: false,
  repair: false,
  nullLoss: NaN,
  seed: 1,
  shuffle: true,
  augment: null,
  epochs: 1,
  maxSteps: Infinity,
  stepsPerEpoch: 1,
  learningRate: 0.1,
  schedule: { type: 'constant' },
  plateau: null,
  earlyStopping: null,
  decide: { clip: { mode: 'value', value: 1 }, spikeSkip: true, maxConsecutiveSkips: 3, maxSkipsInWindow: 5 },
  gateEpochs: false,
  reduce: 'tree',
}

/** Regions that a step writes: filled with junk before each phase, so that nothing is by chance what is written there. */
const OUTPUTS = ['batch', 'activations', 'partials', 'gradients', 'lanes', 'parameters', 'optimizer state', 'outputs']

interface Bench {
  readonly plan: Plan
  set(word: number, value: number): void
  /**
   * Before a phase: junk in every output, 0.5 to 1.5 in size. What layers take in is negative, so that no gradient is
   * exactly 0 (that of a prelu's slope would be, and adding it to a micro-batch's before could not be seen).
   */
  litter(): void
  /** Byte offsets that one piece writes, when it is the first of its phase to run. */
  writes(phase: Phase, piece: number): Set<number>
}

function bench(spec: PlanSpec): Bench {
  const plan = compilePlan(spec)
  const arena = createArena(plan.layout)
  const { floats, doubles, words } = arena
  const program = new Program(plan, createReference(floats), arena, settings)
  let random = 1
  const junk = (): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    return 0.5 + random / 2 ** 32
  }
  const outputs = plan.layout.regions.filter(({ name }) => OUTPUTS.includes(name))
  let before: Int32Array[] = []
  for (const [at, length] of [
    [plan.at.trainX, spec.trainRows * spec.inputs],
    [plan.at.evaluationX, spec.evaluationRows * spec.inputs],
  ] as const) {
    for (let i = 0; i < length; i++) floats[at + i] = junk()
  }
  return {
    plan,
    set: (word, value) => void (doubles[plan.at.state + word] = value),
    litter() {
      // Twice: what is written may happen to be the junk that was there, but not both times.
      before = [0, 1].map(() => {
        for (const { name, kind, offsetBytes, length } of outputs) {
          const [array, at] = kind === 'float64' ? [doubles, offsetBytes / 8] : [floats, offsetBytes / 4]
          const sign = name === 'batch' || name === 'activations' ? -1 : 1
          for (let i = 0; i < length; i++) array[at + i] = sign * junk()
        }
        return words.slice()
      })
    },
    writes(phase, piece) {
      const written = new Set<number>()
      for (const old of before) {
        words.set(old)
        program.run(phase, piece)
        // The worker's own scratch is nobody else's.
        for (let i = 0; i < plan.at.scratch; i++) if (words[i] !== old[i]) written.add(4 * i)
      }
      return written
    },
  }
}

/** All writes of a phase, by words of 4 bytes; fails where two pieces write one of them, or one writes outside the regions named. */
function writesOf(b: Bench, phase: Phase, count: number, regions: readonly string[]): Set<number> {
  const allowed = b.plan.layout.regions.filter(({ name }) => regions.includes(name))
  const all = new Set<number>()
  b.litter()
  for (let piece = 0; piece < count; piece++) {
    for (const byte of b.writes(phase, piece)) {
      if (all.has(byte)) throw new Error(`byte ${byte} is written twice, the second time by piece ${piece}`)
      all.add(byte)
    }
  }
  for (const byte of all) {
    const inside = allowed.some(({ offsetBytes, bytes }) => byte >= offsetBytes && byte < offsetBytes + bytes)
    if (!inside) throw new Error(`byte ${byte} lies outside ${regions.join(', ')}`)
  }
  return all
}

const covers = (all: Set<number>, at: number, length: number, bytes = 4): boolean => {
  for (let i = 0; i < length; i++) if (!all.has((at + i) * bytes)) return false
  return true
}

/** A whole step, micro-batch by micro-batch, and an evaluation. */
function check(spec: PlanSpec): void {
  const b = bench(spec)
  const { plan } = b
  const { at, placements } = plan
  b.set(State.batchRows, spec.batchSize)
  b.set(State.weightSum, spec.batchSize)
  b.set(State.scale, 1 / spec.batchSize)
  b.set(State.clipValue, Infinity)
  b.set(State.learningRate, 0.01)
  const gradients = new Set<number>()
  for (let first = 0; first < plan.shardRows; first += plan.microRows) {
    const rows = ownRows(plan, spec.batchSize, first)
    if (rows === 0) continue
    const full = fullRows(plan, first)
    b.set(State.first, first)
    b.set(State.rows, rows)
    b.set(State.full, full)

    const batch = new Set<number>()
    plan.stages.forEach((_, stage) => {
      b.set(State.stage, stage)
      const count = pieces.stage(plan, stage, rows, first)
      const own = writesOf(b, Phase.rows, count, ['batch', 'activations', 'partials'])
      for (const byte of own) batch.add(byte)
    })
    expect(covers(batch, plan.input.value, rows * spec.inputs)).toBe(true)
    expect(covers(batch, at.target, rows * spec.targets)).toBe(true)
    expect(covers(batch, at.weight, rows)).toBe(true)
    expect(covers(batch, plan.network.output.value, rows * plan.model.outputs)).toBe(true)
    expect(covers(batch, plan.network.output.gradient, rows * plan.model.outputs)).toBe(true)
    const blocks = pieces.stage(
      plan,
      plan.stages.findIndex((stage) => stage.kind === 'block' && stage.loss),
      rows,
      first,
    )
    expect(covers(batch, at.partials, blocks * plan.sums, 8)).toBe(true)

    const micro = writesOf(b, Phase.gradient, pieces.gradient(plan, first, rows), ['gradients', 'lanes', 'partials'])
    // What is added to the micro-batch before may be 0 (a tap of a convolution that only ever meets the border).
    for (let shard = 0; first === 0 && shard * full < rows; shard++) {
      const [gradient, lane] = [shard * placements.total, shard * plan.lanes + firstLane(plan, first)]
      for (const { offset, size, how } of placements.all) {
        if (how === 'tiles') expect(covers(micro, at.gradients + gradient + offset, size)).toBe(true)
        if (how === 'lanes') {
          expect(covers(micro, at.lanes + lane * placements.laned + offset, size)).toBe(true)
        }
      }
    }
    for (const byte of micro) gradients.add(byte)
  }
  for (let shard = plan.ownFirst; shard < plan.ownEnd; shard++) {
    for (let lane = 0; lane < lanesOfShard(plan, spec.batchSize, shard); lane++) {
      const from = at.lanes + ((shard - plan.ownFirst) * plan.lanes + lane) * placements.laned
      for (const { offset, size, how } of placements.all) {
        if (how === 'lanes') expect(covers(gradients, from + offset, size)).toBe(true)
      }
    }
  }

  const reduced = writesOf(b, Phase.reduce, pieces.reduce(plan), ['gradients', 'partials'])
  expect(covers(reduced, at.gradients, placements.laned)).toBe(true)
  for (const byte of reduced) gradients.add(byte)
  // Of several ranks each takes the norms of what it combines.
  if (spec.sharing.ranks === 1) {
    expect(covers(gradients, at.norms, pieces.norms(plan), 8)).toBe(true)
    expect(covers(gradients, at.clipNorms, pieces.norms(plan), 8)).toBe(true)
  }

  const chunks = pieces.update(plan)
  const updated = writesOf(b, Phase.update, chunks, ['parameters', 'optimizer state', 'partials'])
  const own = plan.firstPiece * UPDATE_PIECE
  const count = Math.min(placements.learned, plan.endPiece * UPDATE_PIECE) - own
  expect(covers(updated, at.parameters + own, count)).toBe(true)
  for (const slot of at.slots) expect(covers(updated, slot + own, count)).toBe(true)
  expect(covers(updated, at.largest + plan.firstPiece, chunks, 8)).toBe(true)

  for (let cursor = 0; cursor < spec.evaluationRows; cursor += plan.evaluationRows) {
    b.set(State.evaluationCursor, cursor)
    const rows = Math.min(plan.evaluationRows, spec.evaluationRows - cursor)
    const count = pieces.evaluate(plan, rows)
    const all = writesOf(b, Phase.evaluate, count, ['batch', 'activations', 'partials', 'outputs'])
    if (spec.keepOutputs) {
      expect(covers(all, at.outputs + cursor * plan.model.outputs, rows * plan.model.outputs)).toBe(true)
    } else expect(covers(all, at.partials, count * plan.sums, 8)).toBe(true)
  }
}

describe('pieces of a phase write apart from each other, and all there is to write', () => {
  it('in random plans', () => {
    const small = specs.map((spec) => ({
      ...spec,
      inputs: 1 + (spec.inputs % 12),
      batchSize: 1 + (spec.batchSize % 75),
      trainRows: spec.trainRows + 1,
    }))
    const possible = small.filter((spec) => spec.accumulationSteps <= spec.batchSize)
    fc.assert(fc.property(possible, check), { numRuns: 25 })
  })

  it('in a plan of several tiles, lanes and chunks', () => {
    const layers: PlanSpec['model']['layers'] = [
      { type: 'dense', units: 600, activation: { type: 'relu' } },
      { type: 'dense', units: 10 },
    ]
    const spec: PlanSpec = { ...base, inputs: 45, model: { layers }, batchSize: 70, evaluationRows: 5 }
    const plan = compilePlan(spec)
    expect(pieces.update(plan)).toBeGreaterThan(1)
    expect(pieces.stage(plan, 0, plan.microRows)).toBeGreaterThan(1)
    expect(plan.laneRows * 2).toBeLessThan(spec.batchSize)
    expect(plan.tiles.length).toBeGreaterThan(2)
    check(spec)
    check({ ...spec, inputs: 30, sharing: { shards: 4, rank: 1, ranks: 2 } })
  })
  it('in a plan whose large layers are phases of their own', () => {
    const layers: PlanSpec['model']['layers'] = [
      { type: 'dense', units: 260, activation: { type: 'relu' } },
      { type: 'dense', units: 150, activation: { type: 'gelu' } },
      { type: 'dense', units: 4 },
    ]
    const spec: PlanSpec = {
      ...base,
      inputs: 200,
      model: { layers },
      batchSize: 300,
      trainRows: 300,
      accumulationSteps: 2,
    }
    const stages = compilePlan(spec).stages
    expect(new Set(stages.map((stage) => stage.kind))).toEqual(new Set(['block', 'tile']))
    check(spec)
  })
})
