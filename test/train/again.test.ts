/**
 * A step that is not finite or spikes is computed again, by other workers and with strict kernels: the same bits are the
 * numbers, others the machine.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

interface Span {
  readonly name: string
  readonly ph: 'X' | 'M'
  readonly tid: number
  readonly ts: number
  readonly args: { readonly piece: number }
}

const crew = new Crew(3)
afterAll(() => crew.close())
const data = blobs(203, 21, 5)
const config: Config = {
  seed: 3,
  epochs: 2,
  batchSize: 16,
  workers: 3,
  model: {
    layers: [
      { type: 'dense', units: 37, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

async function train(inject: string[], given: Partial<Config> = {}, rows = data, trace?: string) {
  await using trainer = await Trainer.create({ ...config, ...given }, (given.workers ?? 3) === 3 ? { crew } : {})
  const { events, health, skipped, steps } = await trainer.fit(rows, { inject, trace })
  return { hash: trainer.weightsHash(), events, health, skipped, loss: steps.loss }
}

describe('a NaN that the machine made', () => {
  const variants: [string, Partial<Config>][] = [
    ['a dense network', {}],
    ['parts of a batch', { accumulationSteps: 4 }],
    ['tiles', { gradient: 'tiles' }],
    ['lanes', { gradient: 'lanes' }],
    ['clipping by unit', { clip: { mode: 'adaptive' } }],
  ]
  it.each(variants)('is told, and costs no bit: %s', async (_, given) => {
    const undisturbed = await train([], given)
    const { hash, events, health, skipped, loss } = await train(['nan@step=7', 'nan@step=20'], given)
    expect(events).toMatchObject([
      { step: 7, code: 'MACHINE_FAULT', severity: 'fault', decision: 'apply' },
      { step: 20, code: 'MACHINE_FAULT' },
    ])
    expect(events[0]!.text).toContain('it is the machine, not the numbers')
    const verdicts = health.filter(({ code }) => code.startsWith('NONFINITE'))
    // One alarm per cool-down.
    expect(verdicts).toMatchObject([{ step: 7, severity: 'fatal' }])
    expect(verdicts[0]!.sentence).toMatch(/computed again with another result .* it is the machine/)
    expect(skipped).toBe(0)
    expect(loss).toEqual(undisturbed.loss)
    expect(hash).toBe(undisturbed.hash)
  })
})

it('a bit that flips in memory is told as the machine’s, and costs no bit', async () => {
  const undisturbed = await train([])
  const { hash, events, skipped } = await train(['flip@step=23'])
  expect(events).toMatchObject([{ step: 23, code: 'MACHINE_FAULT', decision: 'apply' }])
  expect(events[0]!.text).toMatch(/gradient norm (\d\S*e\+3\d|Infinity|NaN), then/)
  expect(skipped).toBe(0)
  expect(hash).toBe(undisturbed.hash)
})

describe('a NaN that is in the numbers', () => {
  const x = data.x.slice()
  x.fill(3e38, 21 * 50, 21 * 51)
  const hostile = { ...data, x }
  const loud: Partial<Config> = { health: { check: 'off' } }

  it.each(['wasm', 'wasm-strict', 'reference'] as const)(
    'is told as theirs, and its batch skipped: %s',
    async (kernels) => {
      const { events, skipped, hash } = await train([], { ...loud, kernels }, hostile)
      expect(skipped).toBeGreaterThan(0)
      expect(events[0]!.decision).not.toBe('apply')
      expect(events[0]!.text).toContain(
        'by other workers it has the same bits, and strict kernels agree: it is the numbers',
      )

      const alone = await train([], { ...loud, kernels, workers: 1 }, hostile)
      expect(alone.events[0]!.text).toContain('by the same worker, as there is no other')
      expect(alone.hash).toBe(hash)
    },
  )

  it('was computed by one worker each and then by another, piece by piece', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'brigantine-'))
    try {
      const file = join(directory, 'trace.json')
      const given: Partial<Config> = { ...loud, kernels: 'wasm-strict', epochs: 1, batchSize: 64, shuffle: false }
      const { events } = await train([], given, hostile, file)
      expect(events[0]).toMatchObject({ step: 0, decision: 'skip' })
      const { traceEvents } = JSON.parse(await readFile(file, 'utf8')) as { traceEvents: Span[] }
      const spans = traceEvents.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts)
      for (const phase of ['rows', 'gradient', 'reduce']) {
        const of = spans.filter(({ name }) => name.startsWith(phase))
        const pieces = new Set(of.map(({ args }) => args.piece))
        for (const piece of pieces) {
          // The batch is the first: computed once by whoever was free, then twice as dealt.
          const [, second, third] = of.filter(({ args }) => args.piece === piece)
          expect(second!.tid).not.toBe(third!.tid)
        }
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

/**
 * x w = 2^104 (2^24 - 1 + 0.35), and another product of 0.3 x 2^104 before it: rounded one by one to the largest float32, in one
 * go to infinity.
 */
it('what the fused multiply-add alone makes of the numbers is told as the kernels’', async () => {
  const w = 1.2500001192092896
  const x = new Float32Array(16 * 2)
  x.set([(0.3 * 2 ** 104) / w, 13421771 * 2 ** 104])
  const rows = { ...data, x, y: new Float32Array(16), rows: 16, features: 2 }
  const given: Partial<Config> = {
    ...{ health: { check: 'off' }, epochs: 1, shuffle: false },
    model: { layers: [{ type: 'dense', units: 2, useBias: false, kernelInitializer: { type: 'constant', value: w } }] },
  }
  const fused = await train([], { ...given, kernels: 'wasm' }, rows)
  const strict = await train([], { ...given, kernels: 'wasm-strict' }, rows)
  expect(strict.events).toEqual([])
  expect(fused.events).toMatchObject([{ step: 0, decision: 'skip', code: 'NONFINITE_LOSS' }])
  expect(fused.events[0]!.text).toMatch(/strict kernels find nothing wrong \(loss 0\.69.*rounding of the kernels/)
})

it('a worker that dies while a batch is computed again changes no bit', async () => {
  const { hash } = await train([])
  const disturbed = await train(['nan@step=7', 'worker-exit@step=7,phase=gradient', 'worker-exit@step=7,phase=update'])
  expect(disturbed.hash).toBe(hash)
})
