/** The matches as an SVG picture: one panel per workload, one bar per contestant, step time on a log scale. */
import { INK, OTHER, OURS, OURS_LIGHT, QUIET, line, picture, rect, text } from '../svg.ts'
import type { Result } from './match.ts'
import { figure, times } from './print.ts'
import { best } from './ratios.ts'

export interface Panel {
  readonly workload: string
  readonly results: readonly Result[]
}

const WIDTH = 940
const LABEL = 210
const PLOT = 560
const ROW = 22
const HEAD = 84
const PANEL_HEAD = 34
const PANEL_FOOT = 34

const TEAMS: Readonly<Record<string, string>> = { 'ours blas': OURS, 'ours wasm': OURS_LIGHT }

export function drawPicture(panels: readonly Panel[], subtitle: string): string {
  const drawn: string[] = []
  let y = HEAD
  for (const panel of panels) {
    drawn.push(drawPanel(panel, y))
    y += PANEL_HEAD + shown(panel).length * ROW + PANEL_FOOT
  }
  const title = 'Time of a training step: shorter is faster'
  return picture(WIDTH, y, title, [
    text(24, 34, title, { size: 19, bold: true }),
    text(24, 55, subtitle, { fill: QUIET, size: 11 }),
    ...drawn,
  ])
}

/** Fastest first; those without times are in the table. */
const shown = ({ results }: Panel) =>
  results
    .flatMap((result) => (result.micros ? [{ ...result, micros: result.micros }] : []))
    .sort((a, b) => a.micros.median - b.micros.median)

function drawPanel(panel: Panel, top: number): string {
  const bars = shown(panel)
  const title = text(24, top + 18, panel.workload, { size: 14, bold: true })
  if (bars.length === 0) return title
  const [low, high] = decades(bars.map(({ micros }) => micros.median))
  const x = (micros: number) => LABEL + (PLOT * (Math.log10(micros) - low)) / (high - low)
  const fastest = best(panel.results.filter(({ team }) => team.startsWith('ours')))
  const first = top + PANEL_HEAD
  const bottom = first + bars.length * ROW

  const grid = Array.from({ length: high - low + 1 }, (_, i) => low + i).flatMap((decade) => [
    line(x(10 ** decade), first - 4, x(10 ** decade), bottom),
    text(x(10 ** decade), bottom + 15, duration(10 ** decade), { size: 10, fill: QUIET, anchor: 'middle' }),
  ])
  const rows = bars.flatMap(({ name, team, micros: { median }, agrees }, i) => {
    const y = first + i * ROW
    const isOurs = team.startsWith('ours')
    const ratio = fastest && !isOurs ? ` · ${times(median / fastest.micros.median)}` : ''
    const doubt = agrees === false ? ' · other losses' : ''
    return [
      text(LABEL - 10, y + 14, name, { anchor: 'end', size: 11.5, bold: isOurs }),
      rect(LABEL, y + 3, x(median) - LABEL, ROW - 7, TEAMS[team] ?? OTHER, ' rx="2"'),
      text(x(median) + 7, y + 14, `${duration(median)}${ratio}${doubt}`, { size: 11, fill: isOurs ? INK : QUIET }),
    ]
  })
  return [title, ...grid, ...rows].join('\n')
}

/** Whole powers of ten around the values; the shortest bar keeps a visible length. */
export function decades(values: readonly number[]): [low: number, high: number] {
  const low = Math.floor(Math.log10(Math.min(...values) * 0.8))
  return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))]
}

function duration(micros: number): string {
  if (micros >= 1e6) return `${trim(micros / 1e6)} s`
  if (micros >= 1e3) return `${trim(micros / 1e3)} ms`
  return `${trim(micros)} us`
}

const trim = (value: number): string => figure(value).replace(/\.0$/, '')
