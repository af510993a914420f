/** Ours as a contestant, alone or as one of several ranks. */
import { sampleEvery } from '../../src/gradient/thresholds.ts'
import { probeBlas } from '../../src/kernels/blas.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import type { Ranks } from '../../src/crew/ranks.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { workload } from '../workloads.ts'
import type { Adam, LoadedProblem } from './problem.ts'
import { measured } from './protocol.ts'
import type { Contestant } from './protocol.ts'

export interface Crew {
  readonly kernels: KernelName
  readonly workers: number
  readonly ranks?: Ranks | undefined
}

async function trainerFor(problem: LoadedProblem, adam: Adam, { kernels, workers, ranks }: Crew): Promise<Trainer> {
  const { config } = workload(problem.name)
  const given = {
    ...config,
    kernels,
    workers,
    shards: ranks?.ranks ?? 1,
    shuffle: false,
    schedule: 'constant',
    clip: problem.clipNorm,
    optimizer: { type: 'adam', ...adam },
  } as const
  const trainer = await Trainer.create(given, { ranks })
  await trainer.build(datasetOf(problem))
  trainer.setWeights(Object.fromEntries(problem.parameters.map(({ name }, i) => [name, problem.weights[i]!])))
  return trainer
}

const datasetOf = ({ x, y, batches, batchSize, features, targets }: LoadedProblem): Dataset => ({
  rows: batches * batchSize,
  features,
  targets,
  x,
  y,
})

/** @throws Error where there is no BLAS and it was asked for */
export function contestant(crew: Crew): Contestant {
  let trainer: Trainer
  let problem: LoadedProblem
  const fit = async (steps: number) =>
    (await trainer.fit(datasetOf(problem), { epochs: Math.ceil(steps / problem.batches) })).steps
  const blas = crew.kernels === 'blas' ? probeBlas() : undefined
  if (blas && !blas.available) throw new Error(blas.reason)
  return {
    about: blas ? { blas: `${blas.library.description}, ${blas.library.path}` } : {},
    async prepare(given) {
      problem = given
      trainer = await trainerFor(problem, problem.check, crew)
      const losses = [...(await fit(problem.checkSteps)).loss].slice(0, problem.checkSteps)
      await trainer.close()
      trainer = await trainerFor(problem, problem.timed, crew)
      return { losses }
    },
    // The detector samples each of a fit's first steps, and one in so many of the many that a training has.
    run: async (steps) => measured((await fit(sampleEvery + steps)).micros.slice(sampleEvery, sampleEvery + steps)),
  }
}
