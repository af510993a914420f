/**
 * Step times by number of workers: the numbers in turn, round after round, so that a machine that changes its speed
 * changes it for all. Strong scaling keeps the batch; weak scaling grows it with the workers.
 */
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { epochsOf, settled } from '../settled.ts'
import { median } from '../statistics.ts'
import { traced } from '../traced.ts'
import { episodesOf, splitOf } from './split.ts'
import type { PhaseSplit } from './split.ts'
import type { Timed } from './laws.ts'

export interface Contestant {
  readonly workers: number
  readonly config: Config
  readonly data: Dataset
}

export interface Measured extends Timed {
  readonly batchSize: number
  readonly kernels: KernelName
  readonly phases: readonly PhaseSplit[]
}

export interface MeasureOptions {
  readonly rounds: number
  /** Seconds of one round of one contestant. */
  readonly seconds: number
  readonly kernels: KernelName | 'auto'
  readonly onRound?: (round: number) => void
}

export async function measure(contestants: readonly Contestant[], options: MeasureOptions): Promise<Measured[]> {
  await using open = new AsyncDisposableStack()
  const runs = []
  for (const { workers, config, data } of contestants) {
    const trainer = await Trainer.create({ ...config, workers, kernels: options.kernels, schedule: 'constant' })
    open.use(trainer)
    // Long enough for every kernel to be compiled, and to know how many epochs fill a round.
    const warm = await trainer.fit(data, { epochs: 12 })
    const micros = median(warm.steps.micros.subarray(warm.steps.length >> 1))
    const epochs = epochsOf(options.seconds * 1e6, micros, warm.steps.length / 12)
    runs.push({ workers, trainer, data, epochs, rounds: [] as number[] })
  }
  for (let round = 0; round < options.rounds; round++) {
    options.onRound?.(round)
    for (const { trainer, data, epochs, rounds } of runs) {
      const { micros } = (await trainer.fit(data, { epochs })).steps
      rounds.push(median(settled(micros)))
    }
  }
  const measured: Measured[] = []
  for (const { workers, trainer, data, epochs, rounds } of runs) {
    const plan = trainer.plan(data)
    const phases = splitOf(episodesOf((await traced(trainer, data, epochs)).read()), workers)
    measured.push({ workers, rounds, batchSize: plan.spec.batchSize, kernels: trainer.kernels.name, phases })
  }
  return measured
}
