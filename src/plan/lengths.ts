/**
 * Lengths of what a run keeps in the arena beside tensors. What their words mean is told where they are read and written;
 * the plan has to know but how many there are.
 */
import { RAISED, healthStateLength } from '../gradient/health.ts'

/** Fields of a record before the metrics; see train/record.ts. */
export const RECORD_HEAD = 19
/** Float64 fields of one trace event; see train/tracer.ts. */
export const EVENT_FIELDS = 5
/** Float64 words of one worker's ring of events: a count, then the events. */
export const traceDoubles = (events: number): number => (events > 0 ? 1 + events * EVENT_FIELDS : 0)
/** Int32 words of a worker's post, a cache line; see train/post.ts. */
export const POST_WORDS = 16
/** Float64 words of the tuner's state; see train/tuner.ts. */
export const TUNING_DOUBLES = 32
/** Float64 fields of a sampled layer in a record; see train/record.ts. */
export const FRAME_FIELDS = 7
/** Float64 words of the sequencer's state before the sums; see train/state.ts. */
export const STATE_DOUBLES = 512

/** Where in the state, behind its STATE_DOUBLES words, .. */
export interface SumsAt {
  /** .. the sums of the batch, the epoch and the evaluation lie, and the values made of them, */
  readonly batch: number
  readonly epoch: number
  readonly evaluation: number
  readonly values: number
  /** the detector's state, and for each unit that can fall silent the samples since it last spoke. */
  readonly health: number
  readonly units: number
}

export interface StateWords {
  readonly sumsAt: SumsAt
  /** Float64 words of the whole state. */
  readonly stateLength: number
  /** Float64 fields of one telemetry record. */
  readonly recordFields: number
}

/**
 * @param sums of a row block
 * @param metrics how many there are; each gives a value of the epoch and one of its evaluation, as the loss does
 * @param layers that are watched
 * @param seen units that can fall silent, and lanes; `null` where nothing is trained
 */
export function stateWords(
  sums: number,
  metrics: number,
  layers: number,
  seen: { units: number; lanes: number } | null,
): StateWords {
  const values = STATE_DOUBLES + 3 * sums
  const numValues = 2 * (1 + metrics)
  const health = values + numValues
  const units = health + (seen ? healthStateLength(layers, seen.lanes) : 0)
  return {
    sumsAt: {
      batch: STATE_DOUBLES,
      epoch: STATE_DOUBLES + sums,
      evaluation: STATE_DOUBLES + 2 * sums,
      values,
      health,
      units,
    },
    stateLength: units + (seen?.units ?? 0),
    recordFields: RECORD_HEAD + Math.max(numValues + layers, FRAME_FIELDS * layers, RAISED),
  }
}
