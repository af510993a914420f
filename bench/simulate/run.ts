/**
 * What would more workers, and more machines, bring? Replays the measured pieces of a step on simulated workers.
 *
 * brigantine simulate [--workload NAME | --config FILE] [--workers 1..256] [--seconds 6]
 *   [--machines M --latency US --network GB/s] [--memory GB/s] [--kernels K] [--out FILE.svg] [--json]
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { chosenWorkload } from '../workloads.ts'
import type { Workload } from '../workloads.ts'
import { machineCosts } from './machine.ts'
import { TURN, measurementOf, observe } from './measure.ts'
import { predictions } from './predict.ts'
import type { Assumptions, Prediction } from './predict.ts'
import { simulationPicture } from './picture.ts'
import { printSimulation } from './print.ts'

export interface SimulateOptions {
  readonly workload?: string | undefined
  readonly config?: string | undefined
  readonly workers?: string | undefined
  readonly seconds?: string | undefined
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
  /** Share of one worker's time that something else had its core: no part of the prediction. */
  readonly interrupted: number
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
  workload: Workload,
  workers: readonly number[],
  options: SimulateOptions,
): Promise<Simulation> {
  process.stderr.write(`${workload.name}: measuring its pieces ...\n`)
  const here = await machineCosts()
  const kernels = (options.kernels ?? 'auto') as KernelName | 'auto'
  const turn = { ...TURN, seconds: positive('seconds', options.seconds ?? String(TURN.seconds)) }
  const machines = whole('machines', options.machines ?? '1')
  const measurement = measurementOf(await observe(workload, kernels, workers, turn, machines), here.clockMicros)
  const assumptions: Assumptions = {
    cores: availableParallelism(),
    counterMicros: here.counterMicros,
    memory: options.memory === undefined ? undefined : positive('memory', options.memory),
    machines,
    latencyMicros: positive('latency', options.latency ?? '5'),
    network: positive('network', options.network ?? '12.5'),
  }
  return {
    workload: workload.name,
    kernels: measurement.kernels,
    assumptions,
    measured: measurement.steps,
    interrupted: measurement.alone.costs.interrupted,
    predicted: predictions(measurement.alone, (n) => measurement.planOf(n), assumptions, workers),
  }
}

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
