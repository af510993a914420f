/**
 * What can be known before the first step, from one step that is taken on a sample and thrown away: see train/preflight.ts.
 * Pure: numbers in, verdicts out, the gravest kind of fault first, so that the first one names the cause.
 */
import { sayVerdict, signalOf } from './advice.ts'
import { profile } from './rules/profile.ts'
import { thresholds as t } from './thresholds.ts'
import type { Evidence, HealthCode, HealthVerdict, Severity } from './verdict.ts'

/** A layer with weights, at initialisation. Norms are 2-norms; NaN is what it does not have. */
export interface InitialLayer {
  readonly name: string
  readonly units: number
  readonly gradient: number
  readonly weights: number
  /** Of the first update. */
  readonly update: number
  /** Root mean squares. */
  readonly activation: number
  readonly backSignal: number
  /** Shares of units: active on one row of the sample at least; with a flat derivative. */
  readonly active: number
  readonly flat: number
  /** Variance of the matrix over what its activation wants; NaN where that is not known. */
  readonly variance: number
  /** Shares of units with a twin, and with one that nothing will tell from it. */
  readonly alike: number
  readonly alikeForEver: number
}

export interface Initial {
  /** Rows of the sample. */
  readonly rows: number
  readonly loss: number
  readonly gradNorm: number
  /** Losses of the best constant, and of zeros. */
  readonly nullLoss: number
  readonly zeroLoss: number
  readonly layers: readonly InitialLayer[]
  /** Mean cosine of the gradients at near inputs; NaN where it was not measured. */
  readonly cosine: number
  /** Steps of the schedule's warm-up over those of the run. */
  readonly warmup: number
  /** Share of the weights that weight decay takes off in a step. */
  readonly decay: number
  /** Largest root mean square of a feature that changes, and root mean square of numeric targets (else NaN). */
  readonly feature: number
  readonly target: number
}

export function judgeBefore(initial: Initial): HealthVerdict[] {
  const raised: HealthVerdict[] = []
  const { rows, loss, nullLoss } = initial
  const raise = (code: HealthCode, severity: Severity, found: Partial<Evidence>, layer?: string) => {
    const evidence = { value: NaN, baseline: NaN, threshold: NaN, window: rows, signal: signalOf(code), ...found }
    const harm = { explained: 1 - loss / nullLoss, slope: NaN, standardError: NaN }
    raised.push(sayVerdict({ code, severity, step: -1, layer, evidence, harm }))
  }
  judgeSymmetry(initial, raise)
  if (!Number.isFinite(loss)) {
    raise('NONFINITE_LOSS', 'fault', { value: loss })
    return raised
  }
  if (!Number.isFinite(initial.gradNorm)) {
    raise('NONFINITE_GRAD', 'fault', { value: initial.gradNorm })
    return raised
  }
  judgeLevel(initial, raise)
  judgeDeath(initial, raise)
  judgeWay(initial, raise)
  judgeUpdates(initial, raise)
  judgeShape(initial, raise)
  judgeData(initial, raise)
  return raised
}

type Raise = (code: HealthCode, severity: Severity, found: Partial<Evidence>, layer?: string) => void

function judgeSymmetry({ layers }: Initial, raise: Raise): void {
  for (const { name, alike, alikeForEver } of layers.slice(0, -1)) {
    const threshold = t.symmetric.share
    if (alikeForEver > threshold) raise('SYMMETRIC_INIT', 'fault', { value: alikeForEver, threshold }, name)
    else if (alike > threshold) raise('SYMMETRIC_INIT', 'warn', { value: alike, threshold }, name)
    else continue
    return
  }
}

/** How large signals and loss are. */
function judgeLevel({ loss, nullLoss, zeroLoss, layers }: Initial, raise: Raise): void {
  const { warn, fault, profile: most } = t.overscale
  const baseline = Math.max(nullLoss, zeroLoss)
  const ratio = loss / baseline
  const growth = -profile(
    Float64Array.from(layers, ({ activation }) => activation),
    layers.length - 1,
  )
  if (ratio > warn) {
    raise('SIGNAL_OVERSCALE', ratio > fault ? 'fault' : 'warn', {
      value: ratio,
      baseline: 1,
      threshold: ratio > fault ? fault : warn,
    })
  } else if (growth > most)
    raise('SIGNAL_OVERSCALE', 'warn', { value: 10 ** growth, baseline: 1, threshold: 10 ** most })
}

/** Nothing is active, or nothing asks for a change. */
function judgeDeath({ layers, gradNorm, loss }: Initial, raise: Raise): void {
  const dead = layers.find(({ active }) => active === 0)
  if (dead) raise('DEAD_LAYER', 'fault', { value: 0, threshold: 0 }, dead.name)
  if (gradNorm === 0 && loss > 0) raise('ZERO_GRADIENT', 'fault', { value: 0, threshold: 0 })
}

