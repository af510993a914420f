import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { pieces } from '../../src/plan/pieces.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

interface Event {
  readonly name: string
  readonly ph: 'X' | 'M'
  readonly tid: number
  readonly ts: number
  readonly dur: number
  readonly args: { readonly piece: number }
}

const STEPS = 240

describe('a trace', () => {
  let directory: string
  beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'brigantine-'))))
  afterAll(() => rm(directory, { recursive: true }))

  it('holds every piece of every step, the sequential parts and the waits, and changes no bit', async () => {
    const config: Config = {
      workers: 2,
      epochs: 60,
      batchSize: 64,
      kernels: 'wasm-strict',
      model: {
        layers: [
          { type: 'dense', units: 200, activation: 'relu' },
          { type: 'dense', units: 3 },
        ],
      },
    }
    const data = blobs(256, 120, 3)
    const trace = join(directory, 'trace.json')
    await using traced = await Trainer.create(config)
    // A piece that nobody can help with for so long makes the other worker wait, however busy the machine is.
    await traced.fit(data, { trace, inject: ['delay@step=100,phase=reduce'] })
    const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: Event[] }
    const spans = traceEvents.filter(({ ph }) => ph === 'X')

    // 256 rows in batches of 64, 60 times: 240 steps, each with every piece of the plan's phases once.
    const plan = traced.plan(data)
    const count = (name: string) => spans.filter((span) => span.name === name).length
    expect(count('gradient')).toBe(STEPS * (plan.tiles.length + 2))
    expect(count('reduce')).toBe(STEPS)
    // Every 16th step, and each of the first 16, has a piece per layer beside: its signals.
    expect(count('update')).toBe(STEPS * 2 + plan.watch.layers.length * (16 + STEPS / 16 - 1))
    expect(count('rows')).toBe(STEPS * Math.ceil(64 / plan.blockRows))
    const snapshots = Math.floor((STEPS - 1) / plan.snapshotSteps)
    expect(count('snapshot')).toBe(snapshots * pieces.snapshot(plan))
    expect(count('decide')).toBe(STEPS * 4 + snapshots)
    expect(count('wait')).toBeGreaterThan(0)
    expect(new Set(spans.map(({ tid }) => tid)).size).toBe(2)
    for (const { ts, dur } of spans) expect(ts >= 0 && dur >= 0).toBe(true)
    // Milliseconds since 1970, in one double, are multiples of 1000 / 4096 us.
    const ofSince1970 = ({ dur }: Event) => Math.abs(dur * 4.096 - Math.round(dur * 4.096)) < 0.01
    expect(spans.filter(ofSince1970).length).toBeLessThan(spans.length / 2)
    expect(traceEvents.filter(({ ph }) => ph === 'M').length).toBeGreaterThan(0)

    await using plain = await Trainer.create(config)
    await plain.fit(data)
    expect(traced.weightsHash()).toBe(plain.weightsHash())
  })

  it('has the events of a worker and of the one that replaces it in order', async () => {
    const trace = join(directory, 'replaced.json')
    await using trainer = await Trainer.create({
      workers: 2,
      epochs: 60,
      batchSize: 64,
      kernels: 'wasm-strict',
      model: { layers: [{ type: 'dense', units: 3 }] },
    })
    const { casualties } = await trainer.fit(blobs(256, 120, 3), { trace, inject: ['worker-exit@step=100'] })
    expect(casualties).toHaveLength(1)
    const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: Event[] }
    const lost = traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === casualties[0]!.worker)
    const starts = lost.map(({ ts }) => ts)
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  })
})
