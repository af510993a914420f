import { z } from 'zod'
import { Activation as activations, type ActivationName } from '../kernels/kernels.ts'
import type { ActivationConfig, InitializerConfig, LayerConfig } from '../model/config.ts'
import { choice, flag, integer, real, text, type Agrees } from './fields.ts'
import { extent, padding } from './window.ts'

const activationNames = Object.keys(activations) as [ActivationName, ...ActivationName[]]
const plainActivations = activationNames.filter((name) => name !== 'leakyRelu' && name !== 'elu')
const above = (value: number) => real({ above: 0 }).default(value)

const ActivationObject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(plainActivations as Exclude<ActivationName, 'leakyRelu' | 'elu'>[]) }),
  z.strictObject({
    type: z.literal('leakyRelu'),
    alpha: real({ min: 0 }).default(0.01).describe('Slope below 0.'),
  }),
  z.strictObject({ type: z.literal('elu'), alpha: above(1).describe('Scale below 0.') }),
])

/** A name, or an object with its settings. */
export const Activation = z.union([
  choice(activationNames)
    .transform((type): z.input<typeof ActivationObject> => ({ type }))
    .pipe(ActivationObject),
  ActivationObject,
])

const fixedInitializers = ['zeros', 'ones'] as const
const scaledInitializers = [
  'glorotUniform',
  'glorotNormal',
  'heUniform',
  'heNormal',
  'lecunUniform',
  'lecunNormal',
] as const
const allInitializers = [
  ...fixedInitializers,
  'constant',
  'uniform',
  'normal',
  'truncatedNormal',
  ...scaledInitializers,
  'orthogonal',
  'varianceScaling',
  'identity',
] as const

const InitializerObject = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum([...fixedInitializers, ...scaledInitializers]) }),
  z.strictObject({ type: z.literal('constant'), value: real().describe('Every weight starts from this.') }),
  z.strictObject({
    type: z.literal('uniform'),
    min: real().default(-0.05).describe('Lower end.'),
    max: real().default(0.05).describe('Upper end.'),
  }),
  z.strictObject({
    type: z.enum(['normal', 'truncatedNormal']),
    mean: real().default(0).describe('Mean.'),
    std: above(0.05).describe('Standard deviation.'),
  }),
  z.strictObject({ type: z.literal('orthogonal'), gain: above(1).describe('Factor on the orthogonal matrix.') }),
  z.strictObject({
    type: z.literal('varianceScaling'),
    scale: above(1).describe('The variance is this over the fan.'),
    mode: choice(['fanIn', 'fanOut', 'fanAvg']).default('fanIn').describe('What a unit is counted by.'),
    distribution: choice(['normal', 'truncatedNormal', 'uniform'])
      .default('truncatedNormal')
      .describe('What it is drawn from.'),
  }),
  z.strictObject({ type: z.literal('identity'), gain: above(1).describe('What is on the diagonal.') }),
])

export const Initializer = z.union([
  choice(allInitializers)
    .transform((type) => ({ type }) as z.input<typeof InitializerObject>)
    .pipe(InitializerObject),
  InitializerObject,
])

/** `auto` follows the activation. */
const KernelInitializer = z.union([
  z.literal('auto').transform((type) => ({ type })),
  z.strictObject({ type: z.literal('auto') }),
  Initializer,
])

const penalty = (name: 'l1' | 'l2') => (value: number) => ({ l1: 0, l2: 0, [name]: value })
const strength = () => real({ min: 0 })
/** A name with Keras's strength, 0.01, or the strengths. */
const Regularizer = z
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
      z.strictObject({ type: z.literal('maxNorm'), maxValue: above(2).describe('The largest norm.') }),
    ],
    { error: "'maxNorm', or { type: 'maxNorm', maxValue }" },
  )
  .optional()
const bounds = {
  kernelRegularizer: Regularizer.describe(
    "Added to the loss: l1 |w| + l2 w^2 over the weights. 'l1', 'l2' or 'l1l2' alone mean 0.01. The `loss` that is told leaves it out.",
  ),
  biasRegularizer: Regularizer.describe('The same of the biases.'),
  kernelConstraint: Constraint.describe(
    "'maxNorm': after each update the weights into a unit have a norm of `maxValue` (2) at the most.",
  ),
}

const name = text().optional().describe('Name in the summary and in messages; made from type and place when absent.')

const inputs = z
  .array(text(), { error: 'an array of names of layers' })
  .min(1, { error: 'at least one name' })
  .optional()
  .describe("Names of earlier layers, or of the model's inputs, in place of the layer before.")
