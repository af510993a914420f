/**
 * Median and MAD (median absolute deviation) of the last 64 values, exact, in O(64) per value, inside a flat Float64Array
 * so that it can live in shared memory. `at` is the window's offset; zeros are an empty window. Nothing here allocates.
 * The values lie twice: in order of arrival (a ring) and sorted. Non-finite values must not be pushed.
 */
export const windowSize = 64

/** Elements of state that one window takes: count, head (place of the next value), ring, sorted. */
export const windowLength = 2 + 2 * windowSize

const ringAt = 2
const sortedAt = ringAt + windowSize

export function windowCount(state: Float64Array, at: number): number {
  return state[at]!
}

/** Adds a value; the oldest leaves when the window is full. */
export function pushValue(state: Float64Array, at: number, value: number): void {
  const head = state[at + 1]!
  const sorted = at + sortedAt
  let count = state[at]!
  let hole = count
  if (count === windowSize) {
    hole = 0
    while (state[sorted + hole] !== state[at + ringAt + head]) hole++
  } else {
    count++
  }
  // The hole moves to where the value belongs, its neighbours step aside.
  for (; hole > 0 && state[sorted + hole - 1]! > value; hole--) state[sorted + hole] = state[sorted + hole - 1]!
  for (; hole < count - 1 && state[sorted + hole + 1]! < value; hole++) state[sorted + hole] = state[sorted + hole + 1]!
  state[sorted + hole] = value
  state[at + ringAt + head] = value
  state[at] = count
  state[at + 1] = head + 1 < windowSize ? head + 1 : 0
}

/** Of an even number of values, the mean of the middle two. The window must not be empty. */
export function windowMedian(state: Float64Array, at: number): number {
  const count = state[at]!
  const middle = at + sortedAt + (count >> 1)
  return count % 2 === 1 ? state[middle]! : (state[middle - 1]! + state[middle]!) / 2
}

/** The value of rank quantile x (count - 1), rounded. The window must not be empty. */
export function windowQuantile(state: Float64Array, at: number, quantile: number): number {
  return state[at + sortedAt + Math.round(quantile * (state[at]! - 1))]!
}

/**
 * The median of |value - median|. The values nearest to the median lie side by side among the sorted ones; where those begin
 * is halved in on. The farthest of them is at one end, the next at either end of what is left.
 */
export function windowDeviation(state: Float64Array, at: number, median: number): number {
  const count = state[at]!
  const rank = count >> 1
  let first = at + sortedAt
  for (let most = first + count - rank - 1; first < most;) {
    const middle = (first + most) >> 1
    if (median - state[middle]! > state[middle + rank + 1]! - median) first = middle + 1
    else most = middle
  }
  const last = first + rank
  const below = median - state[first]!
  const above = state[last]! - median
  const farthest = Math.max(below, above)
  if (count % 2 === 1) return farthest
  const next = below > above ? Math.max(median - state[first + 1]!, above) : Math.max(below, state[last - 1]! - median)
  return (next + farthest) / 2
}

export function clearWindow(state: Float64Array, at: number): void {
  state.fill(0, at, at + windowLength)
}
