/** Long series in few columns: the least and the greatest of each stay, so that a spike of one step among a million shows. */

/** Points of a series. `low` and `high` are what each `y` summarises, where it does. */
export interface Points {
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly low?: ArrayLike<number> | undefined
  readonly high?: ArrayLike<number> | undefined
}

export interface Envelope {
  readonly x: number[]
  /** Mean; NaN where nothing finite was. */
  readonly y: number[]
  readonly low: number[]
  readonly high: number[]
}

/**
 * @param columns over the range of `x` (which does not decrease); fewer points than that are passed on as they are
 * @param usable which values count: with a log scale the positive ones
 */
export function envelope(points: Points, columns: number, usable: (y: number) => boolean = Number.isFinite): Envelope {
  const { x, y, low = y, high = y } = points
  const result: Envelope = { x: [], y: [], low: [], high: [] }
  const first = x[0] ?? 0
  const width = (x[x.length - 1] ?? 0) - first || 1
  const bins = x.length > columns ? columns : x.length
  const binOf = (i: number) =>
    x.length > columns ? Math.min(bins - 1, Math.floor(((x[i]! - first) / width) * bins)) : i
  for (let i = 0; i < x.length;) {
    const bin = binOf(i)
    let [sumX, sumY, count, used, least, greatest] = [0, 0, 0, 0, Infinity, -Infinity]
    for (; i < x.length && binOf(i) === bin; i++) {
      sumX += x[i]!
      count++
      if (usable(low[i]!)) least = Math.min(least, low[i]!)
      if (usable(high[i]!)) greatest = Math.max(greatest, high[i]!)
      if (!usable(y[i]!)) continue
      sumY += y[i]!
      used++
    }
    result.x.push(sumX / count)
    result.y.push(used > 0 ? sumY / used : NaN)
    result.low.push(least <= greatest ? least : NaN)
    result.high.push(least <= greatest ? greatest : NaN)
  }
  return result
}