/** What becomes of signals on their way. */
function judgeWay({ layers, cosine }: Initial, raise: Raise): void {
  const hidden = layers.slice(0, -1)
  const column = (of: (layer: InitialLayer) => number, from: readonly InitialLayer[] = hidden) =>
    profile(Float64Array.from(from, of), from.length)
  // A branch that starts as nothing: its last kernel is 0, and no gradient comes past it before the first update.
  const isAsleep = ({ name, gradient, weights }: InitialLayer) =>
    name.includes('/') && (gradient === 0 || weights === 0)
  const u = column((layer) => (isAsleep(layer) ? NaN : layer.gradient / layer.weights))
  const [a, d] = [-column(({ activation }) => activation), column(({ backSignal }) => backSignal, layers)]
  const low = Math.min(Number.isNaN(a) ? 0 : a, Number.isNaN(d) ? 0 : d)
  const both = u < t.vanishing.together && low < t.collapse.together
  const judge = (code: HealthCode, value: number, warn: number, fault: number, together: number, layer?: string) => {
    if (!(value < warn)) return
    const isFault = both || value < fault
    const threshold = !isFault ? warn : value < fault ? fault : together
    raise(code, isFault ? 'fault' : 'warn', { value, baseline: 0, threshold }, layer)
  }
  const { vanishing, collapse } = t
  judge('GRAD_VANISHING', u, vanishing.warn, vanishing.fault, vanishing.together, hidden[0]?.name)
  judge('SIGNAL_COLLAPSE', low, collapse.profile, collapse.extreme, collapse.together, layers.at(-1)?.name)
  const { shattered, saturated } = t
  const narrow = narrowness(hidden)
  if (cosine < shattered.cosine && narrow > shattered.narrow) {
    const isFault = cosine < shattered.extreme && narrow > shattered.veryNarrow
    const threshold = isFault ? shattered.extreme : shattered.cosine
    raise('SHATTERED', isFault ? 'fault' : 'warn', { value: cosine, baseline: 1, threshold })
  }
  const flat = hidden.find((layer) => layer.flat > saturated.share)
  if (!flat) return
  const isFault = flat.flat > saturated.extreme
  const threshold = isFault ? saturated.extreme : saturated.share
  raise('SATURATED', isFault ? 'fault' : 'warn', { value: flat.flat, threshold }, flat.name)
}

/** Sum of 1 / width over the ReLU layers that nothing leads past (Hanin 2018, arXiv 1801.03744). */
const narrowness = (hidden: readonly InitialLayer[]): number =>
  hidden.reduce((sum, { units, active }) => sum + (Number.isNaN(active) ? 0 : 1 / units), 0)

/** How far the first update would go. */
function judgeUpdates({ layers, decay, warmup }: Initial, raise: Raise): void {
  // Half of what was learnt is forgotten within some thirty steps.
  if (decay > t.decay.fault)
    raise('LR_IMPLAUSIBLE', 'fault', {
      ...{ value: decay, baseline: 0, threshold: t.decay.fault, window: 1 },
      signal: signalOf('LR_IMPLAUSIBLE', 1),
    })
  if (warmup > t.warmup.warn) {
    const isFault = warmup > t.warmup.fault
    raise('LR_IMPLAUSIBLE', isFault ? 'fault' : 'warn', {
      ...{ value: warmup, baseline: 1, threshold: isFault ? t.warmup.fault : t.warmup.warn, window: 1 },
      signal: signalOf('LR_IMPLAUSIBLE', 2),
    })
  }
  const { low, high } = t.learningRate
  const moves = layers.flatMap(({ update, weights }) => (weights > 0 && update > 0 ? [update / weights] : []))
  if (moves.length === 0) return
  const value = moves.toSorted((a, b) => a - b)[moves.length >> 1]!
  if (value > high) raise('LR_IMPLAUSIBLE', 'warn', { value, threshold: high, window: 1 })
  else if (value < low) raise('LR_IMPLAUSIBLE', 'warn', { value, threshold: low, window: 1 })
}

/** Widths, depth and variances, whatever came of them. */
function judgeShape({ layers }: Initial, raise: Raise): void {
  const { low, high, narrow } = t.init
  const odd = layers.slice(0, -1).find(({ variance }) => variance < low || variance > high)
  if (odd) {
    const threshold = odd.variance < low ? low : high
    raise('INIT_VARIANCE', 'info', { value: odd.variance, baseline: 1, threshold }, odd.name)
  }
  const value = narrowness(layers.slice(0, -1))
  if (value > narrow) raise('NARROW_DEEP', 'info', { value, threshold: narrow })
}

function judgeData({ feature, target }: Initial, raise: Raise): void {
  const { low, high } = t.scale
  if (feature > high || feature < low) {
    raise('INPUT_SCALE', 'warn', { value: feature, baseline: 1, threshold: feature > high ? high : low })
  }
  if (target > high || target < low) {
    raise('TARGET_SCALE', 'warn', { value: target, baseline: 1, threshold: target > high ? high : low })
  }
}

/** Faults without a doubt: training could only waste time. */
const CERTAIN: ReadonlySet<HealthCode> = new Set([
  'NONFINITE_LOSS',
  'NONFINITE_GRAD',
  'SYMMETRIC_INIT',
  'ZERO_GRADIENT',
  'DEAD_LAYER',
])

export const isCertain = ({ code, severity }: HealthVerdict): boolean => severity === 'fault' && CERTAIN.has(code)
