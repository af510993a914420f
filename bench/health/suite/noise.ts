import { normalAt } from '../../../src/random/normal.ts'

/** Student's t with `df` degrees of freedom, by position. */
export function studentAt(seed: number, stream: number, index: number, df: number): number {
  let squares = 0
  for (let i = 0; i < df; i++) squares += normalAt(seed, stream, (df + 1) * index + i) ** 2
  return normalAt(seed, stream, (df + 1) * index + df) / Math.sqrt(squares / df)
}
