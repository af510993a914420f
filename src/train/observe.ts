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

/** Of each batch the first rows are looked at for the sizes of signals: so many at the least, and so many outputs. */
const OBSERVED_ROWS = 8
const OBSERVED_OUTPUTS = 1024

/** Root means are compared by decades, and those of all layers are of the same few rows where layers are alike. */
const observedRows = (rows: number, cols: number): number =>
  Math.min(rows, Math.max(OBSERVED_ROWS, Math.ceil(OBSERVED_OUTPUTS / cols)))

/**
 * One part: a run of the outputs, one of the back-signals, and a run of the units.
 * @param room of this worker's own, for `UNITS_AT_ONCE` elements
 */
export function observePart(
  plan: Plan,
  k: Kernels,
  floats: Float32Array,
  doubles: Float64Array,
  index: number,
  room: Pointer,
): void {
  const { at, watch, sumsAt } = plan
  const { layer, part, parts } = watch.parts[index]!
  const { output, backSignal, signalCols, activation, units } = watch.layers[layer]!
  const into = at.partSignals + index * SIGNAL_FIELDS
  for (let i = 0; i < SIGNAL_FIELDS; i++) doubles[into + i] = NaN
  if (!output) return
  const rows = doubles[at.state + State.rows]!
  doubles[into] = squaresOf(k, output.value, observedRows(rows, output.cols) * output.cols, part, parts)
  if (backSignal !== -1)
    doubles[into + 1] = squaresOf(k, backSignal, observedRows(rows, signalCols) * signalCols, part, parts)
  const first = partStart(unitsOf(output), part, parts)
  const last = partStart(unitsOf(output), part + 1, parts)
  if (activation === Activation.relu) {
    countSilence(k, floats, doubles, output, rows, at.state + sumsAt.units + units, into, room, first, last)
  } else if (activation === Activation.sigmoid || activation === Activation.tanh) {
    doubles[into + 5] = countFlat(floats, output, rows, activation === Activation.sigmoid, first, last)
  }
}

function squaresOf(k: Kernels, vector: Pointer, count: number, part: number, parts: number): number {
  const from = partStart(count, part, parts)
  return k.sumSquares(1, partStart(count, part + 1, parts) - from, vector + from, 0)
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
    for (let i = 0; i < SIGNAL_FIELDS; i++) {
      const before = part === 0 ? 0 : doubles[into + i]!
      const own = doubles[from + i]!
      doubles[into + i] = i === 4 ? Math.max(before, own) : before + own
    }
    if (part === parts - 1) toShares(watch.layers[layer]!, rows, doubles, into)
  }
}

function toShares({ output, signalCols }: WatchedLayer, rows: number, doubles: Float64Array, into: number): void {
  if (!output) return
  doubles[into] = Math.sqrt(doubles[into]! / (observedRows(rows, output.cols) * output.cols))
  doubles[into + 1] = Math.sqrt(doubles[into + 1]! / (observedRows(rows, signalCols) * signalCols))
  const units = unitsOf(output)
  doubles[into + 2]! /= units
  doubles[into + 3]! /= units
  doubles[into + 5]! /= units
}

/** Units whose activity one call of the kernel finds out. */
const UNITS_AT_ONCE = 4096

/** Per unit (a channel at any of its positions) the samples since it was last above 0; `silence` has a word for each. */
export function countSilence(
  k: Kernels,
  floats: Float32Array,
  doubles: Float64Array,
  { value, cols, channels: units = cols }: Flow,
  rows: number,
  silence: number,
  into: number,
  room: Pointer,
  first = 0,
  last = units,
): void {
  let active = 0
  let silent = 0
  let longest = 0
  for (let start = first; start < last; start += UNITS_AT_ONCE) {
    const count = Math.min(UNITS_AT_ONCE, last - start)
    k.activeUnits((rows * cols) / units, count, value + start, units, room)
    for (let c = 0; c < count; c++) {
      const samples = floats[room + c] === 1 ? 0 : doubles[silence + start + c]! + rows
      doubles[silence + start + c] = samples
      if (samples === 0) active++
      if (samples >= thresholds.dead.manySamples) silent++
      if (samples > longest) longest = samples
    }
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
