/** One record of the telemetry ring, in float64 fields: a step, or the end of an epoch with its values behind. */
import type { Control } from '../arena/control.ts'
import { DecisionField } from '../gradient/decide.ts'
import { DetectorField } from '../gradient/detector.ts'
import { RECORD_HEAD } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import { State } from './state.ts'

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

/** Writes the state's numbers of now as the ring's next record, and publishes it. */
export function writeRecord(plan: Plan, control: Control, d: Float64Array, s: Float64Array, kind: number): void {
  const { at, spec, recordFields, metrics, sumsAt } = plan
  const r = at.ring + (control.recordsWritten() % spec.ringRecords) * recordFields
  const health = State.health
  d[r + Field.kind] = kind
  d[r + Field.epoch] = s[State.epoch]!
  d[r + Field.step] = s[State.step]!
  d[r + Field.rows] = s[State.batchRows]!
  d[r + Field.loss] = s[State.loss]!
  d[r + Field.gradNorm] = s[health + DecisionField.gradNormBeforeClip]!
  d[r + Field.gradNormAfterClip] = s[health + DecisionField.gradNormAfterClip]!
  d[r + Field.learningRate] = s[State.learningRate]!
  d[r + Field.verdict] = s[health + DetectorField.verdict]!
  d[r + Field.decision] = s[health + DecisionField.decision]!
  d[r + Field.z] = s[health + DetectorField.z]!
  d[r + Field.batch] = s[State.batch]!
  d[r + Field.millis] = performance.timeOrigin + performance.now()
  if (kind === Kind.epoch) {
    for (let i = 0; i < 2 * (1 + metrics.length); i++) d[r + Field.values + i] = s[sumsAt.values + i]!
  }
  control.publishRecord()
}
