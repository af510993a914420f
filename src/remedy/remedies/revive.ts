/** Silent ReLUs brought back without a change of what the network computes. */
import { normalAt } from '../../random/normal.ts'
import type { DenseConfig, LayerConfig } from '../../model/config.ts'
import { activationPath, lookInside } from '../look.ts'
import type { Seen } from '../look.ts'
import { withTensors } from '../patient.ts'
import type { Patient, Tensor } from '../patient.ts'
import { activationOf, childrenOf, rewrite } from '../tree.ts'
import type { Remedy } from '../remedy.ts'

/**
 * A unit that no row of the sample activates adds 0 to what comes after. It gets new incoming weights (He) and the bias
 * that makes half of the rows activate it; its outgoing weights become 0. The network's outputs on the sample keep
 * every bit, and the gradient of the outgoing weights is no longer 0.
 */
export const reviveUnits: Remedy = {
  name: 'revive silent units',
  limit: 2,
  async treat({ now, calibration, tries }) {
    const { layers: seen } = await lookInside(now, calibration)
    const byPath = new Map(seen.map((one) => [one.path, one]))
    const tensors = new Map(now.tensors)
    const changes: string[] = []
    for (const { first, next, prefix } of neighbours(now.model.layers)) {
      const path = prefix + first.name!
      const [before, after] = [byPath.get(path), byPath.get(activationPath(path))]
      if (!before || !after) continue
      const silent = silentUnits(after, calibration.rows)
      if (silent.length === 0) continue
      revive(now, tensors, path, prefix + next.name!, before, silent, calibration.rows, tries)
      changes.push(`${path}: ${silent.length} of ${first.units} units revived`)
    }
    if (changes.length === 0) return null
    return { patient: withTensors(now, tensors), changes, then: 'continue' }
  },
}

interface Neighbours {
  readonly first: DenseConfig
  readonly next: DenseConfig
  readonly prefix: string
}

/** Dense layers with a ReLU and a bias, right before another dense layer of the same container. */
function neighbours(layers: readonly LayerConfig[], prefix = ''): Neighbours[] {
  return layers.flatMap((first, i) => {
    const inner = neighbours(childrenOf(first) ?? [], `${prefix}${first.name!}/`)
    const next = layers[i + 1]
    if (first.type !== 'dense' || next?.type !== 'dense') return inner
    if (activationOf(first) !== 'relu' || first.useBias === false) return inner
    return [{ first, next, prefix }, ...inner]
  })
}

function silentUnits({ output, outputs }: Seen, rows: number): number[] {
  const isSilent = (unit: number) => {
    for (let r = 0; r < rows; r++) if (output[r * outputs + unit]! > 0) return false
    return true
  }
  return Array.from({ length: outputs }, (_, unit) => unit).filter(isSilent)
}

function revive(
  { seed, tensors: old }: Patient,
  tensors: Map<string, Tensor>,
  path: string,
  next: string,
  { input, inputs, outputs }: Seen,
  silent: readonly number[],
  rows: number,
  tries: number,
): void {
  const copyOf = (name: string): Tensor => {
    const { values, slots } = old.get(name)!
    const known = tensors.get(name)!
    if (known !== old.get(name)) return known
    const copy = { values: values.slice(), slots: slots.map((slot) => slot.slice()) }
    tensors.set(name, copy)
    return copy
  }
  const [kernel, bias, out] = [copyOf(`${path}/kernel`), copyOf(`${path}/bias`), copyOf(`${next}/kernel`)]
  const width = out.values.length / outputs
  const std = Math.sqrt(2 / inputs)
  const products = new Float64Array(rows)
  for (const unit of silent) {
    products.fill(0)
    for (let i = 0; i < inputs; i++) {
      const at = i * outputs + unit
      kernel.values[at] = normalAt(seed, 0x7e0000 + tries, at) * std
      for (const slot of kernel.slots) slot[at] = 0
      for (let r = 0; r < rows; r++) products[r]! += input[r * inputs + i]! * kernel.values[at]!
    }
    bias.values[unit] = -products.toSorted()[rows >> 1]!
    for (const slot of bias.slots) slot[unit] = 0
    for (let c = 0; c < width; c++) {
      out.values[unit * width + c] = 0
      for (const slot of out.slots) slot[unit * width + c] = 0
    }
  }
}

/** ReLU becomes PReLU with a slope of 0 that learns: the same function, and units that fell silent can come back. */
export const letLeak: Remedy = {
  name: 'ReLU to PReLU',
  limit: 1,
  treat({ now }) {
    const changes: string[] = []
    const layers = rewrite(now.model.layers, ({ path, config }) => {
      if (config.type !== 'dense' || activationOf(config) !== 'relu') return [config]
      changes.push(`${path}: activation relu -> prelu, slopes 0`)
      const slopes: LayerConfig = {
        type: 'prelu',
        name: `${config.name!}_slopes`,
        alphaInitializer: { type: 'zeros' },
      }
      return [{ ...config, activation: undefined }, slopes]
    })
    if (changes.length === 0) return null
    return { patient: { ...now, model: { ...now.model, layers } }, changes, then: 'continue' }
  },
}
