/**
 * Does a training that is killed and resumed end with the same bits? Runs `brigantine train` in a process of its own, kills
 * it (SIGKILL) at a drawn instant, resumes it from its checkpoints with another number of workers, and so on until it ends;
 * compares the weights' SHA-256 with that of a training that nobody killed.
 *
 *   node bench/faults/kills.ts [--kills 200] [--seed 1]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { uniformAt } from '../../src/random/normal.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
})
const [wanted, seed] = [Number(values.kills), Number(values.seed)]
const cli = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const EPOCHS = 100
const CONFIG = ['--epochs', `${EPOCHS}`, '--layers', '64,10', '--seed', `${seed}`, '--kernels', 'wasm']

let drawn = 0
const draw = (below: number) => Math.floor(uniformAt(seed, 3, drawn++) * below)

/** @returns the hash, or nothing when it was killed before it came to its end */
async function train(folder: string, killAfterMillis: number): Promise<string | undefined> {
  const resume = existsSync(join(folder, 'last.ckpt')) ? ['--resume', folder, '--epochs', `${EPOCHS}`] : CONFIG
  const args = [...resume, '--workers', `${1 + draw(3)}`, '--out', folder, '--hash', '--json', '--quiet']
  const child = spawn(process.execPath, [cli, 'train', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const timer = killAfterMillis < Infinity ? setTimeout(() => child.kill('SIGKILL'), killAfterMillis) : undefined
  const [code, killer] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...how) => resolve(how)),
  )
  clearTimeout(timer)
  if (killer === 'SIGKILL') return undefined
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`)
  return (JSON.parse(out) as { hash: string }).hash
}

const folder = await mkdtemp(join(tmpdir(), 'brigantine-kills-'))
const begun = performance.now()
const expected = await train(join(folder, 'whole'), Infinity)
const whole = performance.now() - begun
let [kills, trainings, different] = [0, 0, 0]
while (kills < wanted) {
  const out = join(folder, `${trainings++}`)
  let hash: string | undefined
  // The whole of a training and a little more: some kills come before the first checkpoint, some during the last.
  while ((hash = await train(out, kills < wanted ? draw(1.2 * whole) : Infinity)) === undefined) kills++
  if (hash !== expected) different++
  await rm(out, { recursive: true, force: true })
  process.stderr.write(`${kills} kills in ${trainings} trainings, ${different} of them different\n`)
}
await rm(folder, { recursive: true })
process.stdout.write(
  `${kills} times killed, in ${trainings} trainings; the same hash at the end of ${trainings - different}\n`,
)
process.exitCode = different > 0 ? 1 : 0
