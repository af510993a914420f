/** In real control groups, as a container has them: what they allow is what is used, and what goes beyond is said before. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const ROOT = '/sys/fs/cgroup'
const version = existsSync(join(ROOT, 'cgroup.controllers')) ? 2 : 1
const made: string[] = []

/** @returns the group's folder, or why there is none */
function group(controller: string, files: Record<string, string>): { folder: string } | { reason: string } {
  const folder = join(ROOT, version === 1 ? controller : '', `brigantine-${process.pid}-${made.length}`)
  try {
    if (version === 2) writeFileSync(join(ROOT, 'cgroup.subtree_control'), `+${controller}`)
    mkdirSync(folder)
    made.push(folder)
    for (const [name, value] of Object.entries(files)) writeFileSync(join(folder, name), value)
    return { folder }
  } catch (error) {
    return { reason: `no control group can be made here: ${(error as Error).message}` }
  }
}

afterAll(() => made.forEach((folder) => existsSync(folder) && rmdirSync(folder)))

const within = (folder: string, args: readonly string[]) => {
  const line = `echo $$ > ${folder}/cgroup.procs && exec "$@"`
  return spawnSync('sh', ['-c', line, 'sh', process.execPath, BIN, ...args], { encoding: 'utf8' })
}

const cpu = group(
  'cpu',
  version === 1 ? { 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '100000' } : { 'cpu.max': '100000 100000' },
)
const memory = group('memory', { [version === 1 ? 'memory.limit_in_bytes' : 'memory.max']: `${600 * 2 ** 20}` })
const pids = group('pids', { 'pids.max': '24' })

const why = (one: ReturnType<typeof group>) => ('reason' in one ? ` (skipped: ${one.reason})` : '')
const folderOf = (one: ReturnType<typeof group>) => ('folder' in one ? one.folder : '')
const TRAIN = ['train', '--fast-dev-run', '--json', '--quiet']

describe('in a control group', () => {
  it.skipIf('reason' in cpu)(`of one core: one worker${why(cpu)}`, () => {
    const { stdout, status } = within(folderOf(cpu), TRAIN)
    expect(status).toBe(0)
    expect((JSON.parse(stdout) as { plan: string }).plan).toMatch(/^1 worker,/)
  })

  it.skipIf('reason' in pids)(`of few threads: as many workers as it lets a process start${why(pids)}`, () => {
    const { stdout, status } = within(folderOf(pids), TRAIN)
    expect(status).toBe(0)
    expect((JSON.parse(stdout) as { plan: string }).plan).toMatch(/^1 worker,/)
  })

  it.skipIf('reason' in pids)(`of few threads: more workers than it has room for are refused${why(pids)}`, () => {
    for (const workers of ['25', '64']) {
      const { stderr, status } = within(folderOf(pids), [...TRAIN, '--workers', workers])
      expect(stderr).toMatch(
        /^error: Expected room for \d+ more threads of \d+ workers, but the control group's `pids\.max`, 24, leaves \d+\. Raise it, or lower `workers` \(--workers\)\.\n$/,
      )
      expect(status).toBe(2)
    }
  })

  it.skipIf('reason' in memory)(
    `of little memory: a plan that does not fit is refused before it is taken${why(memory)}`,
    () => {
      const { stderr, status } = within(folderOf(memory), [...TRAIN, '--layers', '4000,4000,4000,10'])
      expect(stderr).toContain('Expected the plan to fit in the memory that this process may use, 600.0 MiB, got')
      expect(status).toBe(2)
      expect(within(folderOf(memory), TRAIN).status).toBe(0)
    },
  )
})
