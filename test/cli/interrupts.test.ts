/** A run that is asked to end, from outside: it ends after its step, with a checkpoint; asked again, at once. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { readNewest } from '../../src/train/rotation.ts'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-interrupts-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Trains until it is asked to end, as soon as `begun`, by signals with so many milliseconds between them. */
async function interrupted(args: string[], begun: string, signals: readonly NodeJS.Signals[], millis: number) {
  const child = spawn(process.execPath, [BIN, 'train', '--epochs', '100000', ...args], { cwd: folder })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  let over = false
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve)).finally(() => (over = true))
  while (!existsSync(join(folder, begun)) && !over) await setTimeout(10)
  for (const [i, signal] of signals.entries()) {
    if (i > 0) await setTimeout(millis)
    child.kill(signal)
  }
  return { code: await ended, stderr }
}

// Windows ends a process that is sent a signal, and cannot be asked.
describe.skipIf(process.platform === 'win32')('a run', () => {
  it.each([
    ['Ctrl-C', ['SIGINT']],
    ['a press that comes twice, as through npm', ['SIGINT', 'SIGINT']],
    ['a scheduler', ['SIGTERM']],
    ['a terminal that closes, and its shell', ['SIGHUP', 'SIGHUP']],
    ['a service manager', ['SIGTERM', 'SIGHUP']],
  ] as const)('ends for %s with a checkpoint', async (_who, signals) => {
    const out = signals.join('-')
    const args = ['--workers', '2', '--out', out]
    // Some milliseconds, so that the system does not make one signal of two.
    const { code, stderr } = await interrupted(args, join(out, 'last.ckpt'), signals, 20)
    expect(stderr).toContain(`${signals[0]}: finishing this step and saving`)
    expect(stderr).toContain(`A checkpoint was written to ${out}/last.ckpt`)
    expect(code).toBe(130)
    const { checkpoint, passedOver } = await readNewest(join(folder, out, 'last.ckpt'))
    expect(passedOver).toEqual([])
    expect(checkpoint.state).not.toBeNull()
  })

  it('ends at once when it is asked again, however long its step takes', async () => {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(
      join(folder, 'slow.js'),
      `import { writeFileSync } from 'node:fs'
       export const shapes = (input) => ({ output: input })
       export function forward({ x, y }) {
         writeFileSync(${JSON.stringify(join(folder, 'inside'))}, '')
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300_000)
         y.set(x)
       }
       export const backward = ({ dy, dx }) => dx.set(dy)`,
    )
    writeFileSync(
      join(folder, 'slow.json'),
      JSON.stringify({
        data: 'digits',
        health: 'off',
        model: {
          layers: [
            { type: 'custom', module: './slow.js' },
            { type: 'dense', units: 10 },
          ],
        },
      }),
    )
    const started = performance.now()
    const args = ['slow.json', '--workers', '1', '--out', 'slow']
    const { code, stderr } = await interrupted(args, 'inside', ['SIGINT', 'SIGINT'], 1000)
    expect(stderr).toContain('once more to end at once')
    expect(code).toBe(130)
    // The step alone would have taken five minutes.
    expect(performance.now() - started).toBeLessThan(200_000)
    expect(readFileSync(join(folder, 'slow/log.jsonl'), 'utf8')).toContain('"event":"start"')
  })
})
