/** One rank dies or stops alone, at any place of a job: the others end in bounded time, and say which. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { Trainer } from '../../src/train/trainer.ts'
import { launch, launchers, whyNone } from './launch.ts'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const bin = file('../../src/cli/bin.ts')

const HANGS = /got nothing for \d+ s from rank 1 \(\S+\)/
/** Or MPICH's own transport ends the other rank, where that was just reading the dead one's memory. */
const KILLED = /EXIT CODE: 9|process_vm_readv\(pid=\d+\).*No such process/
const RANK_1 = { 'Open MPI': 'OMPI_COMM_WORLD_RANK=1', MPICH: 'PMI_RANK=1' }

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'brigantine-silent-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.runIf(launchers.length === 0)(`ranks of which one is silent${whyNone}`, () => {})

describe.each(launchers)('a job of $name', { timeout: 200_000 }, (launcher) => {
  it.each([
    ['init', /[02]: Expected all 3 ranks to start MPI \(MPI_Init\), got nothing for 5 s: one of rank \d, \d hangs/],
    ['gather', /[02]: Expected every rank to say .*, got nothing for \d+ s from rank 1 \(\S+\): the process hangs/],
    [
      'leave',
      /[02]: Expected every rank to come to the end, got nothing for \d+ s from rank 1 \(\S+\): the process hangs/,
    ],
    // By the launcher, or in time by the others.
    ['die', /^/],
  ])('ends where rank 1 stops before the first exchange or at the end, in %s', async (place, says) => {
    const { code, stdout } = await launch(launcher, 3, [file('silent.ts'), place])
    // None where it did not end by itself.
    expect(code).toBeGreaterThan(0)
    expect(stdout).toMatch(says)
  })

  it('ends the command where a rank stops as it starts', async () => {
    const args = ['--import', file('stops.ts'), bin, 'train', '--shards', '2', '--recovery.stall-seconds', '0.5']
    const { code, stderr } = await launch(launcher, 2, args)
    expect(code).toBeGreaterThan(0)
    expect(stderr).toMatch(/rank 0: error: Expected all 2 ranks to start MPI .*Nothing was trained/)
  })

  it('ends with the worker, its place and the way on where a worker of a rank dies', async () => {
    const args = [bin, 'train', '--shards', '2', '--workers', '1', '--out', join(folder, launcher.name, 'worker')]
    const { code, stderr } = await launch(launcher, 2, [...args, '--inject', 'worker-exit@step=5'])
    expect(code).toBeGreaterThan(0)
    expect(stderr).toMatch(/rank [01] \(\S+\): error: Training stopped: worker 0 died in step 5, .*--resume auto/)
    expect(stderr).not.toContain('internal error')
  })

  it.each([
    ['is killed', 'SIGKILL', { 'Open MPI': /rank 1 .*signal 9/, MPICH: KILLED }],
    ['hangs', 'SIGSTOP', { 'Open MPI': HANGS, MPICH: HANGS }],
  ] as const)('ends when a rank %s in training, says which, and leaves a checkpoint', async (how, signal, says) => {
    const out = join(folder, launcher.name, how)
    const args = [bin, 'train', '--shards', '2', '--workers', '1', '--epochs', '100000', '--out', out]
    args.push('--recovery.stall-seconds', '2')
    const env = { ...process.env, BRIGANTINE_TEST_JOB: out }
    const child = spawn(launcher.command, [...launcher.flags, '-n', '2', process.execPath, ...args], { env })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const closed = new Promise((resolve) => child.on('close', resolve))
    while (!existsSync(join(out, 'last.ckpt'))) await new Promise((resolve) => setTimeout(resolve, 50))
    const second = processWith(`BRIGANTINE_TEST_JOB=${out}`, RANK_1[launcher.name])
    const since = performance.now()
    process.kill(second, signal)
    expect(await closed).not.toBe(0)
    expect(performance.now() - since).toBeLessThan(30_000)
    expect(said).toMatch(says[launcher.name])
    await using trainer = await Trainer.load(join(out, 'last.ckpt'))
    expect(trainer.resumable).toBe(true)
  })
})

/** The process whose environment has these lines. */
function processWith(...lines: string[]): number {
  for (const name of readdirSync('/proc')) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      if (lines.every((line) => environment.includes(line))) return Number(name)
    } catch {
      continue
    }
  }
  throw new Error(`no process has ${lines.join(' and ')}`)
}
