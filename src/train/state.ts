/**
 * The sequencer's state: these words, then the sums and values whose number depends on the plan (`plan.sumsAt`): one run of float64 words in the arena, saved whole in a checkpoint. Whoever runs
 * the sequential part reads and writes it; pieces only read it. All counters are exact integers.
 */
import { decideStateLength } from '../gradient/decide.ts'
import { plateauStateLength } from '../optim/plateau.ts'
import { STATE_DOUBLES } from '../plan/lengths.ts'
import type { Plan } from '../plan/plan.ts'

let next = 0
const word = (length = 1): number => {
  const at = next
  next += length
  return at
}

export const State = {
  /** Position of the run. */
  epoch: word(),
  /** Rows of this epoch that are behind us. */
  cursor: word(),
  /** Batches begun since the start of the run, skipped ones included: part of the dropout counter. */
  batch: word(),
  /** Steps taken in this run (updates applied): what the schedule counts. */
  step: word(),
  /** Updates since the optimizer's state was new: Adam's t. */
  updates: word(),
  skipped: word(),
  /** Why the run ended, or is about to: see `Reason`. */
  reason: word(),

  /** The open batch: its rows. The open micro-batch: its first row in each shard, and this rank's rows. */
  batchRows: word(),
  /** Rows of the next micro-batch that were gathered ahead, beside the update. */
  gathered: word(),
  /** Which phase of the rows part is open. */
  stage: word(),
  first: word(),
  rows: word(),
  weightSum: word(),

  /** What `decide` found, for `update` and the record. */
  loss: word(),
  scale: word(),
  clipValue: word(),
  /** Whether units are being clipped, between the decision and the update. */
  clipping: word(),
  learningRate: word(),
  /** Largest |parameter| after the last update. */
  largest: word(),

  /** How this step is sampled, and how the last update was, whose weights can be compared: see sampled.ts; 0 for not. */
  sampled: word(),
  comparable: word(),

  epochWeight: word(),
  epochRows: word(),
  /** Rows of the evaluation set behind us. */
  evaluationCursor: word(),

  plateau: word(plateauStateLength),
  hasBest: word(),
  bestMonitored: word(),
  epochsWithoutGain: word(),
  health: word(decideStateLength),

  /** In repair: one more than the batch before which the host was last asked; 0: never. */
  asked: word(),
  /** Rows of each full shard of the open micro-batch. */
  full: word(),

  /** Records since the run began or was taken up again; steps since the state was last copied: see snapshot.ts. */
  records: word(),
  sinceSnapshot: word(),
  /** Of several ranks: what is being exchanged; whether one wants to stop; whether they ask each other after a gate. */
  exchange: word(),
  stop: word(),
  ask: word(),

  /** The second look at a batch: see again.ts. */
  again: word(),
  firstLoss: word(),
  firstGradNorm: word(),
  healthBefore: word(decideStateLength),
  strictLoss: word(),
  strictGradNorm: word(),
  strictVerdict: word(),
  /** How many workers claimed before all were wanted for it. */
  claimers: word(),

  /** Of a stream, 1: the training rows of the arena are a window of the epoch's; else the words below are 0. */
  streamed: word(),
  /** Its first row, and the one after its last; equal where there is none. Whether the epoch ends with it. */
  windowStart: word(),
  windowEnd: word(),
  lastWindow: word(),
  /** Whether the run waits for the window that begins at `windowStart`. */
  wanted: word(),

  /** In repair: the batch before which the host is asked too; 0: none. */
  askAt: word(),

  /** 1 where the evaluation's rows are a stream's: the arena has those from `evaluationStart` to `evaluationEnd`. */
  evaluationStreamed: word(),
  evaluationStart: word(),
  evaluationEnd: word(),
  /** Whether the stream ends with them; whether an evaluation is open, which may wait for the next. */
  evaluationLast: word(),
  evaluating: word(),
} as const

if (next > STATE_DOUBLES) throw new Error(`internal: state of ${next} words is larger than ${STATE_DOUBLES}`)

/** Why a run ended. */
export const Reason = { none: 0, completed: 1, maxSteps: 2, requested: 3, earlyStopping: 4, unhealthy: 5 } as const

/** The row of the evaluation at which what lies in the arena ends. */
export const evaluationEnd = ({ spec }: Plan, state: Float64Array): number =>
  state[State.evaluationStreamed] === 1 ? state[State.evaluationEnd]! : spec.evaluationRows

/** Whether the run waits for more rows of an evaluation. */
export const awaitsEvaluation = (state: Float64Array): boolean =>
  state[State.evaluating] === 1 &&
  state[State.evaluationLast] === 0 &&
  state[State.evaluationCursor]! >= state[State.evaluationEnd]!
