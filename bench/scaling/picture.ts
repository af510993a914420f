/** The scaling figures at a glance: speed-up beside the ideal, and where the workers' time goes; one page of all. */
import {
  ALARM,
  INK,
  LINE,
  OTHER,
  OURS,
  OURS_LIGHT,
  QUIET,
  dot,
  escapeXml,
  line,
  picture,
  polyline,
  rect,
  text,
} from '../svg.ts'
import { figure } from './figures.ts'
import type { Row, Scaling } from './figures.ts'
import { predict } from './laws.ts'
import { printScaling } from './print.ts'

const WIDTH = 940
const HEIGHT = 430
const TOP = 96
const BOTTOM = HEIGHT - 56
/** Left edges and widths of the two panels. */
const CURVE = { left: 64, width: 420 }
const BARS = { left: 556, width: 350 }

export function scalingPicture(scaling: Scaling): string {
  const { workload, mode, advice, kernels } = scaling
  const title = `${mode === 'strong' ? 'Strong' : 'Weak'} scaling of ${workload}, kernels ${kernels}`
  return picture(WIDTH, HEIGHT, `${title}. ${advice}`, [
    text(24, 34, title, { size: 19, bold: true }),
    text(24, 56, advice, { size: 12.5, fill: INK }),
    ...speedUp(scaling),
    ...shares(scaling.rows),
  ])
}

/** Speed-up by workers on equal scales: the diagonal is ideal. */
function speedUp({ rows, usl, amdahl }: Scaling): string[] {
  const most = rows.at(-1)!.workers
  const x = (n: number) => CURVE.left + (CURVE.width * (n - 1)) / Math.max(1, most - 1)
  const y = (s: number) => BOTTOM - ((BOTTOM - TOP) * s) / most
  const law = usl ?? amdahl
  const between = Array.from({ length: 101 }, (_, i) => 1 + ((most - 1) * i) / 100)
  const ticks = niceTicks(most)
  const fitted = law
    ? [
        polyline(
          between.map((n) => [x(n), y(predict(law, 1) / predict(law, n))]),
          OURS_LIGHT,
          ' stroke-width="1.5" stroke-dasharray="2 4"',
        ),
      ]
    : []
  return [
    text(CURVE.left, TOP - 12, 'times as fast as one worker', { size: 11, fill: QUIET }),
    ...ticks.flatMap((n) => [
      line(CURVE.left, y(n), CURVE.left + CURVE.width, y(n)),
      text(CURVE.left - 10, y(n) + 4, String(n), { size: 11, fill: QUIET, anchor: 'end' }),
    ]),
    ...rows.map(({ workers }) =>
      text(x(workers), BOTTOM + 18, String(workers), { size: 11, fill: QUIET, anchor: 'middle' }),
    ),
    text(CURVE.left + CURVE.width / 2, BOTTOM + 38, 'workers', { size: 11, fill: QUIET, anchor: 'middle' }),
    line(x(1), y(1), x(most), y(most), OTHER, ' stroke-width="1.5" stroke-dasharray="6 4"'),
    text(x(most) - 8, y(most) + 4, 'ideal', { size: 11, fill: QUIET, anchor: 'end' }),
    ...fitted,
    polyline(
      rows.map((row) => [x(row.workers), y(row.speedUp.value)]),
      OURS,
      ' stroke-width="2.5"',
    ),
    ...rows.flatMap(({ workers, speedUp: { value, low, high } }) => [
      line(x(workers), y(low), x(workers), y(high), OURS, ' stroke-width="1.5"'),
      dot(x(workers), y(value), 4, OURS),
      text(x(workers) + (workers === 1 ? 10 : -10), y(value) + (workers === 1 ? -8 : 18), figure(value), {
        size: 11.5,
        bold: true,
        anchor: workers === 1 ? 'start' : 'end',
      }),
    ]),
  ]
}

/** One bar per number of workers, cut by what its time went into. */
function shares(rows: readonly Row[]): string[] {
  const parts = [
    ['compute', 'computing', OURS],
    ['wait', 'waiting', OTHER],
    ['serial', 'sequential', ALARM],
  ] as const
  const step = (BOTTOM - TOP) / rows.length
  const height = Math.min(34, 0.64 * step)
  const legend = parts.flatMap(([, name, fill], i) => [
    rect(BARS.left + 104 * i, TOP - 21, 10, 10, fill, ' rx="2"'),
    text(BARS.left + 104 * i + 15, TOP - 12, name, { size: 11, fill: QUIET }),
  ])
  const bars = rows.flatMap((row, i) => {
    const top = TOP + i * step + (step - height) / 2
    let from = BARS.left
    const cut = parts.map(([key, , fill]) => {
      const width = row[key] * BARS.width
      from += width
      return rect(from - width, top, width, height, fill)
    })
    const inside =
      row.compute > 0.2
        ? [
            text(BARS.left + 10, top + height / 2 + 4, `${Math.round(100 * row.compute)} %`, {
              size: 11,
              fill: '#ffffff',
              bold: true,
            }),
          ]
        : []
    return [
      text(BARS.left - 10, top + height / 2 + 4, String(row.workers), { size: 11, fill: QUIET, anchor: 'end' }),
      ...cut,
      ...inside,
    ]
  })
  return [
    ...legend,
    ...bars,
    line(BARS.left, TOP, BARS.left, BOTTOM, LINE),
    text(BARS.left + BARS.width / 2, BOTTOM + 38, "the workers' time, by number of workers", {
      size: 11,
      fill: QUIET,
      anchor: 'middle',
    }),
  ]
}

function niceTicks(most: number): number[] {
  const step = [1, 2, 4, 8, 16, 32, 64].find((s) => most / s <= 8) ?? 128
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step)
}

/** Opens without a server: the pictures, and below each one the figures as text. */
export function scalingPage(results: readonly Scaling[], about: string): string {
  const parts = results.map((result) => `${scalingPicture(result)}<pre>${escapeXml(printScaling(result))}</pre>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Scaling of ${escapeXml(results[0]?.workload ?? '')}</title>
<style>
body { margin: 2rem auto; max-width: 940px; padding: 0 1rem; color: ${INK}; background: #fff; font: 15px/1.5 Inter, 'Helvetica Neue', Arial, sans-serif }
svg { max-width: 100%; height: auto; border: 1px solid ${LINE}; border-radius: 8px }
pre { overflow-x: auto; padding: 1rem; background: #f5f7f9; border-radius: 8px; font-size: 12.5px }
</style>
<h1>How training scales here</h1>
<pre>${escapeXml(about)}</pre>
${parts.join('\n')}
</html>
`
}
