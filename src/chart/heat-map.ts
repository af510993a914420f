/**
 * Values of many rows (layers) over time as colours on a log scale. Zero and what is not finite have colours of their
 * own: in a gradient they are the news. Nothing is drawn where nothing was measured.
 */
import { hex, sequential } from './colours.ts'
import type { Rgb } from './colours.ts'
import { head, heading, scaleOf, WIDTH, xAxis } from './frame.ts'
import type { Axis, Drawing, Size } from './frame.ts'
import { markLine } from './line.ts'
import type { Mark } from './line.ts'
import { pngAddress } from './png.ts'
import { extent, logScale, linearScale } from './scale.ts'
import type { ScaleKind } from './scale.ts'
import { fitted, label, line, rectangle, tag, textWidth } from './svg.ts'

export interface HeatMap extends Size {
  readonly title: string
  readonly description: string
  /** One per row; the first is drawn at the top. */
  readonly rows: readonly string[]
  readonly x: Axis
  /** Where each column lies: not decreasing. A column reaches to the next one. */
  readonly at: ArrayLike<number>
  /** Of each row, one per column; NaN: not measured. */
  readonly values: readonly ArrayLike<number>[]
  readonly kind?: ScaleKind
  /** Values of the first and the last colour. Default: from the data, without its outermost hundredths. */
  readonly range?: readonly [number, number]
  /** What the colours mean: `root mean square`. */
  readonly unit: string
  readonly marks?: readonly Mark[]
  readonly left?: number
}

const STEPS = 252
const ZERO = 253
const BAD = 254
const ZERO_COLOUR: Rgb = [0x05, 0x07, 0x0a]
const BAD_COLOUR: Rgb = [0xff, 0x2b, 0x4e]
const COLOURS: readonly Rgb[] = [
  [0, 0, 0],
  ...Array.from({ length: STEPS }, (_, i) => sequential(i / (STEPS - 1))),
  ZERO_COLOUR,
  BAD_COLOUR,
]
const MOST_COLUMNS = 800
/** Pixels right of the plot: the colour bar and its numbers. */
export const HEAT_MAP_RIGHT = 90
const BOTTOM = 36

export function heatMap(map: HeatMap): Drawing {
  const { title, description, rows, values, marks = [], kind = 'log', width = WIDTH } = map
  const rowHeight = Math.min(24, Math.max(5, 300 / Math.max(1, rows.length)))
  const top = head([])
  const inner = Math.max(rowHeight * rows.length, 84)
  const height = map.height ?? top + inner + BOTTOM
  const left = map.left ?? Math.max(52, 18 + Math.min(150, Math.max(0, ...rows.map((name) => textWidth(name)))))
  const range = map.x.range ?? extent(Array.from(map.at)) ?? [0, 1]
  const plot = { left, top, width: width - left - HEAT_MAP_RIGHT, height: height - top - BOTTOM, x: range }
  const x = scaleOf(map.x, range, [plot.left, plot.left + plot.width], Math.floor(plot.width / 90))

  const colours = map.range ?? colourRange(values, kind)
  const columns = Math.max(1, Math.min(MOST_COLUMNS, Math.floor(plot.width)))
  const { pixels, zero, bad } = cells(map, range, columns, colours, kind)
  const image = tag('image', {
    ...{ x: plot.left, y: plot.top, width: plot.width, height: plot.height },
    preserveAspectRatio: 'none',
    style: 'image-rendering:pixelated',
    href: pngAddress(columns, rows.length, pixels, COLOURS),
  })
  const body = [
    heading(title, [], width, map.unit),
    rectangle(plot.left, plot.top, plot.width, plot.height, 'f-grid'),
    rows.length > 0 ? image : '',
    rowLabels(rows, plot.top, plot.height / Math.max(1, rows.length), left),
    xAxis(plot, x, map.x),
    ...marks.map((mark) => markLine(mark, x, plot)),
    colourBar(plot.left + plot.width + 14, plot.top, plot.height, colours, kind, { zero, bad }),
  ]
  return { width, height, title, description, body: body.join(''), plot }
}

