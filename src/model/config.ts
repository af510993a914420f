/** The closed unions a model is described with. src/config/ validates user input into these. */
import type { ActivationName, LossName } from '../kernels/kernels.ts'

/** `alpha`: slope of leakyRelu below 0 (default 0.01), scale of elu below 0 (default 1); unused by the others. */
export interface ActivationConfig {
  type: ActivationName
  alpha?: number | undefined
}

export type FanMode = 'fanIn' | 'fanOut' | 'fanAvg'
/** Those without settings, of which the name says all. */
export type InitializerName =
  'zeros' | 'ones' | 'glorotUniform' | 'glorotNormal' | 'heUniform' | 'heNormal' | 'lecunUniform' | 'lecunNormal'
export type InitializerConfig =
  | { type: InitializerName }
  | { type: 'constant'; value: number }
  | { type: 'uniform'; min: number; max: number }
  | { type: 'normal' | 'truncatedNormal'; mean: number; std: number }
  | { type: 'orthogonal'; gain: number }
  | { type: 'varianceScaling'; scale: number; mode: FanMode; distribution: 'normal' | 'truncatedNormal' | 'uniform' }
  | { type: 'identity'; gain: number }
  /** Of an lstm's biases: 1 for the forget gate, the second of four, 0 for the others (Jozefowicz et al. 2015). */
  | { type: 'unitForget' }

/** What the loss has beside it: l1 |w| + l2 w^2, summed over the weights. Its gradient is learned from; `loss` is told without it. */
export interface RegularizerConfig {
  l1: number
  l2: number
}
/** After each update: the weights that come into a unit, a column of the kernel, have a norm of `maxValue` at the most. */
export interface ConstraintConfig {
  type: 'maxNorm'
  maxValue: number
}
interface Bounded {
  kernelRegularizer?: RegularizerConfig | undefined
  biasRegularizer?: RegularizerConfig | undefined
  kernelConstraint?: ConstraintConfig | undefined
}

export interface DenseConfig extends Bounded {
  type: 'dense'
  name?: string | undefined
  trainable?: boolean | undefined
  units: number
  activation?: ActivationConfig | undefined
  useBias?: boolean | undefined
  /** `auto` follows the activation: He for the relu family, LeCun for selu, Glorot otherwise. */
  kernelInitializer?: InitializerConfig | { type: 'auto' } | undefined
  biasInitializer?: InitializerConfig | undefined
}
export interface ActivationLayerConfig {
  type: 'activation'
  name?: string | undefined
  activation: ActivationConfig
}
export interface PreluConfig {
  type: 'prelu'
  name?: string | undefined
  trainable?: boolean | undefined
  alphaInitializer?: InitializerConfig | undefined
}
export interface DropoutConfig {
  type: 'dropout'
  name?: string | undefined
  rate: number
}
/** Whole channels, the same ones at every position of a row. */
export interface SpatialDropoutConfig {
  type: 'spatialDropout1d' | 'spatialDropout2d'
  name?: string | undefined
  rate: number
}
export interface ResidualConfig {
  type: 'residual'
  name?: string | undefined
  trainable?: boolean | undefined
  layers: LayerConfig[]
  shortcut?: 'auto' | 'identity' | 'projection' | undefined
}

/** One number for every axis, or one for each. */
export type Pair = number | readonly number[]
/** `same`: ceil(length / stride) positions. `causal`: nothing of what comes later. Numbers: each axis, or its two edges. */
export type PaddingConfig = 'valid' | 'same' | 'causal' | number | readonly (number | readonly [number, number])[]

interface ConvSettings extends Bounded {
  name?: string | undefined
  trainable?: boolean | undefined
  filters: number
  kernelSize: Pair
  strides?: Pair | undefined
  padding?: PaddingConfig | undefined
  dilationRate?: Pair | undefined
  /** Channels and filters are cut into so many groups that know nothing of each other. */
  groups?: number | undefined
  activation?: ActivationConfig | undefined
  useBias?: boolean | undefined
  kernelInitializer?: InitializerConfig | { type: 'auto' } | undefined
  biasInitializer?: InitializerConfig | undefined
}
export type ConvConfig = ({ type: 'conv1d' } & ConvSettings) | ({ type: 'conv2d' } & ConvSettings)

