/** From a model's config to its layers: names, shapes, parameters. Adding a layer is one file and one line here. */
import { UserError } from '../errors.ts'
import type { LayerConfig, ModelConfig } from './config.ts'
import type { Layer, ParameterSpec } from './layer.ts'
import { shapeText, sizeOf } from './shape.ts'
import type { Shape } from './shape.ts'
import { activation } from './layers/activation.ts'
import { attention } from './layers/attention.ts'
import { batchNorm } from './layers/batch-norm.ts'
import { conv } from './layers/conv.ts'
import { dense } from './layers/dense.ts'
import { dropout } from './layers/dropout.ts'
import { spatialDropout } from './layers/spatial-dropout.ts'
import { upSampling } from './layers/up-sampling.ts'
import { groupNorm, layerNorm, rmsNorm } from './layers/norm.ts'
import { globalPooling, pooling } from './layers/pooling.ts'
import { embedding } from './layers/embedding.ts'
import { frozen } from './layers/frozen.ts'
import { prelu } from './layers/prelu.ts'
import { flatten, reshape } from './layers/reshape.ts'
import { residual } from './layers/residual.ts'

type Builder<T extends LayerConfig['type']> = (
  config: Extract<LayerConfig, { type: T }>,
  name: string,
  shape: Shape,
) => Layer

const builders: { [T in LayerConfig['type']]: Builder<T> } = {
  dense,
  activation,
  prelu,
  dropout,
  spatialDropout1d: spatialDropout,
  spatialDropout2d: spatialDropout,
  residual,
  conv1d: conv,
  conv2d: conv,
  maxPooling1d: pooling,
  maxPooling2d: pooling,
  averagePooling1d: pooling,
  averagePooling2d: pooling,
  globalMaxPooling1d: globalPooling,
  globalMaxPooling2d: globalPooling,
  globalAveragePooling1d: globalPooling,
  globalAveragePooling2d: globalPooling,
  upSampling1d: upSampling,
  upSampling2d: upSampling,
  flatten,
  reshape,
  batchNorm,
  layerNorm,
  rmsNorm,
  groupNorm,
  embedding,
  attention,
}

export function buildLayers(configs: readonly LayerConfig[], shape: Shape, prefix = ''): Layer[] {
  const layers: Layer[] = []
  const counts: Partial<Record<string, number>> = {}
  const taken = new Set(configs.flatMap((config) => config.name ?? []))
  for (const config of configs) {
    let name = config.name
    while (name === undefined) {
      const number = (counts[config.type] = (counts[config.type] ?? 0) + 1)
      if (!taken.has(`${config.type}_${number}`)) name = `${config.type}_${number}`
    }
    const build = builders[config.type] as Builder<typeof config.type>
    const layer = build(config as never, prefix + name, layers.at(-1)?.shape ?? shape)
    layers.push('trainable' in config && config.trainable === false ? frozen(layer) : layer)
  }
  const names = layers.map((layer) => layer.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new UserError(`Expected layer names to be unique, got \`${twice}\` twice. Rename one of them.`)
  }
  return layers
}

export interface Model {
  readonly config: ModelConfig
  /** Numbers of a row of the data, and of the last layer's output. */
  readonly inputs: number
  readonly outputs: number
  readonly inputShape: Shape
  readonly outputShape: Shape
  readonly layers: readonly Layer[]
  readonly parameters: readonly ParameterSpec[]
  readonly numParameters: number
}

/**
 * @param inputs features of a row of the data
 * @throws UserError naming the layer and both shapes where the model does not fit together
 */
export function buildModel(config: ModelConfig, inputs: number): Model {
  const inputShape = config.inputShape ?? [inputs]
  if (sizeOf(inputShape) !== inputs) {
    throw new UserError(
      `Expected \`model.inputShape\` to be the shape of the data's rows, ${inputs} numbers each, got ` +
        `${shapeText(inputShape)}: ${sizeOf(inputShape)} numbers. Channels come last: [height, width, channels].`,
    )
  }
  const { inputScale } = config
  if (inputScale && (inputScale.mean.length !== inputs || inputScale.deviation.length !== inputs)) {
    throw new UserError(
      `Expected \`model.inputScale\` to have a mean and a deviation for each of the ${inputs} features, got ` +
        `${inputScale.mean.length} and ${inputScale.deviation.length}.`,
    )
  }
  const layers = buildLayers(config.layers, inputShape)
  const outputShape = layers.at(-1)?.shape ?? inputShape
  const parameters = layers.flatMap((layer) => layer.parameters)
  const numParameters = parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0)
  const outputs = sizeOf(outputShape)
  return { config, inputs, outputs, inputShape, outputShape, layers, parameters, numParameters }
}

export { sizeOf } from './shape.ts'
