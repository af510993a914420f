import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import { Layout, MAX_ARENA_BYTES } from '../../src/arena/layout.ts'
import { UserError } from '../../src/errors.ts'
import { sizeOf } from '../../src/model/build.ts'
import { withDefaults } from '../../src/optim/optimizers.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { PlanSpec } from '../../src/plan/spec.ts'
import { summarizePlan } from '../../src/plan/summary.ts'
import { base, specs } from './specs.ts'

const ofKind = { float32: 4, float64: 8, int32: 4 }

function expectApart(spans: { start: number; end: number }[]): void {
  const sorted = spans.toSorted((a, b) => a.start - b.start || a.end - b.end)
  sorted.slice(1).forEach((span, i) => expect(span.start).toBeGreaterThanOrEqual(sorted[i]!.end))
}

/** A plan as data: what two plans have to share to give the same bits. */
function essence({ layout, at, ...plan }: Plan): unknown {
  const regions = layout.regions.filter(({ name }) => name !== 'scratch')
  return JSON.parse(JSON.stringify({ ...plan, spec: { ...plan.spec, workers: 0 }, at: { ...at, posts: 0 }, regions }))
}

describe('the layout of any plan', () => {
  it('has regions on cache lines, without overlap, behind the bytes the kernels reserve', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { layout } = compilePlan(spec)
        expect(layout.regions.length).toBeGreaterThan(10)
        for (const { offsetBytes, length, bytes, kind } of layout.regions) {
          expect(offsetBytes % 64).toBe(0)
          expect(offsetBytes).toBeGreaterThanOrEqual(65_536)
          expect(bytes).toBe(length * ofKind[kind])
          expect(offsetBytes + bytes).toBeLessThanOrEqual(layout.bytes)
        }
        expectApart(layout.regions.map(({ offsetBytes, bytes }) => ({ start: offsetBytes, end: offsetBytes + bytes })))
        expect([...layout.summary().values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(
          layout.regions.reduce((sum, { bytes }) => sum + bytes, 0),
        )
      }),
    )
  })

  it('has every parameter once, at a cache line, without overlap, laned ones first', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { placements, model } = compilePlan(spec)
        const { all, laned, total } = placements
        expect(all.map(({ spec }) => spec)).toEqual(model.parameters)
        for (const { offset, size, spec: parameter, how } of all) {
          expect(offset % 16).toBe(0)
          expect(size).toBe(sizeOf(parameter.shape))
          expect(how === 'lanes' ? offset + size <= laned : offset >= laned && offset + size <= total).toBe(true)
        }
        expectApart(all.map(({ offset, size }) => ({ start: offset, end: offset + size })))
        // Nothing but padding lies between them: less than 16 elements each.
        const used = all.reduce((sum, { size }) => sum + size, 0)
        expect(total - used).toBeLessThan(16 * all.length)
      }),
    )
  })

  it('is the same for every number of workers, but for the scratch memory at its end', () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 1, max: 256 }), (spec, workers) => {
        const [one, many] = [compilePlan(spec), compilePlan({ ...spec, workers })]
        expect(essence(many)).toEqual(essence(one))
        expect(many.layout.regions.at(-1)!.name).toBe('scratch')
        expect(many.at.scratch).toBe(one.at.scratch)
      }),
    )
  })

  it('is a function of the spec: host and workers compile the same plan', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        expect(essence(compilePlan(structuredClone(spec)))).toEqual(essence(compilePlan(spec)))
      }),
    )
  })
})

describe("a plan with `gradient: 'whole'`", () => {
  it('keeps no part of a batch apart: every tensor goes by tiles, vectors and what is not cut as one', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { placements, tiles, laned, lanes, layout } = compilePlan({ ...spec, gradient: 'whole' })
        expect(laned).toEqual([])
        expect([placements.laned, lanes, layout.summary().get('lanes') ?? 0]).toEqual([0, 1, 0])
        for (const { spec, size, how } of placements.all) {
          if (how === 'none') continue
          const own = tiles.filter(({ placement }) => placement.spec.name === spec.name)
          const areas = own.map(({ tile }) => (tile.rowEnd - tile.row) * (tile.colEnd - tile.col))
          expect(areas.reduce((a, b) => a + b)).toBe(size)
          if (spec.shape.length === 1 || spec.uncut) expect(own).toHaveLength(1)
        }
      }),
    )
  })
})

