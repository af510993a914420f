/**
 * One of several ranks that do nothing but exchange what a step of a workload does, and beside it the same bytes by bare
 * calls of MPI: mpirun -n R node bench/ranks/exchange.ts WORKLOAD SECONDS. Rank 0 says what it took, as one line of JSON.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createArena } from '../../src/arena/arena.ts'
import { Control } from '../../src/arena/control.ts'
import { findMpiLibrary } from '../../src/native/mpi/find.ts'
import { startMpi } from '../../src/native/mpi/mpi.ts'
import { pieces } from '../../src/plan/pieces.ts'
import { compilePlan } from '../../src/plan/compile.ts'
import { UPDATE_PIECE } from '../../src/plan/constants.ts'
import { Phase } from '../../src/plan/plan.ts'
import { firstSlicePiece } from '../../src/plan/shards.ts'
import { runSettings } from '../../src/train/prepare.ts'
import { Exchange } from '../../src/train/ranks.ts'
import { State } from '../../src/train/state.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { entryOf } from '../../src/package.ts'
import { median } from '../statistics.ts'
import { workload } from '../workloads.ts'
import { KINDS } from './asker.ts'
import type { AskerTask } from './asker.ts'
import { counted } from './traffic.ts'

export interface ExchangeTimes {
  readonly mpi: string
  readonly ranks: number
  readonly parameters: number
  /** That a rank takes in, and gives away, in one step: the most of any rank. */
  readonly received: number
  readonly sent: number
  /** Medians of a step's exchanges: ours, and bare calls that move gradients and weights alone. */
  readonly micros: number
  readonly bareMicros: number
  /** Ours as a step has them, in which a worker asks the MPI thread for each and sleeps until it is made. */
  readonly handedMicros: number
}

const [name, seconds] = [process.argv[2]!, Number(process.argv[3])]
const answer = findMpiLibrary()
if (!answer.available) throw new Error(answer.reason)
const { mpi, traffic } = counted(startMpi(answer.library))
const { rank, ranks } = mpi

const { config, data } = workload(name)
await using trainer = await Trainer.create({ ...config, kernels: 'wasm', workers: 1 })
const { spec } = trainer.plan(data)
const plan = compilePlan({ ...spec, sharing: { shards: ranks, rank, ranks } })
const settings = runSettings(trainer.config, plan, { epochs: 1, maxSteps: 1, gateEpochs: false })
const arena = createArena(plan.layout)
const control = new Control(arena.words, plan.at.control, 0)
const exchange = new Exchange(plan, settings, control, arena, mpi)
const state = arena.doubles.subarray(plan.at.state)
state[State.batchRows] = plan.spec.batchSize

function ours(): void {
  for (const kind of KINDS) {
    state[State.exchange] = kind
    exchange.make()
  }
}

const { learned } = plan.placements
const startOf = (r: number) =>
  Math.min(learned, UPDATE_PIECE * firstSlicePiece(pieces.runs(plan), { ...spec.sharing, rank: r, ranks }))
const starts = Int32Array.from({ length: ranks }, (_, r) => startOf(r))
const counts = starts.map((start, r) => startOf(r + 1) - start)
const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length))
const [gradients, inbox, weights] = [floats(learned), floats(ranks * counts[rank]!), floats(learned)]
const [from, into, all] = [gradients, inbox, weights].map((array) => mpi.address(array)) as [number, number, number]

/** Each rank's slices to those that own them; the owner's slice to all. */
function bare(): void {
  for (let i = 1; i < ranks; i++) mpi.receive(into + 4 * i * counts[rank]!, 4 * counts[rank]!, (rank + i) % ranks)
  for (let i = 1; i < ranks; i++) {
    const to = (rank + i) % ranks
    mpi.send(from + 4 * starts[to]!, 4 * counts[to]!, to)
  }
  mpi.waitAll()
  mpi.allGatherFloats(all, counts, starts)
}

function timed(work: () => void): number {
  mpi.barrier()
  const begin = performance.now()
  work()
  return 1e3 * (performance.now() - begin)
}

/** So many steps' exchanges, as long as they take the worker that asks for them. */
async function handed(steps: number): Promise<number[]> {
  const { memory } = arena
  const workerData: AskerTask = { memory, control: plan.at.control, state: plan.at.state, steps }
  const asker = new Worker(entryOf('bench/ranks/asker'), { workerData })
  const times = once(asker, 'message') as Promise<[number[]]>
  // It cannot start while this thread sleeps.
  await once(asker, 'online')
  for (let made = 0; made < KINDS.length * steps; made++) {
    control.awaitSummons(made)
    exchange.make()
    control.open(Phase.combine, 1, true)
  }
  return (await times)[0]
}

/** The same number on every rank: the largest. */
function agreed(value: number): number {
  const [own, numbers] = [1, ranks].map((length) => new Float64Array(new SharedArrayBuffer(8 * length)))
  own![0] = value
  mpi.allGather(mpi.address(own!), 8, mpi.address(numbers!))
  return Math.max(...numbers!)
}

/** Until the code is compiled. */
const WARM = 20
for (let i = 0; i < WARM; i++) [ours, bare].forEach(timed)
const rounds = Math.ceil((seconds * 1e6) / agreed(timed(ours) + timed(bare)))
const before = traffic()
ours()
const after = traffic()
const times = Array.from({ length: rounds }, () => [timed(ours), timed(bare)] as const)
const result: ExchangeTimes = {
  mpi: answer.library.version,
  ranks,
  parameters: learned,
  received: agreed(after.received - before.received),
  sent: agreed(after.sent - before.sent),
  micros: agreed(median(times.map(([micros]) => micros))),
  bareMicros: agreed(median(times.map(([, micros]) => micros))),
  handedMicros: agreed(median((await handed(WARM + rounds)).slice(WARM))),
}
if (rank === 0) process.stdout.write(`${JSON.stringify(result)}\n`)
mpi.finalize()
