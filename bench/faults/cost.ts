/**
 * What does recovery cost a run in which nothing goes wrong? The same training with the copies that a lost worker's run is
 * set back to and without any, in turn, in slices so short that whatever else the machine does falls on both. Where each
 * worker is at work is noted in both: that is a few stores a piece.
 *
 *   node bench/faults/cost.ts [--pairs 200] [--workers 1] [--kernels auto] [--workloads mlp-small,mlp-mnist,mlp-deep]
 */
import { parseArgs } from 'node:util'
import { parseConfig } from '../../src/config/schema.ts'
import { Crew } from '../../src/crew/crew.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { compileFor, resolveKernels } from '../../src/kernels/select.ts'
import { buildModel } from '../../src/model/build.ts'
import { resolveTask, runSettings, trainingSpec } from '../../src/train/prepare.ts'
import { startRun } from '../../src/train/run.ts'
import { Session } from '../../src/train/session.ts'
import { initialWeights } from '../../src/train/weights.ts'
import { table } from '../../src/report/table.ts'
import { median, quantile } from '../statistics.ts'
import { workload } from '../workloads.ts'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '200' },
    workers: { type: 'string', default: '1' },
    kernels: { type: 'string', default: 'auto' },
    workloads: { type: 'string', default: 'mlp-small,mlp-mnist,mlp-deep' },
  },
})
const [pairs, workers] = [Number(values.pairs), Number(values.workers)]
const SLICE_MICROS = 4e4
/** At least. */
const LEAST_STEPS = 512

const choice = resolveKernels(values.kernels as KernelName | 'auto', undefined)
const module = compileFor(choice)

async function compare(name: string): Promise<string[]> {
  const { config: given, data } = workload(name)
  const config = parseConfig({ ...given, workers, schedule: 'constant', kernels: choice.name })
  const model = buildModel(config.model, data.features)
  const weights = await initialWeights(model, config.optimizer, config.seed)
  const task = resolveTask(config, model, data)
  const crew = new Crew(workers)
  let snapshotSteps = 0

  /** @returns microseconds per step */
  const slice = async (snapshots: boolean, steps: number): Promise<number> => {
    const spec = { ...trainingSpec(config, task, data, undefined, steps), snapshots, workers }
    const session = await Session.open(spec, weights, data, undefined)
    const { plan, arena } = session
    if (snapshots) snapshotSteps = plan.snapshotSteps
    const settings = runSettings(config, plan, { epochs: steps, maxSteps: steps, gateEpochs: false })
    // Memory that nobody touched yet is the system's cost, once a run.
    if (snapshots) arena.floats.fill(0, plan.at.snapshot, plan.at.snapshot + 3 * plan.placements.total)
    const started = performance.now()
    await startRun({ plan, arena, crew, settings, kernels: choice, module })
    return ((performance.now() - started) * 1e3) / steps
  }

  // Long enough for every kernel to be compiled.
  for (const on of [true, false, true]) await slice(on, LEAST_STEPS)
  const steps = Math.max(LEAST_STEPS, Math.ceil(SLICE_MICROS / (await slice(false, LEAST_STEPS))))
  const times: { off: number; on: number }[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const first = pair % 2 === 0
    const a = await slice(!first, steps)
    const b = await slice(first, steps)
    times.push(first ? { off: a, on: b } : { off: b, on: a })
  }
  await crew.close()
  const excess = times.map(({ off, on }) => 100 * (on / off - 1))
  // Ranks that the median lies between with 95 %: the binomial distribution's, nearly normal at this number.
  const reach = 0.98 / Math.sqrt(pairs)
  const percent = (q: number) => quantile(excess, Math.min(1, Math.max(0, q))).toFixed(1)
  return [
    name,
    String(snapshotSteps),
    median(times.map(({ off }) => off)).toFixed(1),
    median(times.map(({ on }) => on)).toFixed(1),
    `${percent(0.5)} [${percent(0.5 - reach)}, ${percent(0.5 + reach)}]`,
  ]
}

const rows: string[][] = []
for (const name of values.workloads.split(',')) {
  process.stderr.write(`${name} ...\n`)
  rows.push(await compare(name))
  process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
}
const header = ['workload', 'steps between copies', 'us without', 'us with', 'cost, % [95 %]']
process.stdout.write(`${pairs} pairs, ${workers} workers, ${choice.name}\n`)
process.stdout.write(`${table(rows, { header, right: [1, 2, 3, 4] })}\n`)
