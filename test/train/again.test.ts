/** A step that is not finite or spikes is computed again: the same bits are the numbers, others the machine. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

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

async function train(inject: string[], given: Partial<Config> = {}, rows = data) {
  await using trainer = await Trainer.create({ ...config, ...given }, { crew })
  const { events, health, skipped, steps } = await trainer.fit(rows, { inject })
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
    expect(verdicts[0]!.sentence).toMatch(/computed twice with different results .* it is the machine/)
    expect(skipped).toBe(0)
    expect(loss).toEqual(undisturbed.loss)
    expect(hash).toBe(undisturbed.hash)
  })
})

it('a NaN that is in the numbers is told as theirs, and its batch skipped', async () => {
  const x = data.x.slice()
  x[21 * 50] = 1e38
  const { events, skipped } = await train([], { health: { check: 'off' } }, { ...data, x })
  expect(skipped).toBeGreaterThan(0)
  expect(events[0]!.decision).not.toBe('apply')
  expect(events[0]!.text).toContain('it is the numbers, not the machine')
})

it('a worker that dies while a batch is computed again changes no bit', async () => {
  const { hash } = await train([])
  const disturbed = await train(['nan@step=7', 'worker-exit@step=7,phase=gradient', 'worker-exit@step=7,phase=update'])
  expect(disturbed.hash).toBe(hash)
})
