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
import { median, quantile } from '../statistics.ts'
import { tracedSpans } from '../traced.ts'
import type { Span } from '../traced.ts'
import type { Workload } from '../workloads.ts'
import { togetherOf, workOf } from './costs.ts'
import type { Costs, Work } from './costs.ts'

export interface Measurement {
  readonly kernels: KernelName
  /** Microseconds of an undisturbed step by number of workers, as many as there are cores, two at the most. */
  readonly steps: ReadonlyMap<number, number>
  /** Of the plan for so many workers. */
  planOf(workers: number): { readonly costs: Costs; readonly plan: PlanSummary }
}

interface Planned {
  readonly plan: PlanSummary
  readonly work: Work
  readonly traces: Traces
}

type Traces = readonly (readonly Span[])[]

export async function measure(
  { config, data }: Workload,
  kernels: KernelName | 'auto',
  workers: readonly number[],
  clockMicros: number,
  turn = TURN,
): Promise<Measurement> {
  await using open = new AsyncDisposableStack()
  const thread = open.adopt(new Crew(1), (crew) => crew.close())
  const trainerOf = async (n: number, crew?: Workforce) =>
    open.use(await Trainer.create({ ...config, workers: n, kernels, schedule: 'constant' }, { crew }))
  const alone = await trainerOf(1)
  const pair = availableParallelism() > 1 ? await trainerOf(2) : undefined
  const plans = new Map<string, Planned>()
  const keys = new Map<number, string>()
  const steps = new Map<number, number>()
  let two: Traces | undefined
  for (const n of new Set([1, 2, ...workers])) {
    const trainer = n === 1 ? alone : await trainerOf(n, claiming(n, thread))
    const plan = summarizePlan(trainer.plan(data))
    const key = JSON.stringify(plan.phases)
    keys.set(n, key)
    const isKnown = plans.has(key)
    // The two that are compared take turns, since a machine is not as fast at any time.
    const both = n === 2 && pair ? [isKnown ? alone : trainer, pair] : isKnown ? [] : [trainer]
    const [own, beside] = await runs(both, data, turn)
    if (own) plans.set(key, { plan, traces: own.traces, work: workOf(own.traces, own.micros, clockMicros) })
    if (n === 1) steps.set(1, own!.micros)
    if (!beside) continue
    if (isKnown) steps.set(1, own!.micros)
    steps.set(2, beside.micros)
    two = beside.traces
  }
  const planned = (n: number) => plans.get(keys.get(n)!)!
  const { traces } = planned(2)
  const together = togetherOf(traces, two ?? traces)
  return {
    kernels: alone.kernels.name,
    steps,
    planOf: (n) => ({ plan: planned(n).plan, costs: { ...planned(n).work, ...together } }),
  }
}

/** One thread that says that it is several: it gets their plan, and works it off by itself. */
const claiming = (workers: number, thread: Crew): Workforce => ({
  workers,
  run: (task, onFailure, ended) => thread.run(task, onFailure, ended),
  close: () => Promise.resolve(),
})

interface Runs {
  /** The step without a trace. */
  readonly micros: number
  readonly traces: Traces
}

/** Trainers that take turns, each without a trace and with one, so that what is compared was seen at the same time. */
async function runs(trainers: readonly Trainer[], data: Dataset, turn: Turn): Promise<Runs[]> {
  const all = []
  for (const trainer of trainers) {
    all.push({ trainer, rounds: [] as number[], traces: [] as Span[][], epochs: await warmUp(trainer, data, turn) })
  }
  const until = performance.now() + (2 * all.length * turn.most * turn.micros) / 1000
  for (let round = 0; round < turn.least || (round < turn.most && performance.now() < until); round++) {
    for (const { trainer, rounds, traces, epochs } of all) {
      rounds.push(quantile((await trainer.fit(data, { epochs })).steps.micros.subarray(1), UNDISTURBED))
      traces.push(await tracedSpans(trainer, data, epochs))
    }
  }
  return all.map(({ rounds, traces }) => ({ micros: median(rounds), traces }))
}

/** Until the kernels are compiled: a few epochs where they are long, more where they are short. @returns epochs of a round */
async function warmUp(trainer: Trainer, data: Dataset, { micros }: Turn): Promise<number> {
  const fit = async (epochs: number) => {
    const { steps } = await trainer.fit(data, { epochs })
    return (steps.length / epochs) * median(steps.micros.subarray(steps.length >> 1))
  }
  const first = await fit(2)
  const perEpoch = first > micros ? first : await fit(10)
  return Math.max(2, Math.ceil(micros / perEpoch))
}

/**
 * Other work on the machine is no part of what is replayed, nor of what the replay is compared with: of the steps of a
 * round, those that were least disturbed count. Where nothing disturbs, this is the median within its spread.
 */
const UNDISTURBED = 0.25

/** Microseconds of a trainer's turn at the least, and turns: five, or as many more as there is time for. */
const TURN = { micros: 150_000, least: 5, most: 15 }
type Turn = typeof TURN
