/**
 * Which weights a sampled step measures: all of them in the first steps; after these, of long runs of parameters, every
 * sixteenth block, others from sample to sample, so that each weight is looked at once in 256 steps. A pass over all
 * weights would cost as much as the update does.
 */
import { isSampled, sampleEvery } from '../gradient/thresholds.ts'
import { NORM_CHUNK } from '../plan/constants.ts'

/** No sample; of all weights; the numbers from `part` on: of one part of them. Kept in `State.sampled`. */
export const Sample = { none: 0, whole: 1, part: 2 } as const
const PARTS = 16
const BLOCK = NORM_CHUNK / PARTS

export function sampleOf(batch: number): number {
  if (!isSampled(batch)) return Sample.none
  return batch < sampleEvery ? Sample.whole : Sample.part + ((batch / sampleEvery) % PARTS)
}

const isWhole = (sample: number, count: number): boolean => sample < Sample.part || count < NORM_CHUNK

/** Of a run of `count` parameters: the first that is measured, how many from there, and how far it is to the next of them. */
export const firstMeasured = (sample: number, count: number): number =>
  isWhole(sample, count) ? 0 : (sample - Sample.part) * BLOCK

export const measuredAtOnce = (sample: number, count: number): number => (isWhole(sample, count) ? count : BLOCK)

export const measuredEvery = (sample: number, count: number): number => (isWhole(sample, count) ? count : PARTS * BLOCK)

/** What a sum over the measured ones is to be multiplied by to stand for all. */
export function shareMeasured(sample: number, count: number): number {
  if (isWhole(sample, count)) return 1
  let measured = 0
  for (let at = firstMeasured(sample, count); at < count; at += PARTS * BLOCK) measured += Math.min(BLOCK, count - at)
  return count / measured
}
