/** From measured costs to predictions: the schedule on n workers, with a model of the memory and of the network. */
import type { PlanSummary } from '../../src/plan/summary.ts'
import { midmean, quantile } from '../statistics.ts'
import type { Costs } from './costs.ts'
import { simulate } from './schedule.ts'

export interface Assumptions {
  /** Cores of the machine that the pieces were measured on: what lies beyond is extrapolated. */
  readonly cores: number
  readonly counterMicros: number
  /** GB/s that all cores together get from memory; undefined: as much as they ask for. */
  readonly memory: number | undefined
  readonly machines: number
  /** Whether the machines are processes of this host, which hold each other up as its workers do. */
  readonly isOneHost?: boolean
  /** Of one message, and GB/s of one machine's link, each way. */
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

/** @param planOf so many workers, and what it costs */
export function predictions(
  planOf: (workers: number) => { readonly costs: Costs; readonly plan: PlanSummary },
  assumptions: Assumptions,
  workers: readonly number[],
): Prediction[] {
  const { machines, cores } = assumptions
  const alone = planOf(1)
  const base = midmean(
    simulate(alone.costs, machineOf(alone.costs, alone.plan, { ...assumptions, machines: 1 }, 1)).steps,
  )
  return workers.map((n) => {
    const { costs, plan } = planOf(n)
    const own = machines > 1 ? sharded(costs, machines) : costs
    const { steps, phases } = simulate(own, machineOf(own, plan, assumptions, n))
    const others = Array.from({ length: Math.min(machines, MOST_MACHINES) - 1 }, (_, m) =>
      simulate(own, machineOf(own, plan, assumptions, n, (m + 1) * n)),
    )
    // Each machine waits for the slowest in its exchange.
    const slowest = steps.map((step, s) => others.reduce((most, other) => Math.max(most, other.steps[s]!), step))
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

function machineOf(costs: Costs, plan: PlanSummary, assumptions: Assumptions, workers: number, firstWorker = 0) {
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
    isBeside: workers > 1 || isOneHost,
    stretch(phase: string): number {
      const slower = costs.contention.get(phase) ?? 1
      if (memory === undefined) return slower
      // Bytes per microsecond are MB/s x 1e-6: GB/s = bytes / micros / 1e3.
      const { micros, workers: busy } = alone.get(phase)!
      const wanted = (busy * (traffic.get(phase) ?? 0)) / (micros * slower) / 1e3
      return slower * Math.max(1, wanted / memory)
    },
    exchange(phase: string): number {
      if (machines === 1 || phase !== 'gradient') return 0
      const bytes = (2 * (machines - 1) * 4 * plan.parameters) / machines
      return bytes / (network * 1e3) + 2 * Math.ceil(Math.log2(machines)) * latencyMicros
    },
  }
}

/** A machine's part of the batch: so many times fewer row blocks, and gradients over so many times fewer rows. */
function sharded(costs: Costs, machines: number): Costs {
  const steps = costs.steps.map((step) =>
    step.map((phase) => {
      if (phase.phase.startsWith('rows')) {
        return { ...phase, pieces: phase.pieces.slice(0, Math.max(1, Math.ceil(phase.pieces.length / machines))) }
      }
      if (phase.phase === 'gradient') return { ...phase, pieces: phase.pieces.map((micros) => micros / machines) }
      // Each adds up and updates a slice of the parameters.
      if (phase.phase === 'update')
        return { ...phase, pieces: phase.pieces.slice(0, Math.ceil(phase.pieces.length / machines)) }
      return phase
    }),
  )
  return { ...costs, steps }
}
