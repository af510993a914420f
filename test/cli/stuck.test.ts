/** A worker that hangs in native code, which no thread can be called back from: it is told, and the process ends all the same. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-stuck-'))
afterAll(() => rmSync(folder, { recursive: true }))
const inside = join(folder, 'inside')

writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
writeFileSync(
  join(folder, 'stuck.js'),
  `import { writeFileSync } from 'node:fs'
   import koffi from ${JSON.stringify(import.meta.resolve('koffi'))}
   const pause = koffi.load(null).func('int pause()')
   let calls = 0
   export const shapes = (input) => ({ output: input })
   export function forward({ x, y }) {
     if (++calls > 30) {
       writeFileSync(${JSON.stringify(inside)}, '')
       pause()
     }
     y.set(x)
   }
   export const backward = ({ dy, dx }) => dx.set(dy)`,
)
const layers = [
  { type: 'custom', module: './stuck.js', name: 'waiter' },
  { type: 'dense', units: 10 },
]
writeFileSync(
  join(folder, 'stuck.json'),
  JSON.stringify({ data: 'digits', health: 'off', workers: 1, model: { layers } }),
)

function train(out: string, ...args: string[]) {
  rmSync(inside, { force: true })
  const child = spawn(process.execPath, [BIN, 'train', 'stuck.json', '--out', out, ...args], { cwd: folder })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, ended, stderr: () => stderr }
}

// The C library is asked for by no name, and signals are sent.
const isPosix = process.platform === 'linux' || process.platform === 'darwin'

it.runIf(isPosix)('a worker that hangs in native code ends the run with where it is, and the process', async () => {
  const { ended, stderr } = train('alone', '--recovery.stall-seconds', '0.5')
  expect(await ended).toBe(3)
  expect(stderr()).toMatch(
    /error: Training stopped: worker 0 does not move: it has been in step \d+, rows, piece \d+ \(.*waiter.*samples .*\): expected it to go on, got nothing for .* s\. Its thread cannot be ended\. What was saved before is whole\./,
  )
})

it.runIf(isPosix)('a second Ctrl-C ends the process at once, whatever its threads hang in', async () => {
  const { child, ended, stderr } = train('pressed')
  while (!existsSync(inside)) await setTimeout(10)
  child.kill('SIGINT')
  await setTimeout(1000)
  child.kill('SIGINT')
  expect(await ended).toBe(130)
  expect(stderr()).toContain('once more to end at once')
})
