/** From measured costs to predictions: the schedule on n workers, with a model of the memory and of the network. */
import type { PlanSummary } from '../../src/plan/summary.ts'
import { midmean, quantile } from '../statistics.ts'
import type { Costs } from './costs.ts'
import { rankOf } from './ranks.ts'
import type { Exchanged } from './ranks.ts'
import { simulate } from './schedule.ts'
import type { SimulatedMachine } from './schedule.ts'

export interface Assumptions {
  /** Cores of the machine that the pieces were measured on: what lies beyond is extrapolated. */
  readonly cores: number
  readonly counterMicros: number
  /** GB/s that all cores together get from memory; undefined: as much as they ask for. */
  readonly memory: number | undefined
  readonly machines: number
  /** Whether the machines are processes of this host, which hold each other up as its workers do. */
  readonly isOneHost?: boolean
  /** Of one exchange, whose messages all go at once, and GB/s of one machine's link, each way. */
  readonly latencyMicros: number
  readonly network: number
}

export interface Prediction {
  readonly workers: number
  readonly micros: number
  readonly p90: number
  readonly speedUp: number
  readonly efficiency: number
  /** The phase that loses most of the workers' time, and how much of it. */
  readonly limit: { readonly phase: string; readonly lost: number; readonly pieces: number }
  readonly extrapolated: boolean
}

/** A plan, and what its pieces cost one process. */
export interface Planned {
  readonly costs: Costs
  readonly plan: PlanSummary
  /** Its phases of rows before which ranks exchange moments. */
  readonly meets: ReadonlySet<string>
}

/** @param alone one worker of one machine @param planOf so many workers of each machine, a shard for each of these */
export function predictions(
  alone: Planned,
  planOf: (workers: number) => Planned,
  assumptions: Assumptions,
  workers: readonly number[],
): Prediction[] {
  const { machines, cores } = assumptions
  const base = midmean(
    simulate(alone.costs, machineOf(alone.costs, alone.plan, { ...assumptions, machines: 1 }, 1)).steps,
  )
  return workers.map((n) => {
    const { costs, plan, meets } = planOf(n)
    const simulated = Array.from({ length: Math.min(machines, MOST_MACHINES) }, (_, rank) => {
      const own = machines > 1 ? rankOf(costs, plan, meets, { rank, ranks: machines }) : costs
      return simulate(own, machineOf(own, plan, assumptions, n, rank * n))
    })
    const { phases, parts } = simulated[0]!
    // In each exchange all wait for the slowest.
    const slowest = parts.map((own, s) =>
      own.reduce((sum, _, p) => sum + Math.max(...simulated.map((machine) => machine.parts[s]![p]!)), 0),
    )
    const micros = midmean(slowest)
    const lost = [...phases].map(([phase, { idle, serial, pieces }]) => ({
      phase,
      lost: (idle + (n > 1 ? (serial * (n - 1)) / n : 0)) / (n * micros),
      pieces,
    }))
    const speedUp = base / micros
    return {
      workers: n,
      micros,
      p90: quantile(slowest, 0.9),
      speedUp,
      efficiency: speedUp / (n * machines),
      limit: lost.reduce((a, b) => (b.lost > a.lost ? b : a)),
      extrapolated: n > cores || machines > 1,
    }
  })
}

/** More are simulated by as many. */
const MOST_MACHINES = 64

function machineOf(
  costs: Costs,
  plan: PlanSummary,
  assumptions: Assumptions,
  workers: number,
  firstWorker = 0,
): SimulatedMachine {
  const { machines, isOneHost = false, latencyMicros, network, memory, counterMicros } = assumptions
  const traffic = new Map(plan.phases.map(({ phase, bytes }) => [phase, bytes]))
  const alone = new Map(
    costs.steps[0]!.map(({ phase, pieces }) => [
      phase,
      { micros: pieces.reduce((sum, micros) => sum + micros, 0), workers: Math.min(workers, pieces.length) },
    ]),
  )
  return {
    workers,
    firstWorker,
    counterMicros,
    isBeside: workers > 1 || (machines > 1 && isOneHost),
    stretch(phase: string): number {
      // The process that was measured combines in its `reduce`.
      const slower = costs.contention.get(phase === 'combine' ? 'reduce' : phase) ?? 1
      if (memory === undefined) return slower
      // Bytes per microsecond are MB/s x 1e-6: GB/s = bytes / micros / 1e3.
      const { micros, workers: busy } = alone.get(phase)!
      const bytes = (traffic.get(phase) ?? 0) / machines
      return micros > 0 ? slower * Math.max(1, (busy * bytes) / (micros * slower * 1e3) / memory) : slower
    },
    exchange(what: Exchanged): number {
      const bytes = what === 'gradients' || what === 'weights' ? ((machines - 1) * 4 * plan.parameters) / machines : 0
      return latencyMicros + bytes / (network * 1e3)
    },
  }
}
