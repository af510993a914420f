/** From what was said of labelled runs to the figures: every share with its Wilson 95 % interval. */
import type { Assessment, Said } from './assess.ts'
import { OURS } from './assess.ts'
import { classes } from './case.ts'
import type { Case, Class } from './case.ts'
import { isFaulty } from './label.ts'
import type { Label } from './label.ts'
import { quantile } from '../statistics.ts'

export interface Share {
  readonly share: number
  readonly low: number
  readonly high: number
  readonly count: number
  readonly of: number
}

/** Wilson's score interval at 95 %. */
export function wilson(count: number, of: number): Share {
  if (of === 0) return { share: NaN, low: 0, high: 1, count, of }
  const z = 1.959964
  const p = count / of
  const centre = (p + z ** 2 / (2 * of)) / (1 + z ** 2 / of)
  const half = (z / (1 + z ** 2 / of)) * Math.sqrt((p * (1 - p)) / of + z ** 2 / (4 * of ** 2))
  return { share: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half), count, of }
}

/** A run whose own outcome is that of its label, with what is needed to judge what was said of it. */
export interface Run {
  readonly c: Case
  readonly assessment: Assessment
  readonly faulty: boolean
  /** What the twin explained with this seed. */
  readonly twin: number
}

export function scorable(
  assessments: readonly Assessment[],
  cases: ReadonlyMap<string, Case>,
  labels: Readonly<Record<string, Label>>,
): Run[] {
  return assessments.flatMap((assessment) => {
    const label = labels[assessment.id]
    const outcome = label?.outcomes.find(({ seed }) => seed === assessment.seed)
    if (!label || !outcome || label.label === 'latent') return []
    const faulty = label.label === 'faulty'
    if (faulty && !isFaulty(outcome)) return []
    return [{ c: cases.get(assessment.id)!, assessment, faulty, twin: outcome.twin }]
  })
}

export interface DetectorScore {
  readonly detector: string
  readonly recall: Share
  readonly precision: Share
  readonly f1: number
  /** Of the detected: the first alarm names the fault, or an accepted alternative. */
  readonly diagnosis: Share
  /** Runs raised on while nothing was wrong, per 10,000 such steps. */
  readonly falseAlarmsPer10k: number
  readonly healthyFlagged: Share
  /** Steps acted on in healthy runs, per 10,000. */
  readonly actsPer10k: number
  /** Steps from the fault to the first alarm; -1: before the first step. */
  readonly delay: { readonly median: number; readonly p95: number } | null
  readonly missed: readonly string[]
  readonly falselyFlagged: readonly string[]
  /** Found, under a name that is not accepted. */
  readonly misnamed: readonly string[]
}

const saidBy = ({ assessment }: Run, detector: string): Said =>
  assessment.said.find((each) => each.detector === detector)!

/** An alarm before the fault sets in is a false one. */
const isEarly = (c: Case, step: number): boolean => c.since > 0 && step < c.since

const named = ({ c, assessment }: Run) => `${c.id}#${assessment.seed}`

