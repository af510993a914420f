/** The process is killed, without a warning, in the middle of a training: what was saved is enough for every bit. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-killed-'))
afterAll(() => rmSync(folder, { recursive: true }))

const EPOCHS = '150'
const CONFIG = ['--layers', '32,10', '--kernels', 'wasm']

/** @returns the hash, or nothing when it was killed before its end */
async function train(out: string, args: string[], killWhen?: () => Promise<unknown>): Promise<string | undefined> {
  const flags = ['--epochs', EPOCHS, '--out', out, '--hash', '--json', '--quiet']
  const child = spawn(process.execPath, [BIN, 'train', ...args, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise((resolve) => child.on('close', resolve))
  if (killWhen) void killWhen().then(() => child.kill('SIGKILL'))
  await ended
  return output === '' ? undefined : (JSON.parse(output) as { hash: string }).hash
}

it('three times, each time going on with another number of workers', async () => {
  const whole = await train(join(folder, 'whole'), [...CONFIG, '--workers', '1'])
  const out = join(folder, 'killed')
  const saved = async () => {
    while (!existsSync(join(out, 'last.ckpt'))) await setTimeout(5)
    await setTimeout(30)
  }
  let hash = await train(out, [...CONFIG, '--workers', '2'], saved)
  let kills = hash === undefined ? 1 : 0
  for (const workers of ['3', '1']) {
    if (hash !== undefined) break
    hash = await train(out, ['--resume', out, '--workers', workers], () => setTimeout(900))
    if (hash === undefined) kills++
  }
  hash ??= await train(out, ['--resume', out, '--workers', '2'])
  expect(kills).toBeGreaterThan(0)
  expect(hash).toBe(whole)
})
