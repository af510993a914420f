/** The scaling figures at a glance: speed-up beside the ideal, and where the workers' time goes; one page of all. */
import { barChart, lineChart, picture, styleSheet, WIDTH } from '../../src/chart/index.ts'
import type { Drawing, Series } from '../../src/chart/index.ts'
import { escapeText } from '../../src/chart/svg.ts'
import { figure } from './figures.ts'
import type { Row, Scaling } from './figures.ts'
import { predict } from './laws.ts'
import { printScaling } from './print.ts'

/** Charts share their left edge, so that the eye goes straight down. */
const LEFT = 64

export function scalingPicture(scaling: Scaling): string {
  const { workload, mode, advice, kernels } = scaling
  const title = `${mode === 'strong' ? 'Strong' : 'Weak'} scaling of ${workload}, kernels ${kernels}`
  return picture([speedUp(scaling), shares(scaling.rows)], { title, subtitle: advice })
}

/** Speed-up by workers: the ideal is one core's worth from each. */
function speedUp({ rows, usl, amdahl }: Scaling): Drawing {
  const most = Math.max(2, rows.at(-1)!.workers)
  const law = usl ?? amdahl
  const between = Array.from({ length: 101 }, (_, i) => 1 + ((most - 1) * i) / 100)
  const fitted: Series[] = law
    ? [
        {
          name: usl ? 'scalability law, fitted' : "Amdahl's law, fitted",
          colour: 'sky',
          dashed: true,
          x: between,
          y: between.map((n) => predict(law, 1) / predict(law, n)),
        },
      ]
    : []
  const measured: Series = {
    name: 'measured, and its interval',
    colour: 'blue',
    dots: true,
    x: rows.map(({ workers }) => workers),
    y: rows.map((row) => row.speedUp.value),
    low: rows.map((row) => row.speedUp.low),
    high: rows.map((row) => row.speedUp.high),
  }
  return lineChart({
    title: 'Speed-up',
    description: `${rows.map((row) => `${row.workers} workers: ${figure(row.speedUp.value)}`).join('; ')}.`,
    x: { label: 'workers', whole: true },
    y: {
      label: 'times as fast as one worker',
      range: [0, 1.03 * Math.max(most, ...rows.map((row) => row.speedUp.high))],
    },
    series: [{ name: 'ideal', colour: 'grey', dashed: true, x: [1, most], y: [1, most] }, ...fitted, measured],
    height: 300,
    left: LEFT,
  })
}

/** One bar per number of workers, cut by what its time went into. */
function shares(rows: readonly Row[]): Drawing {
  const parts = [
    ['compute', 'computing', 'blue'],
    ['wait', 'waiting', 'grey'],
    ['serial', 'sequential', 'red'],
  ] as const
  const percent = (share: number) => `${Math.round(100 * share)} %`
  return barChart({
    title: "The workers' time, by number of workers",
    description: `${rows.map((row) => `${row.workers} workers: ${percent(row.compute)} computing`).join('; ')}.`,
    x: { range: [0, 1], text: percent },
    keys: parts.map(([, name, colour]) => ({ name, colour, shape: 'box' })),
    bars: rows.map((row) => ({
      name: String(row.workers),
      parts: parts.map(([key, name, colour]) => ({ value: row[key], colour, text: `${name}: ${percent(row[key])}` })),
      note: percent(row.compute),
    })),
    left: LEFT,
  })
}

/** Opens without a server: the pictures, and below each one the figures as text. */
export function scalingPage(results: readonly Scaling[], about: string): string {
  const parts = results.map((result) => `${scalingPicture(result)}<pre>${escapeText(printScaling(result))}</pre>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Scaling of ${escapeText(results[0]?.workload ?? '')}</title>
<style>
${styleSheet()}
:root { color-scheme: light dark }
body { margin: 2rem auto; max-width: ${WIDTH + 48}px; padding: 0 1rem; font: 15px/1.5 Inter, 'Helvetica Neue', Arial, sans-serif }
svg { max-width: 100%; height: auto; border-radius: 8px }
pre { overflow-x: auto; padding: 1rem; background: light-dark(#f5f7f9, #1a222b); border-radius: 8px; font-size: 12.5px }
</style>
<h1>How training scales here</h1>
<pre>${escapeText(about)}</pre>
${parts.join('\n')}
</html>
`
}
