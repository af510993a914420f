/** Horizontal bars, one or several parts in a row, on a linear or logarithmic scale, with an interval where it is known. */
import { head, heading, scaleOf, WIDTH, xAxis } from './frame.ts'
import type { Axis, Drawing, Key } from './frame.ts'
import { extent } from './scale.ts'
import type { Scale } from './scale.ts'
import type { SeriesColour, Severity } from './style.ts'
import { escapeText, fitted, label, line, rectangle, tag, textWidth } from './svg.ts'

export interface Part {
  readonly value: number
  readonly colour: SeriesColour | Severity
  /** What the part is, for the pointer. */
  readonly text?: string
}

export interface Bar {
  readonly name: string
  readonly bold?: boolean
  /** Laid end to end. With a log scale only one part makes sense. */
  readonly parts: readonly Part[]
  /** Written behind the bar. */
  readonly note?: string
  /** From and to, drawn as a whisker. */
  readonly interval?: readonly [number, number]
}

export interface BarChart {
  readonly title: string
  readonly description: string
  readonly x: Axis
  readonly bars: readonly Bar[]
  readonly keys?: readonly Key[]
  readonly width?: number
  /** Pixels for the names, and behind the bars for the notes. */
  readonly left?: number
  readonly right?: number
}

const PITCH = 22

export function barChart(chart: BarChart): Drawing {
  const { title, description, bars, keys = [], width = WIDTH } = chart
  const top = head(keys)
  const inner = Math.max(1, bars.length) * PITCH + 4
  const height = top + inner + (chart.x.label ? 38 : 24)
  const left =
    chart.left ?? Math.min(260, 14 + Math.max(30, ...bars.map(({ name, bold }) => textWidth(name) * (bold ? 1.08 : 1))))
  const notes = Math.max(0, ...bars.map(({ note }) => (note ? textWidth(note) : 0)))
  const right = chart.right ?? 18 + notes
  const range = chart.x.range ?? rangeOf(bars, chart.x)
  const plot = { left, top, width: Math.max(40, width - left - right), height: inner, x: range }
  const x = scaleOf(chart.x, range, [left, left + plot.width], Math.max(2, Math.floor(plot.width / 80)))
  const grid = x.ticks.map((tick) => line(x.at(tick), top - 2, x.at(tick), top + inner, 's-grid'))
  const body = [
    heading(title, keys, width, ''),
    ...grid,
    xAxis(plot, x, chart.x),
    ...bars.map((bar, i) => drawBar(bar, top + 2 + i * PITCH, left, x)),
  ]
  return { width, height, title, description, body: body.join(''), plot }
}

/** From zero; with a log scale from the whole power of ten below the least, so that the shortest bar can be seen. */
function rangeOf(bars: readonly Bar[], { kind = 'linear' }: Axis): [number, number] {
  const ends = bars.flatMap(({ parts, interval }) => [
    parts.reduce((sum, { value }) => sum + value, 0),
    ...(interval ?? []),
  ])
  const found = extent(ends, kind) ?? [1, 10]
  if (kind === 'linear') return [Math.min(0, found[0]), Math.max(found[1], 0) || 1]
  const low = Math.floor(Math.log10(found[0] * 0.8))
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.log10(found[1])))]
}

function drawBar({ name, bold, parts, note, interval }: Bar, y: number, left: number, x: Scale): string {
  const drawn = [label(left - 10, y + 14, fitted(name, left - 12), { anchor: 'end', ...(bold ? { bold } : {}) })]
  let sum = 0
  const start = (value: number) => (value > 0 || x.kind === 'linear' ? x.at(value) : left)
  for (const { value, colour, text } of parts) {
    if (!Number.isFinite(value)) continue
    const [from, to] = [start(sum), start(sum + value)]
    const box = { rx: 2 }
    const shape = rectangle(Math.min(from, to), y + 3, Math.abs(to - from), PITCH - 7, `f-${colour}`, box)
    drawn.push(text ? tag('g', {}, tag('title', {}, escapeText(text)) + shape) : shape)
    sum += value
  }
  const end = start(Math.max(sum, interval?.[1] ?? sum))
  if (interval) drawn.push(whisker(x.at(interval[0]), x.at(interval[1]), y + PITCH / 2 - 0.5))
  if (note) drawn.push(label((Number.isFinite(end) ? end : left) + 7, y + 14, note, { look: bold ? 'ink' : 'quiet' }))
  return drawn.join('')
}

function whisker(from: number, to: number, y: number): string {
  const more = { 'stroke-width': 1.3 }
  return [
    line(from, y, to, y, 's-ink', more),
    line(from, y - 4, from, y + 4, 's-ink', more),
    line(to, y - 4, to, y + 4, 's-ink', more),
  ].join('')
}
