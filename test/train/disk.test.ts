/** A disk that is really full while a checkpoint is written: the error says so, and the checkpoint before stays whole. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const folder = mkdtempSync(join(tmpdir(), 'brigantine-disk-'))
/** A model of 60 KB with its optimizer's state: room for two. */
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'tmpfs', folder], { encoding: 'utf8' })
const reason =
  mounted.status === 0 ? '' : ` (skipped: no file system can be mounted: ${mounted.stderr ?? mounted.error?.message})`
afterAll(() => {
  if (mounted.status === 0) spawnSync('umount', [folder])
  rmSync(folder, { recursive: true })
})

const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const data = blobs(203, 21, 5)
const config: Config = {
  ...{ seed: 3, epochs: 6, batchSize: 16, workers: 2, optimizer: { type: 'adam', learningRate: 0.01 } },
  model: {
    layers: [
      { type: 'dense', units: 180, activation: 'relu' },
      { type: 'dense', units: 5 },
    ],
  },
}

it.skipIf(reason !== '')(`that is full for the log alone costs no training${reason}`, { timeout: 120_000 }, () => {
  const [room, out] = [join(folder, 'room'), mkdtempSync(join(tmpdir(), 'brigantine-log-'))]
  const train = (...args: string[]) =>
    spawnSync(process.execPath, [bin, 'train', '--epochs', '60', '--workers', '1', '--out', out, ...args], {
      encoding: 'utf8',
    })
  expect(train('--max-steps', '5').status).toBe(0)
  // A page: the first lines find room.
  mkdirSync(room)
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', room]).status).toBe(0)
  try {
    rmSync(join(out, 'log.jsonl'))
    symlinkSync(join(room, 'log.jsonl'), join(out, 'log.jsonl'))
    const { status, stderr } = train('--resume', out, '--max-steps', '2000')
    expect(stderr.match(/Cannot write the log .*ENOSPC.* It ends here; the training goes on\./g)).toHaveLength(1)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(status).toBe(0)
    expect(existsSync(join(out, 'model.brig'))).toBe(true)
  } finally {
    spawnSync('umount', [room])
    rmSync(out, { recursive: true })
  }
})

it.skipIf(reason !== '')(`that is full in the middle of a run${reason}`, async () => {
  await using undisturbed = await Trainer.create(config)
  await undisturbed.fit(data)
  await using trainer = await Trainer.create(config)
  const failed = expect(trainer.fit(data, { checkpoint: { directory: folder, keep: 5 } })).rejects
  await failed.toThrow(/(best|last)\.ckpt: could not be written \(ENOSPC\)\. The disk is full: free some room\./)
  // Nothing half written is left, and what is there is whole.
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  await using resumed = await Trainer.load(join(folder, 'last.ckpt'))
  expect(resumed.passedOver).toEqual([])
  expect(resumed.resumable).toBe(true)
  await resumed.fit(data)
  expect(resumed.weightsHash()).toBe(undisturbed.weightsHash())
})
