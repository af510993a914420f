/** What metrics read from a row. */

export type Floats = Float32Array | Float64Array

/** NaN is never the largest; a row of NaN has no class (-1). */
export function argmax(memory: Floats, at: number, cols: number): number {
  let best = -1
  let value = -Infinity
  for (let c = 0; c < cols; c++) {
    const v = memory[at + c]!
    if (v > value) {
      best = c
      value = v
    }
  }
  return best
}

/** The true class: the label, or the largest of one target per class. */
export function classOf(memory: Floats, t: number, targets: number): number {
  return targets === 1 ? memory[t]! : argmax(memory, t, targets)
}
