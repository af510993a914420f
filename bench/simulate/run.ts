/**
 * What would more workers, and more machines, bring? Replays the measured pieces of a step on simulated workers.
 *
 * brigantine simulate [--workload NAME | --config FILE] [--workers 1..256] [--machines M --latency US --network GB/s]
 *   [--memory GB/s] [--kernels K] [--out FILE.svg] [--json]
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { summarizePlan } from '../../src/plan/summary.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { median } from '../statistics.ts'
import { tracedSpans } from '../traced.ts'
import type { Span } from '../traced.ts'
import { chosenWorkload } from '../workloads.ts'
import type { Workload } from '../workloads.ts'
import { costsOf } from './costs.ts'
import { machineCosts } from './machine.ts'
import { predictions } from './predict.ts'
import type { Assumptions, Prediction } from './predict.ts'
import { simulationPicture } from './picture.ts'
import { printSimulation } from './print.ts'

export interface SimulateOptions {
  readonly workload?: string | undefined
  readonly config?: string | undefined
  readonly workers?: string | undefined
  readonly machines?: string | undefined
  readonly latency?: string | undefined
  readonly network?: string | undefined
  readonly memory?: string | undefined
  readonly kernels?: string | undefined
  readonly out?: string | undefined
  readonly json?: boolean | undefined
}

export interface Simulation {
  readonly workload: string
  readonly kernels: KernelName
  readonly assumptions: Assumptions
  /** Measured here, in microseconds per step, by number of workers. */
  readonly measured: ReadonlyMap<number, number>
  readonly predicted: readonly Prediction[]
}

export async function main(options: SimulateOptions): Promise<void> {
  const workers = workersOf(options.workers ?? '1..256')
  const simulation = await simulateWorkload(
    await chosenWorkload({ workload: options.workload ?? 'mlp-mid', config: options.config }),
    workers,
    options,
  )
  if (options.out !== undefined) await writeFile(options.out, simulationPicture(simulation))
  if (options.json)
    process.stdout.write(`${JSON.stringify({ ...simulation, measured: [...simulation.measured] }, null, 2)}\n`)
  else process.stdout.write(`${printSimulation(simulation)}\n`)
}

async function simulateWorkload(
  { name, config, data }: Workload,
  workers: readonly number[],
  options: SimulateOptions,
): Promise<Simulation> {
  const kernels = (options.kernels ?? 'auto') as KernelName | 'auto'
  process.stderr.write(`${name}: measuring its pieces ...\n`)
  const here = await machineCosts()
  const crews = availableParallelism() > 1 ? [1, 2] : [1]
  const measured = new Map<number, number>()
  const traces: Span[][] = []
  await using open = new AsyncDisposableStack()
  const trainers = []
  for (const n of crews) {
    const trainer = await Trainer.create({ ...config, workers: n, kernels, schedule: 'constant' })
    open.use(trainer)
    trainers.push({ n, trainer, rounds: [] as number[], ...(await warmUp(trainer, data)) })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { trainer, rounds, perEpoch, typical } of trainers) {
      const epochs = Math.max(2, Math.ceil(ROUND_MICROS / typical / perEpoch))
      rounds.push(median((await trainer.fit(data, { epochs })).steps.micros.subarray(1)))
    }
  }
  for (const { n, trainer, rounds, typical, perEpoch } of trainers) {
    measured.set(n, median(rounds))
    traces.push(await tracedSpans(trainer, data, Math.max(3, Math.ceil(ROUND_MICROS / typical / perEpoch))))
  }
  const { trainer } = trainers[0]!
  const plan = summarizePlan(trainer.plan(data))
  const costs = costsOf(traces[0]!, traces[1] ?? traces[0]!, measured.get(1)!, here.clockMicros)
  const assumptions: Assumptions = {
    cores: availableParallelism(),
    counterMicros: here.counterMicros,
    memory: options.memory === undefined ? undefined : positive('memory', options.memory),
    machines: whole('machines', options.machines ?? '1'),
    latencyMicros: positive('latency', options.latency ?? '5'),
    network: positive('network', options.network ?? '12.5'),
  }
  return {
    workload: name,
    kernels: trainer.kernels.name,
    assumptions,
    measured,
    predicted: predictions(costs, plan, assumptions, workers),
  }
}

/** Until the kernels are compiled: a few epochs where they are long, more where they are short. */
async function warmUp(trainer: Trainer, data: Dataset): Promise<{ perEpoch: number; typical: number }> {
  const fit = async (epochs: number) => {
    const { length, micros } = (await trainer.fit(data, { epochs })).steps
    return { perEpoch: length / epochs, typical: median(micros.subarray(length >> 1)) }
  }
  const first = await fit(2)
  return first.perEpoch * first.typical > ROUND_MICROS ? first : fit(10)
}

const ROUNDS = 7
const ROUND_MICROS = 300_000

/** `1..256` is every power of two in between, and the ends; `1,2,6` are those. */
export function workersOf(given: string): number[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(given)
  const numbers = range
    ? [Number(range[1]), ...Array.from({ length: 16 }, (_, i) => 2 ** i), Number(range[2])].filter(
        (n) => n >= Number(range[1]) && n <= Number(range[2]),
      )
    : given.split(',').map(Number)
  if (numbers.length === 0 || !numbers.every((n) => Number.isInteger(n) && n >= 1 && n <= 4096)) {
    throw new UserError(`Expected \`--workers\` as a range like 1..256 or a list like 1,2,6, got \`${given}\`.`)
  }
  return [...new Set(numbers)].sort((a, b) => a - b)
}

function positive(name: string, given: string): number {
  const value = Number(given)
  if (!(value > 0)) throw new UserError(`Expected \`--${name}\` to be a number > 0, got \`${given}\`.`)
  return value
}

function whole(name: string, given: string): number {
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1)
    throw new UserError(`Expected \`--${name}\` to be a whole number >= 1, got \`${given}\`.`)
  return value
}
