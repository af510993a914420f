/**
 * Ours as a contestant of several ranks: mpirun -n R node bench/ranks/ours.ts KERNELS WORKERS FOLDER.
 *
 * Rank 0 has the runner's commands on its standard input and leaves each in the folder, where the others find it: waiting
 * in MPI they would keep a core busy while other contestants are measured.
 */
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ranks } from '../../src/crew/ranks.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { serve } from '../peers/protocol.ts'
import type { Command, Contestant } from '../peers/protocol.ts'
import { readProblem } from '../peers/problem.ts'
import { contestant } from '../peers/trained.ts'

const LOOK_MILLIS = 5

const [kernels, workers, folder] = [process.argv[2] as KernelName, Number(process.argv[3]), process.argv[4]!]
const fileOf = (count: number) => join(folder, `command-${count}.json`)

/** Rank 0: the contestant, which tells the others first what it was asked. */
function leading(own: Contestant): Contestant {
  let count = 0
  const tell = async (command: Command) => {
    const path = fileOf(count++)
    await writeFile(`${path}.part`, JSON.stringify(command))
    await rename(`${path}.part`, path)
  }
  return {
    about: own.about,
    prepare: async (problem, dir) => {
      await tell({ cmd: 'prepare', dir })
      return own.prepare(problem, dir)
    },
    run: async (steps) => {
      await tell({ cmd: 'run', steps })
      return own.run(steps)
    },
  }
}

/** The other ranks: until rank 0 ends and the launcher with it. */
async function follow(own: Contestant): Promise<never> {
  for (let count = 0; ; count++) {
    const path = fileOf(count)
    while (!existsSync(path)) await sleep(LOOK_MILLIS)
    const command = JSON.parse(await readFile(path, 'utf8')) as Command
    if (command.cmd === 'run') await own.run(command.steps)
    else await own.prepare(await readProblem(command.dir), command.dir)
  }
}

const ranks = (await Ranks.join())!
if (ranks.rank > 0) await follow(contestant({ kernels, workers, ranks }))
const { library } = ranks
await serve(() => {
  const own = contestant({ kernels, workers, ranks })
  return Promise.resolve(leading({ ...own, about: { ...own.about, mpi: `${library.version}, ${library.path}` } }))
})
