/**
 * Profiles over the layers, taken while nobody works (at the end of an epoch, and of the run): norms of the last
 * gradient and of the weights, and the sizes of the activations and back-signals that the last batches left in the
 * arena. Reads only: no bit of the training depends on it.
 */
import type { Arena } from '../arena/arena.ts'
import type { Flow } from '../model/layer.ts'
import type { Plan } from '../plan/plan.ts'
import type { SignalLog } from './signals.ts'
import { State } from './state.ts'

/** Names of the signals per layer. */
export const profileNames = ['layerGradNorm', 'layerUpdate', 'activation', 'backSignal', 'active'] as const

const layerOf = (parameter: string): string => parameter.slice(0, parameter.lastIndexOf('/'))

/**
 * @returns adds what the arena shows now to the log, under the last batch's number. In a run without validation the
 * activations are of its last training batch, else of the last validation batch.
 */
export function createProfiler(log: SignalLog, plan: Plan, arena: Arena, state: Float64Array): () => void {
  const { floats } = arena
  const { all, total } = plan.placements
  const layers = [...new Set(all.map(({ spec }) => layerOf(spec.name)))]
  const rowOf = all.map(({ spec }) => layers.indexOf(layerOf(spec.name)))
  const flows = plan.network.outputs ?? []
  log.rows.parameters = layers
  log.rows.outputs = plan.model.layers.map(({ name }) => name)
  const shown = flows.length === plan.model.layers.length ? flows : []
  let before: Float32Array | undefined

  return () => {
    const step = state[State.batch]! - 1
    const weight = state[State.weightSum]!
    if (step < 0) return
    const perLayer = (sumOf: (offset: number, size: number) => number): Float64Array => {
      const sums = new Float64Array(layers.length)
      all.forEach(({ offset, size }, i) => (sums[rowOf[i]!]! += sumOf(offset, size)))
      return sums
    }
    const squares = (from: number) => perLayer((offset, size) => sumOfSquares(floats, from + offset, size))
    const weights = floats.slice(plan.at.parameters, plan.at.parameters + total)
    const norms = squares(plan.at.parameters)
    if (weight > 0)
      log.profile(
        step,
        'layerGradNorm',
        squares(plan.at.gradients).map((sum) => Math.sqrt(sum) / weight),
      )
    if (before) {
      const last = before
      const changes = perLayer((offset, size) => squaredDistance(weights, last, offset, size))
      log.profile(
        step,
        'layerUpdate',
        changes.map((sum, i) => Math.sqrt(sum / norms[i]!)),
      )
    }
    before = weights
    if (shown.length === 0) return
    const rows = evaluated(plan) ?? state[State.rows]!
    const sizes = (at: (flow: Flow) => number, count: number) =>
      shown.map((flow) => (at(flow) < 0 ? NaN : rootMeanSquare(floats, at(flow), count * flow.cols)))
    log.profile(
      step,
      'activation',
      sizes((flow) => flow.value, rows),
    )
    log.profile(
      step,
      'backSignal',
      sizes((flow) => flow.gradient, state[State.rows]!),
    )
    log.profile(
      step,
      'active',
      shown.map(({ value, cols }) => shareOfNonZero(floats, value, rows * cols)),
    )
  }
}

/** Rows of the last validation batch: what lies where the activations do. */
function evaluated({ spec, evaluationRows }: Plan): number | undefined {
  if (spec.evaluationRows === 0) return undefined
  return spec.evaluationRows % evaluationRows || evaluationRows
}

function sumOfSquares(values: Float32Array, at: number, size: number): number {
  let sum = 0
  for (let i = at; i < at + size; i++) sum += values[i]! * values[i]!
  return sum
}

function squaredDistance(a: Float32Array, b: Float32Array, at: number, size: number): number {
  let sum = 0
  for (let i = at; i < at + size; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}

const rootMeanSquare = (values: Float32Array, at: number, size: number): number =>
  Math.sqrt(sumOfSquares(values, at, size) / size)

function shareOfNonZero(values: Float32Array, at: number, size: number): number {
  let count = 0
  for (let i = at; i < at + size; i++) if (values[i] !== 0) count++
  return count / size
}
