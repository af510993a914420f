/** A loss as a user writes it: squared error, `options.over` times as much where the output is above the target. */
import type { Floats, OwnOptions } from '../../../src/model/own.ts'

export function loss(output: Floats, target: Floats, gradient: Floats, { over = 1 }: OwnOptions): number {
  let sum = 0
  for (let c = 0; c < output.length; c++) {
    const error = output[c]! - target[c]!
    const factor = error > 0 ? (over as number) : 1
    sum += factor * error * error
    gradient[c] = 2 * factor * error
  }
  return sum
}
