/** Order statistics of a few numbers. */

/** @param q from 0 to 1; between two values, the nearer share of both */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort()
  const at = q * (sorted.length - 1)
  const [low, high] = [Math.floor(at), Math.ceil(at)]
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!)
}

export const median = (values: ArrayLike<number>): number => quantile(values, 0.5)

/** Mean of the middle half: as deaf to outliers as the median, and no coin tossed between two speeds of a machine. */
export function midmean(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.subarray(Math.floor(sorted.length / 4), Math.ceil((3 * sorted.length) / 4))
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

export interface Spread {
  readonly median: number
  readonly p10: number
  readonly p90: number
}

export const spread = (values: ArrayLike<number>): Spread => ({
  median: median(values),
  p10: quantile(values, 0.1),
  p90: quantile(values, 0.9),
})

/** Largest relative difference of `actual` from `expected`, over the steps that both have; NaN counts as infinite. */
export function deviation(actual: readonly number[], expected: readonly number[]): number {
  const steps = Math.min(actual.length, expected.length)
  if (steps === 0) return Infinity
  let worst = 0
  for (let i = 0; i < steps; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!) / Math.abs(expected[i]!)
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference)
  }
  return worst
}
