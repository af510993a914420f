/** Other activations, with weights drawn to fit them: only before anything was learnt. */
import type { ActivationConfig, LayerConfig } from '../../model/config.ts'
import { activationOf, hiddenDense, narrowness, outputIndex, rewrite } from '../tree.ts'
import type { Patient } from '../patient.ts'
import type { Remedy } from '../remedy.ts'
import { drawnAnew } from './initialise.ts'
import { withBlocks } from './shortcuts.ts'

/**
 * Sigmoid, tanh, exponential and softplus become ReLU with He's initialisation; in a network that is narrow for its
 * depth, where whole layers of ReLUs die, they and ReLU become ELU (Clevert et al. 2016, arXiv 1511.07289) with shortcuts.
 */
export const swapActivation: Remedy = {
  name: 'swap activations',
  limit: 1,
  treat({ start, tries }) {
    const narrow = isNarrow(start)
    const to: ActivationConfig = { type: narrow ? 'elu' : 'relu' }
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
    if (narrow) swapped.model.layers = withBlocks(swapped, changes)
    return { patient: drawnAnew(swapped, 16 + tries), changes: [...changes, 'all weights drawn anew'], then: 'restart' }
  },
}

/** The same, for narrow networks, where no other draw of weights would carry a gradient through. */
export const swapWhereNarrow: Remedy = {
  ...swapActivation,
  treat: (given) => (isNarrow(given.start) ? swapActivation.treat(given) : null),
}

/** The same, where so many sigmoids follow each other that their slopes of a quarter at most leave nothing of a signal. */
export const swapSigmoids: Remedy = {
  ...swapActivation,
  treat(given) {
    const sigmoids = hiddenDense(given.start.model).filter(({ config }) => activationOf(config) === 'sigmoid')
    return sigmoids.length >= MANY_SIGMOIDS ? swapActivation.treat(given) : null
  },
}
/** 4^5 are three powers of ten. */
const MANY_SIGMOIDS = 5

const isNarrow = ({ model }: Patient): boolean => narrowness(model) > 1
