/** Which steps of a run are like those of a long one: not those in which code is compiled, nor the first, which are all sampled. */
import { sampleEvery } from '../src/gradient/thresholds.ts'

/** Of a run's steps, one number each: the second half, and none of the sampled first ones. */
export const settled = (micros: Float32Array): Float32Array =>
  micros.subarray(Math.max(sampleEvery, micros.length >> 1))

/** Epochs that hold so many microseconds of settled steps, and eight of those at the least. */
export function epochsOf(settledMicros: number, stepMicros: number, stepsPerEpoch: number): number {
  return Math.ceil(Math.max(sampleEvery + 8, (2 * settledMicros) / stepMicros) / stepsPerEpoch)
}
