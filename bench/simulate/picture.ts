/** The prediction at a glance: speed-up beside the ideal and what was measured, and what holds each number of workers back. */
import { barChart, lineChart, picture } from '../../src/chart/index.ts'
import type { Drawing, Series } from '../../src/chart/index.ts'
import { figure } from '../scaling/figures.ts'
import type { Simulation } from './run.ts'

/** Charts share their left edge. */
const LEFT = 64

export function simulationPicture(simulation: Simulation): string {
  const { workload, kernels, assumptions, predicted } = simulation
  const { cores, machines } = assumptions
  const last = predicted.at(-1)!
  const title = `${workload} on more workers, kernels ${kernels}${machines > 1 ? `, ${machines} machines` : ''}`
  const subtitle =
    `Replayed from pieces measured on ${cores} cores; more than ${cores} workers is extrapolated. ` +
    `${last.workers} workers: ${figure(last.speedUp)} times as fast.`
  return picture([speedUp(simulation), efficiency(simulation)], { title, subtitle })
}

function speedUp({ predicted, measured }: Simulation): Drawing {
  const most = Math.max(2, predicted.at(-1)!.workers)
  const alone = measured.get(1)
  const seen = alone === undefined ? [] : [...measured].map(([workers, micros]) => [workers, alone / micros] as const)
  const series: Series[] = [
    { name: 'ideal', colour: 'grey', dashed: true, x: [1, most], y: [1, most] },
    {
      name: 'predicted',
      colour: 'sky',
      dots: true,
      x: predicted.map(({ workers }) => workers),
      y: predicted.map((one) => one.speedUp),
    },
    { name: 'measured', colour: 'red', dots: true, x: seen.map(([n]) => n), y: seen.map(([, times]) => times) },
  ]
  return lineChart({
    title: 'Speed-up',
    description: `${predicted.map((one) => `${one.workers} workers: ${figure(one.speedUp)}`).join('; ')}.`,
    x: { label: 'workers', kind: 'log', range: [1, most] },
    y: { label: 'times as fast as one worker', kind: 'log', range: [0.9, most * 1.1] },
    series: seen.length > 0 ? series : series.slice(0, 2),
    height: 300,
    left: LEFT,
  })
}

/** One bar per number of workers: what they get done of what they could, and the phase that loses most. */
function efficiency({ predicted }: Simulation): Drawing {
  const percent = (share: number) => `${Math.round(100 * share)} %`
  return barChart({
    title: 'Efficiency, and the phase in which most is lost',
    description: `${predicted.map((one) => `${one.workers} workers: ${percent(one.efficiency)}`).join('; ')}.`,
    x: { range: [0, 1], text: percent },
    keys: [{ name: 'of the ideal speed-up', colour: 'blue', shape: 'box' }],
    bars: predicted.map(({ workers, efficiency, limit }) => ({
      name: String(workers),
      parts: [{ value: Math.min(1, efficiency), colour: 'blue', text: percent(efficiency) }],
      note: `${percent(efficiency)}${workers > 1 ? `, ${limit.phase}` : ''}`,
    })),
    left: LEFT,
  })
}
