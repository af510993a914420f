/** Writes that reach the disk in part: the checkpoint before is gone on from, to the same bits, and it is said. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { UserError } from '../../src/errors.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const folder = await mkdtemp(join(tmpdir(), 'brigantine-torn-'))
afterAll(() => rm(folder, { recursive: true }))

/** 13 batches an epoch. */
const data = blobs(203, 21, 5)
const config: Config = {
  ...{ seed: 3, epochs: 4, batchSize: 16, optimizer: { type: 'adam', learningRate: 0.01 } },
  model: {
    layers: [
      { type: 'dense', units: 12, activation: 'relu' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 5 },
    ],
  },
}

/**
 * The end of a run that is also that of an epoch is written twice, to the same file.
 * @returns what a training that ends early, as for want of power, leaves in its folder
 */
async function interrupted(name: string, maxSteps: number, inject: string[]): Promise<string> {
  const directory = join(folder, name)
  await using trainer = await Trainer.create({ ...config, maxSteps, workers: 2 })
  await trainer.fit(data, { checkpoint: { directory }, inject })
  return join(directory, 'last.ckpt')
}

it.each([
  ['the last of an epoch', 39, ['torn-write@step=38', 'torn-write@step=38'], 1],
  ['one within an epoch', 30, ['torn-write@step=29'], 1],
  ['two, one after the other', 39, ['torn-write@step=25', 'torn-write@step=38', 'torn-write@step=38'], 2],
  ['one that others came after', 39, ['torn-write@step=12'], 0],
])('%s', async (name, steps, inject, torn) => {
  await using undisturbed = await Trainer.create({ ...config, workers: 1 })
  await undisturbed.fit(data)
  const path = await interrupted(name, steps, inject)
  await using trainer = await Trainer.load(path, { workers: 3, maxSteps: undefined })
  expect(trainer.passedOver).toHaveLength(torn)
  for (const why of trainer.passedOver)
    expect(why).toMatch(/last.*\.ckpt: expected \d+ bytes after the header, got \d+.*truncated/)
  expect((await trainer.fit(data)).stopped).toBe('completed')
  expect(trainer.weightsHash()).toBe(undisturbed.weightsHash())
})

it('the only one: it is refused, and said why', async () => {
  const path = await interrupted('only', 9, ['torn-write'])
  await expect(Trainer.load(path)).rejects.toThrow(UserError)
  await expect(Trainer.load(path)).rejects.toThrow(/truncated/)
})
