/**
 * A step on simulated workers: as in src/train/work.ts, free workers claim the next piece (here from one counter), whoever
 * finishes the phase last runs the sequential part and opens the next. Only times are simulated, in microseconds.
 */
import { LOOKING_MICROS } from './costs.ts'
import type { Costs, PhaseCosts } from './costs.ts'

export interface SimulatedMachine {
  readonly workers: number
  /** Microseconds that one claim or one `finish` keeps the shared counter's cache line: they queue for it. */
  readonly counterMicros: number
  /** Factor by which a phase's pieces take longer while all workers run: memory bandwidth, shared clock. */
  readonly stretch: (phase: string) => number
  /** Microseconds after the named phase in which all wait: the exchange with other machines. */
  readonly exchange: (phase: string) => number
}

export interface Simulated {
  /** Microseconds per step. */
  readonly steps: readonly number[]
  /** Microseconds of all workers together, mean per step, by phase. */
  readonly phases: ReadonlyMap<string, { busy: number; idle: number; serial: number; pieces: number }>
}

export function simulate(costs: Costs, machine: SimulatedMachine): Simulated {
  const phases = new Map<string, { busy: number; idle: number; serial: number; pieces: number }>()
  const free = new Float64Array(machine.workers)
  let opener = 0
  let now = 0
  const steps = costs.steps.map((step) => {
    const start = now
    for (const phase of step) {
      const { closed, last, busy } = runPhase(phase, costs, machine, free, opener, now)
      const exchange = machine.exchange(phase.phase)
      const end = closed + phase.serial + exchange
      const sum = phases.get(phase.phase) ?? { busy: 0, idle: 0, serial: 0, pieces: phase.pieces.length }
      sum.busy += busy / costs.steps.length
      sum.serial += (machine.workers * (phase.serial + exchange)) / costs.steps.length
      sum.idle += (machine.workers * (closed - now) - busy) / costs.steps.length
      phases.set(phase.phase, sum)
      opener = last
      now = end
      free[last] = end
    }
    return now - start
  })
  return { steps, phases }
}

/** @returns when the last piece was done, by whom, and the workers' busy time */
function runPhase(
  { phase, pieces }: PhaseCosts,
  { perPiece, wakeLooking, wakeSleeping }: Costs,
  { workers, counterMicros, stretch }: SimulatedMachine,
  free: Float64Array,
  opener: number,
  opened: number,
): { closed: number; last: number; busy: number } {
  const factor = workers > 1 && pieces.length > 1 ? stretch(phase) : 1
  // When each may claim: at once if it opened the phase, else when it has noticed.
  const ready = Array.from(free, (since, worker) => {
    if (worker === opener) return opened
    return opened + (opened - since < LOOKING_MICROS ? wakeLooking : wakeSleeping)
  })
  let counterFree = opened
  let closed = opened
  let last = opener
  let busy = 0
  for (const micros of pieces) {
    const worker = earliest(ready)
    // Claims queue for the counter; the first of a lone worker costs what `perPiece` holds already.
    const claimed = Math.max(ready[worker]!, workers > 1 ? counterFree : 0)
    counterFree = claimed + counterMicros
    const own = perPiece + micros * factor
    const done = claimed + own
    busy += own
    ready[worker] = done
    free[worker] = done
    if (done >= closed) {
      closed = done
      last = worker
    }
  }
  return { closed, last, busy }
}

function earliest(times: readonly number[]): number {
  let best = 0
  for (let i = 1; i < times.length; i++) if (times[i]! < times[best]!) best = i
  return best
}
