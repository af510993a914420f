/**
 * Is `workers: 'auto'` a good choice? Step times of what it settled on beside each fixed number of workers, in turn, on
 * every workload: how far it is behind the best, as a median of ratios. Steps of each run's second half, when it has settled.
 * node bench/auto.ts [KERNELS [WORKLOAD ..]]
 */
import { availableParallelism } from 'node:os'
import type { KernelName } from '../src/kernels/kernels.ts'
import { table } from '../src/report/table.ts'
import { Trainer } from '../src/train/trainer.ts'
import { median, quantile } from './statistics.ts'
import { workload, workloadNames } from './workloads.ts'

const [kernels = 'auto', ...names] = process.argv.slice(2)
const ROUNDS = 9
const SECONDS = 0.3
const fixed = [1, 2, 4, 8, 16, 32, 64].filter((workers) => workers <= availableParallelism())

/** Steps until 'auto' has settled: three rounds of each number, each of two steps and of so many that take 30 ms, 3 to 40. */
const mostTuning = (micros: number) => 3 * fixed.length * (2 + Math.min(40, Math.max(3, Math.ceil(30_000 / micros))))

const rows = []
for (const name of names.length > 0 ? names : workloadNames) {
  const { config, data } = workload(name)
  await using open = new AsyncDisposableStack()
  const runs = []
  for (const workers of ['auto' as const, ...fixed]) {
    const common = { ...config, kernels: kernels as KernelName | 'auto', schedule: 'constant' as const }
    const trainer = open.use(await Trainer.create({ ...common, workers }))
    const warm = await trainer.fit(data, { epochs: 25 })
    const micros = quantile(warm.steps.micros, 0.1)
    runs.push({
      workers,
      trainer,
      chosen: warm.workers,
      epochs: Math.ceil(Math.max((SECONDS * 1e6) / micros, 2 * mostTuning(micros)) / 4),
      times: [] as number[],
    })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) {
      const { steps, workers } = await run.trainer.fit(data, { epochs: run.epochs })
      run.times.push(median(steps.micros.subarray(steps.length >> 1)))
      run.chosen = workers
    }
  }
  const [auto, ...others] = runs as [(typeof runs)[number], ...typeof runs]
  const best = others.reduce((a, b) => (median(a.times) <= median(b.times) ? a : b))
  const behind = median(auto.times.map((time, i) => time / best.times[i]!)) - 1
  const figures = others.map(({ times }) => median(times).toFixed(1))
  rows.push([name, ...figures, median(auto.times).toFixed(1), String(auto.chosen), `${(100 * behind).toFixed(1)} %`])
}
const header = ['workload', ...fixed.map((workers) => `${workers} w`), 'auto', 'its workers', 'behind the best']
process.stdout.write(`us/step, kernels ${kernels}\n${table(rows, { header, right: [1, 2, 3, 4, 5, 6, 7, 8, 9] })}\n`)
