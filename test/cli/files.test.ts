/** Folders that cannot be written, a disk that is full, input that is refused: nothing half-written stays behind. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')
const folder = mkdtempSync(join(tmpdir(), 'brigantine-files-'))
const disk = join(folder, 'disk')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0
afterAll(() => {
  if (mounted) spawnSync('umount', [disk])
  rmSync(folder, { recursive: true })
})

interface Outcome {
  readonly code: number
  readonly stderr: string
}

function brigantine(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { cwd: folder, timeout: 60_000 }, (error, _stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stderr })
    })
  })
}

const filesOf = (path: string) => readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'latin1')])

describe('an `out` folder that cannot be', () => {
  writeFileSync(join(folder, 'a-file'), '')
  const impossible = [
    'a-file',
    'a-file/below',
    ...(existsSync('/proc') ? ['/proc/nope', '/proc/self/nope/deeper'] : []),
  ]
  test.each(impossible)('%s is refused with code 2', async (out) => {
    const { code, stderr } = await brigantine('train', '--epochs', '1', '--out', out)
    expect(stderr).toContain(`error: Cannot write to \`out\` folder \`${out}\``)
    expect(stderr).toContain('Choose another folder')
    expect(code).toBe(2)
  })
})

test('input that is refused leaves the files of the run before as they were', async () => {
  expect((await brigantine('train', '--epochs', '1', '--quiet', '--out', 'kept')).code).toBe(0)
  const before = filesOf(join(folder, 'kept'))
  expect(before.map(([name]) => name)).toEqual([
    'best.ckpt',
    'config.yaml',
    'last.ckpt',
    'log.jsonl',
    'model.brig',
    'report.html',
    'signals.bin',
  ])
  const refused = [
    // Labels 0 to 9 do not fit 5 units; 64 x 30,000 x 30,000 weights do not fit 4 GiB; there is no such value to watch.
    [['--layers', '8,5'], 'Expected the last layer to have a unit for each of the'],
    [['--layers', '30000,30000,10'], 'Layer `dense_2` has the most: 900030000 weights, and 30000 numbers for each of'],
    [['--layers', '1000000,1000000,10'], '`dense_2/kernel` of shape [1000000, 1000000]'],
    [['--checkpoint.monitor', 'val_los'], 'val_los'],
  ] as const
  for (const [flags, message] of refused) {
    const { code, stderr } = await brigantine('train', ...flags, '--out', 'kept')
    expect(stderr).toContain(message)
    expect(code).toBe(2)
    expect(filesOf(join(folder, 'kept'))).toEqual(before)
  }
})

const skipped = mounted ? '' : ' (skipped: a small tmpfs cannot be mounted here)'

test.skipIf(!mounted)(`a full disk ends the run with code 2 and spoils no file${skipped}`, async () => {
  const run = join(disk, 'run')
  expect((await brigantine('train', '--epochs', '1', '--quiet', '--out', run)).code).toBe(0)
  const models = () => filesOf(run).filter(([name]) => /\.(ckpt|brig)$/.test(name!))
  const before = models()
  // 1 MiB holds three files of 0.2 MB and this one; a fourth checkpoint has no room.
  expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1 << 20))).toThrow('ENOSPC')

  const again = await brigantine('train', '--epochs', '2', '--quiet', '--out', run)
  expect(again.stderr).toContain('The disk is full: free some room')
  expect(again.code).toBe(2)
  expect(models()).toEqual(before)
  expect(readdirSync(run).filter((name) => name.endsWith('.tmp'))).toEqual([])

  const fresh = await brigantine('train', '--epochs', '1', '--quiet', '--out', join(disk, 'fresh'))
  expect(fresh.stderr).toContain('The disk is full: free some room')
  expect(fresh.code).toBe(2)
  expect(readdirSync(join(disk, 'fresh'))).toEqual([])
  expect((await brigantine('evaluate', join(run, 'model.brig'))).code).toBe(0)
})
