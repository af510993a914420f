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

/**
 * Wilson's score interval at 95 %.
 *
 * @param each runs that are of one configuration: seeds differ little, so that `of / each` is what the interval rests on
 */
export function wilson(count: number, of: number, each = 1): Share {
  if (of === 0) return { share: NaN, low: 0, high: 1, count, of }
  const z = 1.959964
  const p = count / of
  const n = of / each
  const centre = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))
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

const seedsOf = (runs: readonly Run[]): number => runs.length / (new Set(runs.map(({ c }) => c.id)).size || 1)

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
  /** Of the runs that are faulty from the start: those found before the first update. */
  readonly before: Share
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
  const each = seedsOf(runs)
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
  const recall = wilson(detected.length, faulty.length, each)
  const precision = wilson(detected.length, detected.length + flagged.length + early.length, each)
  const acts = healthy.reduce((sum, run) => sum + saidBy(run, detector).acts, 0)
  return {
    detector,
    recall,
    precision,
    f1: (2 * recall.share * precision.share) / (recall.share + precision.share || 1) || 0,
    diagnosis: wilson(right.length, detected.length, each),
    falseAlarmsPer10k: (1e4 * falseAlarms) / steps,
    healthyFlagged: wilson(flagged.length, healthy.length, each),
    actsPer10k: (1e4 * acts) / healthy.reduce((sum, { c }) => sum + c.steps, 0),
    delay: delays.length > 0 ? { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) } : null,
    before: wilson(
      detected.filter((run) => run.c.since === 0 && first(run)!.step < 0).length,
      faulty.filter(({ c }) => c.since === 0).length,
      each,
    ),
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

export interface ClassScore {
  readonly class: Class
  readonly runs: number
  readonly found: number
  /** Found under an accepted name. */
  readonly named: number
  /** Alarms of this name on any run, and those of them that are right. */
  readonly said: number
  readonly right: number
  readonly delay: { readonly median: number; readonly p95: number } | null
}

/** By kind of fault. */
export function scoreClasses(runs: readonly Run[], detector = OURS): ClassScore[] {
  const first = (run: Run) => saidBy(run, detector).alarms.find(({ step }) => !isEarly(run.c, step))
  const isRight = (run: Run) => run.faulty && run.c.classes.includes(first(run)!.class)
  return classes.flatMap((wanted) => {
    const own = runs.filter((run) => run.faulty && run.c.classes[0] === wanted)
    const found = own.filter((run) => first(run) !== undefined)
    const said = runs.filter((run) => first(run)?.class === wanted)
    if (own.length + said.length === 0) return []
    const delays = found.map((run) => Math.max(-1, first(run)!.step - run.c.since))
    return [
      {
        class: wanted,
        runs: own.length,
        found: found.length,
        named: found.filter(isRight).length,
        said: said.length,
        right: said.filter(isRight).length,
        delay: delays.length > 0 ? { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) } : null,
      },
    ]
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
  /** What healthy runs explain with repair on, less what they explain without: mean, and the worst of them. */
  readonly healthy: { readonly mean: number; readonly worst: number } | null
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
  const changes = healthy.map(({ assessment }) => assessment.repair.e - assessment.e)
  const each = seedsOf(runs)
  const untouched = (run: Run) => saidBy(run, OURS).acts === 0
  return {
    repaired: wilson(repaired.length, faulty.length, each),
    cost: costs.length > 0 ? { median: quantile(costs, 0.5), mean: mean(costs), p95: quantile(costs, 0.95) } : null,
    gain: 100 * mean(faulty.map(({ assessment }) => assessment.repair.accuracy - assessment.accuracy)),
    healthy: changes.length > 0 ? { mean: mean(changes), worst: Math.min(...changes) } : null,
    untouchedHealthy: wilson(healthy.filter(untouched).length, healthy.length, each),
    failed: faulty.filter((run) => !isRepaired(run)).map(named),
    touched: healthy.filter((run) => !untouched(run)).map(named),
  }
}
