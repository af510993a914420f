/** Long work on the host, a little at a time: in between the rest of its event loop has its turn. */
import { setImmediate } from 'node:timers/promises'

const TURN_MILLIS = 0.5
/** Elements: some hundred microseconds of copying. */
const SLICE = 2 ** 16

let until = 0

/** Whether work of this kind has held the event loop for long enough. */
export const isOver = (): boolean => performance.now() > until

export async function giveWay(): Promise<void> {
  await setImmediate()
  until = performance.now() + TURN_MILLIS
}

/** `work` on elements [start, end), slice after slice, until it has done `length` of them. */
export async function inSlices(
  length: number,
  work: (start: number, end: number) => void,
  slice = SLICE,
): Promise<void> {
  for (let start = 0; start < length; start += slice) {
    if (isOver()) await giveWay()
    work(start, Math.min(length, start + slice))
  }
}

/** Copies into `target` from place `at` on. */
export function copyInSlices(target: Float32Array, at: number, values: Float32Array): Promise<void> {
  return inSlices(values.length, (start, end) => target.set(values.subarray(start, end), at + start))
}
