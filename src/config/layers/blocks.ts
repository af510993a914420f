/** Layers made of others. */
import { z } from 'zod'
import { flag, integer, real } from '../fields.ts'
import { Activation } from './activation.ts'
import { named, trainable } from './common.ts'
import { extent } from './window.ts'

export const ResnetBlock = z.strictObject({
  type: z.literal('resnetBlock'),
  ...named,
  trainable,
  filters: integer(1, 2 ** 22).describe('Output channels; with `bottleneck` a quarter of them.'),
  kernelSize: extent(2).default(3).describe('Cells of the window.'),
  strides: extent(2).default(1).describe('Of the first convolution, and of the shortcut.'),
  bottleneck: flag().default(false).describe('Three convolutions, as in ResNet-50, in place of two.'),
})
export const TransformerBlock = z.strictObject({
  type: z.literal('transformerBlock'),
  ...named,
  trainable,
  numHeads: integer(1, 4096).describe('Heads of the attention.'),
  causal: flag().default(false).describe('Whether a step sees only itself and those before it.'),
  units: integer(1, 2 ** 24)
    .optional()
    .describe('Units of the first dense layer. By default four times the channels.'),
  activation: Activation.default({ type: 'gelu' }).describe('Of the first dense layer.'),
  rate: real({ min: 0, below: 1 }).default(0).describe('Dropout at the end of both branches.'),
})
