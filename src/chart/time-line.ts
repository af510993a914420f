/** What was when: a row per thing, spans and single moments on it, coloured by how grave they are. */
import { head, heading, scaleOf, WIDTH, xAxis } from './frame.ts'
import type { Axis, Drawing } from './frame.ts'
import { extent } from './scale.ts'
import type { SeriesColour, Severity } from './style.ts'
import { escapeText, fitted, label, line, rectangle, tag, textWidth } from './svg.ts'

export interface Span {
  readonly from: number
  /** Absent: a moment. */
  readonly to?: number | undefined
  readonly colour: SeriesColour | Severity
  /** For the pointer. */
  readonly text: string
}

export interface TimeRow {
  readonly name: string
  readonly spans: readonly Span[]
  readonly shape?: 'disc' | 'diamond'
}

export interface TimeLine {
  readonly title: string
  readonly description: string
  readonly x: Axis
  readonly rows: readonly TimeRow[]
  readonly width?: number
  readonly left?: number
  /** Pixels right of the plot. */
  readonly right?: number
}

const PITCH = 22

export function timeLine(chart: TimeLine): Drawing {
  const { title, description, rows, width = WIDTH, right = 16 } = chart
  const top = head([])
  const inner = Math.max(1, rows.length) * PITCH
  const left = chart.left ?? Math.min(230, 18 + Math.max(40, ...rows.map(({ name }) => textWidth(name))))
  const all = rows.flatMap(({ spans }) => spans.flatMap(({ from, to = from }) => [from, to]))
  const range = chart.x.range ?? extent(all) ?? [0, 1]
  const plot = { left, top, width: width - left - right, height: inner, x: range }
  const x = scaleOf(chart.x, range, [left, left + plot.width], Math.floor(plot.width / 90))
  const body = [
    heading(title, [], width),
    ...rows.flatMap(({ name, spans, shape = 'disc' }, i) => {
      const y = top + (i + 0.5) * PITCH
      return [
        line(left, y, left + plot.width, y, 's-grid'),
        label(left - 8, y + 4, fitted(name, left - 14), { anchor: 'end', look: 'quiet' }),
        ...spans.map((span) => drawSpan(span, x.at(span.from), x.at(span.to ?? span.from), y, shape)),
      ]
    }),
    xAxis(plot, x, chart.x),
  ]
  return { width, height: top + inner + 36, title, description, body: body.join(''), plot }
}

function drawSpan({ to, colour, text }: Span, from: number, end: number, y: number, shape: 'disc' | 'diamond'): string {
  const moment =
    shape === 'disc'
      ? tag('circle', { cx: from, cy: y, r: 4.5, class: `f-${colour}` })
      : tag('path', {
          class: `f-${colour}`,
          d: `M${from - 5.5} ${y}L${from} ${y - 5.5}L${from + 5.5} ${y}L${from} ${y + 5.5}Z`,
        })
  const span =
    to === undefined
      ? ''
      : rectangle(from, y - 5, Math.max(2, end - from), 10, `f-${colour}`, { 'fill-opacity': 0.45, rx: 3 })
  return tag('g', {}, tag('title', {}, escapeText(text)) + span + moment)
}
