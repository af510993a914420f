/** Walking and rewriting a network's layers, inside containers too. */
import type { DenseConfig, LayerConfig, ModelConfig } from '../model/config.ts'
import type { Patient } from './patient.ts'

/** A layer in its place: its full name, as parameters and verdicts have it. */
export interface Place<Config extends LayerConfig = LayerConfig> {
  readonly path: string
  readonly config: Config
}

export const childrenOf = (config: LayerConfig): readonly LayerConfig[] | undefined =>
  'layers' in config ? config.layers : undefined

/** All layers, each container before what it holds, in the order of the forward pass. */
export function places(layers: readonly LayerConfig[], prefix = ''): Place[] {
  return layers.flatMap((config) => {
    const path = prefix + config.name!
    return [{ path, config }, ...places(childrenOf(config) ?? [], `${path}/`)]
  })
}

const isDenseThatLearns = (config: LayerConfig): config is DenseConfig =>
  config.type === 'dense' && config.trainable !== false

/** The last dense layer that no container holds: the output layer; -1 where there is none. */
export const outputIndex = (layers: readonly LayerConfig[]): number => layers.findLastIndex(isDenseThatLearns)

/** The dense layers that learn, but the output layer. */
export function hiddenDense({ layers }: Pick<ModelConfig, 'layers'>): Place<DenseConfig>[] {
  const last = layers[outputIndex(layers)]
  const isDense = (place: Place): place is Place<DenseConfig> => isDenseThatLearns(place.config)
  return places(layers)
    .filter(isDense)
    .filter(({ path }) => path !== last?.name)
}

/** Puts in place of each layer what `change` gives for it; containers are rewritten from the inside. */
export function rewrite(
  layers: readonly LayerConfig[],
  change: (place: Place) => readonly LayerConfig[],
  prefix = '',
): LayerConfig[] {
  return layers.flatMap((config) => {
    const path = prefix + config.name!
    const children = childrenOf(config)
    const inner = children ? { ...config, layers: rewrite(children, change, `${path}/`) } : config
    return change({ path, config: inner as LayerConfig })
  })
}

/** The patient with these layers; what no longer has its shape, or is named in `anew`, is drawn from its initialiser. */
export function withLayers(patient: Patient, layers: LayerConfig[], anew: (tensor: string) => boolean): Patient {
  const tensors = new Map([...patient.tensors].filter(([name]) => !anew(name)))
  return { ...patient, model: { ...patient.model, layers }, tensors }
}

export const activationOf = (config: DenseConfig): string => config.activation?.type ?? 'linear'

/**
 * Sum of 1 / width over the hidden dense layers that no shortcut goes around: above 1 a network is narrow for its depth
 * (Hanin 2018, arXiv 1801.03744).
 */
export const narrowness = (model: Pick<ModelConfig, 'layers'>): number =>
  hiddenDense(model).reduce((sum, { path, config }) => sum + (path.includes('/') ? 0 : 1 / config.units), 0)