export function scoreDetector(runs: readonly Run[], detector: string): DetectorScore {
  const faulty = runs.filter((run) => run.faulty)
  const healthy = runs.filter((run) => !run.faulty)
  const first = (run: Run) => saidBy(run, detector).alarms.find(({ step }) => !isEarly(run.c, step))
  const detected = faulty.filter((run) => first(run) !== undefined)
  const early = faulty.filter((run) => saidBy(run, detector).alarms.some(({ step }) => isEarly(run.c, step)))
  const flagged = healthy.filter((run) => saidBy(run, detector).alarms.length > 0)
  const right = detected.filter((run) => run.c.classes.includes(first(run)!.class))
  const delays = detected.map((run) => Math.max(-1, first(run)!.step - run.c.since))
  const steps = healthy.reduce((sum, { c }) => sum + c.steps, 0) + faulty.reduce((sum, { c }) => sum + c.since, 0)
  const falseAlarms =
    flagged.reduce((sum, run) => sum + saidBy(run, detector).alarms.length, 0) +
    early.reduce((sum, run) => sum + saidBy(run, detector).alarms.filter(({ step }) => isEarly(run.c, step)).length, 0)
  const recall = wilson(detected.length, faulty.length)
  const precision = wilson(detected.length, detected.length + flagged.length + early.length)
  const acts = healthy.reduce((sum, run) => sum + saidBy(run, detector).acts, 0)
  return {
    detector,
    recall,
    precision,
    f1: (2 * recall.share * precision.share) / (recall.share + precision.share || 1) || 0,
    diagnosis: wilson(right.length, detected.length),
    falseAlarmsPer10k: (1e4 * falseAlarms) / steps,
    healthyFlagged: wilson(flagged.length, healthy.length),
    actsPer10k: (1e4 * acts) / healthy.reduce((sum, { c }) => sum + c.steps, 0),
    delay: delays.length > 0 ? { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) } : null,
    missed: faulty.filter((run) => first(run) === undefined).map(named),
    falselyFlagged: [...flagged, ...early].map((run) => `${named(run)} ${spoken(saidBy(run, detector).alarms[0]!)}`),
    misnamed: detected
      .filter((run) => !right.includes(run))
      .map((run) => `${named(run)} ${run.c.classes[0]!}: ${spoken(first(run)!)}`),
  }
}

const spoken = ({ code, class: is, step }: Said['alarms'][number]): string => `${code ?? is}@${step}`

/** Rows: the faults of the suite and `healthy`; columns: what was said first, or `nothing`. */
export function confusion(runs: readonly Run[], detector = OURS): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {}
  for (const run of runs) {
    const row = (counts[run.faulty ? run.c.classes[0]! : 'healthy'] ??= {})
    const column = saidBy(run, detector).alarms.find(({ step }) => !isEarly(run.c, step))?.class ?? 'nothing'
    row[column] = (row[column] ?? 0) + 1
  }
  return counts
}

/** By kind of fault: steps to the first alarm. */
export function delays(
  runs: readonly Run[],
  detector = OURS,
): { class: Class; median: number; p95: number; runs: number }[] {
  return classes.flatMap((wanted) => {
    const own = runs.flatMap((run) => {
      const first = saidBy(run, detector).alarms.find(({ step }) => !isEarly(run.c, step))
      return run.faulty && run.c.classes[0] === wanted && first ? [Math.max(-1, first.step - run.c.since)] : []
    })
    return own.length > 0
      ? [{ class: wanted, median: quantile(own, 0.5), p95: quantile(own, 0.95), runs: own.length }]
      : []
  })
}

export const isRepaired = ({ assessment: { repair }, twin }: Run): boolean =>
  repair.e >= 0.9 * twin && repair.cost <= 2 && repair.stopped === undefined

export interface RepairScore {
  readonly repaired: Share
  /** Of the repaired: steps over the budget. */
  readonly cost: { readonly median: number; readonly mean: number; readonly p95: number } | null
  /** Points of accuracy, over all faulty runs. */
  readonly gain: number
  readonly untouchedHealthy: Share
  readonly failed: readonly string[]
  readonly touched: readonly string[]
}

export function scoreRepair(runs: readonly Run[]): RepairScore {
  const faulty = runs.filter((run) => run.faulty)
  const healthy = runs.filter((run) => !run.faulty)
  const repaired = faulty.filter(isRepaired)
  const costs = repaired.map(({ assessment }) => assessment.repair.cost)
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
  const untouched = (run: Run) => saidBy(run, OURS).acts === 0
  return {
    repaired: wilson(repaired.length, faulty.length),
    cost: costs.length > 0 ? { median: quantile(costs, 0.5), mean: mean(costs), p95: quantile(costs, 0.95) } : null,
    gain: 100 * mean(faulty.map(({ assessment }) => assessment.repair.accuracy - assessment.accuracy)),
    untouchedHealthy: wilson(healthy.filter(untouched).length, healthy.length),
    failed: faulty.filter((run) => !isRepaired(run)).map(named),
    touched: healthy.filter((run) => !untouched(run)).map(named),
  }
}
