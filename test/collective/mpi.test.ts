import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { findMpiLibrary, launchOf, mpiLibraries } from '../../src/native/mpi/find.ts'
import { launch, launchers, whyNone } from './launch.ts'

describe('who started this process', () => {
  it('is read from the variables each launcher leaves', () => {
    expect(launchOf({ OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '4' })).toEqual({
      by: 'Open MPI',
      rank: 1,
      ranks: 4,
    })
    expect(launchOf({ PMI_RANK: '0', PMI_SIZE: '2' })).toEqual({ by: 'MPICH', rank: 0, ranks: 2 })
    expect(launchOf({ SLURM_PROCID: '3', SLURM_STEP_NUM_TASKS: '8' })).toEqual({ by: 'Slurm', rank: 3, ranks: 8 })
    expect(launchOf({ SLURM_PROCID: '0', SLURM_STEP_NUM_TASKS: '1' })).toBeNull()
    expect(launchOf({})).toBeNull()
  })
})

test('a file that is no MPI library is refused with its path and what to do', () => {
  const path = fileURLToPath(new URL('../../package.json', import.meta.url))
  const answer = findMpiLibrary(null, path)
  expect(answer.available).toBe(false)
  expect(answer.available || answer.reason).toContain(path)
  expect(answer.available || answer.reason).toContain('BRIGANTINE_MPI')
})

test.runIf(launchers.length === 2)('under `srun --mpi=pmix` Open MPI is asked first, under MPICH its own', () => {
  const slurm = { by: 'Slurm', rank: 0, ranks: 2 } as const
  const isMpich = (path: string | undefined) => path!.includes('mpich')
  expect(isMpich(mpiLibraries(slurm, { PMIX_RANK: '0' })[0])).toBe(false)
  expect(isMpich(mpiLibraries({ ...slurm, by: 'MPICH' }, {})[0])).toBe(true)
})

test('libraries of the standard ABI are found, also where each implementation has one of its own name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'brigantine-mpi-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  // Debian 14 links libmpi_abi.so.1 to one of the two.
  const paths = ['mpich', 'openmpi'].map((name) => join(folder, `libmpi_abi_${name}.so.1.0.0`))
  for (const path of paths) writeFileSync(path, '')
  vi.stubEnv('LD_LIBRARY_PATH', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(mpiLibraries(null)).toEqual(expect.arrayContaining(paths))
})

const mpich = launchers.find(({ name }) => name === 'MPICH')

test.runIf(mpich)(
  `MPICH's ranks behind a command that closes the launcher's socket are told so${whyNone}`,
  async () => {
    const rank = fileURLToPath(new URL('refused.ts', import.meta.url))
    // As npx does: Node gives its children no descriptors that it does not know.
    const npx = `process.exitCode = require('child_process').spawnSync(process.execPath, [${JSON.stringify(rank)}], { stdio: 'inherit' }).status`
    const { code, stderr } = await launch(mpich!, 2, ['-e', npx])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(
      /rank \d of 2 \(MPICH\), but the socket .* PMI_FD.* is closed: .* Start the program itself: `node_modules/,
    )
  },
)

describe(`the calls${whyNone}`, () => {
  test.for(launchers.flatMap((launcher) => [3].map((ranks) => [launcher.name, ranks, launcher] as const)))(
    '%s, %i ranks: the launcher finds its own library, and every call moves what it should',
    async ([name, ranks, launcher]) => {
      const calls = fileURLToPath(new URL('calls.ts', import.meta.url))
      const { code, stdout, stderr } = await launch(launcher, ranks, [calls])
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const said = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(said.map(({ rank }) => rank).toSorted()).toEqual(Array.from({ length: ranks }, (_, r) => r))
      const runs = (value: (rank: number) => number) =>
        Array.from({ length: ranks }, (_, r) => Array<number>(r + 1).fill(value(r))).flat()
      for (const { rank, ...got } of said) {
        expect(got.version).toContain(name)
        expect(got.launch).toEqual({ by: name, rank, ranks })
        expect(got.gathered).toEqual(runs((r) => r + 1))
        expect(got.heard).toEqual(Array.from({ length: ranks }, (_, r) => r).filter((r) => r !== rank))
        const others = Array.from({ length: ranks }, (_, r) => (r === rank ? [-1, -1] : [10 * r, 10 * r])).flat()
        expect(got.others).toEqual(others)
        const before = ((rank as number) + ranks - 1) % ranks
        expect(got.tagged).toEqual([100 + before, before, before, before])
        expect(got.refused).toMatch(/^MPI_Waitsome failed with code \d+ \(.+\)$/)
        // 1 + 2 + .. + ranks, in each element of the rank's own run.
        const sum = Array.from({ length: ranks }, (_, i) => (i <= (rank as number) ? (ranks * (ranks + 1)) / 2 : 0))
        expect(got.sum).toEqual(sum)
        expect(got.all).toEqual(Array.from({ length: ranks }, (_, r) => [r, r]).flat())
        expect(got.one).toEqual([ranks - 1, ranks - 1])
      }
    },
  )
})
