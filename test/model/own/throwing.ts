/** A layer that fails at its work. */
export const shapes = (input: readonly number[]): { output: readonly number[] } => ({ output: input })

export function forward(): void {
  throw new TypeError('no such thing as a wish')
}

export function backward(): void {}
