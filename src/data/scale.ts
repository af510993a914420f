/** How large the numbers of a data set are, over a sample of its rows. */
import type { InputScale } from '../model/config.ts'
import type { Dataset } from './dataset.ts'

/** Rows spread evenly over the data, at most `most`: the finite ones of them, or all where none is. */
export function sampleRows({ rows, features, x }: Dataset, most: number): number[] {
  const step = Math.max(1, rows / most)
  const finite = (row: number) => {
    for (let i = row * features; i < (row + 1) * features; i++) if (!Number.isFinite(x[i]!)) return false
    return true
  }
  const spread = Array.from({ length: Math.min(rows, most) }, (_, i) => Math.floor(i * step))
  const good = spread.filter(finite)
  return good.length > 0 ? good : spread
}

/** The given rows, as a data set of their own. */
export function takeRows(data: Dataset, chosen: readonly number[]): Dataset {
  const { features, targets, x, y, sampleWeight } = data
  const pick = (values: Float32Array, width: number) => {
    const out = new Float32Array(chosen.length * width)
    chosen.forEach((row, i) => out.set(values.subarray(row * width, (row + 1) * width), i * width))
    return out
  }
  return {
    ...data,
    rows: chosen.length,
    x: pick(x, features),
    y: pick(y, targets),
    ...(sampleWeight ? { sampleWeight: pick(sampleWeight, 1) } : {}),
  }
}

/** The half of the rows whose largest feature or target is least, in their order. */
export function tameHalf(data: Dataset): Dataset {
  const { rows, features, targets, x, y } = data
  const size = Float64Array.from({ length: rows }, (_, row) => {
    let most = 0
    for (let i = row * features; i < (row + 1) * features; i++) most = Math.max(most, Math.abs(x[i]!))
    for (let i = row * targets; i < (row + 1) * targets; i++) most = Math.max(most, Math.abs(y[i]!))
    return most
  })
  const order = Array.from(size, (_, row) => row).sort((a, b) => size[a]! - size[b]! || a - b)
  return takeRows(
    data,
    order.slice(0, Math.ceil(rows / 2)).sort((a, b) => a - b),
  )
}

/** Largest root mean square of a feature that changes (0 where none does), and root mean square of the targets. */
export function scaleOf({ rows, features, x, y }: Dataset): { feature: number; target: number } {
  let feature = 0
  for (let c = 0; c < features; c++) {
    let sum = 0
    let changes = false
    for (let r = 0; r < rows; r++) {
      const value = x[r * features + c]!
      sum += value * value
      if (value !== x[c]) changes = true
    }
    if (changes || rows === 1) feature = Math.max(feature, Math.sqrt(sum / rows))
  }
  let squares = 0
  for (let i = 0; i < y.length; i++) squares += y[i]! * y[i]!
  return { feature, target: Math.sqrt(squares / y.length) }
}

/** Writes values as the network takes them to `into` from `to` on; the first value is the data's value number `first`. */
export function scaleInto(
  values: Float32Array,
  first: number,
  { mean, deviation }: InputScale,
  into: Float32Array,
  to: number,
): void {
  const features = mean.length
  for (let i = 0; i < values.length; i++) {
    const feature = (first + i) % features
    const value = (values[i]! - mean[feature]!) / deviation[feature]!
    into[to + i] = Number.isFinite(value) ? value : 0
  }
}

/** Mean and deviation of each column over its finite values; a column that never changes has deviation 1. */
export function momentsOf(x: Float32Array, columns: number): { mean: number[]; deviation: number[] } {
  const rows = x.length / columns
  const mean: number[] = []
  const deviation: number[] = []
  for (let c = 0; c < columns; c++) {
    let [count, sum, squares] = [0, 0, 0]
    for (let r = 0; r < rows; r++) {
      const value = x[r * columns + c]!
      if (!Number.isFinite(value)) continue
      count++
      sum += value
    }
    const middle = count > 0 ? sum / count : 0
    for (let r = 0; r < rows; r++) {
      const value = x[r * columns + c]!
      if (Number.isFinite(value)) squares += (value - middle) ** 2
    }
    const spread = Math.sqrt(squares / Math.max(1, count))
    mean.push(middle)
    deviation.push(spread > 0 ? spread : 1)
  }
  return { mean, deviation }
}
