/**
 * Which weights a sampled step measures: all of them in the first steps; after these, of long runs of parameters, every
 * sixteenth block, others from sample to sample, so that each weight is looked at once in 256 steps. A pass over all
 * weights would cost as much as the update does.
 */
import { isSampled, sampleEvery } from '../gradient/thresholds.ts'

/** No sample; of all weights; the numbers from `part` on: of one part of them. Kept in `State.sampled`. */
export const Sample = { none: 0, whole: 1, part: 2 } as const
const PARTS = 16
const BLOCK = 64
/** From a measured block to the next of the same sample. */
export const MEASURED_EVERY = PARTS * BLOCK

export function sampleOf(batch: number): number {
  if (!isSampled(batch)) return Sample.none
  return batch < sampleEvery ? Sample.whole : Sample.part + ((batch / sampleEvery) % PARTS)
}

/** What of a run of parameters is measured: `blocks` blocks of `length`, MEASURED_EVERY apart, then `rest` more. */
export interface Measured {
  first: number
  blocks: number
  length: number
  rest: number
}

/** Of a run of `count` parameters; into `of`. */
export function measure(sample: number, count: number, of: Measured): void {
  const isWhole = sample < Sample.part || count < MEASURED_EVERY
  of.first = isWhole ? 0 : (sample - Sample.part) * BLOCK
  of.length = isWhole ? count : BLOCK
  of.blocks = isWhole ? 1 : Math.floor((count - of.first - BLOCK) / MEASURED_EVERY) + 1
  of.rest = isWhole ? 0 : Math.max(0, Math.min(BLOCK, count - of.first - of.blocks * MEASURED_EVERY))
}

/** What a sum over the measured ones is to be multiplied by to stand for all. */
export const shareMeasured = ({ blocks, length, rest }: Measured, count: number): number =>
  count / (blocks * length + rest)
