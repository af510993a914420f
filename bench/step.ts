/**
 * How long is a step? Median, p10 and p90 of the step time, samples per second, GFLOP/s, and the share of the
 * matrix-product peak that this machine shows in the same process.
 *
 * node bench/step.ts, or: brigantine bench step --workload NAME | --config FILE [--workers N] [--kernels K] [--roofline] [--json]
 */
import type { KernelName } from '../src/kernels/kernels.ts'
import { summarizePlan } from '../src/plan/summary.ts'
import { table } from '../src/report/table.ts'
import { Trainer } from '../src/train/trainer.ts'
import { matmulPeak } from './peak.ts'
import { printRoofline, roofline } from './roofline.ts'
import type { Roofline } from './roofline.ts'
import { epochsOf, settled } from './settled.ts'
import { chosenWorkload, workload, workloadNames } from './workloads.ts'
import type { Workload } from './workloads.ts'

export interface StepOptions {
  readonly workload?: string | undefined
  readonly config?: string | undefined
  readonly workers?: string | undefined
  readonly kernels?: string | undefined
  readonly json?: boolean | undefined
  readonly roofline?: boolean | undefined
}

export interface StepFigures {
  readonly workload: string
  readonly workers: number
  readonly kernels: KernelName
  readonly steps: number
  readonly medianMicros: number
  readonly p10Micros: number
  readonly p90Micros: number
  readonly samplesPerSecond: number
  readonly gigaflops: number
  /** Of one worker's matrix product, times the workers. */
  readonly shareOfPeak: number
  readonly roofline?: Roofline | undefined
}

/** Steps are timed for about this long. */
const MEASURED_SECONDS = 2

export async function main(options: StepOptions = {}): Promise<void> {
  const figures: StepFigures[] = []
  for (const w of await workloads(options)) {
    process.stderr.write(`${w.name} ...\n`)
    figures.push(await measure(w, options))
  }
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 2)}\n` : `${print(figures)}\n`)
}

/** One that was asked for, or every preset. */
async function workloads({ workload: name, config }: StepOptions): Promise<Workload[]> {
  if (name === undefined && config === undefined) return workloadNames.map(workload)
  return [await chosenWorkload({ workload: name, config })]
}

async function measure({ name, config, data }: Workload, options: StepOptions): Promise<StepFigures> {
  const workers = options.workers === undefined || options.workers === 'auto' ? 'auto' : Number(options.workers)
  const kernels = (options.kernels ?? 'auto') as KernelName | 'auto'
  await using trainer = await Trainer.create({ ...config, workers, kernels, schedule: 'constant' })
  const plan = trainer.plan(data)
  // Long enough for every kernel to be compiled, and to know how many steps to ask for.
  const warm = await trainer.fit(data, { epochs: 10 })
  const steps = warm.steps.length
  const typical = quantile(warm.steps.micros.subarray(steps >> 1), 0.5)
  const epochs = epochsOf(MEASURED_SECONDS * 1e6, typical, steps / 10)
  const measured = settled((await trainer.fit(data, { epochs })).steps.micros)
  const medianMicros = quantile(measured, 0.5)
  const gigaflops = summarizePlan(plan).flops / medianMicros / 1e3
  const peak = await matmulPeak(trainer.kernels)
  return {
    workload: name,
    workers: plan.spec.workers,
    kernels: trainer.kernels.name,
    steps: measured.length,
    medianMicros,
    p10Micros: quantile(measured, 0.1),
    p90Micros: quantile(measured, 0.9),
    samplesPerSecond: (plan.spec.batchSize / medianMicros) * 1e6,
    gigaflops,
    shareOfPeak: gigaflops / (peak * plan.spec.workers),
    roofline: options.roofline ? await roofline(trainer, data, Math.min(epochs, 200)) : undefined,
  }
}

function print(figures: readonly StepFigures[]): string {
  const header = ['workload', 'workers', 'kernels', 'median us', 'p10', 'p90', 'samples/s', 'GFLOP/s', 'of peak']
  const steps = table(
    figures.map((f) => [
      f.workload,
      String(f.workers),
      f.kernels,
      f.medianMicros.toFixed(1),
      f.p10Micros.toFixed(1),
      f.p90Micros.toFixed(1),
      Math.round(f.samplesPerSecond).toLocaleString('en-US'),
      f.gigaflops.toFixed(1),
      `${(100 * f.shareOfPeak).toFixed(0)} %`,
    ]),
    { header, right: [1, 3, 4, 5, 6, 7, 8] },
  )
  const rooflines = figures.flatMap((f) => (f.roofline ? [`${f.workload}\n${printRoofline(f.roofline)}`] : []))
  return [steps, ...rooflines].join('\n\n')
}

function quantile(values: Float32Array, q: number): number {
  const sorted = Float32Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}

if (import.meta.main) await main()
