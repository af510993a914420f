/** A process that is suspended for a while, as by a laptop's lid or a moved virtual machine: nobody is taken for dead. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-suspended-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Result {
  readonly hash: string
  readonly casualties?: readonly unknown[]
}

async function train(name: string, suspend: boolean): Promise<{ result: Result; stderr: string; suspended: number }> {
  const out = join(folder, name)
  const flags = ['--epochs', '60', '--kernels', 'wasm', '--workers', '2', '--recovery.stall-seconds', '0.5']
  const args = [BIN, 'train', '--layers', '32,10', ...flags, '--out', out, '--hash', '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr, suspended] = ['', '', 0]
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  let over = false
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve())).then(() => (over = true))
  if (suspend) {
    while (!existsSync(join(out, 'last.ckpt')) && !over) await setTimeout(5)
    for (let i = 0; i < 2 && !over; i++) {
      child.kill('SIGSTOP')
      // More than the seconds after which a silent worker is replaced.
      await setTimeout(1500)
      child.kill('SIGCONT')
      suspended++
      await setTimeout(50)
    }
  }
  await ended
  return { result: JSON.parse(stdout) as Result, stderr, suspended }
}

it('goes on as if nothing had been', async () => {
  const undisturbed = await train('undisturbed', false)
  const { result, stderr, suspended } = await train('suspended', true)
  expect(suspended).toBeGreaterThan(0)
  expect(result.hash).toBe(undisturbed.result.hash)
  expect(stderr).not.toMatch(/lost|replace|silent/i)
})
