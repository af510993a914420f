/** Lines over two axes, linear or logarithmic, with the band between least and greatest where a point stands for many. */
import { envelope } from './envelope.ts'
import type { Envelope, Points } from './envelope.ts'
import { frame, WIDTH } from './frame.ts'
import type { Axis, Drawing, Key, Margins, Plot, Size } from './frame.ts'
import { extent, padded } from './scale.ts'
import type { Scale } from './scale.ts'
import type { SeriesColour, Severity } from './style.ts'
import { escapeText, label, line, px, rectangle, tag } from './svg.ts'

export interface Series extends Points {
  readonly name: string
  readonly colour: SeriesColour | Severity
  readonly dashed?: boolean
  /** Dots on the points, for few of them. */
  readonly dots?: boolean
  /** Widens the y range (default). A series that does not is cut off at the edge. */
  readonly sets?: boolean
}

/** A moment on the x axis that all charts of a page show. */
export interface Mark {
  readonly x: number
  readonly severity: Severity
  readonly text?: string
}

export interface Reference {
  readonly y: number
  readonly text: string
  readonly colour?: SeriesColour | Severity
}

export interface LineChart extends Size, Margins {
  readonly title: string
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  readonly marks?: readonly Mark[]
  readonly references?: readonly Reference[]
}

/** Points in a pixel column beyond which they become one with a band. */
const COLUMN = 1.5

export function lineChart(chart: LineChart): Drawing {
  const { title, description, series, references = [], marks = [], width = WIDTH, height = 220 } = chart
  const usable = chart.y.kind === 'log' ? (y: number) => y > 0 && y < Infinity : Number.isFinite
  const drawn = series.map((one) => ({ one, points: envelope(one, Math.floor(width / COLUMN), usable) }))
  const setting = drawn.filter(({ one }) => one.sets !== false).map(({ points }) => points)
  const y = chart.y.range ?? rangeOf(setting, references, chart.y)
  const x = chart.x.range ?? extent(drawn.flatMap(({ points }) => points.x)) ?? [0, 1]
  const keys = series.map(({ name, colour, dashed }): Key => ({ name, colour, shape: dashed ? 'dashed' : 'line' }))
  const axes = frame(title, { width, height }, { x: chart.x, y: chart.y }, { x, y }, keys.length > 1 ? keys : [], chart)
  const { plot } = axes
  const body = [
    axes.svg,
    ...marks.map((mark) => markLine(mark, axes.x, plot)),
    ...references.map((one) => reference(one, axes.y, plot)),
    clipped(plot, title, drawn.map(({ one, points }) => path(one, points, axes.x, axes.y, usable)).join('')),
  ]
  return { width, height, title, description, body: body.join(''), plot }
}

function rangeOf(
  all: readonly Envelope[],
  references: readonly Reference[],
  { kind = 'linear' }: Axis,
): [number, number] {
  const values = all.flatMap(({ y, low, high }) => [...y, ...low, ...high])
  const found = extent([...values, ...references.map((one) => one.y)], kind)
  return padded(found ?? (kind === 'log' ? [0.1, 10] : [0, 1]), kind)
}

function path(one: Series, points: Envelope, x: Scale, y: Scale, usable: (y: number) => boolean): string {
  const colour = one.colour
  const parts = runs(points, usable)
  const bands = parts.filter((run) => run.some((i) => points.high[i]! > points.low[i]!))
  const band = bands.map((run) => {
    const over = run.map((i) => `${px(x.at(points.x[i]!))} ${px(y.at(points.high[i]!))}`)
    const under = run.map((i) => `${px(x.at(points.x[i]!))} ${px(y.at(points.low[i]!))}`)
    return `M${over.join('L')}L${under.reverse().join('L')}Z`
  })
  const stroke = parts.map(
    (run) => `M${run.map((i) => `${px(x.at(points.x[i]!))} ${px(y.at(points.y[i]!))}`).join('L')}`,
  )
  const dots = one.dots ? parts.flat() : parts.filter((run) => run.length === 1).flat()
  return [
    band.length > 0 ? tag('path', { class: `f-${colour}`, 'fill-opacity': 0.25, d: band.join('') }) : '',
    // Its edge, so that a band as narrow as one step is seen.
    band.length > 0
      ? tag('path', { class: `s-${colour}`, 'stroke-width': 0.7, 'stroke-opacity': 0.4, d: band.join('') })
      : '',
    tag('path', {
      class: `s-${colour}`,
      'stroke-width': 1.6,
      'stroke-linejoin': 'round',
      'stroke-linecap': 'round',
      'stroke-dasharray': one.dashed ? '5 3' : undefined,
      d: stroke.join(''),
    }),
    ...dots.map((i) => tag('circle', { cx: x.at(points.x[i]!), cy: y.at(points.y[i]!), r: 2.6, class: `f-${colour}` })),
  ].join('')
}

/** Indices of points that follow each other without a gap. */
function runs(points: Envelope, usable: (y: number) => boolean): number[][] {
  const found: number[][] = []
  let open: number[] = []
  points.y.forEach((y, i) => {
    if (usable(y)) open.push(i)
    else if (open.length > 0) {
      found.push(open)
      open = []
    }
  })
  if (open.length > 0) found.push(open)
  return found
}

export function markLine({ x, severity, text }: Mark, scale: Scale, plot: Plot): string {
  const at = scale.at(x)
  if (!(at >= plot.left - 0.5 && at <= plot.left + plot.width + 0.5)) return ''
  const drawn = line(at, plot.top, at, plot.top + plot.height, `s-${severity}`, { 'stroke-opacity': 0.55 })
  return text ? tag('g', {}, tag('title', {}, escapeText(text)) + drawn) : drawn
}

function reference({ y, text, colour = 'grey' }: Reference, scale: Scale, plot: Plot): string {
  const at = scale.at(y)
  if (!(at >= plot.top - 0.5 && at <= plot.top + plot.height + 0.5)) return ''
  return (
    line(plot.left, at, plot.left + plot.width, at, `s-${colour}`, { 'stroke-dasharray': '2 3' }) +
    label(plot.left + plot.width - 4, at - 4, text, { anchor: 'end', look: `f-${colour}`, size: 10 })
  )
}

/** Nothing is drawn outside the plot. The clip path has its own name: many charts share a page. */
export function clipped(plot: Plot, name: string, body: string): string {
  const id = `b-clip-${hash(`${name} ${JSON.stringify(plot)} ${body.length}`)}`
  const { left, top, width, height } = plot
  const box = rectangle(left, top - 2, width, height + 4, '')
  return tag('clipPath', { id }, box) + tag('g', { 'clip-path': `url(#${id})` }, body)
}

function hash(text: string): string {
  let h = 5381
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 33) ^ text.charCodeAt(i)) >>> 0
  return h.toString(36)
}
