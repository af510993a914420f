/** The same numbers in another shape. */
import { z } from 'zod'
import { integer } from '../fields.ts'
import { axes, named } from './common.ts'

export const Flatten = z.strictObject({ type: z.literal('flatten'), ...named })

export const Reshape = z.strictObject({
  type: z.literal('reshape'),
  ...named,
  targetShape: axes(z.union([integer(1), z.literal(-1)], { error: 'an integer >= 1, or -1' })).describe(
    'Shape of a row, channels last; one axis may be -1: what is left for it.',
  ),
})
