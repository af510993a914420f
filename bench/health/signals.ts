/**
 * What the rivals' rules look at, read from the arena after the gradient is complete and before the update: every step,
 * whatever their own cadence is. Gradients are of the mean loss.
 */
import { Phase } from '../../src/plan/plan.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { Hooks, View } from '../../src/train/inline.ts'
import { State } from '../../src/train/state.ts'

export interface TensorSignals {
  readonly norm: number
  readonly meanAbs: number
  readonly mean: number
  readonly variance: number
  /** Entries that are exactly 0, and all. */
  readonly zeros: number
  readonly size: number
  readonly finite: boolean
}

/** A hidden layer's outputs over the batch. */
export interface LayerSignals {
  readonly mean: number
  readonly std: number
  /** Shares of units: positive on less than 1 % of the rows; with |output| below 1e-5 on 95 % of them. */
  readonly inactive: number
  readonly silent: number
  /** Share of units whose input lies beyond +-9.5 (tanh) or outside (-23, 17) (sigmoid) on 99 % of the rows. */
  readonly saturated: number
  /** Share of units whose mean |output|, on a scale from -1 to 1, is above 0.85 (tanh, sigmoid). */
  readonly filled: number
  readonly finite: boolean
}

/** What the last update did to a kernel; NaN and false before the first. */
export interface Change {
  /** Of the update over that of the weights. */
  readonly norm: number
  /** Mean |update| over mean |weight|. */
  readonly meanAbs: number
  /** Within 1e-8 + 1e-5 of the weight, entry by entry. */
  readonly isClose: boolean
}

export interface StepSignals {
  readonly step: number
  readonly lastOfEpoch: boolean
  readonly loss: number
  readonly gradNorm: number
  /** Share of right answers in the batch; NaN for numbers. */
  readonly accuracy: number
  /** Of the kernels alone, input side first. */
  readonly gradients: readonly TensorSignals[]
  readonly weights: readonly TensorSignals[]
  readonly changes: readonly Change[]
  /** Share of exactly-zero entries over all gradients, biases included. */
  readonly zeroShare: number
  readonly layers: readonly LayerSignals[]
  readonly activation: string
  readonly classes: number
}

export function watchSignals(activation: string, seen: (signals: StepSignals) => void): Hooks {
  let before: Float32Array[] = []
  return {
    after(phase, view) {
      if (phase !== Phase.reduce) return
      const { plan, state, arena } = view
      const scale = 1 / state[State.weightSum]!
      const kernels = plan.placements.all.filter(({ spec }) => spec.shape.length > 1)
      const slice = (at: number, offset: number, size: number) => arena.floats.subarray(at + offset, at + offset + size)
      const weights = kernels.map(({ offset, size }) => slice(plan.at.parameters, offset, size))
      const all = plan.placements.all.map(({ offset, size }) => slice(plan.at.gradients, offset, size))
      const every = all.map((gradient) => describe(gradient, scale))
      const { sumsAt, spec } = plan
      const rows = state[State.batchRows]!
      seen({
        step: state[State.batch]!,
        lastOfEpoch: state[State.cursor]! + rows >= spec.trainRows,
        loss: state[sumsAt.batch]! * scale,
        gradNorm: Math.sqrt(every.reduce((sum, { norm }) => sum + norm ** 2, 0)),
        accuracy: plan.metrics[0]?.key === 'acc' ? state[sumsAt.batch + 1]! / rows : NaN,
        gradients: every.filter((_, i) => plan.placements.all[i]!.spec.shape.length > 1),
        weights: weights.map((w) => describe(w, 1)),
        changes: weights.map((w, i) => change(before[i], w)),
        zeroShare: every.reduce((n, { zeros }) => n + zeros, 0) / every.reduce((n, { size }) => n + size, 0),
        layers: hiddenLayers(view, activation, rows),
        activation,
        classes: plan.model.outputs,
      })
      before = weights.map((w) => w.slice())
    },
  }
}

function describe(values: Float32Array, scale: number): TensorSignals {
  let [sum, abs, squares, zeros] = [0, 0, 0, 0]
  for (const raw of values) {
    const value = raw * scale
    sum += value
    abs += Math.abs(value)
    squares += value * value
    if (value === 0) zeros++
  }
  const n = values.length
  return {
    norm: Math.sqrt(squares),
    meanAbs: abs / n,
    mean: sum / n,
    variance: Math.max(0, squares / n - (sum / n) ** 2),
    zeros,
    size: n,
    finite: Number.isFinite(squares),
  }
}

function change(before: Float32Array | undefined, now: Float32Array): Change {
  if (before?.length !== now.length) return { norm: NaN, meanAbs: NaN, isClose: false }
  let [squares, size, abs, sizeAbs] = [0, 0, 0, 0]
  let isClose = true
  for (let i = 0; i < now.length; i++) {
    const difference = Math.abs(now[i]! - before[i]!)
    squares += difference ** 2
    size += now[i]! ** 2
    abs += difference
    sizeAbs += Math.abs(before[i]!)
    if (!(difference <= 1e-8 + 1e-5 * Math.abs(before[i]!))) isClose = false
  }
  return { norm: Math.sqrt(squares) / (Math.sqrt(size) + 1e-9), meanAbs: abs / sizeAbs, isClose }
}

function hiddenOutputs(plan: Plan): { value: number; cols: number }[] {
  const found = new Map<number, { value: number; cols: number }>()
  for (const { output } of plan.network.parts ?? []) if (plan.lasting.has(output.value)) found.set(output.value, output)
  found.delete(plan.network.output.value)
  found.delete(plan.input.value)
  return [...found.values()]
}

function hiddenLayers({ plan, arena }: View, activation: string, rows: number): LayerSignals[] {
  return hiddenOutputs(plan).map(({ value, cols }) => {
    const f = arena.floats
    let [sum, squares, inactive, silent, saturated, filled] = [0, 0, 0, 0, 0, 0]
    for (let c = 0; c < cols; c++) {
      let [positive, loud, flat, reach] = [0, 0, 0, 0]
      for (let r = 0; r < rows; r++) {
        const a = f[value + r * cols + c]!
        sum += a
        squares += a * a
        if (a > 0) positive++
        if (Math.abs(a) >= 1e-5) loud++
        if (isBeyond(activation, a)) flat++
        reach += Math.abs(activation === 'sigmoid' ? 2 * a - 1 : a)
      }
      if (positive < 0.01 * rows) inactive++
      if (loud <= 0.05 * rows) silent++
      if (flat >= 0.99 * rows) saturated++
      if (reach > 0.85 * rows) filled++
    }
    const n = rows * cols
    return {
      mean: sum / n,
      std: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)),
      inactive: inactive / cols,
      silent: silent / cols,
      saturated: saturated / cols,
      filled: filled / cols,
      finite: Number.isFinite(squares),
    }
  })
}

/** tanh(9.5) rounds to 1; sigmoid(-23) is 1e-10 and sigmoid(17) = 1 - 4e-8 rounds to 1 - 2^-24. */
const isBeyond = (activation: string, a: number): boolean =>
  activation === 'tanh' ? Math.abs(a) >= 1 : activation === 'sigmoid' && (a < 1e-10 || a >= 1 - 2 ** -24)
