import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { UserError } from '../../src/errors.ts'
import { claim } from '../../src/train/claim.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const root = mkdtempSync(join(tmpdir(), 'brigantine-claim-'))
afterAll(() => rmSync(root, { recursive: true }))

// Nobody else gives a name back that a process leaves behind.
describe.runIf(process.platform === 'linux' || process.platform === 'win32')('a folder of checkpoints', () => {
  it('has one training at a time, whatever path leads there', async () => {
    const [folder, other, alias] = ['one', 'two', 'alias'].map((name) => join(root, name)) as [string, string, string]
    mkdirSync(folder)
    symlinkSync(folder, alias)
    const release = await claim(folder)
    const refused = expect(claim(alias)).rejects
    await refused.toThrow(UserError)
    await expect(claim(folder)).rejects.toThrow(
      `Expected a folder of its own for this training's checkpoints, but another training is at work in ${folder}. Choose another`,
    )
    await (
      await claim(other)
    )()
    await release()
    await (
      await claim(alias)
    )()
  })

  it('is free again when a process that had it is killed', async () => {
    const folder = join(root, 'killed')
    const script = `import { claim } from ${JSON.stringify(new URL('../../src/train/claim.ts', import.meta.url).href)}
      await claim(${JSON.stringify(folder)})
      setInterval(() => {}, 1000)
      console.log('claimed')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    await once(child.stdout, 'data')
    await expect(claim(folder)).rejects.toThrow('another training is at work')
    child.kill('SIGKILL')
    await once(child, 'close')
    await (
      await claim(folder)
    )()
  })

  it('is refused to a second fit, which touches nothing, and the first goes on undisturbed', async () => {
    const checkpoint = { directory: join(root, 'fits') }
    const data = blobs(60, 4, 3)
    const config: Config = { epochs: 3, batchSize: 16, workers: 1, model: { layers: [{ type: 'dense', units: 3 }] } }
    await using first = await Trainer.create(config)
    await using second = await Trainer.create(config)
    let other: unknown
    const onEpochEnd = async () => {
      other ??= await second.fit(data, { checkpoint }).catch((error: unknown) => error)
    }
    await first.fit(data, { checkpoint, callbacks: { onEpochEnd } })
    expect(other).toBeInstanceOf(UserError)
    await second.fit(data, { checkpoint })
    expect(second.weightsHash()).toBe(first.weightsHash())
  })
})
