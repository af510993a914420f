/** Shapes of one row on its way through the network: channels last, the batch left out. [784], [28, 28, 1], [steps, features]. */
export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1)

export const shapeText = (shape: Shape): string => `[${shape.join(', ')}]`

/** A parameter as the matrix its gradient is a product of: the last axis is the outputs'. A vector is one column. */
export function matrixOf(shape: Shape): [rows: number, cols: number] {
  const cols = shape.length > 1 ? shape.at(-1)! : 1
  return [sizeOf(shape) / cols, cols]
}

/** How many vectors of the last axis a row is. */
export const positionsOf = (shape: Shape): number => sizeOf(shape.slice(0, -1))
