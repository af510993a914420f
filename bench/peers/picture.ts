/** The matches as an SVG picture: one panel per workload, one bar per contestant, step time on a log scale. */
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

const INK = '#1c2733'
const QUIET = '#6b7885'
const LINE = '#dfe4e9'
const PEER = '#b4bec8'
const OURS: Readonly<Record<string, string>> = { 'ours blas': '#0b6e99', 'ours wasm': '#46a6c9' }

const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')

interface TextStyle {
  readonly size?: number
  readonly fill?: string
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
}

function text(
  x: number,
  y: number,
  content: string,
  { size = 12, fill = INK, anchor = 'start', bold }: TextStyle = {},
) {
  const weight = bold ? ' font-weight="600"' : ''
  const at = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<text ${at} font-size="${size}" fill="${fill}" text-anchor="${anchor}"${weight}>${escape(content)}</text>`
}

const rect = (x: number, y: number, width: number, height: number, fill: string, more = ''): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height}" fill="${fill}"${more}/>`

export function drawPicture(panels: readonly Panel[], subtitle: string): string {
  const drawn: string[] = []
  let y = HEAD
  for (const panel of panels) {
    drawn.push(drawPanel(panel, y))
    y += PANEL_HEAD + shown(panel).length * ROW + PANEL_FOOT
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" ` +
      `font-family="Inter, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif">`,
    rect(0, 0, WIDTH, y, '#ffffff'),
    text(24, 34, 'Time of a training step: shorter is faster', { size: 19, bold: true }),
    text(24, 55, subtitle, { fill: QUIET, size: 11 }),
    ...drawn,
    '</svg>\n',
  ].join('\n')
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
    `<line x1="${x(10 ** decade)}" x2="${x(10 ** decade)}" y1="${first - 4}" y2="${bottom}" stroke="${LINE}"/>`,
    text(x(10 ** decade), bottom + 15, duration(10 ** decade), { size: 10, fill: QUIET, anchor: 'middle' }),
  ])
  const rows = bars.flatMap(({ name, team, micros: { median }, agrees }, i) => {
    const y = first + i * ROW
    const isOurs = team.startsWith('ours')
    const ratio = fastest && !isOurs ? ` · ${times(median / fastest.micros.median)}` : ''
    const doubt = agrees === false ? ' · other losses' : ''
    return [
      text(LABEL - 10, y + 14, name, { anchor: 'end', size: 11.5, bold: isOurs }),
      rect(LABEL, y + 3, x(median) - LABEL, ROW - 7, OURS[team] ?? PEER, ' rx="2"'),
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