interface PoolingSettings {
  name?: string | undefined
  poolSize?: Pair | undefined
  /** Default: `poolSize`. */
  strides?: Pair | undefined
  padding?: PaddingConfig | undefined
}
type OneOf<Types extends string, Settings> = { [T in Types]: { type: T } & Settings }[Types]
export type PoolingType = `${'max' | 'average'}Pooling${'1d' | '2d'}`
export type PoolingConfig = OneOf<PoolingType, PoolingSettings>
export type GlobalPoolingType = `global${'Max' | 'Average'}Pooling${'1d' | '2d'}`
export type GlobalPoolingConfig = OneOf<GlobalPoolingType, { name?: string | undefined }>

/** Each position as often as `size` says, next to each other. */
interface UpSamplingSettings {
  name?: string | undefined
  size?: Pair | undefined
}
export type UpSamplingConfig = OneOf<'upSampling1d' | 'upSampling2d', UpSamplingSettings>

export interface FlattenConfig {
  type: 'flatten'
  name?: string | undefined
}
export interface ReshapeConfig {
  type: 'reshape'
  name?: string | undefined
  /** One axis may be -1: what is left for it. */
  targetShape: readonly number[]
}
export interface BatchNormConfig {
  type: 'batchNorm'
  name?: string | undefined
  trainable?: boolean | undefined
  /** What the running statistics keep of themselves in a step. Default 0.99. */
  momentum?: number | undefined
  /** Added to the variance. Default 1e-3. */
  epsilon?: number | undefined
  center?: boolean | undefined
  scale?: boolean | undefined
}
export interface LayerNormConfig {
  type: 'layerNorm'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Default 1e-3. */
  epsilon?: number | undefined
  center?: boolean | undefined
  scale?: boolean | undefined
}
export interface RmsNormConfig {
  type: 'rmsNorm'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Default 1e-6. */
  epsilon?: number | undefined
  scale?: boolean | undefined
}
export interface GroupNormConfig {
  type: 'groupNorm'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Default 32, or all where there are fewer channels; -1: each channel by itself. */
  groups?: number | undefined
  /** Default 1e-3. */
  epsilon?: number | undefined
  center?: boolean | undefined
  scale?: boolean | undefined
}
export interface EmbeddingConfig {
  type: 'embedding'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Rows of the table. */
  inputDim: number
  outputDim: number
  embeddingsInitializer?: InitializerConfig | undefined
  embeddingsRegularizer?: RegularizerConfig | undefined
}
export interface AttentionConfig {
  type: 'attention'
  name?: string | undefined
  trainable?: boolean | undefined
  numHeads: number
  /** Of one head. Default: the channels shared out among the heads, which they must be a multiple of. */
  keyDim?: number | undefined
  causal?: boolean | undefined
  useBias?: boolean | undefined
}
interface RecurrentSettings {
  name?: string | undefined
  trainable?: boolean | undefined
  units: number
  /** All states, [steps, units], in place of the last one, [units]. */
  returnSequences?: boolean | undefined
  /** `reverse`: from the last step to the first; the states stay at their steps. */
  direction?: 'forward' | 'reverse' | undefined
  useBias?: boolean | undefined
  kernelInitializer?: InitializerConfig | undefined
  recurrentInitializer?: InitializerConfig | undefined
  /** Of lstm alone. Default true. */
  unitForgetBias?: boolean | undefined
}
export type RecurrentConfig = ({ type: 'lstm' } & RecurrentSettings) | ({ type: 'gru' } & RecurrentSettings)
/** A recurrent layer from both ends, each direction with weights of its own. */
export interface BidirectionalConfig {
  type: 'bidirectional'
  name?: string | undefined
  trainable?: boolean | undefined
  layer: RecurrentConfig
  /** What becomes of the two directions' states: side by side (the default), or added. */
  mergeMode?: 'concat' | 'sum' | undefined
}
/** Learned vectors of the steps of a sequence, added to them. */
export interface PositionEmbeddingConfig {
  type: 'positionEmbedding'
  name?: string | undefined
  trainable?: boolean | undefined
  embeddingsInitializer?: InitializerConfig | undefined
}
/** Two convolutions and a shortcut, as of ResNet-18 and 34; `bottleneck`: three, as of ResNet-50. */
export interface ResnetBlockConfig {
  type: 'resnetBlock'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Of the output; with `bottleneck` a quarter of them. */
  filters: number
  kernelSize?: Pair | undefined
  strides?: Pair | undefined
  bottleneck?: boolean | undefined
}
/** Attention and two dense layers, each normalised before and with a shortcut. */
export interface TransformerBlockConfig {
  type: 'transformerBlock'
  name?: string | undefined
  trainable?: boolean | undefined
  numHeads: number
  causal?: boolean | undefined
  /** Of the first dense layer. Default: four times the channels. */
  units?: number | undefined
  activation?: ActivationConfig | undefined
  /** Of the dropout at the end of both branches. */
  rate?: number | undefined
}
/** A layer of the user's own: see model/own.ts. */
export interface CustomConfig {
  type: 'custom'
  name?: string | undefined
  trainable?: boolean | undefined
  /** Path (from the working directory) or file URL of a module. */
  module: string
  options?: Readonly<Record<string, unknown>> | undefined
}
/** Of equal shapes. */
export interface AddConfig {
  type: 'add'
  name?: string | undefined
}
export interface ConcatenateConfig {
  type: 'concatenate'
  name?: string | undefined
  /** As in Keras: 0 is the batch, -1 (the default) the last. */
  axis?: number | undefined
}
/** An earlier layer of the same list once more, with its weights. */
export interface SharedConfig {
  type: 'shared'
  name?: string | undefined
  layer: string
}
/** `inputs`: names of earlier layers, or of the model's inputs, in place of the layer before. */
export type LayerConfig = AnyLayerConfig & { inputs?: readonly string[] | undefined }
type AnyLayerConfig =
  | DenseConfig
  | ActivationLayerConfig
  | PreluConfig
  | DropoutConfig
  | SpatialDropoutConfig
  | ResidualConfig
  | ConvConfig
  | PoolingConfig
  | GlobalPoolingConfig
  | UpSamplingConfig
  | FlattenConfig
  | ReshapeConfig
  | BatchNormConfig
  | LayerNormConfig
  | RmsNormConfig
  | GroupNormConfig
  | EmbeddingConfig
  | AttentionConfig
  | RecurrentConfig
  | BidirectionalConfig
  | PositionEmbeddingConfig
  | ResnetBlockConfig
  | TransformerBlockConfig
  | CustomConfig
  | AddConfig
  | ConcatenateConfig
  | SharedConfig

