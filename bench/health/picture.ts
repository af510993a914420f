/** Detectors side by side as an SVG picture: recall, precision, what they say of healthy runs, and how soon. */
import { barChart, matrix, picture } from '../../src/chart/index.ts'
import type { Drawing } from '../../src/chart/index.ts'
import { OURS } from './assess.ts'
import { classes } from './case.ts'
import type { DetectorScore, Share } from './score.ts'

export function drawDetectors(scores: readonly DetectorScore[], subtitle: string): string {
  const shares = (title: string, description: string, of: (score: DetectorScore) => Share): Drawing =>
    barChart({
      title,
      description,
      left: 210,
      x: { label: '%, with its 95 % interval', range: [0, 100] },
      bars: scores.map((score) => {
        const { share, low, high, count, of: total } = of(score)
        const isOurs = score.detector === OURS
        return {
          name: score.detector,
          bold: isOurs,
          parts: [{ value: 100 * (share || 0), colour: isOurs ? 'blue' : 'grey' }],
          interval: [100 * low, 100 * high],
          note: `${count} of ${total}`,
        }
      }),
    })
  return picture(
    [
      shares('Faulty runs that are found', 'Recall by detector.', ({ recall }) => recall),
      shares('Alarms that are right', 'Precision by detector.', ({ precision }) => precision),
      shares('Found faults that are named rightly', 'Diagnosis by detector.', ({ diagnosis }) => diagnosis),
      shares(
        'Healthy runs that are called faulty',
        'False alarms by detector.',
        ({ healthyFlagged }) => healthyFlagged,
      ),
    ],
    { title: 'Gradient health: who finds what', subtitle },
  )
}

/** @param counts as `confusion` makes them */
export function drawConfusion(counts: Record<string, Record<string, number>>, subtitle: string): string {
  const columns = [...classes, 'nothing']
  const rows = [...classes, 'healthy'].filter((row) => counts[row])
  const colour = (row: number, column: number) => {
    const isFaulty = rows[row] !== 'healthy'
    if (rows[row] === columns[column]) return 'blue'
    return isFaulty === (columns[column] === 'nothing') ? 'red' : isFaulty ? 'sky' : 'blue'
  }
  const drawing = matrix({
    title: 'What was said of what',
    description: 'Rows: the fault that was put in; columns: the first verdict.',
    rows,
    columns,
    counts: rows.map((row) => columns.map((column) => counts[row]![column] ?? 0)),
    colour,
    unit: 'runs; rows: the fault, columns: the first verdict; red: missed, or flagged though healthy',
  })
  return picture([drawing], { title: 'Confusion matrix', subtitle })
}
