/** A layer: one of those of this folder, or a residual block, which holds further ones. */
import { z } from 'zod'
import type { LayerConfig } from '../../model/config.ts'
import { choice, type Agrees } from '../fields.ts'
import { ResnetBlock, TransformerBlock } from './blocks.ts'
import { named, trainable } from './common.ts'
import { Conv1d, Conv2d, GlobalPooling, Pooling1d, Pooling2d, UpSampling1d, UpSampling2d } from './convolution.ts'
import { ActivationLayer, Dense, Dropout, Prelu, SpatialDropout } from './dense.ts'
import { Add, Concatenate, Custom, Shared } from './graph.ts'
import { BatchNorm, GroupNorm, LayerNorm, RmsNorm } from './norms.ts'
import { Flatten, Reshape } from './reshape.ts'
import { Attention, Bidirectional, Embedding, Gru, Lstm, PositionEmbedding } from './sequences.ts'

export interface ResidualInput {
  type: 'residual'
  name?: string | undefined
  inputs?: string[] | undefined
  trainable?: boolean | undefined
  layers: LayerInput[]
  shortcut?: 'auto' | 'identity' | 'projection' | undefined
}
export interface ResidualOutput {
  type: 'residual'
  name?: string | undefined
  inputs?: string[] | undefined
  trainable: boolean
  layers: LayerOutput[]
  shortcut: 'auto' | 'identity' | 'projection'
}

const Residual: z.ZodObject<
  {
    type: z.ZodLiteral<'residual'>
    name: typeof named.name
    inputs: typeof named.inputs
    trainable: typeof trainable
    layers: z.ZodType<LayerOutput[], LayerInput[]>
    shortcut: z.ZodType<ResidualOutput['shortcut'], ResidualInput['shortcut']>
  },
  z.core.$strict
> = z.strictObject({
  type: z.literal('residual'),
  ...named,
  trainable,
  layers: z
    .array(
      z.lazy((): z.ZodType<LayerOutput, LayerInput> => Layer),
      { error: 'an array of layers' },
    )
    .min(1, { error: 'at least one layer' })
    .describe('What is added to the shortcut.'),
  shortcut: choice(['auto', 'identity', 'projection'])
    .default('auto')
    .describe('What carries the input over: `auto` projects where the shapes differ.'),
})

const flat = [
  Dense,
  ActivationLayer,
  Prelu,
  Dropout,
  SpatialDropout,
  Conv1d,
  Conv2d,
  Pooling1d,
  Pooling2d,
  GlobalPooling,
  UpSampling1d,
  UpSampling2d,
  Flatten,
  Reshape,
  BatchNorm,
  LayerNorm,
  RmsNorm,
  GroupNorm,
  Embedding,
  Attention,
  Lstm,
  Gru,
  Bidirectional,
  PositionEmbedding,
  ResnetBlock,
  TransformerBlock,
  Custom,
  Add,
  Concatenate,
  Shared,
] as const
type Flat = (typeof flat)[number]
export type LayerInput = z.input<Flat> | ResidualInput
export type LayerOutput = z.output<Flat> | ResidualOutput

export const Layer: z.ZodType<LayerOutput, LayerInput> = z
  .discriminatedUnion('type', [...flat, Residual])
  .meta({ id: 'Layer', title: 'Layer' })

/** The schema gives what src/model takes; tsc fails here when they part. */
export type LayerAgrees = Agrees<LayerOutput, LayerConfig>
