import { setImmediate } from 'node:timers/promises'

/** Work cut into slices of some milliseconds, so that the event loop can breathe between them. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Rows of `width` numbers that make a slice. */
export function sliceRows(width: number): number {
  return Math.max(1, Math.floor((1 << 19) / width))
}

/** Runs to the end at once. */
export function runNow<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Runs with a turn of the event loop between slices. */
export async function runSliced<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await setImmediate()
  }
}
