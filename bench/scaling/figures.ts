/** From step times to what people ask: speed-up, efficiency, the laws, the advice, and what to doubt. */
import { median, quantile } from '../statistics.ts'
import { bootstrap, fitAmdahl, fitUsl, predict } from './laws.ts'
import type { Amdahl, Estimate, Usl } from './laws.ts'
import type { Measured } from './measure.ts'

export type Mode = 'strong' | 'weak'

export interface Row {
  readonly workers: number
  readonly batchSize: number
  /** Microseconds of a step. */
  readonly micros: Estimate
  /** Times the samples per second of one worker. */
  readonly speedUp: Estimate
  /** Speed-up over workers. */
  readonly efficiency: number
  /** Shares of the workers' time. */
  readonly compute: number
  readonly wait: number
  readonly serial: number
}

export interface Scaling {
  readonly workload: string
  readonly mode: Mode
  readonly kernels: string
  readonly rows: readonly Row[]
  readonly measured: readonly Measured[]
  readonly amdahl: Amdahl | undefined
  readonly usl: Usl | undefined
  readonly advice: string
  readonly warnings: readonly string[]
}

/** An added worker is worth its core when it brings at least this share of what one alone does. */
const WORTH = 0.3
/** Rounds that differ by more say nothing of differences of this size. */
const NOISY = 0.15

export function figures(workload: string, mode: Mode, measured: readonly Measured[], cores: number): Scaling {
  const one = measured[0]!
  const perSample = (i: number, micros: number) => micros / measured[i]!.batchSize
  const micros = bootstrap(measured, (medians) => medians)
  const speedUp = bootstrap(measured, (medians) => medians.map((m, i) => perSample(0, medians[0]!) / perSample(i, m)))
  const rows = measured.map(({ workers, batchSize, phases }, i): Row => {
    const sum = (of: 'compute' | 'wait' | 'serial') => phases.reduce((total, p) => total + p[of] * p.count, 0)
    const all = sum('compute') + sum('wait') + sum('serial')
    return {
      workers,
      batchSize,
      micros: micros[i]!,
      speedUp: speedUp[i]!,
      efficiency: speedUp[i]!.value / workers,
      compute: sum('compute') / all,
      wait: sum('wait') / all,
      serial: sum('serial') / all,
    }
  })
  // The laws are of a fixed amount of work.
  const strong = mode === 'strong'
  const amdahl = strong ? fitAmdahl(measured) : undefined
  const usl = strong ? fitUsl(measured) : undefined
  return {
    workload,
    mode,
    kernels: one.kernels,
    rows,
    measured,
    amdahl,
    usl,
    advice: adviceOf(mode, rows, usl ?? amdahl),
    warnings: warningsOf(measured, cores, strong),
  }
}

/** One sentence. */
export function adviceOf(mode: Mode, rows: readonly Row[], law: Amdahl | Usl | undefined): string {
  const best = rows.reduce((a, b) => (b.speedUp.value > a.speedUp.value ? b : a))
  const words = (n: number) => `${n} worker${n === 1 ? '' : 's'}`
  const percent = (share: number) => `${Math.round(100 * share)} %`
  if (mode === 'weak') {
    const last = rows.at(-1)!
    return `With ${words(last.workers)} and ${last.workers} times the batch, each worker does ${percent(last.efficiency)} of what one does alone.`
  }
  const end = rows.findIndex((row, i) => i > 0 && gain(rows[i - 1]!, row) < WORTH)
  if (end > 0) {
    const [stop, next] = [rows[end - 1]!, rows[end]!]
    const there = stop.workers === 1 ? '' : `: ${figure(stop.speedUp.value)} times as fast as one`
    return `Stop at ${words(stop.workers)}${there}; ${next.workers} are ${figure(next.speedUp.value)} times as fast.`
  }
  const now = `Use all ${words(best.workers)}: ${figure(best.speedUp.value)} times as fast as one, ${percent(best.efficiency)} of ideal`
  const beyond = law ? lastWorthwhile(law) : 0
  if (beyond <= best.workers) return `${now}.`
  if (beyond === Infinity) return `${now}; nothing measured here says where more cores would stop helping.`
  return `${now}; by the fitted law, more cores would help up to ${words(beyond)}.`
}

/** Speed-up per added worker. */
const gain = (before: Row, after: Row): number =>
  (after.speedUp.value - before.speedUp.value) / (after.workers - before.workers)

/** The number of workers after which one more brings less than `WORTH` of a worker; Infinity where that is beyond 1,024. */
export function lastWorthwhile(law: Amdahl | Usl): number {
  const speedUp = (n: number) => predict(law, 1) / predict(law, n)
  for (let n = 1; n < 1024; n++) if (speedUp(n + 1) - speedUp(n) < WORTH) return n
  return Infinity
}

function warningsOf(measured: readonly Measured[], cores: number, strong: boolean): string[] {
  const warnings: string[] = []
  const noisy = measured.filter(
    ({ rounds }) => (quantile(rounds, 0.9) - quantile(rounds, 0.1)) / median(rounds) > NOISY,
  )
  if (noisy.length > 0) {
    const spread = noisy.map(({ workers, rounds }) => {
      const range = (quantile(rounds, 0.9) - quantile(rounds, 0.1)) / median(rounds)
      return `${workers}: ${Math.round(100 * range)} %`
    })
    warnings.push(
      `The machine is noisy: between rounds, 80 % of the step times lie within (workers: range) ${spread.join(', ')} of the median. ` +
        'Close what else runs, or raise --rounds.',
    )
  }
  const most = measured.at(-1)!.workers
  if (most > cores)
    warnings.push(`${most} workers share ${cores} cores: what lies beyond ${cores} is no measurement of scaling.`)
  if (cores < 4 && strong) {
    warnings.push(
      `${cores} cores are too few to tell the laws apart: the fit says what these ${measured.length} points say, and no more. ` +
        '`brigantine simulate` predicts from the pieces instead.',
    )
  }
  return warnings
}

export const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