const named = { name, inputs }

const trainable = flag().default(true).describe('false: the weights stay as they are.')

const Dense = z.strictObject({
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

const ActivationLayer = z.strictObject({
  type: z.literal('activation'),
  ...named,
  activation: Activation.describe('Which one.'),
})

const Prelu = z.strictObject({
  type: z.literal('prelu'),
  ...named,
  trainable,
  alphaInitializer: Initializer.default({ type: 'constant', value: 0.25 }).describe(
    'How the learned slopes below 0 start, one per unit.',
  ),
})

const Dropout = z.strictObject({
  type: z.literal('dropout'),
  ...named,
  rate: real({ min: 0, below: 1 }).describe('Share of units set to 0 while training, in [0, 1).'),
})

const SpatialDropout = z.strictObject({
  type: z.enum(['spatialDropout1d', 'spatialDropout2d']),
  ...named,
  rate: real({ min: 0, below: 1 }).describe('Share of channels set to 0 at all positions of a row, in [0, 1).'),
})

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
const Conv1d = convolution('conv1d', 1)
const Conv2d = convolution('conv2d', 2)

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
const Pooling1d = pooling(['maxPooling1d', 'averagePooling1d'], 1)
const Pooling2d = pooling(['maxPooling2d', 'averagePooling2d'], 2)

const GlobalPooling = z.strictObject({
  type: z.enum(['globalMaxPooling1d', 'globalMaxPooling2d', 'globalAveragePooling1d', 'globalAveragePooling2d']),
  ...named,
})

const upSampling = <Type extends 'upSampling1d' | 'upSampling2d'>(type: Type, dims: 1 | 2) =>
  z.strictObject({
    type: z.literal(type),
    ...named,
    size: extent(dims).default(2).describe('How often each position is there, along each axis.'),
  })
const UpSampling1d = upSampling('upSampling1d', 1)
const UpSampling2d = upSampling('upSampling2d', 2)

const Flatten = z.strictObject({ type: z.literal('flatten'), ...named })

const shapeError = 'an array of 1 to 8 integers >= 1'
const axes = (least: z.ZodType<number>, error: string) => z.array(least, { error }).min(1, { error }).max(8, { error })

const Reshape = z.strictObject({
  type: z.literal('reshape'),
  ...named,
  targetShape: axes(z.union([integer(1), z.literal(-1)], { error: 'an integer >= 1, or -1' }), shapeError).describe(
    'Shape of a row, channels last; one axis may be -1: what is left for it.',
  ),
})

const epsilon = (value: number) => above(value).describe('Added to the variance, so that nothing is divided by 0.')
const scale = flag().default(true).describe('Whether a learned factor per channel follows.')
const center = flag().default(true).describe('Whether a learned offset per channel follows.')

const BatchNorm = z.strictObject({
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
const LayerNorm = z.strictObject({
  type: z.literal('layerNorm'),
  ...named,
  trainable,
  epsilon: epsilon(1e-3),
  center,
  scale,
})
const RmsNorm = z.strictObject({ type: z.literal('rmsNorm'), ...named, trainable, epsilon: epsilon(1e-6), scale })
const GroupNorm = z.strictObject({
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

const Embedding = z.strictObject({
  type: z.literal('embedding'),
  ...named,
  trainable,
  inputDim: integer(1, 2 ** 24).describe('Rows of the table: one more than the largest index.'),
  outputDim: integer(1, 2 ** 24).describe('Numbers an index becomes.'),
  embeddingsInitializer: Initializer.default({ type: 'uniform', min: -0.05, max: 0.05 }).describe(
    'How the table starts.',
  ),
  embeddingsRegularizer: Regularizer.describe("As a dense layer's `kernelRegularizer`."),
})

const Attention = z.strictObject({
  type: z.literal('attention'),
  ...named,
  trainable,
  numHeads: integer(1, 4096).describe('Heads, which attend each in its own way.'),
  keyDim: integer(1, 2 ** 16)
    .optional()
    .describe('Width of a head. By default the channels over the heads.'),
  causal: flag().default(false).describe('Whether a step sees only itself and those before it.'),
  useBias: flag().default(true).describe('Whether the projections have biases.'),
})

const recurrentFields = {
  ...named,
  trainable,
  units: integer(1, 2 ** 22).describe('Numbers of the state.'),
  returnSequences: flag().default(false).describe('All states, [steps, units], in place of the last one.'),
  direction: choice(['forward', 'reverse'])
    .default('forward')
    .describe('`reverse` takes the last step first; the states stay at their steps.'),
  useBias: flag().default(true).describe('Whether biases are added.'),
  kernelInitializer: Initializer.default({ type: 'glorotUniform' }).describe('How the weights of the inputs start.'),
  recurrentInitializer: Initializer.default({ type: 'orthogonal', gain: 1 }).describe(
    'How the weights of the state start.',
  ),
}
const Lstm = z.strictObject({
  type: z.literal('lstm'),
  ...recurrentFields,
  unitForgetBias: flag().default(true).describe('Whether biases of the forget gate start at 1.'),
})
const Gru = z.strictObject({ type: z.literal('gru'), ...recurrentFields })
const Bidirectional = z.strictObject({
  type: z.literal('bidirectional'),
  ...named,
  trainable,
  layer: z.discriminatedUnion('type', [Lstm, Gru]).describe('An lstm or gru: one goes forward, one in reverse.'),
  mergeMode: choice(['concat', 'sum'])
    .default('concat')
    .describe('What becomes of the states of both: side by side, or added.'),
})
const PositionEmbedding = z.strictObject({
  type: z.literal('positionEmbedding'),
  ...named,
  trainable,
  embeddingsInitializer: Initializer.default({ type: 'uniform', min: -0.05, max: 0.05 }).describe(
    'How the vectors of the steps start.',
  ),
})
const ResnetBlock = z.strictObject({
  type: z.literal('resnetBlock'),
  ...named,
  trainable,
  filters: integer(1, 2 ** 22).describe('Output channels; with `bottleneck` a quarter of them.'),
  kernelSize: extent(2).default(3).describe('Cells of the window.'),
  strides: extent(2).default(1).describe('Of the first convolution, and of the shortcut.'),
  bottleneck: flag().default(false).describe('Three convolutions, as in ResNet-50, in place of two.'),
})
const TransformerBlock = z.strictObject({
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
const Custom = z.strictObject({
  type: z.literal('custom'),
  ...named,
  trainable,
  module: text().describe(
    'Path (from the working directory) or file URL of a module with `shapes`, `forward`, `backward`.',
  ),
  options: z.record(z.string(), z.unknown()).optional().describe('What its functions are called with.'),
})
const Add = z.strictObject({ type: z.literal('add'), ...named })
const Concatenate = z.strictObject({
  type: z.literal('concatenate'),
  ...named,
  axis: z.int({ error: 'an integer' }).default(-1).describe('Axis to join along: 0 is the batch, -1 the last.'),
})
const Shared = z.strictObject({
  type: z.literal('shared'),
  ...named,
  layer: text().describe('Name of the earlier layer that is used once more, with its weights.'),
})

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
    name: typeof name
    inputs: typeof inputs
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

const Layer: z.ZodType<LayerOutput, LayerInput> = z
  .discriminatedUnion('type', [...flat, Residual])
  .meta({ id: 'Layer', title: 'Layer' })

export const Model = z
  .strictObject(
    {
      inputShape: axes(integer(1), shapeError)
        .optional()
        .describe(
          'What one row of the data is, channels last, e.g. [28, 28, 1]. By default one axis of all its numbers.',
        ),
      inputScale: z
        .strictObject({
          mean: z.array(real(), { error: 'an array of numbers' }).describe('Of each feature.'),
          deviation: z.array(real({ above: 0 }), { error: 'an array of numbers > 0' }).describe('Of each feature.'),
        })
        .optional()
        .describe(
          'Features are taken as (x - mean) / deviation, and what is not finite as the mean. For data that comes as it ' +
            'is; what is read from files is better scaled by `data.scale`.',
        ),
      inputs: z
        .array(
          z.strictObject({ name: text().describe('What layers take it by.'), shape: axes(integer(1), shapeError) }),
          {
            error: 'an array of { name, shape }',
          },
        )
        .min(1, { error: 'at least one input' })
        .optional()
        .describe('Several inputs: the numbers of a row are cut into them, in this order. In place of `inputShape`.'),
      layers: z
        .array(Layer, { error: 'an array of layers' })
        .min(1, { error: 'at least one layer' })
        .describe('From input to output; the units of the last layer must fit the targets.'),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'an object with `layers`' : undefined) },
  )
  .describe('The network. Inputs take their size from the data.')

/** The schema gives what src/model takes; tsc fails here when they part. */
export type ActivationAgrees = Agrees<z.output<typeof Activation>, ActivationConfig>
export type InitializerAgrees = Agrees<z.output<typeof Initializer>, InitializerConfig>
export type LayerAgrees = Agrees<LayerOutput, LayerConfig>
