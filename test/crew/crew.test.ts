import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { createArena } from '../../src/arena/arena.ts'
import { parseConfig } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { buildModel } from '../../src/model/build.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { resolveTask, runSettings, trainingSpec } from '../../src/train/prepare.ts'
import { Field, Kind, RECORDS_PER_STEP } from '../../src/train/record.ts'
import { startRun } from '../../src/train/run.ts'
import type { Run } from '../../src/train/run.ts'
import { blobs } from '../train/data.ts'

const crews = [1, 2, 3].map((workers) => new Crew(workers))
afterAll(() => Promise.all(crews.map((crew) => crew.close())))

const data = blobs(64, 4, 3)

/** A run over zeros, whose workers fail or not by what is in `overrides`. */
function run(crew: Crew, overrides: Partial<Run> = {}, ring: { ringRecords?: number } = {}): Run {
  const config = parseConfig({ epochs: 3, batchSize: 8, model: { layers: [{ type: 'dense', units: 3 }] } })
  const task = resolveTask(config, buildModel(config.model, data.features), data)
  const limits = { epochs: 3, maxSteps: Infinity, gateEpochs: true }
  const plan = compilePlan({ ...trainingSpec(config, task, data, undefined, limits.epochs), ...ring })
  const arena = createArena(plan.layout)
  const settings = runSettings(config, plan, limits)
  return {
    plan,
    arena,
    crew,
    settings,
    kernels: { name: 'reference', reason: 'for a test' },
    module: null,
    ...overrides,
  }
}

describe.each(crews.map((crew) => [crew.workers, crew] as const))('a run on a crew of %i', (_workers, crew) => {
  it('goes through its gates to its end', async () => {
    let gates = 0
    const records = { step: 0, epoch: 0 }
    const record = (doubles: Float64Array, at: number) => {
      if (doubles[at + Field.kind] === Kind.step) records.step++
      if (doubles[at + Field.kind] === Kind.epoch) records.epoch++
    }
    await startRun(run(crew), { record, gate: () => void gates++ })
    expect([gates, records]).toEqual([3, { step: 24, epoch: 3 }])
  })

  it('waits for a host that has fallen behind by a whole ring of records, and loses none', async () => {
    const batches: number[] = []
    let gates = 0
    const record = async (doubles: Float64Array, at: number) => {
      await setTimeout(1)
      if (doubles[at + Field.kind] === Kind.step) batches.push(doubles[at + Field.batch]!)
    }
    await startRun(run(crew, {}, { ringRecords: RECORDS_PER_STEP + 1 }), { record, gate: () => void gates++ })
    expect(batches).toEqual(Array.from({ length: 24 }, (_, i) => i))
    // Three epochs, and the ring has to be emptied again and again.
    expect(gates).toBeGreaterThan(3)
  })

  it('ends with the error of a worker that cannot begin, and the crew can be used again', async () => {
    // Without the compiled module no worker can make its kernels.
    await expect(startRun(run(crew, { kernels: { name: 'wasm', reason: 'for a test' } }))).rejects.toThrow()
    await startRun(run(crew))
  })

  it('ends with the error of whoever observes it, whenever that comes, and every worker leaves', async () => {
    for (let at = 1; at <= 27; at += 2) {
      let records = 0
      const record = () => {
        if (++records === at) throw new Error('mine')
      }
      await expect(startRun(run(crew), { record })).rejects.toThrow('mine')
    }
    await expect(startRun(run(crew), { gate: () => Promise.reject(new Error('gate')) })).rejects.toThrow('gate')
    await startRun(run(crew))
  })
})

describe('a crew', () => {
  it('ends a run with an error when it is closed meanwhile', async () => {
    const crew = new Crew(2)
    const running = startRun(run(crew), { gate: () => crew.close() })
    await expect(running).rejects.toThrow()
  })

  it('works off runs that come at the same time', async () => {
    const gates: number[] = []
    await Promise.all([1, 2, 3].map((n) => startRun(run(crews[1]!), { gate: () => void gates.push(n) })))
    expect(gates.toSorted()).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3])
  })
})
