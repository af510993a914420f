/** From a model's config to its layers: names, shapes, parameters. Adding a layer is one file and one line here. */
import { UserError } from '../errors.ts'
import type { LayerConfig, ModelConfig } from './config.ts'
import { portSource } from './graph.ts'
import type { Port } from './graph.ts'
import type { Layer, ParameterSpec, Wired } from './layer.ts'
import { shapeText, sizeOf } from './shape.ts'
import type { Shape } from './shape.ts'
import { refuseLoose, sourcesOf } from './wiring.ts'
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
import { recurrent } from './layers/recurrent.ts'
import { custom } from './layers/own.ts'
import { prelu } from './layers/prelu.ts'
import { flatten, reshape } from './layers/reshape.ts'
import { residual } from './layers/residual.ts'
import { bidirectional, resnetBlock, transformerBlock } from './layers/blocks.ts'
import { positionEmbedding } from './layers/position-embedding.ts'
import { add, concatenate } from './layers/merge.ts'
import { shared } from './layers/shared.ts'

type Builder<T extends LayerConfig['type']> = (
  config: Extract<LayerConfig, { type: T }>,
  name: string,
  shape: Shape,
  /** Where there are several inputs: of each of them. */
  shapes: readonly Shape[],
) => Layer

const builders: { [T in Exclude<LayerConfig['type'], 'shared'>]: Builder<T> } = {
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
  lstm: recurrent,
  gru: recurrent,
  bidirectional,
  positionEmbedding,
  resnetBlock,
  transformerBlock,
  custom,
  add,
  concatenate,
}

/** Every `type` that a layer's config can have. */
export const layerTypes = [...Object.keys(builders), 'shared'] as LayerConfig['type'][]

/**
 * @param ports what comes in, one shape where it is not named
 * @param prefix of all names
 */
export function buildLayers(configs: readonly LayerConfig[], ports: Shape | readonly Port[], prefix = ''): Wired[] {
  const inputs = isShape(ports) ? [{ name: 'input', shape: ports }] : ports
  const names = namesOf(configs)
  const layers: Wired[] = []
  const shapeAt = (source: number) => (source < 0 ? inputs[portSource(source)]!.shape : layers[source]!.shape)
  const build = (config: Exclude<LayerConfig, { type: 'shared' }>, name: string, shapes: readonly Shape[]): Layer => {
    const builder = builders[config.type] as Builder<typeof config.type>
    const layer = builder(config as never, prefix + name, shapes[0]!, shapes)
    return 'trainable' in config && config.trainable === false ? frozen(layer) : layer
  }
  const images: (Shape | undefined)[] = []
  configs.forEach((config, i) => {
    const from = sourcesOf(config, i, names, inputs)
    const shapes = from.map(shapeAt)
    const image = from.length === 1 ? images[from[0]!] : undefined
    images.push(config.type === 'flatten' ? shapes[0] : keepPlaces.includes(config.type) ? image : undefined)
    if (config.type !== 'shared') {
      layers.push({ ...ofImage(build(config, names[i]!, shapes), image), from })
      return
    }
    const at = names.indexOf(config.layer)
    const original = configs[at]
    if (!original || at >= i || original.type === 'shared') {
      throw new UserError(
        `Layer \`${names[i]!}\`: expected \`layer\` to be a layer before it that has weights of its own, got \`${config.layer}\`. ` +
          `Before it are ${
            names
              .slice(0, i)
              .map((name) => `\`${name}\``)
              .join(', ') || 'none'
          }.`,
      )
    }
    layers.push({ ...shared(prefix + names[i]!, layers[at]!, build(original, names[at]!, shapes)), from })
  })
  refuseLoose(layers, inputs)
  return layers
}

/** What leaves every number in its place: behind them a flattened image is still one. */
const keepPlaces: readonly LayerConfig['type'][] = [
  'activation',
  'prelu',
  'dropout',
  'batchNorm',
  'layerNorm',
  'rmsNorm',
]

/** A layer that takes a flattened image, if it does: of a block it is not known which of its parameters do. */
function ofImage(layer: Layer, image: Shape | undefined): Layer {
  if (!image || layer.children) return layer
  const parameters = layer.parameters.map((spec) =>
    spec.shape[0] === layer.inputs ? { ...spec, flattened: image } : spec,
  )
  return { ...layer, parameters }
}

const isShape = (ports: Shape | readonly Port[]): ports is Shape => ports.every((one) => typeof one === 'number')

/** Given ones, and `type_number` for the others. */
function namesOf(configs: readonly LayerConfig[]): string[] {
  const counts: Partial<Record<string, number>> = {}
  const taken = new Set(configs.flatMap((config) => config.name ?? []))
  const names = configs.map(({ type, name: given }) => {
    let name = given
    while (name === undefined) {
      const number = (counts[type] = (counts[type] ?? 0) + 1)
      if (!taken.has(`${type}_${number}`)) name = `${type}_${number}`
    }
    return name
  })
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new UserError(`Expected layer names to be unique, got \`${twice}\` twice. Rename one of them.`)
  }
  return names
}

export interface Model {
  readonly config: ModelConfig
  /** Numbers of a row of the data, and of the last layer's output. */
  readonly inputs: number
  readonly outputs: number
  readonly inputShape: Shape
  readonly outputShape: Shape
  /** What layers take the row by: one input, or the cuts of it. */
  readonly ports: readonly Port[]
  readonly layers: readonly Wired[]
  readonly parameters: readonly ParameterSpec[]
  readonly numParameters: number
}

/**
 * @param inputs features of a row of the data
 * @throws UserError naming the layer and both shapes where the model does not fit together
 */
export function buildModel(config: ModelConfig, inputs: number): Model {
  const ports = portsOf(config, inputs)
  const inputShape = ports.length === 1 ? ports[0]!.shape : [inputs]
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
  const layers = buildLayers(config.layers, ports)
  const outputShape = layers.at(-1)?.shape ?? inputShape
  const parameters = layers.flatMap((layer) => layer.parameters)
  const numParameters = parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0)
  const outputs = sizeOf(outputShape)
  return { config, inputs, outputs, inputShape, outputShape, ports, layers, parameters, numParameters }
}

function portsOf({ inputs: named, inputShape }: ModelConfig, inputs: number): readonly Port[] {
  if (!named) return [{ name: 'input', shape: inputShape ?? [inputs] }]
  if (inputShape) throw new UserError('Expected one of `model.inputShape` and `model.inputs`, got both. Leave one out.')
  const sizes = named.map(({ shape }) => sizeOf(shape))
  if (sizes.reduce((sum, size) => sum + size, 0) !== inputs) {
    throw new UserError(
      `Expected \`model.inputs\` to share out the data's rows, ${inputs} numbers each, got ` +
        `${named.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(', ')}: ${sizes.join(' + ')}.`,
    )
  }
  return named
}

export { sizeOf } from './shape.ts'
