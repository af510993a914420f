/** Dense layers, and what goes number by number. */
import { z } from 'zod'
import { flag, integer, real } from '../fields.ts'
import { Activation } from './activation.ts'
import { bounds } from './bounds.ts'
import { named, trainable } from './common.ts'
import { Initializer, KernelInitializer } from './initializers.ts'

export const Dense = z.strictObject({
  type: z.literal('dense'),
  ...named,
  trainable,
  units: integer(1, 2 ** 24).describe('Number of outputs.'),
  activation: Activation.default({ type: 'linear' }).describe('Applied to the outputs. Leave out in the last layer.'),
  useBias: flag().default(true).describe('Whether a bias is added.'),
  kernelInitializer: KernelInitializer.default({ type: 'auto' }).describe(
    'How weights start: by default He for the relu family, LeCun for selu, Glorot otherwise.',
  ),
  biasInitializer: Initializer.default({ type: 'zeros' }).describe('How biases start.'),
  ...bounds,
})

export const ActivationLayer = z.strictObject({
  type: z.literal('activation'),
  ...named,
  activation: Activation.describe('Which one.'),
})

export const Prelu = z.strictObject({
  type: z.literal('prelu'),
  ...named,
  trainable,
  alphaInitializer: Initializer.default({ type: 'constant', value: 0.25 }).describe(
    'How the learned slopes below 0 start, one per unit.',
  ),
})

export const Dropout = z.strictObject({
  type: z.literal('dropout'),
  ...named,
  rate: real({ min: 0, below: 1 }).describe('Share of units set to 0 while training, in [0, 1).'),
})

export const SpatialDropout = z.strictObject({
  type: z.enum(['spatialDropout1d', 'spatialDropout2d']),
  ...named,
  rate: real({ min: 0, below: 1 }).describe('Share of channels set to 0 at all positions of a row, in [0, 1).'),
})
