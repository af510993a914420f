/**
 * The sampled numbers of a layer: one piece, beside the update, from the activations and back-signals that the step left
 * in the arena (those of its last micro-batch).
 *
 *   0  root mean square of the outputs       1  of the back-signals
 *   2  share of units active on this batch   3  share of units silent for the samples below
 *   4  samples since counting began          5  share of units whose mean derivative is below 1/20 of its largest
 *
 * NaN where a layer has no such number.
 */
import { Activation } from '../kernels/kernels.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { Flow } from '../model/layer.ts'
import { thresholds } from '../gradient/thresholds.ts'
import type { Plan } from '../plan/plan.ts'
import { SIGNAL_FIELDS } from '../plan/watch.ts'
import { State } from './state.ts'

export function observeLayer(plan: Plan, k: Kernels, floats: Float32Array, doubles: Float64Array, index: number): void {
  const { at, watch, sumsAt } = plan
  const { output, backSignal, signalCols, activation, units } = watch.layers[index]!
  const into = at.signals + index * SIGNAL_FIELDS
  doubles.fill(NaN, into, into + SIGNAL_FIELDS)
  if (!output) return
  const rows = doubles[at.state + State.rows]!
  const count = rows * output.cols
  doubles[into] = Math.sqrt(k.sumSquares(count, output.value) / count)
  if (backSignal !== -1) {
    const signals = rows * signalCols
    doubles[into + 1] = Math.sqrt(k.sumSquares(signals, backSignal) / signals)
  }
  if (activation === Activation.relu) {
    countSilence(floats, doubles, output, rows, at.state + sumsAt.units + units, into)
  } else if (activation === Activation.sigmoid || activation === Activation.tanh) {
    doubles[into + 5] = flatShare(floats, output, rows, activation === Activation.sigmoid)
  }
}

/**
 * Per unit (a channel at any of its positions) the samples since it was last above 0; `silence` has a word for each.
 * A unit that was active once in the batch is not looked at again: most show it in the first rows.
 */
export function countSilence(
  floats: Float32Array,
  doubles: Float64Array,
  { value, cols, channels: units = cols }: Flow,
  rows: number,
  silence: number,
  into: number,
): void {
  const end = value + rows * cols
  for (let c = 0; c < units; c++) {
    let i = value + c
    while (i < end && !(floats[i]! > 0)) i += units
    if (i < end) doubles[silence + c] = 0
    else doubles[silence + c]! += rows
  }
  let active = 0
  let silent = 0
  let longest = 0
  for (let c = 0; c < units; c++) {
    const samples = doubles[silence + c]!
    if (samples === 0) active++
    if (samples >= thresholds.dead.manySamples) silent++
    if (samples > longest) longest = samples
  }
  doubles[into + 2] = active / units
  doubles[into + 3] = silent / units
  doubles[into + 4] = longest
}

function flatShare(
  floats: Float32Array,
  { value, cols, channels: units = cols }: Flow,
  rows: number,
  sigmoid: boolean,
): number {
  const end = value + rows * cols
  // No term is negative: the sum has come far enough, or it has not.
  const enough = (thresholds.saturated.derivative * (rows * cols)) / units
  let flat = 0
  for (let c = 0; c < units; c++) {
    let sum = 0
    for (let i = value + c; i < end && sum < enough; i += units) {
      const y = floats[i]!
      sum += sigmoid ? 4 * y * (1 - y) : 1 - y * y
    }
    if (sum < enough) flat++
  }
  return flat / units
}
