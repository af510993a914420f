/**
 * Measures what a simulation replays. A plan's tiles may depend on the number of workers: every distinct plan is worked off
 * by one thread, so that its pieces have no neighbours, and the plan of two workers by two, to see what neighbours do.
 */
import { availableParallelism } from 'node:os'
import { Crew } from '../../src/crew/crew.ts'
import type { Workforce } from '../../src/crew/task.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { summarizePlan } from '../../src/plan/summary.ts'
import type { PlanSummary } from '../../src/plan/summary.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { median } from '../statistics.ts'
import { tracedSpans } from '../traced.ts'
import type { Span } from '../traced.ts'
import type { Workload } from '../workloads.ts'
import { togetherOf, workOf } from './costs.ts'
import type { Costs, Work } from './costs.ts'

export interface Measurement {
  readonly kernels: KernelName
  /** Microseconds per step by number of workers, as many as there are cores, two at the most. */
  readonly steps: ReadonlyMap<number, number>
  /** Of the plan for so many workers. */
  planOf(workers: number): { readonly costs: Costs; readonly plan: PlanSummary }
}

interface Plan {
  readonly plan: PlanSummary
  readonly work: Work
  readonly spans: readonly Span[]
}

export async function measure(
  { config, data }: Workload,
  kernels: KernelName | 'auto',
  workers: readonly number[],
  clockMicros: number,
): Promise<Measurement> {
  await using open = new AsyncDisposableStack()
  const thread = open.adopt(new Crew(1), (crew) => crew.close())
  const trainerOf = async (n: number, crew?: Workforce) =>
    open.use(await Trainer.create({ ...config, workers: n, kernels, schedule: 'constant' }, { crew }))
  const alone = await trainerOf(1)
  const pair = availableParallelism() > 1 ? await trainerOf(2) : undefined
  const [first, second] = await timed(pair ? [alone, pair] : [alone], data)
  const plans = new Map<string, Plan>()
  const keys = new Map<number, string>()
  for (const n of new Set([1, 2, ...workers])) {
    const trainer = n === 1 ? alone : await trainerOf(n, claiming(n, thread))
    const plan = summarizePlan(trainer.plan(data))
    const key = JSON.stringify(plan.phases)
    keys.set(n, key)
    if (plans.has(key)) continue
    const [one] = n === 1 ? [first] : await timed([trainer], data)
    const spans = await tracedSpans(trainer, data, epochsOf(one!, 3))
    plans.set(key, { plan, spans, work: workOf(spans, one!.micros, clockMicros) })
  }
  const planned = (n: number) => plans.get(keys.get(n)!)!
  const { spans } = planned(2)
  const together = togetherOf(spans, pair && second ? await tracedSpans(pair, data, epochsOf(second, 3)) : spans)
  return {
    kernels: alone.kernels.name,
    steps: new Map([first, second].flatMap((one, i) => (one ? [[i + 1, one.micros] as const] : []))),
    planOf: (n) => ({ plan: planned(n).plan, costs: { ...planned(n).work, ...together } }),
  }
}

/** One thread that says that it is several: it gets their plan, and works it off by itself. */
const claiming = (workers: number, thread: Crew): Workforce => ({
  workers,
  run: (task, onFailure, ended) => thread.run(task, onFailure, ended),
  close: () => Promise.resolve(),
})

interface Timed {
  readonly micros: number
  readonly perEpoch: number
}

/** Median steps of trainers that take turns. */
async function timed(trainers: readonly Trainer[], data: Dataset): Promise<Timed[]> {
  const runs = []
  for (const trainer of trainers) runs.push({ trainer, rounds: [] as number[], warm: await warmUp(trainer, data) })
  for (let round = 0; round < ROUNDS; round++) {
    for (const { trainer, rounds, warm } of runs) {
      rounds.push(median((await trainer.fit(data, { epochs: epochsOf(warm, 2) })).steps.micros.subarray(1)))
    }
  }
  return runs.map(({ rounds, warm: { perEpoch } }) => ({ micros: median(rounds), perEpoch }))
}

/** Until the kernels are compiled: a few epochs where they are long, more where they are short. */
async function warmUp(trainer: Trainer, data: Dataset): Promise<Timed> {
  const fit = async (epochs: number) => {
    const { length, micros } = (await trainer.fit(data, { epochs })).steps
    return { perEpoch: length / epochs, micros: median(micros.subarray(length >> 1)) }
  }
  const first = await fit(2)
  return first.perEpoch * first.micros > ROUND_MICROS ? first : fit(10)
}

const epochsOf = ({ micros, perEpoch }: Timed, least: number): number =>
  Math.max(least, Math.ceil(ROUND_MICROS / micros / perEpoch))

const ROUNDS = 7
const ROUND_MICROS = 300_000
