/** What the detector and the check before the first step may say: a closed union of codes, and a verdict as plain data. */

export const healthCodes = [
  'HEALTHY',
  'GRAD_SPIKE',
  'NONFINITE_LOSS',
  'NONFINITE_GRAD',
  'NONFINITE_PARAM',
  'GRAD_EXPLODING',
  'SIGNAL_OVERSCALE',
  'GRAD_VANISHING',
  'SIGNAL_COLLAPSE',
  'ZERO_GRADIENT',
  'DEAD_LAYER',
  'DEAD_UNITS',
  'SATURATED',
  'SHATTERED',
  'LOSS_OSCILLATING',
  'LOSS_DIVERGING',
  'STALLED',
  'UPDATE_TOO_SMALL',
  'UPDATE_TOO_LARGE',
  'SYMMETRIC_INIT',
  'INIT_VARIANCE',
  'NARROW_DEEP',
  'LR_IMPLAUSIBLE',
  'INPUT_SCALE',
  'TARGET_SCALE',
  'SHARD_ANOMALY',
  'REPLICA_DIVERGENCE',
  'BATCH_ADVICE',
  'CONVERGED',
  'OWN_GRADIENT',
] as const
export type HealthCode = (typeof healthCodes)[number]
/** Numbers of the codes, for flat state; the first five are the detector's own (see `Verdict`). */
export const Health = Object.fromEntries(healthCodes.map((code, i) => [code, i])) as Readonly<
  Record<HealthCode, number>
>

/** From good to bad. A `warn` is a symptom; a `fault` a symptom that does harm, or an extreme one; `fatal` for its step. */
export const severities = ['ok', 'info', 'warn', 'fault', 'fatal'] as const
export type Severity = (typeof severities)[number]

export interface HealthVerdict {
  readonly code: HealthCode
  readonly severity: Severity
  /** Batches before it, skipped ones included; -1: before the first. */
  readonly step: number
  readonly layer?: string | undefined
  /** Part of the batch whose gradient is summed by itself, from 0. */
  readonly part?: number | undefined
  readonly evidence: Evidence
  readonly harm: Harm
  /** What helps, the mildest first. */
  readonly remedies: readonly string[]
  /** All of it for a person. */
  readonly sentence: string
}

export interface Evidence {
  readonly signal: string
  readonly value: number
  /** What the value is set against; NaN where the rule knows none. */
  readonly baseline: number
  readonly threshold: number
  /** Steps (before the first step: samples) the value was seen over. */
  readonly window: number
}

/** Progress: explained = 1 - loss / loss of the best constant; its gain over the last 128 steps, and that one's error. */
export interface Harm {
  readonly explained: number
  readonly slope: number
  readonly standardError: number
}

export const unknownHarm: Harm = { explained: NaN, slope: NaN, standardError: NaN }
