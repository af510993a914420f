/** Sizes of windows that slide over rows: convolution and pooling. */
import { z } from 'zod'
import { integer } from '../fields.ts'

type Both<T> = z.ZodType<T, T>

/** A whole number >= `min`; in two dimensions one for both axes, or one for each. */
export function extent(dims: 1 | 2, min = 1): Both<number | number[]> {
  const error = dims === 2 ? `an integer >= ${min}, or [height, width]` : `an integer >= ${min}`
  const one = integer(min, 2 ** 16)
  return dims === 2 ? z.union([one, z.tuple([one, one])], { error }) : z.union([one, z.tuple([one])], { error })
}

const edge = integer(0, 2 ** 16)
const axis = z.union([edge, z.tuple([edge, edge])])

type Padding = 'valid' | 'same' | 'causal' | number | (number | [number, number])[]

/** By name, or how many cells: for all edges, for each axis, or for each edge. */
export function padding(dims: 1 | 2): Both<Padding> {
  const error =
    dims === 2
      ? "'valid', 'same', an integer >= 0, [height, width], or [[top, bottom], [left, right]]"
      : "'valid', 'same', 'causal', an integer >= 0, or [[before, after]]"
  return dims === 2
    ? z.union([z.enum(['valid', 'same']), edge, z.tuple([axis, axis])], { error })
    : z.union([z.enum(['valid', 'same', 'causal']), edge, z.tuple([axis])], { error })
}
