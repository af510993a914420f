/**
 * Two laws of scaling, fitted to step times, with confidence intervals.
 *
 * Amdahl (1967): T(n) = T1 ((1 - serial) / n + serial).
 * Gunther's Universal Scalability Law ("Guerrilla capacity planning", 2007), as a time:
 * T(n) = T1 (1 / n + contention (n - 1) / n + coherence (n - 1)).
 *
 * Both are linear in their unknowns, the first positive, the others not negative: least squares of the relative errors
 * for every subset that may be 0, the best that obeys. Intervals by bootstrap over the rounds of measuring.
 */
import { uniformAt } from '../../src/random/normal.ts'
import { median, quantile } from '../statistics.ts'

/** Step times in microseconds: `rounds[r]` is the r-th round's for `workers` workers. */
export interface Timed {
  readonly workers: number
  readonly rounds: readonly number[]
}

export interface Estimate {
  readonly value: number
  /** 95 %. */
  readonly low: number
  readonly high: number
}

export interface Amdahl {
  readonly law: 'amdahl'
  readonly t1: number
  /** Share of the time of one worker that no worker can take over. */
  readonly serial: Estimate
  /** Largest speed-up that any number of workers can have: 1 / serial. */
  readonly limit: number
}

export interface Usl {
  readonly law: 'usl'
  readonly t1: number
  readonly contention: Estimate
  readonly coherence: Estimate
  /** Number of workers with the least time: sqrt((1 - contention) / coherence); Infinity without coherence. */
  readonly peak: number
}

/** What the workers share out, and what all but one wait for: Amdahl's law is T1 shared + T1 serial alone. */
const shared = (n: number): number => 1 / n
const alone = (n: number): number => (n - 1) / n

const RESAMPLES = 1000

/** @returns undefined where fewer than two numbers of workers were timed */
export function fitAmdahl(timed: readonly Timed[]): Amdahl | undefined {
  const fit = (sample: readonly Timed[]) => {
    const [t1, s] = leastSquares(sample, [shared, alone])
    return { t1: t1!, shares: [Math.min(1, s! / t1!)] }
  }
  if (timed.length < 2) return undefined
  const [serial] = estimates(timed, fit)
  return { law: 'amdahl', t1: fit(timed).t1, serial: serial!, limit: 1 / serial!.value }
}

/** @returns undefined where fewer than three numbers of workers were timed: there are three unknowns */
export function fitUsl(timed: readonly Timed[]): Usl | undefined {
  const fit = (sample: readonly Timed[]) => {
    const [t1, s, k] = leastSquares(sample, [shared, alone, (n) => n - 1])
    return { t1: t1!, shares: [s! / t1!, k! / t1!] }
  }
  if (timed.length < 3) return undefined
  const [contention, coherence] = estimates(timed, fit)
  const peak = coherence!.value > 0 ? Math.sqrt(Math.max(0, 1 - contention!.value) / coherence!.value) : Infinity
  return { law: 'usl', t1: fit(timed).t1, contention: contention!, coherence: coherence!, peak: Math.max(1, peak) }
}

/** Microseconds of a step with n workers. */
export function predict(law: Amdahl | Usl, n: number): number {
  if (law.law === 'amdahl') return law.t1 * ((1 - law.serial.value) / n + law.serial.value)
  return law.t1 * (1 / n + (law.contention.value * (n - 1)) / n + law.coherence.value * (n - 1))
}

/** Median and 95 % interval of the median over rounds, by bootstrap; `statistic` may be of several rows at once. */
export function bootstrap(
  timed: readonly Timed[],
  statistic: (medians: readonly number[]) => readonly number[],
): Estimate[] {
  const ofMedians = (sample: readonly Timed[]) => statistic(sample.map(({ rounds }) => median(rounds)))
  return intervals(timed, ofMedians)
}

function estimates(
  timed: readonly Timed[],
  fit: (sample: readonly Timed[]) => { shares: readonly number[] },
): Estimate[] {
  return intervals(timed, (sample) => fit(sample).shares)
}

function intervals(timed: readonly Timed[], statistic: (sample: readonly Timed[]) => readonly number[]): Estimate[] {
  const values = statistic(timed)
  const resampled = Array.from({ length: RESAMPLES }, (_, i) => statistic(resample(timed, i)))
  return values.map((value, j) => {
    const column = resampled.map((row) => row[j]!).filter(Number.isFinite)
    return { value, low: quantile(column, 0.025), high: quantile(column, 0.975) }
  })
}

/** Rounds drawn with replacement, the same ones for every number of workers: they were timed in turn. */
function resample(timed: readonly Timed[], draw: number): Timed[] {
  const count = Math.min(...timed.map(({ rounds }) => rounds.length))
  const drawn = Array.from({ length: count }, (_, i) => Math.floor(uniformAt(7, draw, i) * count))
  return timed.map(({ workers, rounds }) => ({ workers, rounds: drawn.map((r) => rounds[r]!) }))
}

/** Coefficients >= 0 of sum c_j basis_j(n) = median time of n, relative errors squared. */
function leastSquares(timed: readonly Timed[], basis: readonly ((n: number) => number)[]): number[] {
  const times = timed.map(({ rounds }) => median(rounds))
  const rows = timed.map(({ workers }, i) => basis.map((f) => f(workers) / times[i]!))
  let best: { error: number; solution: number[] } | undefined
  for (let others = 0; others < 1 << (basis.length - 1); others++) {
    const chosen = basis.map((_, j) => j).filter((j) => j === 0 || (others >> (j - 1)) & 1)
    const part = solve(rows.map((row) => chosen.map((j) => row[j]!)))
    // The first unknown is, or holds, the time of one worker: never 0.
    if (!part || part.some((c, j) => !(j === 0 ? c > 0 : c >= 0))) continue
    const solution = basis.map((_, j) => (chosen.includes(j) ? part[chosen.indexOf(j)]! : 0))
    const error = rows.reduce((sum, row) => sum + (row.reduce((s, x, j) => s + x * solution[j]!, 0) - 1) ** 2, 0)
    if (!best || error < best.error - 1e-12) best = { error, solution }
  }
  if (!best) throw new Error('internal: step times are positive, so that one unknown alone has a solution')
  return best.solution
}

/** Least squares of rows x = 1 by the normal equations; undefined where they are singular. */
function solve(rows: readonly (readonly number[])[]): number[] | undefined {
  const size = rows[0]!.length
  const system = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row) => sum + row[i]!, 0),
  ])
  for (let i = 0; i < size; i++) {
    const pivot = system
      .slice(i)
      .reduce((best, row, at) => (Math.abs(row[i]!) > Math.abs(system[best]![i]!) ? i + at : best), i)
    ;[system[i], system[pivot]] = [system[pivot]!, system[i]!]
    const lead = system[i]![i]!
    if (Math.abs(lead) < 1e-12 * Math.abs(system[i]!.reduce((a, b) => Math.max(a, Math.abs(b)), 0)) || lead === 0)
      return undefined
    for (let k = 0; k < size; k++) {
      if (k === i) continue
      const factor = system[k]![i]! / lead
      for (let j = i; j <= size; j++) system[k]![j]! -= factor * system[i]![j]!
    }
  }
  return system.map((row, i) => row[size]! / row[i]!)
}
