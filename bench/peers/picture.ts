/** The matches as an SVG picture: one panel per workload, one bar per contestant, step time on a log scale. */
import { barChart, picture } from '../../src/chart/index.ts'
import type { Drawing, SeriesColour } from '../../src/chart/index.ts'
import type { Result } from './match.ts'
import { figure, times } from './print.ts'
import { best } from './ratios.ts'

export interface Panel {
  readonly workload: string
  readonly results: readonly Result[]
}

const LEFT = 210
const TEAMS: Readonly<Record<string, SeriesColour>> = { 'ours blas': 'blue', 'ours wasm': 'sky' }

export function drawPicture(panels: readonly Panel[], subtitle: string): string {
  return picture(panels.map(drawPanel), { title: 'Time of a training step: shorter is faster', subtitle })
}

/** Fastest first; those without times are in the table. */
const shown = ({ results }: Panel) =>
  results
    .flatMap((result) => (result.micros ? [{ ...result, micros: result.micros }] : []))
    .sort((a, b) => a.micros.median - b.micros.median)

function drawPanel(panel: Panel): Drawing {
  const ours = best(panel.results.filter(({ team }) => team.startsWith('ours')))
  const all = shown(panel)
  const bars = all.map(({ name, team, micros: { median }, agrees }) => {
    const isOurs = team.startsWith('ours')
    const ratio = ours && !isOurs ? ` · ${times(median / ours.micros.median)}` : ''
    const doubt = agrees === false ? ' · other losses' : ''
    return {
      name,
      bold: isOurs,
      parts: [{ value: median, colour: TEAMS[team] ?? 'grey' }] as const,
      note: `${duration(median)}${ratio}${doubt}`,
    }
  })
  return barChart({
    title: panel.workload,
    description: `${all.map(({ name, micros }) => `${name}: ${duration(micros.median)}`).join('; ')}.`,
    x: { kind: 'log', text: duration },
    bars,
    left: LEFT,
  })
}

function duration(micros: number): string {
  if (micros >= 1e6) return `${trim(micros / 1e6)} s`
  if (micros >= 1e3) return `${trim(micros / 1e3)} ms`
  return `${trim(micros)} us`
}

const trim = (value: number): string => figure(value).replace(/\.0$/, '')
