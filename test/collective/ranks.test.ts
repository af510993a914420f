import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { bindingNote } from '../../src/cli/ranks.ts'
import { Crew } from '../../src/crew/crew.ts'
import { parseConfig } from '../../src/config/schema.ts'
import type { Config } from '../../src/config/schema.ts'
import { disagreement } from '../../src/train/agree.ts'
import { checkSharded } from '../../src/train/checks.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { hashes, looksAt, weightsBy } from './cases.ts'
import { launch, launchers, whyNone } from './launch.ts'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const openMpi = launchers.find(({ name }) => name === 'Open MPI')

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'brigantine-ranks-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.runIf(launchers.length > 0)(
  `the same bits for 1 x 1, 1 x 4, 2 x 2, 3 x 2 and 4 x 1 (ranks x workers), short batches and sharded state included${whyNone}`,
  { timeout: 400_000 },
  () => {
    let expected: string[]
    beforeAll(async () => void (expected = await hashesOf(1)))

    it('in one process', async () => expect(await hashesOf(4)).toEqual(expected))

    const shapes = [
      [2, 2, 'whole'],
      [3, 2, 'sharded'],
      [4, 1, 'whole'],
    ] as const
    it.for(launchers.flatMap((launcher) => shapes.map((shape) => [launcher.name, ...shape, launcher] as const)))(
      '%s, %i x %i, %s state',
      async ([, ranks, workers, state, launcher]) => {
        const { code, stdout, stderr } = await launch(launcher, ranks, [file('trains.ts'), String(workers), state])
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        const said = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as string[])
        expect(said).toEqual(Array(ranks).fill(expected))
      },
    )
  },
)

async function hashesOf(workers: number): Promise<string[]> {
  const crew = new Crew(workers)
  try {
    return await hashes(crew)
  } finally {
    await crew.close()
  }
}

test.runIf(openMpi)(
  `a batch that is not finite is computed again by all ranks: a NaN of one machine costs no bit${whyNone}`,
  { timeout: 200_000 },
  async () => {
    const crew = new Crew(1)
    const [well, numbers] = [await looksAt(crew, []), await looksAt(crew, 'numbers')]
    await crew.close()
    for (const [ranks, workers] of [
      [2, 1],
      [3, 2],
    ] as const) {
      const { code, stdout, stderr } = await launch(openMpi!, ranks, [file('looks.ts'), String(workers)])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const said = stdout.trim().split('\n')
      expect(said).toEqual(Array(ranks).fill(said[0]))
      const [machine, same] = JSON.parse(said[0]!) as (typeof well)[]
      expect([machine!.hash, machine!.skipped]).toEqual([well.hash, 0])
      expect(machine!.events[0]).toMatch(/^3 .*it is the machine, not the numbers/)
      expect([same!.hash, same!.skipped]).toEqual([numbers.hash, numbers.skipped])
      expect(same!.events[0]).toContain('by the same ranks it has the same bits')
    }
  },
)

test.runIf(openMpi)(`health: 'repair' is refused for several ranks, before the first step${whyNone}`, async () => {
  const { code, stdout, stderr } = await launch(openMpi!, 2, [file('refused.ts')])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const said = "Expected `health: 'warn'` or 'observe' for a run of several ranks, got 'repair'"
  expect(stdout.trim().split('\n')).toEqual([expect.stringContaining(said), expect.stringContaining(said)])
})

describe("reduce: 'mpi-sum'", () => {
  test.runIf(openMpi)(
    `adds the same gradients in another order: ranks are of one mind, weights differ by rounding${whyNone}`,
    { timeout: 200_000 },
    async () => {
      const { code, stdout, stderr } = await launch(openMpi!, 2, [file('sums.ts')])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const [first, second] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { tree: string; sum: string; apart: number })
      expect(first).toEqual(second)
      // Each rank adds its three shards one by one, where the tree has pairs.
      expect(first!.sum).not.toBe(first!.tree)
      expect(first!.apart).toBeLessThan(1e-3)
    },
  )

  it('is refused where this process is alone, with what to do', async () => {
    const crew = new Crew(1)
    await expect(weightsBy('mpi-sum', 2, crew)).rejects.toThrow(
      /several ranks for `reduce: 'mpi-sum'`.*mpirun.*--reduce tree/,
    )
    await crew.close()
  })
})

const bin = file('../../src/cli/bin.ts')

