/** One record of the telemetry ring, in float64 fields: a step, or the end of an epoch with its values behind. */
import type { Control } from '../arena/control.ts'
import { DecisionField } from '../gradient/decide.ts'
import { DetectorField } from '../gradient/detector.ts'
import { HealthField, RAISED } from '../gradient/health.ts'
import { FRAME_FIELDS, RECORD_HEAD } from '../plan/lengths.ts'
import type { Plan } from '../plan/plan.ts'
import type { StepSignals } from '../gradient/health.ts'
import { State } from './state.ts'

/** A step; the end of an epoch; the sampled signals of a step, layer by layer; a verdict. Frames and verdicts come before their step. */
export const Kind = { step: 0, epoch: 1, frame: 2, verdict: 3 } as const

/** Records that one step may write. */
export const RECORDS_PER_STEP = 12

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
  /** Whether the batch was computed again, and what came of it: see again.ts; what it gave at first. */
  again: 13,
  firstLoss: 14,
  firstGradNorm: 15,
  /** Of the look with strict kernels. */
  strictLoss: 16,
  strictGradNorm: 17,
  /** Rows of the epoch before the batch. */
  cursor: 18,
  values: RECORD_HEAD,
} as const

/** Of this thread; reading it takes as long as the clock does. */
const ORIGIN_MILLIS = performance.timeOrigin

/**
 * Where the next record goes; -1 where it was published before a step was done again: each record is told of once.
 * Counts modulo 2^32, as the ring does.
 */
function nextPlace(plan: Plan, control: Control, s: Float64Array): number {
  const written = control.recordsWritten()
  const number = s[State.records]!++ >>> 0
  return number === written ? plan.at.ring + (written % plan.spec.ringRecords) * plan.recordFields : -1
}

/** Writes the state's numbers of now as the ring's next record, and publishes it. */
export function writeRecord(plan: Plan, control: Control, d: Float64Array, s: Float64Array, kind: number): void {
  const { at, metrics, sumsAt } = plan
  const r = nextPlace(plan, control, s)
  if (r < 0) return
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
  d[r + Field.again] = s[State.again]!
  d[r + Field.firstLoss] = s[State.firstLoss]!
  d[r + Field.firstGradNorm] = s[State.firstGradNorm]!
  d[r + Field.strictLoss] = s[State.strictLoss]!
  d[r + Field.strictGradNorm] = s[State.strictGradNorm]!
  d[r + Field.cursor] = s[State.cursor]!
  d[r + Field.millis] = ORIGIN_MILLIS + performance.now()
  if (kind === Kind.epoch) {
    for (let i = 0; i < 2 * (1 + metrics.length); i++) d[r + Field.values + i] = s[sumsAt.values + i]!
  }
  if (kind === Kind.step)
    for (let l = 0; l < plan.watch.layers.length; l++) d[r + Field.values + l] = d[at.layerSquares + l]!
  control.publishRecord()
}

/** The signals of a sampled step, one after another: all layers' gradient norms, then weights, updates, .. */
export function writeFrame(plan: Plan, control: Control, d: Float64Array, s: Float64Array, signals: StepSignals): void {
  const r = nextPlace(plan, control, s)
  if (r < 0) return
  const { layers } = signals
  d[r + Field.kind] = Kind.frame
  d[r + Field.batch] = signals.step
  for (let l = 0; l < layers; l++) {
    const into = r + Field.values + l * FRAME_FIELDS
    d[into] = Math.sqrt(signals.squares[l]!)
    d[into + 1] = signals.weights[l]!
    d[into + 2] = signals.updates[l]!
    d[into + 3] = signals.activations[l]!
    d[into + 4] = signals.backSignals[l]!
    d[into + 5] = signals.active[l]!
    d[into + 6] = signals.flat[l]!
  }
  control.publishRecord()
}

/** Every verdict that the step raised. */
export function writeVerdicts(
  plan: Plan,
  control: Control,
  d: Float64Array,
  s: Float64Array,
  health: Float64Array,
  step: number,
): void {
  for (let i = 0; i < health[HealthField.raisedCount]!; i++) {
    const r = nextPlace(plan, control, s)
    if (r < 0) continue
    d[r + Field.kind] = Kind.verdict
    d[r + Field.batch] = step
    for (let w = 0; w < RAISED; w++) d[r + Field.values + w] = health[HealthField.raised + i * RAISED + w]!
    control.publishRecord()
  }
}