describe('a plan that does not fit', () => {
  it('is refused before memory is asked for, with the sum by region', () => {
    // 40,000 x 30,000 parameters of 4 bytes, with gradient and two moments: 19.2e9 bytes.
    const spec: PlanSpec = { ...base, inputs: 40_000, model: { layers: [{ type: 'dense', units: 30_000 }] } }
    const { layout } = compilePlan(spec)
    expect(layout.bytes).toBeGreaterThan(4 * 4.8e9)
    let message = ''
    try {
      createArena(layout)
    } catch (error) {
      expect(error).toBeInstanceOf(UserError)
      message = (error as Error).message
    }
    expect(message).toContain('4096.0 MiB')
    // 1.2e9 x 4 / 2^20
    expect(message).toMatch(/parameters +4577\.8 MiB/)
    expect(message).toMatch(/optimizer state +9155\.5 MiB/)
    expect(message).toContain('batchSize')
    for (const region of layout.summary().keys()) expect(message).toContain(region)
  })

  it('is refused by one byte more than 4 GiB, and not at 4 GiB', () => {
    expect(MAX_ARENA_BYTES).toBe(2 ** 32)
    const layout = new Layout()
    layout.add('all', 'float32', (2 ** 32 - 65_536) / 4)
    expect(layout.bytes).toBe(2 ** 32)
    expect(() => layout.check()).not.toThrow()
    layout.add('more', 'float32', 1)
    expect(() => layout.check()).toThrow(UserError)
  })
})

describe('the summary of a plan', () => {
  it('counts parameters, FLOPs and memory of a network that can be counted by hand', () => {
    const layers = [
      { type: 'dense', units: 128, activation: { type: 'relu' } },
      { type: 'dense', units: 10 },
    ] as const
    const spec: PlanSpec = { ...base, inputs: 784, batchSize: 64, trainRows: 1000, model: { layers: [...layers] } }
    const summary = summarizePlan(compilePlan(spec))
    // 784 x 128 + 128 + 128 x 10 + 10
    expect(summary.parameters).toBe(101_770)
    const region = new Map(summary.memory.map(({ region, bytes }) => [region, bytes]))
    // Padded to cache lines: 10 -> 16.
    expect(region.get('parameters')).toBe(4 * 101_776)
    expect(region.get('gradients')).toBe(4 * 101_776)
    expect(region.get('optimizer state')).toBe(8 * 101_776)
    expect(region.get('training data')).toBe(4 * 1000 * 785)
    const gradient = summary.phases.find(({ phase }) => phase === 'gradient')!
    // 2 x rows x weights, and a sum per bias.
    // And a square and a sum for each element of the two kernels.
    const kernels = 784 * 128 + 128 * 10
    expect(gradient.flops).toBe(64 * (2 * kernels + 138) + 2 * kernels)
    expect(gradient.pieces).toBe(
      summary.tensors.filter((t) => t.gradient === 'tiles').reduce((n, t) => n + t.pieces, 0) + summary.lanes,
    )
    expect(summary.flops).toBe(summary.phases.reduce((sum, { flops }) => sum + flops, 0))
  })

  it('has the optimizer state of a rank that shards it: two vectors of the parameters that it updates', () => {
    // 101,770 parameters are 6 pieces of 16,384 and one of 3,466 (with the padding 3,468): 2, 2 and 3 for three ranks.
    const spec: PlanSpec = {
      ...base,
      inputs: 784,
      model: {
        layers: [
          { type: 'dense', units: 128 },
          { type: 'dense', units: 10 },
        ],
      },
    }
    const bytesOf = (rank: number, shardState: boolean, name: string) =>
      compilePlan({ ...spec, shardState, sharing: { shards: 3, rank, ranks: 3 }, batchSize: 60 })
        .layout.summary()
        .get(name)
    expect([0, 1, 2].map((rank) => bytesOf(rank, false, 'optimizer state'))).toEqual(Array(3).fill(8 * 101_776))
    expect([0, 1, 2].map((rank) => bytesOf(rank, true, 'optimizer state'))).toEqual([
      8 * 2 * 16_384,
      8 * 2 * 16_384,
      8 * (101_776 - 4 * 16_384),
    ])
    expect([0, 1, 2].map((rank) => bytesOf(rank, true, 'joined state') ?? 0)).toEqual([8 * 101_776, 0, 0])
  })

  it('has finite numbers for any plan', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { phases, memory, arenaBytes, flops, bytes } = summarizePlan(compilePlan(spec))
        for (const n of [arenaBytes, flops, bytes, ...phases.flatMap((p) => [p.flops, p.bytes, p.pieces])]) {
          expect(Number.isFinite(n) && n >= 0).toBe(true)
        }
        expect(memory.length).toBeGreaterThan(5)
      }),
    )
  })

  it('of a forward-only plan keeps no gradients', () => {
    const regions = compilePlan({ ...base, optimizer: null, trainRows: 0 }).layout.summary()
    for (const name of ['gradients', 'optimizer state', 'lanes']) expect(regions.get(name) ?? 0).toBe(0)
    expect(compilePlan({ ...base, optimizer: withDefaults({ type: 'sgd' }) }).at.slots).toEqual([])
  })
})
