/**
 * Metrics as running sums: a row block adds to its sums, sums of blocks are added in block order, and the value is
 * worked out once. Every row counts once; sample weights weigh the loss, not the metrics (as Keras's `metrics`).
 * Positions of a row whose label is masked (below 0) do not count.
 */
import type { MetricConfig } from './config.ts'
import type { LossRule } from './losses.ts'
import { areaUnderCurve } from './metrics/auc.ts'
import { classMetric } from './metrics/classes.ts'
import { confusion } from './metrics/confusion.ts'
import { argmax, classOf } from './metrics/rows.ts'
import type { Floats } from './metrics/rows.ts'

export interface Metric {
  /** Key in logs and history: acc, top5Acc, f1, mae, r2, .. */
  readonly key: string
  /** How many float64 sums it keeps. */
  readonly sums: number
  /** Adds one row: outputs at `o`, targets at `t`, `cols` outputs, `targets` target columns; sums at `s`. */
  add(memory: Floats, o: number, t: number, cols: number, targets: number, sums: Float64Array, s: number): void
  value(sums: Float64Array, s: number, rows: number): number
  /** Whether a larger value is the better one. */
  readonly larger: boolean
}

/** How outputs and targets are to be read. `hinge` decides by the sign of its outputs, as a sigmoid does. */
export type Reading = Pick<LossRule, 'takes'> & { readonly link: LossRule['link'] }

/**
 * @param outputs of a row
 * @param targets of a row
 */
export function metric(config: MetricConfig, outputs: number, reading: Reading, targets: number): Metric {
  const one = metricOfPosition(config, reading.takes === 'labels' ? outputs / targets : outputs, reading)
  return reading.takes === 'labels' ? overPositions(one) : one
}

function metricOfPosition(config: MetricConfig, outputs: number, { link }: Reading): Metric {
  const single = link !== 'softmax'
  switch (config.type) {
    case 'accuracy':
      return single ? sidedAccuracy : accuracy
    case 'topK':
      return topK(config.k)
    case 'precision':
    case 'recall':
    case 'f1':
      return classMetric(config.type, config.average, outputs, single)
    case 'auc':
      return areaUnderCurve(outputs, single)
    case 'confusion':
      return confusion(outputs, single)
    case 'perplexity':
      return perplexity
    case 'bits':
      return bits
    case 'mae':
      return mae
    case 'r2':
      return r2(outputs)
  }
}

/** A metric of rows of one label, over every position of longer rows that has a label; its last sum counts them. */
function overPositions(one: Metric): Metric {
  return {
    key: one.key,
    larger: one.larger,
    sums: one.sums + 1,
    add(memory, o, t, cols, targets, sums, s) {
      const classes = cols / targets
      for (let p = 0; p < targets; p++) {
        if (memory[t + p]! < 0) continue
        one.add(memory, o + p * classes, t + p, classes, 1, sums, s)
        sums[s + one.sums]! += 1
      }
    },
    value: (sums, s) => one.value(sums, s, sums[s + one.sums]!),
  }
}

/** Share of rows whose largest output is the true class. */
const accuracy: Metric = {
  key: 'acc',
  sums: 1,
  larger: true,
  add(memory, o, t, cols, targets, sums, s) {
    sums[s]! += argmax(memory, o, cols) === classOf(memory, t, targets) ? 1 : 0
  },
  value: (sums, s, rows) => sums[s]! / rows,
}

/** Share of outputs on the right side of 0, which is a probability of 0.5. */
const sidedAccuracy: Metric = {
  ...accuracy,
  add(memory, o, t, cols, _targets, sums, s) {
    let right = 0
    for (let c = 0; c < cols; c++) if (memory[o + c]! > 0 === memory[t + c]! > 0.5) right++
    sums[s]! += right / cols
  },
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

/** e^ of the mean cross-entropy of the true classes: among how many equally likely ones the model still chooses. */
const perplexity: Metric = {
  key: 'perplexity',
  sums: 1,
  larger: false,
  add(memory, o, t, cols, targets, sums, s) {
    let largest = -Infinity
    for (let c = 0; c < cols; c++) largest = Math.max(largest, memory[o + c]!)
    let total = 0
    for (let c = 0; c < cols; c++) total += Math.exp(memory[o + c]! - largest)
    sums[s]! += Math.log(total) - (memory[o + classOf(memory, t, targets)]! - largest)
  },
  value: (sums, s, rows) => Math.exp(sums[s]! / rows),
}

/** The mean cross-entropy in bits, of a text per character or byte: log2 of the perplexity. */
const bits: Metric = {
  ...perplexity,
  key: 'bits',
  value: (sums, s, rows) => sums[s]! / rows / Math.LN2,
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
