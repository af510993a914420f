/**
 * How does training scale with the number of workers here?
 *
 * brigantine bench scaling [--workload NAME | --config FILE] [--workers 1,2,4] [--mode strong|weak|both] [--rounds N]
 *   [--seconds S] [--kernels K] [--json] [--out DIR]
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { machine, printMachine } from '../machine.ts'
import { chosenWorkload } from '../workloads.ts'
import type { Workload } from '../workloads.ts'
import { figures } from './figures.ts'
import type { Mode, Scaling } from './figures.ts'
import { measure } from './measure.ts'
import type { Contestant } from './measure.ts'
import { scalingPage, scalingPicture } from './picture.ts'
import { printScaling } from './print.ts'

export interface ScalingOptions {
  readonly workload?: string | undefined
  readonly config?: string | undefined
  readonly workers?: string | undefined
  readonly mode?: string | undefined
  readonly rounds?: string | undefined
  readonly seconds?: string | undefined
  readonly kernels?: string | undefined
  readonly json?: boolean | undefined
  readonly out?: string | undefined
}

export async function main(options: ScalingOptions): Promise<void> {
  const workers = workersOf(options.workers)
  const rounds = positive('rounds', options.rounds ?? '9')
  const seconds = positive('seconds', options.seconds ?? '0.4')
  const kernels = (options.kernels ?? 'auto') as KernelName | 'auto'
  const about = machine()
  const results: Scaling[] = []
  for (const mode of modesOf(options.mode)) {
    const workload = await chosenWorkload({ workload: options.workload ?? 'mlp-mid', config: options.config })
    const contestants = workers.map((n) => contestant(workload, mode, n))
    const say = (round: number) => process.stderr.write(`${workload.name}, ${mode}: round ${round + 1} of ${rounds}\n`)
    const measured = await measure(contestants, { rounds, seconds, kernels, onRound: say })
    results.push(figures(workload.name, mode, measured, availableParallelism()))
  }
  if (options.out !== undefined) await writeReport(options.out, results, printMachine(about))
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: about, results }, null, 2)}\n`)
  else process.stdout.write([printMachine(about), ...results.map(printScaling), ''].join('\n\n'))
}

async function writeReport(folder: string, results: readonly Scaling[], about: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'scaling.json'), JSON.stringify(results, null, 2))
  for (const result of results) await writeFile(join(folder, `scaling-${result.mode}.svg`), scalingPicture(result))
  await writeFile(join(folder, 'scaling.html'), scalingPage(results, about))
  process.stderr.write(`wrote ${join(folder, 'scaling.html')}\n`)
}

function contestant({ config, data }: Workload, mode: Mode, workers: number): Contestant {
  if (mode === 'strong') return { workers, config, data }
  if (typeof config.batchSize !== 'number') {
    throw new UserError('Expected a number as `batchSize` for weak scaling, which grows it with the workers.')
  }
  return { workers, config: { ...config, batchSize: config.batchSize * workers }, data: repeated(data, workers) }
}

/** The same rows several times over: as many batches as before, each larger. */
function repeated(data: Workload['data'], times: number): Workload['data'] {
  const rows = data.rows * times
  const again = (from: Float32Array) => {
    const to = new Float32Array(from.length * times)
    for (let i = 0; i < times; i++) to.set(from, i * from.length)
    return to
  }
  return { ...data, rows, x: again(data.x), y: again(data.y) }
}

/** One, two, four, .. up to the cores, all of them included. */
function workersOf(given: string | undefined): number[] {
  const cores = availableParallelism()
  if (given === undefined) {
    const powers = Array.from({ length: 10 }, (_, i) => 2 ** i).filter((n) => n < cores)
    return cores > 1 ? [...powers, cores] : [1]
  }
  const numbers = given.split(',').map(Number)
  if (!numbers.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new UserError(`Expected \`--workers\` as whole numbers like 1,2,4, got \`${given}\`.`)
  }
  // Everything is measured against one.
  return [...new Set([1, ...numbers])].sort((a, b) => a - b)
}

function modesOf(given = 'both'): Mode[] {
  if (given === 'both') return ['strong', 'weak']
  if (given === 'strong' || given === 'weak') return [given]
  throw new UserError(`Expected \`--mode\` to be strong, weak or both, got \`${given}\`.`)
}

function positive(name: string, given: string): number {
  const value = Number(given)
  if (!(value > 0)) throw new UserError(`Expected \`--${name}\` to be a number > 0, got \`${given}\`.`)
  return value
}
