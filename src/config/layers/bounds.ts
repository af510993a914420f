/** What holds weights: penalties in the loss, and norms that are not exceeded. */
import { z } from 'zod'
import { real } from '../fields.ts'

const penalty = (name: 'l1' | 'l2') => (value: number) => ({ l1: 0, l2: 0, [name]: value })
const strength = () => real({ min: 0 })
/** A name with Keras's strength, 0.01, or the strengths. */
export const Regularizer = z
  .union(
    [
      z.literal('l1').transform(() => penalty('l1')(0.01)),
      z.literal('l2').transform(() => penalty('l2')(0.01)),
      z.literal('l1l2').transform(() => ({ l1: 0.01, l2: 0.01 })),
      z.strictObject({
        l1: strength().default(0).describe('Times |w|.'),
        l2: strength().default(0).describe('Times w^2.'),
      }),
    ],
    { error: "'l1', 'l2', 'l1l2', or { l1, l2 } with numbers >= 0" },
  )
  .optional()

const Constraint = z
  .union(
    [
      z.literal('maxNorm').transform(() => ({ type: 'maxNorm' as const, maxValue: 2 })),
      z.strictObject({
        type: z.literal('maxNorm'),
        maxValue: real({ above: 0 }).default(2).describe('The largest norm.'),
      }),
    ],
    { error: "'maxNorm', or { type: 'maxNorm', maxValue }" },
  )
  .optional()

export const bounds = {
  kernelRegularizer: Regularizer.describe(
    "Added to the loss: l1 |w| + l2 w^2 over the weights. 'l1', 'l2' or 'l1l2' alone mean 0.01. The `loss` that is told leaves it out.",
  ),
  biasRegularizer: Regularizer.describe('The same of the biases.'),
  kernelConstraint: Constraint.describe(
    "'maxNorm': after each update the weights into a unit have a norm of `maxValue` (2) at the most.",
  ),
}
