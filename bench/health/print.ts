/** The benchmark's figures as text. */
import { table } from '../../src/report/table.ts'
import { classes } from './case.ts'
import type { DataName } from './data.ts'
import type { Overhead } from './overhead.ts'
import { isRepaired } from './score.ts'
import type { ClassScore, DetectorScore, RepairScore, Run, Share } from './score.ts'

const percent = ({ share, low, high }: Share): string =>
  Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)} [${(100 * low).toFixed(0)}, ${(100 * high).toFixed(0)}]`

const perTenThousand = (value: number): string => (Number.isFinite(value) ? value.toFixed(1) : '-')

const steps = (value: number): string => (value < 0 ? 'before' : value.toFixed(0))

export function detectorsTable(scores: readonly DetectorScore[]): string {
  const header = [
    '',
    'recall %',
    'precision %',
    'F1',
    'diagnosis %',
    'false alarms',
    'healthy flagged %',
    'acts',
    'before %',
    'delay',
    'p95',
  ]
  const rows = scores.map((s) => [
    s.detector,
    percent(s.recall),
    percent(s.precision),
    s.f1.toFixed(3),
    percent(s.diagnosis),
    perTenThousand(s.falseAlarmsPer10k),
    percent(s.healthyFlagged),
    perTenThousand(s.actsPer10k),
    percent(s.before),
    s.delay ? steps(s.delay.median) : '-',
    s.delay ? steps(s.delay.p95) : '-',
  ])
  return (
    `${table(rows, { header, right: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] })}\n\n` +
    '[..]: Wilson 95 % interval, by configuration. False alarms and acts (skips, clips): per 10,000 healthy steps. ' +
    'Before: found before the first update, of what is faulty from the start.\nDelay: steps from the fault to the first ' +
    'alarm, median and 95th percentile of the detected.'
  )
}

export function confusionTable(counts: Record<string, Record<string, number>>): string {
  const columns = [...classes, 'nothing']
  const rows = [...classes, 'healthy']
    .filter((row) => counts[row])
    .map((row) => [row, ...columns.map((column) => String(counts[row]![column] ?? '.'))])
  return table(rows, { header: ['fault \\ said', ...columns], right: columns.map((_, i) => i + 1) })
}

/** Our own detector by kind of fault. */
export function classesTable(scores: readonly ClassScore[]): string {
  const rows = scores.map(({ class: name, runs, found, named, said, right, delay }) => [
    name,
    String(runs),
    String(found),
    String(named),
    `${right} of ${said}`,
    delay ? steps(delay.median) : '-',
    delay ? steps(delay.p95) : '-',
  ])
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const recall = mean(scores.filter(({ runs }) => runs > 0).map(({ runs, found }) => found / runs))
  const precision = mean(scores.filter(({ said }) => said > 0).map(({ said, right }) => right / said))
  const header = ['fault', 'runs', 'found', 'named rightly', 'said rightly', 'delay', 'p95']
  return (
    `${table(rows, { header, right: [1, 2, 3, 4, 5, 6] })}\n\n` +
    `macro: recall ${(100 * recall).toFixed(1)} %, precision of the names ${(100 * precision).toFixed(1)} %`
  )
}

/** In the shape of AutoTrainer's tables: by data set, then by problem and what mended it. */
const signed = (value: number): string => (Number.isFinite(value) ? `${value >= 0 ? '+' : ''}${value.toFixed(1)}` : '-')

export function repairTables(runs: readonly Run[], score: RepairScore): string {
  const names = [...new Set(runs.map(({ c }) => c.data))]
  const byData = names.map((name) =>
    dataRow(
      name,
      runs.filter(({ c }) => c.data === name),
    ),
  )
  const header = ['data', 'repaired/failed/normal', 'problems', 'original', 'with tool', 'improved', 'time']
  const cost = score.cost
    ? `${score.cost.median.toFixed(2)} median, ${score.cost.mean.toFixed(2)} mean, ${score.cost.p95.toFixed(2)} p95`
    : '-'
  return [
    table([...byData, dataRow('all', runs)], { header, right: [1, 2, 3, 4, 5, 6] }),
    solutionsTable(runs),
    `repaired ${percent(score.repaired)} %, steps over budget of the repaired ${cost}, accuracy ` +
      `${signed(score.gain)} points; healthy runs left alone ${percent(score.untouchedHealthy)} %` +
      (score.healthy
        ? `,\nexplained fraction of healthy runs with repair on less without: mean ${score.healthy.mean.toFixed(4)}, ` +
          `least ${score.healthy.worst.toFixed(4)}`
        : ''),
  ].join('\n\n')
}

function dataRow(name: DataName | 'all', runs: readonly Run[]): string[] {
  const faulty = runs.filter((run) => run.faulty)
  const repaired = faulty.filter(isRepaired)
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / (values.length || 1)
  const original = 100 * mean(faulty.map(({ assessment }) => assessment.accuracy))
  const tool = 100 * mean(faulty.map(({ assessment }) => assessment.repair.accuracy))
  const time = mean(repaired.map(({ assessment }) => assessment.repair.cost))
  return [
    name,
    `${repaired.length}/${faulty.length - repaired.length}/${runs.length - faulty.length}`,
    String(faulty.length),
    original.toFixed(2),
    tool.toFixed(2),
    (tool - original).toFixed(2),
    repaired.length > 0 ? time.toFixed(2) : '-',
  ]
}

function solutionsTable(runs: readonly Run[]): string {
  const counts: Record<string, Record<string, number>> = {}
  for (const run of runs.filter((each) => each.faulty && isRepaired(each))) {
    const row = (counts[run.c.classes[0]!] ??= {})
    const remedies = run.assessment.repair.actions.map(({ remedy }) => remedy)
    for (const remedy of remedies.length > 0 ? new Set(remedies) : ['skip']) row[remedy] = (row[remedy] ?? 0) + 1
  }
  const solutions = [...new Set(Object.values(counts).flatMap((row) => Object.keys(row)))].sort()
  const rows = classes
    .filter((name) => counts[name])
    .map((name) => [name, ...solutions.map((solution) => String(counts[name]![solution] ?? '.'))])
  return table(rows, { header: ['problem \\ solution', ...solutions], right: solutions.map((_, i) => i + 1) })
}

export function overheadTable(found: readonly Overhead[]): string {
  const rows = found.map(({ parameters, workers, off, on, percent: { median, low, high } }) => [
    parameters.toLocaleString('en'),
    String(workers),
    off.toFixed(2),
    on.toFixed(2),
    `${median.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}]`,
  ])
  const header = ['parameters', 'workers', 'off, us', 'detector, us', 'overhead %']
  return (
    `${table(rows, { header, right: [0, 1, 2, 3, 4] })}\n\n` +
    `Microseconds per step; overhead: median of ${found[0]?.pairs ?? 0} pairs with its 95 % interval.`
  )
}
