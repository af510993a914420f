/** New initial weights: He for the relu family, LeCun for selu, Glorot for the others, biases 0. */
import type { LayerConfig } from '../../model/config.ts'
import { places, withLayers, rewrite } from '../tree.ts'
import type { Patient } from '../patient.ts'
import type { Remedy } from '../remedy.ts'

/** Starts of random numbers lie so far apart, that a second try is another draw. */
const SEED_STRIDE = 0x9e3779b9

export const initialise: Remedy = {
  name: 'initialise anew',
  limit: 2,
  treat({ start, tries }) {
    return { patient: drawnAnew(start, tries + 1), changes: ['all weights: He or Glorot, biases 0'], then: 'restart' }
  },
}

/**
 * All weights from the initialisers that fit their activations. The last kernel of a residual block starts at 0, so that
 * the block is the identity at first (Zhang et al. 2019, "Fixup", arXiv 1901.09321).
 */
export function drawnAnew(patient: Patient, draw: number): Patient {
  const layers = rewrite(patient.model.layers, ({ config }) => [withOwnInitializer(config)])
  const seed = (patient.seed + draw * SEED_STRIDE) >>> 0
  // What was told to stay as it is, stays.
  const kept = places(layers).filter(({ config }) => 'trainable' in config && config.trainable === false)
  const isNew = (tensor: string) => !kept.some(({ path }) => tensor.startsWith(`${path}/`))
  return { ...withLayers(patient, layers, isNew), seed, updates: 0 }
}

function withOwnInitializer(config: LayerConfig): LayerConfig {
  switch (config.type) {
    case 'dense':
    case 'conv1d':
    case 'conv2d':
      return { ...config, kernelInitializer: { type: 'auto' }, biasInitializer: { type: 'zeros' } }
    case 'residual':
      return { ...config, layers: silenced(config.layers) }
    default:
      return config
  }
}

/** The layers of a block, the last matrix 0. */
export function silenced(layers: readonly LayerConfig[]): LayerConfig[] {
  const last = layers.findLastIndex(({ type }) => type === 'dense' || type === 'conv1d' || type === 'conv2d')
  return layers.map((config, i) => {
    if (i !== last) return config
    return { ...config, kernelInitializer: { type: 'zeros' }, biasInitializer: { type: 'zeros' } } as LayerConfig
  })
}
