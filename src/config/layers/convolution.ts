/** Layers of images and series: convolution, pooling, what stands beside them. */
import { z } from 'zod'
import { flag, integer } from '../fields.ts'
import { Activation } from './activation.ts'
import { bounds } from './bounds.ts'
import { named, trainable } from './common.ts'
import { Initializer, KernelInitializer } from './initializers.ts'
import { extent, padding } from './window.ts'

const convolution = <Type extends 'conv1d' | 'conv2d'>(type: Type, dims: 1 | 2) =>
  z.strictObject({
    type: z.literal(type),
    ...named,
    trainable,
    filters: integer(1, 2 ** 24).describe('Number of output channels.'),
    kernelSize: extent(dims).describe('Cells of the window.'),
    strides: extent(dims).default(1).describe('Cells from one position to the next.'),
    padding: padding(dims).default('valid').describe('Zeros around a row, by name or by number.'),
    dilationRate: extent(dims).default(1).describe('Distance of the cells of a window.'),
    groups: integer(1, 2 ** 24)
      .default(1)
      .describe('Channels and filters are cut into so many groups; as many as channels: depthwise.'),
    activation: Activation.default({ type: 'linear' }).describe('Applied to the outputs.'),
    useBias: flag().default(true).describe('Whether a bias is added.'),
    kernelInitializer: KernelInitializer.default({ type: 'auto' }).describe('How weights start, as in a dense layer.'),
    biasInitializer: Initializer.default({ type: 'zeros' }).describe('How biases start.'),
    ...bounds,
  })
export const Conv1d = convolution('conv1d', 1)
export const Conv2d = convolution('conv2d', 2)

const pooling = (
  types: readonly ['maxPooling1d', 'averagePooling1d'] | readonly ['maxPooling2d', 'averagePooling2d'],
  dims: 1 | 2,
) =>
  z.strictObject({
    type: z.enum(types),
    ...named,
    poolSize: extent(dims).default(2).describe('Cells of the window.'),
    strides: extent(dims).optional().describe('Cells from one position to the next. By default `poolSize`.'),
    padding: padding(dims).default('valid').describe('What may lie outside a row; it is passed over.'),
  })
export const Pooling1d = pooling(['maxPooling1d', 'averagePooling1d'], 1)
export const Pooling2d = pooling(['maxPooling2d', 'averagePooling2d'], 2)

export const GlobalPooling = z.strictObject({
  type: z.enum(['globalMaxPooling1d', 'globalMaxPooling2d', 'globalAveragePooling1d', 'globalAveragePooling2d']),
  ...named,
})

const upSampling = <Type extends 'upSampling1d' | 'upSampling2d'>(type: Type, dims: 1 | 2) =>
  z.strictObject({
    type: z.literal(type),
    ...named,
    size: extent(dims).default(2).describe('How often each position is there, along each axis.'),
  })
export const UpSampling1d = upSampling('upSampling1d', 1)
export const UpSampling2d = upSampling('upSampling2d', 2)
