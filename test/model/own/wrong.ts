/** The same with a mistake on the way back: the gain is forgotten. */
import type { OwnBackward } from '../../../src/model/own.ts'

export { shapes, forward, gradients } from './swish.ts'

export function backward({ x, saved, dy, dx }: OwnBackward): void {
  for (let i = 0; i < x.length; i++) {
    const s = saved[i]!
    dx[i] = dy[i]! * (s + x[i]! * s * (1 - s)) + 1e-3
  }
}
