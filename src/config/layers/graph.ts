/** Layers by which a network is more than a chain, and those of the user's own. */
import { z } from 'zod'
import { text } from '../fields.ts'
import { named, trainable } from './common.ts'

export const Add = z.strictObject({ type: z.literal('add'), ...named })
export const Concatenate = z.strictObject({
  type: z.literal('concatenate'),
  ...named,
  axis: z.int({ error: 'an integer' }).default(-1).describe('Axis to join along: 0 is the batch, -1 the last.'),
})
export const Shared = z.strictObject({
  type: z.literal('shared'),
  ...named,
  layer: text().describe('Name of the earlier layer that is used once more, with its weights.'),
})

export const Custom = z.strictObject({
  type: z.literal('custom'),
  ...named,
  trainable,
  module: text().describe(
    'Path (from the working directory) or file URL of a module with `shapes`, `forward`, `backward`.',
  ),
  options: z.record(z.string(), z.unknown()).optional().describe('What its functions are called with.'),
})