/** By feature: a row is taken as (x - mean) / deviation; what is not finite as 0, the mean. */
export interface InputScale {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}

export interface ModelConfig {
  /** What one row of the data is, channels last; by default one axis of all its numbers. */
  inputShape?: readonly number[] | undefined
  inputScale?: InputScale | undefined
  /** Several inputs: the numbers of a row are cut into them, in this order. In place of `inputShape`. */
  inputs?: readonly { name: string; shape: readonly number[] }[] | undefined
  layers: LayerConfig[]
}

export interface LossConfig {
  type: LossName | 'maskedCrossentropy' | 'custom'
  /** Of a custom loss: path or file URL of its module, and what it is called with. */
  module?: string | undefined
  options?: Readonly<Record<string, unknown>> | undefined
  /** In [0, 1), cross-entropies only. */
  labelSmoothing?: number | undefined
  /** Where huber turns from quadratic to linear. */
  delta?: number | undefined
  /** Focal losses: how much less what is already right counts (default 2). */
  gamma?: number | undefined
  /** Binary focal loss: weight of targets 1, those of 0 having 1 - alpha (default 0.25). */
  alpha?: number | undefined
}

/** `macro`: the mean over the classes. `weighted`: by how often each class is true. `micro`: all rows together. */
export type Average = 'macro' | 'weighted' | 'micro'

export type MetricConfig =
  | { type: 'accuracy' }
  | { type: 'topK'; k: number }
  | { type: 'precision' | 'recall' | 'f1'; average: Average }
  | { type: 'auc' }
  | { type: 'perplexity' | 'bits' }
  | { type: 'confusion' }
  | { type: 'mae' }
  | { type: 'r2' }
