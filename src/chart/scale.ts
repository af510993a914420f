/** From numbers to pixels: linear and logarithmic scales, their ticks, and how the ticks are written. */

export type ScaleKind = 'linear' | 'log'

export interface Scale {
  readonly kind: ScaleKind
  readonly min: number
  readonly max: number
  /** Pixel of a value; NaN for what the scale has no place for: NaN, and with `log` zero and below. */
  at(value: number): number
  readonly ticks: readonly number[]
  /** A tick as text, with no more digits than tell it from its neighbours. */
  text(tick: number): string
}

/**
 * @param range pixels of the least and the greatest value
 * @param ticks about how many
 * @param whole for counts (steps, epochs): no ticks between whole numbers
 */
export function linearScale(
  [min, max]: readonly [number, number],
  [from, to]: readonly [number, number],
  ticks = 5,
  whole = false,
): Scale {
  const span = max - min || 1
  const step = niceStep(span / Math.max(1, ticks), whole)
  const first = Math.ceil(min / step - 1e-9)
  const last = Math.floor(max / step + 1e-9)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  return {
    kind: 'linear',
    min,
    max,
    at: (value) => from + ((value - min) / span) * (to - from),
    ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step),
    text: (tick) => plainNumber(tick, digits),
  }
}

/** Ticks at whole powers of ten (every second, third, .. where there are many), at 1, 2, 5 where there are few. */
export function logScale(
  [min, max]: readonly [number, number],
  [from, to]: readonly [number, number],
  ticks = 6,
): Scale {
  const low = Math.log10(min)
  const span = Math.log10(max) - low || 1
  const decades = Math.floor(Math.log10(max) + 1e-9) - Math.ceil(low - 1e-9) + 1
  const every = Math.max(1, Math.ceil(decades / ticks))
  const factors =
    every > 1 ? [1] : span < 0.7 ? [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9] : span < 1.7 ? [1, 2, 5] : span < 2.5 ? [1, 3] : [1]
  const found: number[] = []
  for (let decade = Math.floor(low); decade <= Math.ceil(low + span); decade++) {
    if (decade % every !== 0) continue
    for (const factor of factors) {
      const tick = factor * 10 ** decade
      if (tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9)) found.push(tick)
    }
  }
  return {
    kind: 'log',
    min,
    max,
    at: (value) => (value > 0 ? from + ((Math.log10(value) - low) / span) * (to - from) : NaN),
    ticks: found,
    text: shortNumber,
  }
}

/** 1, 2, 5 times a power of ten, at least `step`. */
function niceStep(step: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(step))
  const nice = [1, 2, 5, 10].find((factor) => factor * power >= step * (1 - 1e-9))! * power
  return whole ? Math.max(1, Math.round(nice)) : nice
}

function plainNumber(value: number, digits: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${trim((value / 1e6).toFixed(2))}M`
  if (size >= 1e4 && digits === 0) return `${trim((value / 1e3).toFixed(1))}k`
  return digits > 5 ? shortNumber(value) : value.toFixed(digits)
}

/** `0.001`, `20`, `5k`, `1e-7`: a number in few characters. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace(/\.0e/, 'e').replace('e+', 'e')
  if (size >= 1e4) return `${trim((value / 1e3).toFixed(1))}k`
  return String(Number(value.toPrecision(3)))
}

const trim = (text: string): string => text.replace(/\.?0+$/, '')

/** Least and greatest of the finite (with `log`, the positive) values; undefined where there is none. */
export function extent(values: Iterable<number>, kind: ScaleKind = 'linear'): [number, number] | undefined {
  let [min, max] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value) || (kind === 'log' && value <= 0)) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  return min <= max ? [min, max] : undefined
}

/** With some room around, and never empty. */
export function padded([min, max]: readonly [number, number], kind: ScaleKind, share = 0.05): [number, number] {
  if (kind === 'log') {
    const room = Math.max((Math.log10(max) - Math.log10(min)) * share, 0.04)
    return [min / 10 ** room, max * 10 ** room]
  }
  const room = (max - min) * share || Math.abs(max) * 0.1 || 1
  // Nothing below zero where nothing was.
  return [min >= 0 && min - room < 0 ? 0 : min - room, max + room]
}
