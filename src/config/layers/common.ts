/** Fields that layers share. */
import { z } from 'zod'
import { flag, integer, text } from '../fields.ts'

const name = text().optional().describe('Name in the summary and in messages; made from type and place when absent.')

const inputs = z
  .array(text(), { error: 'an array of names of layers' })
  .min(1, { error: 'at least one name' })
  .optional()
  .describe("Names of earlier layers, or of the model's inputs, in place of the layer before.")
export const named = { name, inputs }

export const trainable = flag().default(true).describe('false: the weights stay as they are.')

const shapeError = 'an array of 1 to 8 integers >= 1'

/** One number for each axis of a row. */
export const axes = (of: z.ZodType<number>) =>
  z.array(of, { error: shapeError }).min(1, { error: shapeError }).max(8, { error: shapeError })
export const shape = axes(integer(1))
