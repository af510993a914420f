/** Other activations, with weights drawn to fit them: only before anything was learnt. */
import type { ActivationConfig, LayerConfig } from '../../model/config.ts'
import { narrowness, outputIndex, rewrite } from '../tree.ts'
import type { Remedy } from '../remedy.ts'
import { drawnAnew } from './initialise.ts'

/**
 * Sigmoid, tanh, exponential and softplus become ReLU with He's initialisation; in a network that is narrow for its
 * depth, where whole layers of ReLUs die, they and ReLU become SELU with LeCun's (Klambauer et al. 2017, arXiv 1706.02515).
 */
export const swapActivation: Remedy = {
  name: 'swap activations',
  limit: 1,
  treat({ start, tries }) {
    const narrow = narrowness(start.model) > 1
    const to: ActivationConfig = { type: narrow ? 'selu' : 'relu' }
    const bad = new Set(['sigmoid', 'tanh', 'exponential', 'softplus', ...(narrow ? ['relu'] : [])])
    const changes: string[] = []
    const last = start.model.layers[outputIndex(start.model.layers)]
    const layers = rewrite(start.model.layers, ({ path, config }): LayerConfig[] => {
      if (!('activation' in config) || !config.activation || !bad.has(config.activation.type)) return [config]
      // What the last layer gives has a meaning.
      if (path === last?.name) return [config]
      changes.push(`${path}: activation ${config.activation.type} -> ${to.type}`)
      return [{ ...config, activation: to }]
    })
    if (changes.length === 0) return null
    const swapped = { ...start, model: { ...start.model, layers } }
    return { patient: drawnAnew(swapped, 16 + tries), changes: [...changes, 'all weights drawn anew'], then: 'restart' }
  },
}
