/** Shortcuts around pairs of layers, and branches that begin at 0: what keeps the gradients of deep networks whole. */
import type { DenseConfig, LayerConfig } from '../../model/config.ts'
import { activationOf, hiddenDense, outputIndex, rewrite } from '../tree.ts'
import type { Patient } from '../patient.ts'
import { freshTensor } from '../patient.ts'
import type { Case, Remedy, Treatment } from '../remedy.ts'
import { drawnAnew, silenced } from './initialise.ts'

// Chosen on the tune split's practice cases: node bench/health/practice.ts.
/** Pairs below which a network is not deep, and from which depth itself is the trouble. */
const MIN_PAIRS = 2
const VERY_DEEP = 10

/**
 * Each two neighbouring dense layers of the same width become a residual block, y = x + F(x), whose last kernel starts
 * at 0 and has no activation: at first the network is as deep as what is left (Bachlechner et al. 2020, "ReZero").
 */
export const addShortcuts: Remedy = {
  name: 'add shortcuts',
  limit: 1,
  treat: (given) => withShortcuts(given, MIN_PAIRS),
}

/** The same, for networks so deep that no other activation or draw of weights would carry a gradient through them. */
export const addShortcutsWhereDeep: Remedy = {
  ...addShortcuts,
  treat: (given) => (hasFlatActivation(given.start) ? null : withShortcuts(given, VERY_DEEP)),
}

function withShortcuts({ start, tries }: Case, leastPairs: number): Treatment | null {
  const changes: string[] = []
  const layers = withBlocks(start, changes)
  if (changes.length < leastPairs) return null
  const blocks = { ...start, model: { ...start.model, layers } }
  return { patient: drawnAnew(blocks, 32 + tries), changes: [...changes, 'all weights drawn anew'], then: 'restart' }
}

/** Whether a layer has an activation that goes flat: a shortcut around it does not make it steeper. */
const hasFlatActivation = ({ model }: Patient): boolean =>
  hiddenDense(model).some(({ config }) => FLAT.has(activationOf(config)))
const FLAT: ReadonlySet<string> = new Set(['sigmoid', 'tanh', 'exponential', 'softplus'])

/** The layers with those blocks, each of which is a line of `changes`. */
export function withBlocks({ model, inputs }: Patient, changes: string[]): LayerConfig[] {
  const out: LayerConfig[] = []
  const output = outputIndex(model.layers)
  let width = model.inputShape ? model.inputShape.at(-1)! : inputs
  for (let i = 0; i < model.layers.length; i++) {
    const [first, second] = [model.layers[i]!, model.layers[i + 1]]
    if (i + 1 < output && first.type === 'dense' && second?.type === 'dense' && fits(first, second, width)) {
      const name = `${first.name!}_${second.name!}`
      out.push({ type: 'residual', name, layers: [first, { ...second, activation: undefined }] })
      changes.push(`${name}: ${first.name!} and ${second.name!} with a shortcut around them`)
      i++
    } else {
      out.push(first)
      if (first.type === 'dense') width = first.units
    }
  }
  return out
}

const fits = (first: DenseConfig, second: DenseConfig, width: number): boolean =>
  first.units === width && second.units === width && activationOf(first) !== 'linear'

/** The last kernel and bias of each residual block become 0; the other weights stay. */
export const silenceBranches: Remedy = {
  name: 'start branches at 0',
  limit: 1,
  treat({ start }) {
    const zero = new Set<string>()
    const changes: string[] = []
    const layers = rewrite(start.model.layers, ({ path, config }) => {
      if (config.type !== 'residual') return [config]
      const quiet = silenced(config.layers)
      quiet.forEach((layer, i) => {
        if (layer === config.layers[i]) return
        zero.add(`${path}/${layer.name!}/kernel`).add(`${path}/${layer.name!}/bias`)
        changes.push(`${path}: its branch starts at 0`)
      })
      return [{ ...config, layers: quiet }]
    })
    const isQuiet = [...zero].every((name) => start.tensors.get(name)?.values.every((w) => w === 0) ?? true)
    if (isQuiet) return null
    const tensors = new Map(start.tensors)
    for (const name of zero) {
      const size = tensors.get(name)?.values.length
      if (size !== undefined) tensors.set(name, freshTensor(new Float32Array(size), start.optimizer))
    }
    return { patient: { ...start, model: { ...start.model, layers }, tensors }, changes, then: 'restart' }
  },
}
