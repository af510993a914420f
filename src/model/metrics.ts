/**
 * Metrics as running sums: a row block adds to its sums, sums of blocks are added in block order, and the value is
 * worked out once. Every row counts once; sample weights weigh the loss, not the metrics (as Keras's `metrics`).
 */
import type { MetricConfig } from './config.ts'

type Floats = Float32Array | Float64Array

export interface Metric {
  /** Key in logs and history: acc, top5Acc, mae, r2. */
  readonly key: string
  /** How many float64 sums it keeps. */
  readonly sums: number
  /** Adds one row: outputs at `o`, targets at `t`, `cols` outputs, `targets` target columns; sums at `s`. */
  add(memory: Floats, o: number, t: number, cols: number, targets: number, sums: Float64Array, s: number): void
  value(sums: Float64Array, s: number, rows: number): number
  /** Whether a larger value is the better one. */
  readonly larger: boolean
}

export function metric(config: MetricConfig, outputs: number): Metric {
  switch (config.type) {
    case 'accuracy':
      return accuracy(outputs)
    case 'topK':
      return topK(config.k)
    case 'mae':
      return mae
    case 'r2':
      return r2(outputs)
  }
}

/** Share of rows whose largest output is the true class; of outputs on the right side of 0.5 where there is one logit per target. */
function accuracy(outputs: number): Metric {
  return {
    key: 'acc',
    sums: 1,
    larger: true,
    add(memory, o, t, cols, targets, sums, s) {
      if (cols === 1) sums[s]! += memory[o]! > 0 === memory[t]! > 0.5 ? 1 : 0
      else sums[s]! += argmax(memory, o, cols) === classOf(memory, t, targets) ? 1 : 0
    },
    value: (sums, s, rows) => (outputs > 0 ? sums[s]! / rows : NaN),
  }
}

/** Share of rows whose true class is among the k largest outputs; ties count against. */
function topK(k: number): Metric {
  return {
    key: `top${k}Acc`,
    sums: 1,
    larger: true,
    add(memory, o, t, cols, targets, sums, s) {
      const truth = classOf(memory, t, targets)
      const score = memory[o + truth]!
      let ahead = 0
      for (let c = 0; c < cols; c++) if (c !== truth && !(memory[o + c]! < score)) ahead++
      if (ahead < k && !Number.isNaN(score)) sums[s]! += 1
    },
    value: (sums, s, rows) => sums[s]! / rows,
  }
}

/** Mean absolute error over all outputs. */
const mae: Metric = {
  key: 'mae',
  sums: 1,
  larger: false,
  add(memory, o, t, cols, _targets, sums, s) {
    let sum = 0
    for (let c = 0; c < cols; c++) sum += Math.abs(memory[o + c]! - memory[t + c]!)
    sums[s]! += sum / cols
  },
  value: (sums, s, rows) => sums[s]! / rows,
}

/** Coefficient of determination, 1 - residual / total sum of squares, averaged over the outputs (as scikit-learn's r2_score). */
function r2(outputs: number): Metric {
  return {
    key: 'r2',
    sums: 3 * outputs,
    larger: true,
    add(memory, o, t, cols, _targets, sums, s) {
      for (let c = 0; c < cols; c++) {
        const y = memory[t + c]!
        const error = y - memory[o + c]!
        sums[s + 3 * c]! += y
        sums[s + 3 * c + 1]! += y * y
        sums[s + 3 * c + 2]! += error * error
      }
    },
    value(sums, s, rows) {
      let total = 0
      for (let c = 0; c < outputs; c++) {
        const [sum, squares, residual] = [sums[s + 3 * c]!, sums[s + 3 * c + 1]!, sums[s + 3 * c + 2]!]
        const spread = squares - (sum * sum) / rows
        // Below the rounding of so many additions there is no spread: the targets are constant.
        total += spread > squares * rows * 2 ** -52 ? 1 - residual / spread : residual === 0 ? 1 : 0
      }
      return total / outputs
    },
  }
}

/** NaN is never the largest; a row of NaN has no class (-1). */
function argmax(memory: Floats, at: number, cols: number): number {
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

function classOf(memory: Floats, t: number, targets: number): number {
  return targets === 1 ? memory[t]! : argmax(memory, t, targets)
}
