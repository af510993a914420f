/** What our own detector said of a run, in the suite's words. */
import type { HealthCode, HealthVerdict } from '../../src/gradient/verdict.ts'
import type { Class } from './case.ts'

export interface Alarm {
  readonly code: string
  readonly class: Class
  /** -1: before the first step. */
  readonly step: number
}

/** `undefined`: says nothing of a fault. */
export const classOf: Readonly<Record<HealthCode, Class | undefined>> = {
  HEALTHY: undefined,
  NONFINITE_LOSS: 'non-finite',
  NONFINITE_GRAD: 'non-finite',
  NONFINITE_PARAM: 'non-finite',
  GRAD_SPIKE: 'exploding',
  GRAD_EXPLODING: 'exploding',
  LOSS_DIVERGING: 'exploding',
  SIGNAL_OVERSCALE: 'overscale',
  INPUT_SCALE: 'overscale',
  TARGET_SCALE: 'overscale',
  INIT_VARIANCE: 'overscale',
  GRAD_VANISHING: 'vanishing',
  SATURATED: 'vanishing',
  SIGNAL_COLLAPSE: 'collapse',
  ZERO_GRADIENT: 'dead',
  DEAD_LAYER: 'dead',
  DEAD_UNITS: 'dead',
  SHATTERED: 'shattered',
  NARROW_DEEP: 'shattered',
  LOSS_OSCILLATING: 'oscillating',
  UPDATE_TOO_LARGE: 'oscillating',
  STALLED: 'stalled',
  UPDATE_TOO_SMALL: 'stalled',
  LR_IMPLAUSIBLE: 'stalled',
  SYMMETRIC_INIT: 'symmetric',
  SHARD_ANOMALY: 'shard',
  REPLICA_DIVERGENCE: 'shard',
  BATCH_ADVICE: undefined,
  CONVERGED: undefined,
  OWN_GRADIENT: undefined,
}

/** Verdicts at severity fault or above, in the order in which they were raised. */
export function faultsOf(verdicts: readonly HealthVerdict[]): Alarm[] {
  return verdicts.flatMap(({ code, severity, step }) => {
    if (severity !== 'fault' && severity !== 'fatal') return []
    const named = classOf[code]
    if (!named) throw new Error(`internal: the benchmark has no class for a fault ${code}`)
    return [{ code, class: named, step }]
  })
}
