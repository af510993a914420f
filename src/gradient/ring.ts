/** A ring of the last `size` values in a flat Float64Array: head (place of the next value), count, values. Zeros are an empty one. */

export function pushRing(state: Float64Array, at: number, size: number, value: number): void {
  const head = state[at]!
  state[at + 2 + head] = value
  state[at] = head + 1 < size ? head + 1 : 0
  if (state[at + 1]! < size) state[at + 1]!++
}

/** The value pushed `ago` pushes before the last; `ago` is below `size`. No remainder: of doubles it is a slow one. */
export function ringValue(state: Float64Array, at: number, size: number, ago: number): number {
  const i = (state[at]! | 0) - 1 - ago
  return state[at + 2 + (i < 0 ? i + size : i)]!
}

/** Median of `count` values, the newest `skip` left out (fewer where there are fewer; NaN for none); sorts in `scratch`. */
export function medianOf(
  state: Float64Array,
  at: number,
  size: number,
  skip: number,
  count: number,
  scratch: number,
): number {
  const n = sortLast(state, at, size, skip, count, scratch)
  if (n === 0) return NaN
  const middle = scratch + (n >> 1)
  return n % 2 === 1 ? state[middle]! : (state[middle - 1]! + state[middle]!) / 2
}

/** The same of the logarithms of values above 0, which are in the values' order: two are taken and not `count`. */
export function medianLogOf(
  state: Float64Array,
  at: number,
  size: number,
  skip: number,
  count: number,
  scratch: number,
): number {
  const n = sortLast(state, at, size, skip, count, scratch)
  if (n === 0) return NaN
  const middle = scratch + (n >> 1)
  const upper = Math.log(state[middle]!)
  return n % 2 === 1 ? upper : (Math.log(state[middle - 1]!) + upper) / 2
}

/** Standard deviation of those logarithms as normal ones would have it: their quartiles lie 1.349 deviations apart. */
export function deviationLogOf(
  state: Float64Array,
  at: number,
  size: number,
  skip: number,
  count: number,
  scratch: number,
): number {
  const n = sortLast(state, at, size, skip, count, scratch)
  return n === 0 ? NaN : Math.log(state[scratch + ((3 * n) >> 2)]! / state[scratch + (n >> 2)]!) / 1.349
}

/** @returns how many there are */
function sortLast(state: Float64Array, at: number, size: number, skip: number, count: number, scratch: number): number {
  const n = Math.max(0, Math.min(count, state[at + 1]! - skip))
  for (let i = 0; i < n; i++) {
    const value = ringValue(state, at, size, skip + i)
    let j = i
    for (; j > 0 && state[scratch + j - 1]! > value; j--) state[scratch + j] = state[scratch + j - 1]!
    state[scratch + j] = value
  }
  return n
}
