/**
 * The sampled numbers of a layer, beside the update, from the activations and back-signals that the step left in the arena
 * (those of its last micro-batch). A large layer is looked at in parts, a piece each, and whoever closes the update puts
 * them together. Of a part, and then of the layer:
 *
 *   0  squares of the outputs; their root mean       1  of the back-signals
 *   2  units active on this batch; their share       3  units silent for the samples below
 *   4  samples since counting began                  5  units whose mean derivative is below 1/20 of its largest
 *
 * NaN where a layer has no such number.
 */
import { Activation } from '../kernels/kernels.ts'
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import type { Flow } from '../model/layer.ts'
import { thresholds } from '../gradient/thresholds.ts'
import type { Plan } from '../plan/plan.ts'
import { SIGNAL_FIELDS } from '../plan/watch.ts'
import type { WatchedLayer } from '../plan/watch.ts'
import { State } from './state.ts'

/** One part: a run of the outputs, one of the back-signals, and a run of the units. */
export function observePart(plan: Plan, k: Kernels, floats: Float32Array, doubles: Float64Array, index: number): void {
  const { at, watch, sumsAt } = plan
  const { layer, part, parts } = watch.parts[index]!
  const { output, backSignal, signalCols, activation, units } = watch.layers[layer]!
  const into = at.partSignals + index * SIGNAL_FIELDS
  doubles.fill(NaN, into, into + SIGNAL_FIELDS)
  if (!output) return
  const rows = doubles[at.state + State.rows]!
  const squares = (vector: Pointer, count: number): number => {
    const from = partStart(count, part, parts)
    const end = partStart(count, part + 1, parts)
    return k.sumSquares(1, end - from, vector + from, 0)
  }
  doubles[into] = squares(output.value, rows * output.cols)
  if (backSignal !== -1) doubles[into + 1] = squares(backSignal, rows * signalCols)
  const first = partStart(unitsOf(output), part, parts)
  const last = partStart(unitsOf(output), part + 1, parts)
  if (activation === Activation.relu) {
    countSilence(floats, doubles, output, rows, at.state + sumsAt.units + units, into, first, last)
  } else if (activation === Activation.sigmoid || activation === Activation.tanh) {
    doubles[into + 5] = countFlat(floats, output, rows, activation === Activation.sigmoid, first, last)
  }
}

const partStart = (count: number, part: number, parts: number): number => Math.floor((part * count) / parts)

const unitsOf = ({ cols, channels = cols }: Flow): number => channels

/** The parts of every layer, in their order. */
export function gatherSignals({ at, watch }: Plan, doubles: Float64Array): void {
  const rows = doubles[at.state + State.rows]!
  for (let index = 0; index < watch.parts.length; index++) {
    const { layer, part, parts } = watch.parts[index]!
    const from = at.partSignals + index * SIGNAL_FIELDS
    const into = at.signals + layer * SIGNAL_FIELDS
    if (part === 0) doubles.fill(0, into, into + SIGNAL_FIELDS)
    for (let i = 0; i < SIGNAL_FIELDS; i++) {
      const before = doubles[into + i]!
      const own = doubles[from + i]!
      doubles[into + i] = i === 4 ? Math.max(before, own) : before + own
    }
    if (part === parts - 1) toShares(watch.layers[layer]!, rows, doubles, into)
  }
}

function toShares({ output, signalCols }: WatchedLayer, rows: number, doubles: Float64Array, into: number): void {
  if (!output) return
  doubles[into] = Math.sqrt(doubles[into]! / (rows * output.cols))
  doubles[into + 1] = Math.sqrt(doubles[into + 1]! / (rows * signalCols))
  const units = unitsOf(output)
  doubles[into + 2]! /= units
  doubles[into + 3]! /= units
  doubles[into + 5]! /= units
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
  first = 0,
  last = units,
): void {
  const end = value + rows * cols
  let active = 0
  let silent = 0
  let longest = 0
  for (let c = first; c < last; c++) {
    let i = value + c
    while (i < end && !(floats[i]! > 0)) i += units
    const samples = i < end ? 0 : doubles[silence + c]! + rows
    doubles[silence + c] = samples
    if (samples === 0) active++
    if (samples >= thresholds.dead.manySamples) silent++
    if (samples > longest) longest = samples
  }
  doubles[into + 2] = active
  doubles[into + 3] = silent
  doubles[into + 4] = longest
}

function countFlat(
  floats: Float32Array,
  { value, cols, channels: units = cols }: Flow,
  rows: number,
  sigmoid: boolean,
  first: number,
  last: number,
): number {
  const end = value + rows * cols
  // No term is negative: the sum has come far enough, or it has not.
  const enough = (thresholds.saturated.derivative * (rows * cols)) / units
  let flat = 0
  for (let c = first; c < last; c++) {
    let sum = 0
    for (let i = value + c; i < end && sum < enough; i += units) {
      const y = floats[i]!
      sum += sigmoid ? 4 * y * (1 - y) : 1 - y * y
    }
    if (sum < enough) flat++
  }
  return flat
}
