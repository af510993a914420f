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
import type { Plan } from '../../src/plan/plan.ts'
import { meetingBefore } from '../../src/plan/stages.ts'
import { summarizePlan } from '../../src/plan/summary.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { epochsOf, settled } from '../settled.ts'
import { median } from '../statistics.ts'
import { traced } from '../traced.ts'
import type { Span } from '../traced.ts'
import { workload } from '../workloads.ts'
import type { Workload } from '../workloads.ts'
import { togetherOf, usual, workOf } from './costs.ts'
import type { Traces } from './costs.ts'
import type { Planned } from './predict.ts'

export interface Measurement {
  readonly kernels: KernelName
  /** Microseconds of an undisturbed step by number of workers, as many as there are cores, two at the most; of one machine. */
  readonly steps: ReadonlyMap<number, number>
  /** Of one worker of one machine. */
  readonly alone: Planned
  /** Of the plan for so many workers, of each machine. */
  planOf(workers: number): Planned
}

/** What was seen of each plan, worked off by one thread; and of the plan of two workers, by two. */
export interface Observed {
  readonly kernels: KernelName
  readonly machines: number
  readonly plans: readonly (Unmeasured & { readonly runs: Runs })[]
  readonly pair: Runs | undefined
}

/** A plan, of so many shards, and for which numbers of workers it is the same. */
interface Unmeasured extends Omit<Planned, 'costs'> {
  readonly shards: number
  readonly workers: number[]
}

/** @param machines of which each has a shard of the batch; one machine's worker is seen too, with all of it */
export async function observe(
  { config, data }: Workload,
  kernels: KernelName | 'auto',
  workers: readonly number[],
  turn = TURN,
  machines = 1,
): Promise<Observed> {
  await using open = new AsyncDisposableStack()
  const crewOf = async (n: number) => {
    const crew = open.adopt(new Crew(n), (crew) => crew.close())
    await practise(crew, kernels)
    return crew
  }
  const thread = await crewOf(1)
  const trainerOf = async (n: number, shards: number, crew?: Workforce) =>
    open.use(await Trainer.create({ ...config, workers: n, shards, kernels, schedule: 'constant' }, { crew }))
  const pair = availableParallelism() > 1 ? await trainerOf(2, machines, await crewOf(2)) : undefined
  const plans = new Map<string, Unmeasured & { readonly trainer: Trainer }>()
  const wanted = [...new Set([1, 2, ...workers])].map((n) => [n, machines] as const)
  for (const [n, shards] of machines > 1 ? [[1, 1] as const, ...wanted] : wanted) {
    const trainer = await trainerOf(n, shards, claiming(n, thread))
    const compiled = trainer.plan(data)
    const plan = summarizePlan(compiled)
    const key = JSON.stringify([shards, plan.phases])
    const known = plans.get(key)
    known?.workers.push(n)
    if (known) await trainer.close()
    else plans.set(key, { plan, meets: meetsOf(compiled), trainer, shards, workers: [n] })
  }
  const known = [...plans.values()]
  const trainers = known.map(({ trainer }) => trainer)
  const seen = await runs(pair ? [...trainers, pair] : trainers, data, turn)
  return {
    kernels: trainers[0]!.kernels.name,
    machines,
    plans: known.map((plan, i) => ({ ...plan, runs: seen[i]! })),
    pair: pair && seen.at(-1),
  }
}

const meetsOf = ({ stages }: Plan): ReadonlySet<string> =>
  new Set(stages.flatMap((stage, i) => (meetingBefore(stage) ? [`rows ${i + 1}`] : [])))

export function measurementOf({ kernels, machines, plans, pair }: Observed, clockMicros: number): Measurement {
  const planned = (n: number, shards = machines) =>
    plans.findIndex((plan) => plan.shards === shards && plan.workers.includes(n))
  const own = (n: number) => plans[planned(n)]!.runs
  const together = togetherOf(own(2).traces, (pair ?? own(2)).traces)
  const all = plans.map(({ plan, meets, runs }): Planned => ({
    plan,
    meets,
    costs: { ...workOf(runs.traces, usual(runs.rounds), clockMicros), ...together },
  }))
  const alone = plans[planned(1, 1)]!.runs
  return {
    kernels,
    steps: new Map([[1, usual(alone.rounds)], ...(pair && machines === 1 ? [[2, usual(pair.rounds)] as const] : [])]),
    alone: all[planned(1, 1)]!,
    planOf: (n) => all[planned(n)]!,
  }
}

/**
 * What lies around the kernels is compiled when it has run some thousand times, which a run of long steps comes to in hours
 * and this bench never would: the crew trains a small network first.
 */
async function practise(crew: Crew, kernels: KernelName | 'auto'): Promise<void> {
  const { config, data } = workload('mlp-mnist')
  await using trainer = await Trainer.create({ ...config, workers: crew.workers, kernels }, { crew })
  await trainer.fit(data, { epochs: PRACTICE_EPOCHS })
}

/** A thousand steps. */
const PRACTICE_EPOCHS = 250

/** One thread that says that it is several: it gets their plan, and works it off by itself. */
const claiming = (workers: number, thread: Crew): Workforce => ({
  workers,
  run: (task, onFailure, ended) => thread.run(task, onFailure, ended),
  close: () => Promise.resolve(),
})

interface Runs {
  /** Microseconds of each settled step, without a trace where that would tell. */
  readonly rounds: readonly Float32Array[]
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
  return all.map(({ rounds, readers }) => ({ rounds, traces: readers.map((read) => read()) }))
}

/** Until the kernels are compiled. @returns epochs of a round */
async function warmUp(
  trainer: Trainer,
  data: Dataset,
  { micros }: Turn,
): Promise<{ epochs: number; stepMicros: number }> {
  const { spec } = trainer.plan(data)
  const perEpoch = Math.ceil(spec.trainRows / spec.batchSize)
  const stepsOf = async (epochs: number) => (await trainer.fit(data, { epochs })).steps.micros
  // Without the first of all, which has none before it to count from.
  let stepMicros = median((await stepsOf(Math.ceil(3 / perEpoch))).subarray(1))
  // Where a step is thousands of calls of a kernel, they are compiled in the first.
  for (const steps of stepMicros < COMPILED_MICROS
    ? [epochsOf(0, 1, perEpoch), epochsOf(micros, stepMicros, perEpoch)]
    : [])
    stepMicros = median(settled(await stepsOf(steps)))
  return { epochs: epochsOf(micros, stepMicros, perEpoch), stepMicros }
}

const COMPILED_MICROS = 20_000
/** A step of so long takes no longer for being traced: some 0.1 us for each of its pieces. */
const LONG_MICROS = 500

/** Settled microseconds of a turn at the least; turns, and seconds for each trainer's. */
export const TURN = { micros: 80_000, least: 2, most: 30, seconds: 6 }
type Turn = typeof TURN
