/** Normalisation. */
import { z } from 'zod'
import { flag, integer, real } from '../fields.ts'
import { named, trainable } from './common.ts'

const epsilon = (value: number) =>
  real({ above: 0 }).default(value).describe('Added to the variance, so that nothing is divided by 0.')
const scale = flag().default(true).describe('Whether a learned factor per channel follows.')
const center = flag().default(true).describe('Whether a learned offset per channel follows.')

export const BatchNorm = z.strictObject({
  type: z.literal('batchNorm'),
  ...named,
  trainable,
  momentum: real({ min: 0, below: 1 })
    .default(0.99)
    .describe('What the running statistics, for predictions, keep of themselves in a step.'),
  epsilon: epsilon(1e-3),
  center,
  scale,
})
export const LayerNorm = z.strictObject({
  type: z.literal('layerNorm'),
  ...named,
  trainable,
  epsilon: epsilon(1e-3),
  center,
  scale,
})
export const RmsNorm = z.strictObject({
  type: z.literal('rmsNorm'),
  ...named,
  trainable,
  epsilon: epsilon(1e-6),
  scale,
})
export const GroupNorm = z.strictObject({
  type: z.literal('groupNorm'),
  ...named,
  trainable,
  groups: z
    .union([integer(1), z.literal(-1)], { error: 'an integer >= 1, or -1' })
    .optional()
    .describe(
      'Groups of neighbouring channels; -1: each by itself. By default 32, or all channels where there are fewer.',
    ),
  epsilon: epsilon(1e-3),
  center,
  scale,
})
