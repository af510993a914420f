/**
 * Who writes what: every piece is run on the reference kernels over an arena that records each write. Pieces of a phase
 * write apart from each other, and together all that the phase is there for: this is why it does not matter who runs them.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import type { Arena } from '../../src/arena/arena.ts'
import { createReference } from '../../src/kernels/reference.ts'
import { Phase, compilePlan, firstLane, pieces } from '../../src/plan/plan.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { RunSettings } from '../../src/plan/settings.ts'
import type { PlanSpec } from '../../src/plan/spec.ts'
import { normalAt } from '../../src/random/normal.ts'
import { Program } from '../../src/train/program.ts'
import { State } from '../../src/train/state.ts'
import { base, specs } from './specs.ts'

const settings: RunSettings = {
  seed: 1,
  shuffle: true,
  epochs: 1,
  maxSteps: Infinity,
  learningRate: 0.1,
  schedule: { type: 'constant' },
  plateau: null,
  earlyStopping: null,
  decide: { clip: { mode: 'value', value: 1 }, spikeSkip: true, maxConsecutiveSkips: 3, maxSkipsInWindow: 5 },
  gateEpochs: false,
}

/** Calls `wrote` with the byte offset of each element written. */
function recording<T extends Float32Array | Float64Array>(array: T, wrote: (byte: number) => void): T {
  const bytes = array.BYTES_PER_ELEMENT
  const range = (from: number, end: number) => {
    for (let i = from; i < end; i++) wrote(i * bytes)
  }
  const methods: Record<string, unknown> = {
    fill: (value: number, from: number, end: number) => (range(from, end), array.fill(value, from, end)),
    copyWithin: (to: number, from: number, end: number) => (
      range(to, to + end - from),
      array.copyWithin(to, from, end)
    ),
    // A view of a recorded array records too.
    subarray: (from: number, end?: number) =>
      recording(array.subarray(from, end) as T, (byte) => wrote(from * bytes + byte)),
  }
  return new Proxy(array, {
    get(target, key) {
      if (typeof key === 'string' && key in methods) return methods[key]
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value === 'function' && key !== Symbol.iterator && key !== 'constructor') {
        throw new Error(`this test does not know what ${String(key)} writes`)
      }
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set(target, key, value: number) {
      wrote(Number(key) * bytes)
      return Reflect.set(target, key, value, target)
    },
  })
}

interface Bench {
  readonly plan: Plan
  readonly arena: Arena
  /** Byte offsets that one piece writes. */
  writes(phase: Phase, piece: number): Set<number>
  set(word: number, value: number): void
}

function bench(spec: PlanSpec): Bench {
  const plan = compilePlan(spec)
  const arena = createArena(plan.layout)
  let written = new Set<number>()
  const wrote = (byte: number) => void written.add(byte)
  const floats = recording(arena.floats, wrote)
  const doubles = recording(arena.doubles, wrote)
  const program = new Program(plan, createReference(floats), { ...arena, floats, doubles }, settings)
  const fill = (at: number, length: number, stream: number) => {
    for (let i = 0; i < length; i++) arena.floats[at + i] = normalAt(1, stream, i)
  }
  fill(plan.at.parameters, plan.placements.total, 0)
  fill(plan.at.trainX, spec.trainRows * spec.inputs, 1)
  fill(plan.at.evaluationX, spec.evaluationRows * spec.inputs, 2)
  return {
    plan,
    arena,
    set: (word, value) => void (arena.doubles[plan.at.state + word] = value),
    writes(phase, piece) {
      written = new Set()
      program.run(phase, piece)
      return written
    },
  }
}

/** All writes of a phase; fails where two pieces write one element, or one writes outside the regions named. */
function writesOf(b: Bench, phase: Phase, count: number, regions: readonly string[]): Set<number> {
  const allowed = b.plan.layout.regions.filter(({ name }) => regions.includes(name))
  const all = new Set<number>()
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
  for (let first = 0; first < spec.batchSize; first += plan.microRows) {
    const rows = Math.min(plan.microRows, spec.batchSize - first)
    b.set(State.first, first)
    b.set(State.rows, rows)

    const count = pieces.rows(plan, rows)
    const batch = writesOf(b, Phase.rows, count, ['batch', 'activations', 'back-signals', 'partials'])
    expect(covers(batch, plan.input.value, rows * spec.inputs)).toBe(true)
    expect(covers(batch, at.target, rows * spec.targets)).toBe(true)
    expect(covers(batch, at.weight, rows)).toBe(true)
    expect(covers(batch, plan.network.output.value, rows * plan.model.outputs)).toBe(true)
    expect(covers(batch, plan.network.output.gradient, rows * plan.model.outputs)).toBe(true)
    expect(covers(batch, at.partials, count * plan.sums, 8)).toBe(true)

    const micro = writesOf(b, Phase.gradient, pieces.gradient(plan, first, rows), ['gradients', 'lanes'])
    for (const { offset, size, how } of placements.all) {
      if (how === 'tiles') expect(covers(micro, at.gradients + offset, size)).toBe(true)
      else expect(covers(micro, at.lanes + firstLane(plan, first) * placements.laned + offset, size)).toBe(true)
    }
    for (const byte of micro) gradients.add(byte)
  }
  for (let lane = 0; lane * plan.laneRows < spec.batchSize; lane++) {
    for (const { offset, size, how } of placements.all) {
      if (how === 'lanes') expect(covers(gradients, at.lanes + lane * placements.laned + offset, size)).toBe(true)
    }
  }

  const chunks = pieces.chunks(plan)
  const reduced = writesOf(b, Phase.reduce, chunks, ['gradients', 'partials'])
  expect(covers(reduced, at.gradients, placements.laned)).toBe(true)
  expect(covers(reduced, at.norms, pieces.normChunks(plan), 8)).toBe(true)
  expect(covers(reduced, at.clampedNorms, pieces.normChunks(plan), 8)).toBe(true)

  const updated = writesOf(b, Phase.update, chunks, ['parameters', 'optimizer state', 'partials'])
  expect(covers(updated, at.parameters, placements.total)).toBe(true)
  for (const slot of at.slots) expect(covers(updated, slot, placements.total)).toBe(true)
  expect(covers(updated, at.largest, chunks, 8)).toBe(true)

  for (let cursor = 0; cursor < spec.evaluationRows; cursor += plan.evaluationRows) {
    b.set(State.evaluationCursor, cursor)
    const rows = Math.min(plan.evaluationRows, spec.evaluationRows - cursor)
    const count = pieces.rows(plan, rows)
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
    }))
    const possible = small.filter((spec) => spec.accumulationSteps <= spec.batchSize)
    fc.assert(fc.property(possible, check), { numRuns: 15 })
  })

  it('in a plan of several tiles, lanes and chunks', () => {
    const layers: PlanSpec['model']['layers'] = [
      { type: 'dense', units: 110, activation: { type: 'relu' } },
      { type: 'dense', units: 10 },
    ]
    const spec: PlanSpec = { ...base, inputs: 150, model: { layers }, batchSize: 70, evaluationRows: 5 }
    const plan = compilePlan(spec)
    expect(pieces.chunks(plan)).toBeGreaterThan(1)
    expect(pieces.rows(plan, plan.microRows)).toBeGreaterThan(1)
    expect(plan.laneRows * 2).toBeLessThan(spec.batchSize)
    expect(plan.tiles.length).toBeGreaterThan(2)
    check(spec)
  })
})
