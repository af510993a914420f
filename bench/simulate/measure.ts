/**
 * Measures what a simulation replays. A plan's tiles may depend on the number of workers: every distinct plan is worked off
 * by one thread, so that its pieces have no neighbours, and the plan of two workers by two, to see what neighbours do. All
 * of them in turn, since a machine is not as fast at any time.
 */
import { availableParallelism } from 'node:os'
import { Crew } from '../../src/crew/crew.ts'
import type { Workforce } from '../../src/crew/task.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { summarizePlan } from '../../src/plan/summary.ts'
import type { PlanSummary } from '../../src/plan/summary.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { epochsOf, settled } from '../settled.ts'
import { median } from '../statistics.ts'
import { traced } from '../traced.ts'
import type { Span } from '../traced.ts'
import type { Workload } from '../workloads.ts'
import { togetherOf, usual, workOf } from './costs.ts'
import type { Costs, Traces } from './costs.ts'

export interface Measurement {
  readonly kernels: KernelName
  /** Microseconds of an undisturbed step by number of workers, as many as there are cores, two at the most. */
  readonly steps: ReadonlyMap<number, number>
  /** Of the plan for so many workers. */
  planOf(workers: number): { readonly costs: Costs; readonly plan: PlanSummary }
}

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
  const pair = availableParallelism() > 1 ? await trainerOf(2) : undefined
  const keys = new Map<number, string>()
  const plans = new Map<string, { readonly plan: PlanSummary; readonly trainer: Trainer }>()
  for (const n of new Set([1, 2, ...workers])) {
    const trainer = await trainerOf(n, n === 1 ? undefined : claiming(n, thread))
    const plan = summarizePlan(trainer.plan(data))
    const key = JSON.stringify(plan.phases)
    keys.set(n, key)
    if (plans.has(key)) await trainer.close()
    else plans.set(key, { plan, trainer })
  }
  const known = [...plans.values()]
  const trainers = known.map(({ trainer }) => trainer)
  const seen = await runs(pair ? [...trainers, pair] : trainers, data, turn)
  const planned = (n: number) => [...plans.keys()].indexOf(keys.get(n)!)
  const own = (n: number) => seen[planned(n)]!
  const beside = pair && seen.at(-1)
  const together = togetherOf(own(2).traces, (beside ?? own(2)).traces)
  const works = known.map((_, i) => workOf(seen[i]!.traces, seen[i]!.micros, clockMicros))
  return {
    kernels: trainers[0]!.kernels.name,
    steps: new Map([[1, own(1).micros], ...(beside ? [[2, beside.micros] as const] : [])]),
    planOf: (n) => ({ plan: known[planned(n)]!.plan, costs: { ...works[planned(n)]!, ...together } }),
  }
}

/** One thread that says that it is several: it gets their plan, and works it off by itself. */
const claiming = (workers: number, thread: Crew): Workforce => ({
  workers,
  run: (task, onFailure, ended) => thread.run(task, onFailure, ended),
  close: () => Promise.resolve(),
})

interface Runs {
  /** The usual step. */
  readonly micros: number
  readonly traces: Traces
}

/** Each with a trace, and without one too where a step is so short that the trace would tell. */
async function runs(trainers: readonly Trainer[], data: Dataset, turn: Turn): Promise<Runs[]> {
  const all = []
  for (const trainer of trainers) {
    const warm = await warmUp(trainer, data, turn)
    all.push({ trainer, ...warm, rounds: [] as Float32Array[], readers: [] as (() => Span[])[] })
  }
  const until = performance.now() + 1000 * turn.seconds * trainers.length
  for (let round = 0; round < turn.least || (round < turn.most && performance.now() < until); round++) {
    for (const { trainer, epochs, stepMicros, rounds, readers } of all) {
      const { micros, read } = await traced(trainer, data, epochs)
      readers.push(read)
      rounds.push(settled(stepMicros < LONG_MICROS ? (await trainer.fit(data, { epochs })).steps.micros : micros))
    }
  }
  return all.map(({ rounds, readers }) => ({ micros: usual(rounds), traces: readers.map((read) => read()) }))
}

/** Until the kernels are compiled. @returns epochs of a round */
async function warmUp(
  trainer: Trainer,
  data: Dataset,
  { micros }: Turn,
): Promise<{ epochs: number; stepMicros: number }> {
  const { spec } = trainer.plan(data)
  const perEpoch = Math.ceil(spec.trainRows / spec.batchSize)
  const stepOf = async (epochs: number) => median(settled((await trainer.fit(data, { epochs })).steps.micros))
  const first = await stepOf(epochsOf(0, 1, perEpoch))
  const stepMicros = first < LONG_MICROS ? await stepOf(epochsOf(micros, first, perEpoch)) : first
  return { epochs: epochsOf(micros, stepMicros, perEpoch), stepMicros }
}

/** A step of so long takes no longer for being traced: some 0.3 us for each of its pieces. */
const LONG_MICROS = 2000

/** Settled microseconds of a turn at the least; turns, and seconds for each trainer's. */
const TURN = { micros: 80_000, least: 4, most: 30, seconds: 6 }
type Turn = typeof TURN