function rowLabels(rows: readonly string[], top: number, pitch: number, left: number): string {
  const every = Math.max(1, Math.ceil(11 / pitch))
  return rows
    .map((name, i) =>
      i % every === 0
        ? label(left - 8, top + (i + 0.5) * pitch + 4, fitted(name, left - 14, 10.5), {
            anchor: 'end',
            look: 'quiet',
            size: 10.5,
          })
        : '',
    )
    .join('')
}

/** The middle 98 % of what was measured, at least two decades (or a tenth) apart. */
function colourRange(values: readonly ArrayLike<number>[], kind: ScaleKind): [number, number] {
  const found = values.flatMap((row) =>
    Array.from(row).filter((v) => Number.isFinite(v) && (kind === 'linear' || v > 0)),
  )
  if (found.length === 0) return kind === 'log' ? [0.01, 1] : [0, 1]
  found.sort((a, b) => a - b)
  const low = found[Math.floor(0.01 * (found.length - 1))]!
  const high = found[Math.ceil(0.99 * (found.length - 1))]!
  if (kind === 'linear') return [Math.min(0, low), Math.max(high, low + 0.1)]
  const room = Math.max(0, 2 - Math.log10(high / low)) / 2
  return [low / 10 ** room, high * 10 ** room]
}

/** Per pixel: the greatest distance from the middle of the colours wins, so that a single bad step stays to be seen. */
function cells(
  { at, values }: HeatMap,
  range: readonly [number, number],
  columns: number,
  [low, high]: readonly [number, number],
  kind: ScaleKind,
): { pixels: Uint8Array; zero: boolean; bad: boolean } {
  const pixels = new Uint8Array(columns * values.length)
  const span = range[1] - range[0] || 1
  const columnOf = (x: number) => Math.min(columns, Math.max(0, Math.round(((x - range[0]) / span) * columns)))
  const shareOf = (v: number) =>
    kind === 'log' ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low || 1)
  let [zero, bad] = [false, false]
  values.forEach((row, r) => {
    for (let i = 0; i < at.length; i++) {
      const value = row[i]!
      if (Number.isNaN(value)) continue
      const isBad = value === Infinity || value < 0
      const isZero = kind === 'log' && value === 0
      zero ||= isZero
      bad ||= isBad
      const index = isBad ? BAD : isZero ? ZERO : 1 + Math.round(Math.min(1, Math.max(0, shareOf(value))) * (STEPS - 1))
      const from = Math.min(columns - 1, columnOf(at[i]!))
      const to = Math.max(from + 1, i + 1 < at.length ? columnOf(at[i + 1]!) : columns)
      for (let c = from; c < Math.min(to, columns); c++) {
        const k = r * columns + c
        if (weight(index) > weight(pixels[k]!)) pixels[k] = index
      }
    }
  })
  return { pixels, zero, bad }
}

const weight = (index: number): number => (index === 0 ? -1 : index >= ZERO ? index : Math.abs(index - STEPS / 2))

function colourBar(
  x: number,
  top: number,
  height: number,
  range: readonly [number, number],
  kind: ScaleKind,
  seen: { zero: boolean; bad: boolean },
): string {
  const extra = [
    ...(seen.bad ? [['not finite', BAD_COLOUR] as const] : []),
    ...(seen.zero ? [['zero', ZERO_COLOUR] as const] : []),
  ]
  const bar = height - extra.length * 16
  const scale = (kind === 'log' ? logScale : linearScale)(range, [top + bar, top], Math.max(2, Math.floor(bar / 24)))
  const pixels = Uint8Array.from({ length: STEPS }, (_, i) => STEPS - i)
  const image = tag('image', {
    ...{ x, y: top, width: 12, height: bar },
    preserveAspectRatio: 'none',
    href: pngAddress(1, STEPS, pixels, COLOURS),
  })
  const ticks = scale.ticks.flatMap((tick) => [
    line(x + 12, scale.at(tick), x + 15, scale.at(tick), 's-edge'),
    label(x + 18, scale.at(tick) + 3.5, scale.text(tick), { look: 'quiet', size: 10 }),
  ])
  const boxes = extra.flatMap(([name, colour], i) => [
    rectangle(x, top + bar + i * 16 + 5, 12, 11, '', { fill: hex(colour), stroke: '#8794a1', 'stroke-width': 0.5 }),
    label(x + 18, top + bar + i * 16 + 14, name, { look: 'quiet', size: 10 }),
  ])
  return [image, ...ticks, ...boxes].join('')
}
