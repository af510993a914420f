/** A confusion matrix for people: a table while it fits a terminal, else the mistakes that are made most often. */
import type { ConfusionMatrix } from '../model/metrics/confusion.ts'
import { formatCount, formatPercent } from './format.ts'
import { table } from './table.ts'

const WIDEST_TABLE = 110
const MOST_MISTAKES = 10

export function confusionText({ classes, ...rest }: ConfusionMatrix): string {
  const matrix = { ...rest, classes: classes.map(nameText) }
  const full = asTable(matrix)
  if (Math.max(...full.split('\n').map((line) => line.length)) <= WIDEST_TABLE) return full
  return `Confused most often:\n${asMistakes(matrix)}`
}

/** Classes of a text are characters: a line's end would break the table, and a space would not be seen. */
const nameText = (name: string): string => (/^\s*$|[\p{Cc}]/u.test(name) ? JSON.stringify(name) : name)

function asTable({ classes, counts, undecided }: ConfusionMatrix): string {
  const lost = undecided.some((rows) => rows > 0)
  const shown = (count: number) => (count > 0 ? formatCount(count) : '.')
  const rows = counts.map((row, t) => {
    const all = sum(row) + undecided[t]!
    return [classes[t]!, ...row.map(shown), ...(lost ? [shown(undecided[t]!)] : []), share(row[t]!, all)]
  })
  const precision = classes.map((_, p) => share(counts[p]![p]!, sum(counts.map((row) => row[p]!))))
  const header = ['true \\ predicted', ...classes, ...(lost ? ['none'] : []), 'recall']
  return table([...rows, ['precision', ...precision]], { header, right: header.map((_, i) => i).slice(1) })
}

/** A line for each pair: true class, what it was taken for, how often. */
function asMistakes({ classes, counts }: ConfusionMatrix): string {
  const mistakes = counts.flatMap((row, t) =>
    row.flatMap((count, p) => (t !== p && count > 0 ? [{ t, p, count, part: count / sum(row) }] : [])),
  )
  mistakes.sort((a, b) => b.count - a.count || a.t - b.t || a.p - b.p)
  if (mistakes.length === 0) return '  none'
  const rows = mistakes
    .slice(0, MOST_MISTAKES)
    .map(({ t, p, count, part }) => [classes[t]!, 'taken for', classes[p]!, formatCount(count), formatPercent(part)])
  return table(rows, { right: [3, 4], indent: '  ' })
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
/** Of a class that is nowhere, nothing can be said. */
const share = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '-')
