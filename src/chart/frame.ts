/** What charts have in common: a title, a plot with axes and grid, a legend, and a text for who cannot see it. */
import type { Scale, ScaleKind } from './scale.ts'
import { linearScale, logScale } from './scale.ts'
import type { SeriesColour, Severity } from './style.ts'
import { fitted, label, line, rectangle, tag, textWidth } from './svg.ts'

/** A piece of a picture: SVG of this size, to be placed in a page or below others. */
export interface Drawing {
  readonly width: number
  readonly height: number
  readonly body: string
  /** Its name, and what it shows: for a screen reader, and as the page's caption. */
  readonly title: string
  readonly description: string
  /** Where its plot lies, for what follows the pointer. */
  readonly plot?: Plot
}

/** The rectangle of the plot, in pixels, and the x values of its sides. */
export interface Plot {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly x: readonly [number, number]
}

export interface Axis {
  readonly label?: string
  readonly kind?: ScaleKind
  /** Least and greatest value shown. Default: from the data. */
  readonly range?: readonly [number, number]
  /** Ticks between whole numbers make no sense. */
  readonly whole?: boolean
  /** How ticks are written. Default: as short numbers. */
  readonly text?: (tick: number) => string
}

export interface Size {
  readonly width?: number
  readonly height?: number
}

/** Pixels beside the plot. Charts below each other share them, so that their x axes agree. */
export interface Margins {
  readonly left?: number
  readonly right?: number
}

export interface Key {
  readonly name: string
  readonly colour: SeriesColour | Severity
  readonly shape?: 'line' | 'dashed' | 'box' | 'dot'
}

export const WIDTH = 860
const TITLE = 24
const LEGEND = 18
const BOTTOM = 36
const RIGHT = 16

export interface Frame {
  readonly plot: Plot
  readonly x: Scale
  readonly y: Scale
  /** Title, legend, grid and axes. */
  readonly svg: string
}

export const scaleOf = (
  axis: Axis,
  range: readonly [number, number],
  pixels: readonly [number, number],
  ticks: number,
) => (axis.kind === 'log' ? logScale(range, pixels, ticks) : linearScale(range, pixels, ticks, axis.whole))

/** The frame of a chart over two continuous axes. `ranges` are those of the data, already padded. */
export function frame(
  title: string,
  { width = WIDTH, height = 220 }: Size,
  axes: { x: Axis; y: Axis },
  ranges: { x: readonly [number, number]; y: readonly [number, number] },
  keys: readonly Key[] = [],
  { left, right = RIGHT }: Margins = {},
): Frame {
  const top = head(keys)
  const inner = height - top - BOTTOM
  const y = scaleOf(axes.y, ranges.y, [top + inner, top], Math.max(2, Math.floor(inner / 34)))
  const yText = axes.y.text ?? y.text
  const wide = left ?? Math.max(52, 18 + Math.max(0, ...y.ticks.map((tick) => textWidth(yText(tick)))))
  const plot = { left: wide, top, width: width - wide - right, height: inner, x: ranges.x }
  const x = scaleOf(axes.x, ranges.x, [plot.left, plot.left + plot.width], Math.floor(plot.width / 90))
  return {
    plot,
    x,
    y,
    svg: [heading(title, keys, width, axes.y.label), grid(plot, y, yText), xAxis(plot, x, axes.x)].join(''),
  }
}

/** Pixels above a plot. */
export const head = (keys: readonly Key[]): number => TITLE + (keys.length > 0 ? LEGEND : 0) + 8

export function heading(title: string, keys: readonly Key[], width: number, unit = ''): string {
  const drawn = [label(0, 14, fitted(title, width, 13), { size: 13, bold: true })]
  if (unit) drawn.push(label(textWidth(title, 13) * 1.14 + 12, 14, unit, { look: 'quiet' }))
  let x = 0
  for (const { name, colour, shape = 'line' } of keys) {
    drawn.push(sample(x, TITLE + 8, colour, shape), label(x + 22, TITLE + 12, name, { look: 'quiet' }))
    x += 22 + textWidth(name) + 20
  }
  return drawn.join('')
}

function sample(x: number, y: number, colour: string, shape: NonNullable<Key['shape']>): string {
  if (shape === 'box') return rectangle(x + 2, y - 5, 12, 10, `f-${colour}`, { rx: 2 })
  if (shape === 'dot') return tag('circle', { cx: x + 8, cy: y, r: 4, class: `f-${colour}` })
  return line(x, y, x + 16, y, `s-${colour}`, {
    'stroke-width': 2,
    'stroke-dasharray': shape === 'dashed' ? '5 3' : undefined,
  })
}

function grid(plot: Plot, y: Scale, text: (tick: number) => string): string {
  const right = plot.left + plot.width
  const lines = y.ticks.flatMap((tick) => [
    line(plot.left, y.at(tick), right, y.at(tick), 's-grid'),
    label(plot.left - 8, y.at(tick) + 4, text(tick), { anchor: 'end', look: 'quiet' }),
  ])
  return lines.join('')
}

/** The x axis below a plot, with its ticks. */
export function xAxis(plot: Plot, x: Scale, axis: Axis): string {
  const bottom = plot.top + plot.height
  const text = axis.text ?? x.text
  const right = plot.left + plot.width
  const ticks = x.ticks.flatMap((tick) => [
    line(x.at(tick), bottom, x.at(tick), bottom + 4, 's-edge'),
    label(x.at(tick), bottom + 16, text(tick), { anchor: 'middle', look: 'quiet' }),
  ])
  const name = axis.label ? label(right, bottom + 31, axis.label, { anchor: 'end', look: 'quiet' }) : ''
  return line(plot.left, bottom, right, bottom, 's-edge') + ticks.join('') + name
}
