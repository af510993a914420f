/** One record of the telemetry ring, in float64 fields: a step, or the end of an epoch with its values behind. */
import { RECORD_HEAD } from '../plan/plan.ts'

export const Kind = { step: 0, epoch: 1 } as const

export const Field = {
  kind: 0,
  epoch: 1,
  step: 2,
  rows: 3,
  loss: 4,
  gradNorm: 5,
  gradNormAfterClip: 6,
  learningRate: 7,
  verdict: 8,
  decision: 9,
  z: 10,
  batch: 11,
  /** When the step was done, in milliseconds since 1970: for people, never for a decision. */
  millis: 12,
  values: RECORD_HEAD,
} as const
