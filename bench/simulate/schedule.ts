/**
 * A step on simulated workers: as in src/train/work.ts and src/arena/control.ts, a phase's pieces are dealt out in equal runs,
 * a queue for each worker, who takes from its own and then from the others'; whoever finishes the phase last runs the
 * sequential part and opens the next. Only times are simulated, in microseconds.
 */
import { uniformAt } from '../../src/random/normal.ts'
import { LOOKING_MICROS } from './costs.ts'
import type { Costs, PhaseCosts } from './costs.ts'
import type { Exchanged } from './ranks.ts'

/** As in src/arena/control.ts. */
const MOST_QUEUES = 64

export interface SimulatedMachine {
  readonly workers: number
  /** Number of the first: each number replays steps of its own, the first of all in their order. Default: 0. */
  readonly firstWorker?: number
  /** Whether other workers run beside, of this crew or of another process on the same host. Default: if there are several. */
  readonly isBeside?: boolean
  /** Microseconds that one claim keeps its queue's cache line, for which others wait; a `finish` takes as long. */
  readonly counterMicros: number
  /** Factor by which a phase's pieces take longer where several workers run: memory bandwidth, shared clock, data in another's cache. */
  readonly stretch: (phase: string) => number
  /** Microseconds of an exchange with other ranks, between threads that are awake. */
  readonly exchange: (what: Exchanged) => number
}

export interface Simulated {
  /** Microseconds per step. */
  readonly steps: readonly number[]
  /** What they consist of: from one exchange to the next, and each exchange. */
  readonly parts: readonly (readonly number[])[]
  /** Microseconds of all workers together, mean per step, by phase. */
  readonly phases: ReadonlyMap<string, { busy: number; idle: number; serial: number; pieces: number }>
}

export function simulate(costs: Costs, machine: SimulatedMachine): Simulated {
  const phases = new Map<string, { busy: number; idle: number; serial: number; pieces: number }>()
  const free = new Float64Array(machine.workers)
  let opener = 0
  let now = 0
  const parts = costs.steps.map((step, s) => {
    const ends = [now]
    const replayed = replayedBy(costs.steps, s, machine)
    for (const [p, phase] of step.entries()) {
      const own = replayed.map((other) => other[p]!)
      const { closed, last, busy } = runPhase(phase, own, costs, machine, free, opener, now)
      const beside = machine.workers > 1 ? (costs.serialContention.get(phase.phase) ?? 0) : 0
      const serial = own[last]!.serial + beside
      // The thread that makes exchanges sleeps until it is summoned.
      const exchange = phase.then === undefined ? 0 : costs.wakeSleeping + machine.exchange(phase.then)
      const sum = phases.get(phase.phase) ?? { busy: 0, idle: 0, serial: 0, pieces: phase.pieces.length }
      sum.busy += busy / costs.steps.length
      sum.serial += (machine.workers * (serial + exchange)) / costs.steps.length
      sum.idle += (machine.workers * (closed - now) - busy) / costs.steps.length
      phases.set(phase.phase, sum)
      free[last] = closed + serial
      now = free[last]! + exchange
      opener = phase.then === undefined ? last : NOBODY
      if (phase.then !== undefined) ends.push(free[last]!, now)
    }
    if (ends.at(-1) !== now) ends.push(now)
    return ends.slice(1).map((end, i) => end - ends[i]!)
  })
  return { steps: parts.map((own) => own.reduce((sum, micros) => sum + micros, 0)), parts, phases }
}

/** Of the workers: all sleep while the thread that makes exchanges has their core. */
const NOBODY = -1

/**
 * Each worker but the first replays some other step: what held one worker up in a step (its core, its caches, its clock)
 * does not hold up the others in the same one, and all of them wait for whoever it was.
 */
function replayedBy(
  steps: Costs['steps'],
  step: number,
  { workers, firstWorker = 0 }: SimulatedMachine,
): Costs['steps'] {
  const any = (worker: number) => steps[Math.floor(uniformAt(worker, 0, step) * steps.length)]!
  return Array.from({ length: workers }, (_, w) => (firstWorker + w === 0 ? steps[step]! : any(firstWorker + w)))
}

/**
 * @param own what each worker would need for the phase's pieces
 * @returns when the last piece was done, by whom, and the workers' busy time
 */
function runPhase(
  { phase, pieces }: PhaseCosts,
  own: readonly PhaseCosts[],
  { perPiece, wakeLooking, wakeSleeping, claimContention }: Costs,
  { workers, isBeside = workers > 1, counterMicros, stretch }: SimulatedMachine,
  free: Float64Array,
  opener: number,
  opened: number,
): { closed: number; last: number; busy: number } {
  const factor = isBeside ? stretch(phase) : 1
  // When each may claim: at once if it opened the phase, else when it has noticed.
  const ready = Array.from(free, (since, worker) => {
    if (worker === opener) return opened
    return opened + (opener !== NOBODY && opened - since < LOOKING_MICROS ? wakeLooking : wakeSleeping)
  })
  const queues = dealt(pieces.length, workers)
  let closed = opened
  let last = Math.max(0, opener)
  let busy = 0
  for (let left = pieces.length; left > 0; left--) {
    const worker = earliest(ready)
    const queue = nextQueue(queues, worker)
    // Claims wait for their queue; the first of a lone worker costs what `perPiece` holds already.
    const claimed = Math.max(ready[worker]!, workers > 1 ? queue.free : 0)
    queue.free = claimed + counterMicros
    const piece = queue.next++
    // A step of a short batch has fewer pieces than this one.
    const micros = (own[worker]!.pieces[piece] ?? pieces[piece]!) * factor
    const taken = perPiece + (workers > 1 ? claimContention : 0) + micros
    // Then it says that it is done, on the counter that all share.
    const done = claimed + taken + (workers > 1 ? counterMicros : 0)
    busy += taken
    ready[worker] = done
    free[worker] = done
    if (done >= closed) {
      closed = done
      last = worker
    }
  }
  return { closed, last, busy }
}

interface Queue {
  next: number
  readonly end: number
  /** When the last claim lets go of it. */
  free: number
}

function dealt(pieces: number, workers: number): Queue[] {
  const count = Math.min(pieces, workers, MOST_QUEUES)
  const bound = (q: number) => Math.floor((q * pieces) / count)
  return Array.from({ length: count }, (_, q) => ({ next: bound(q), end: bound(q + 1), free: 0 }))
}

function nextQueue(queues: readonly Queue[], worker: number): Queue {
  for (let i = 0; ; i++) {
    const queue = queues[(worker + i) % queues.length]!
    if (queue.next < queue.end) return queue
  }
}

function earliest(times: readonly number[]): number {
  let best = 0
  for (let i = 1; i < times.length; i++) if (times[i]! < times[best]!) best = i
  return best
}
