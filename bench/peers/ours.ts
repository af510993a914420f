/** Ours as a contestant. node bench/peers/ours.ts KERNELS WORKERS */
import type { KernelName } from '../../src/kernels/kernels.ts'
import { probeBlas } from '../../src/kernels/blas.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { workload } from '../workloads.ts'
import type { Adam, LoadedProblem } from './problem.ts'
import { measured, serve } from './protocol.ts'
import type { Contestant } from './protocol.ts'

const [kernels, workers] = [process.argv[2] as KernelName, Number(process.argv[3])]

async function trainerFor(problem: LoadedProblem, adam: Adam): Promise<Trainer> {
  const { config } = workload(problem.name)
  const trainer = await Trainer.create({
    ...config,
    kernels,
    workers,
    shuffle: false,
    schedule: 'constant',
    clip: problem.clipNorm,
    optimizer: { type: 'adam', ...adam },
  })
  await trainer.build(datasetOf(problem))
  trainer.setWeights(Object.fromEntries(problem.parameters.map(({ name }, i) => [name, problem.weights[i]!])))
  return trainer
}

const datasetOf = ({ x, y, batches, batchSize, widths }: LoadedProblem): Dataset => ({
  rows: batches * batchSize,
  features: widths[0]!,
  targets: 1,
  x,
  y,
})

async function start(): Promise<Contestant> {
  let trainer: Trainer
  let problem: LoadedProblem
  const fit = async (steps: number) =>
    (await trainer.fit(datasetOf(problem), { epochs: Math.ceil(steps / problem.batches) })).steps
  const blas = kernels === 'blas' ? probeBlas() : undefined
  if (blas && !blas.available) throw new Error(blas.reason)
  return {
    about: blas ? { blas: `${blas.library.description}, ${blas.library.path}` } : {},
    async prepare(given) {
      problem = given
      trainer = await trainerFor(problem, problem.check)
      const losses = [...(await fit(problem.checkSteps)).loss].slice(0, problem.checkSteps)
      await trainer.close()
      trainer = await trainerFor(problem, problem.timed)
      return { losses }
    },
    // The first step of a fit has no step before it to be timed from.
    run: async (steps) => measured((await fit(steps + 1)).micros.slice(1)),
  }
}

await serve(start)