describe.runIf(openMpi)(`brigantine train under mpirun${whyNone}`, { timeout: 400_000 }, () => {
  it.each([
    ['whole', []],
    ['sharded', ['--shard-optimizer-state']],
  ])(
    'reports and saves on rank 0 alone, and goes on alone with the same bits where two ranks of %s state ended',
    async (state, flags) => {
      const args = (out: string, ...more: string[]) => [
        ...[
          bin,
          'train',
          '--shards',
          '2',
          '--workers',
          '1',
          '--kernels',
          'wasm',
          '--hash',
          '--json',
          '--schedule',
          'constant',
        ],
        ...['--out', join(folder, out), ...more],
      ]
      const two = await launch(openMpi!, 2, args(`two-${state}`, ...flags, '--epochs', '3', '--max-steps', '40'))
      expect(two.code).toBe(0)
      const first = JSON.parse(two.stdout) as { stopped: string; plan: string }
      expect(first.stopped).toBe('maxSteps')
      expect(first.plan).toMatch(/^2 ranks of 1 worker,/)
      const hashOf = async (path: string, epochs: number): Promise<string> => {
        await using trainer = await Trainer.load(path, { epochs, workers: 2, maxSteps: undefined })
        expect(trainer.resumable).toBe(true)
        const { loadData } = await import('../../src/data/load.ts')
        const data = await loadData(trainer.config.data!, trainer.config.seed)
        await trainer.fit(data.train, { validationData: data.validation })
        return trainer.weightsHash()
      }
      const whole = await launch(openMpi!, 2, args(`all-${state}`, '--epochs', '3'))
      expect(await hashOf(join(folder, `two-${state}`, 'last.ckpt'), 3)).toBe(
        (JSON.parse(whole.stdout) as { hash: string }).hash,
      )
    },
  )

  it('refuses ranks that are not about to do the same, naming both', async () => {
    const script = `exec ${process.execPath} ${bin} train --shards 2 --workers 1 --fast-dev-run --seed $OMPI_COMM_WORLD_RANK`
    const child = spawn(openMpi!.command, [...openMpi!.flags, '-n', '2', 'sh', '-c', script])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2)
    expect(stderr).toMatch(/Expected the same config on every rank, got `seed: 0` on rank 0 .* and `seed: 1` on rank 1/)
  })
})

describe('shardOptimizerState', () => {
  const sharded = (optimizer: Config['optimizer']) =>
    parseConfig({ model: { layers: [{ type: 'dense', units: 2 }] }, optimizer, shardOptimizerState: true })

  it('lets rank 0 save, and no other', () => {
    checkSharded(sharded('adam'), 0, true)
    checkSharded(sharded('adam'), 1, false)
    expect(() => checkSharded(sharded('adam'), 1, true)).toThrow(/Expected rank 0 to save, got rank 1/)
  })

  it('is refused for an optimizer that keeps none, with what to do', () => {
    checkSharded(sharded({ type: 'sgd', momentum: 0.9 }), 0, false)
    expect(() => checkSharded(sharded('sgd'), 0, false)).toThrow(
      /Expected an optimizer with state for `shardOptimizerState`, got sgd, which keeps none.*sgd with momentum/,
    )
  })
})

describe('what ranks must agree on', () => {
  const facts = { version: '1', config: '{"seed":1,"batchSize":8}', kernels: 'wasm on x64' }
  const nameOf = (rank: number) => `rank ${rank}`
  it('is nothing where all are equal', () => {
    expect(disagreement([facts, { ...facts }], nameOf)).toBeUndefined()
  })
  it('names the fact, both values and what to do', () => {
    const kernels = 'blas (OpenBLAS 0.3.21 Haswell) on x64'
    expect(disagreement([facts, facts, { ...facts, kernels }], nameOf)).toBe(
      `Expected the same kernels on every rank, got wasm on x64 on rank 0 and ${kernels} on rank 2. Install the same ` +
        'native library on the same kind of processor, or set `kernels` to what all have. Nothing was trained.',
    )
  })
  it('names the field of a config', () => {
    const text = disagreement([facts, { ...facts, config: '{"seed":1,"batchSize":16}' }], nameOf)
    expect(text).toContain('got `batchSize: 8` on rank 0 and `batchSize: 16` on rank 1')
  })
  it('names the value inside of a field, and what only one has', () => {
    const given = (layers: object[]) => ({ ...facts, config: JSON.stringify({ model: { layers } }) })
    const [a, b] = [{ units: 8 }, { units: 9 }]
    const text = disagreement([given([a, a]), given([a, b])], nameOf)
    expect(text).toContain('got `model.layers[1].units: 8` on rank 0 and `model.layers[1].units: 9` on rank 1')
    const more = disagreement([given([a]), given([a, b])], nameOf)
    expect(more).toContain('got `model.layers[1]: nothing` on rank 0 and `model.layers[1]: {"units":9}` on rank 1')
  })
})

describe('a launcher that binds', () => {
  it('is named where it squeezes the crew, and only there', () => {
    expect(bindingNote(1, 8, 1)).toContain("1 of the machine's 8 cores")
    expect(bindingNote(1, 8, 1)).toContain('--bind-to none')
    expect(bindingNote(2, 8, 4)).toBeUndefined()
    expect(bindingNote(1, 8, 8)).toBeUndefined()
  })
})
