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
    const changes: string[] = []
    let patient = now
    let seen: Map<string, Seen> | undefined
    for (const { first, next, prefix } of neighbours(now.model.layers)) {
      const path = prefix + first.name!
      // What was revived before it is new to a layer: it is looked at anew.
      seen ??= new Map((await lookInside(patient, calibration)).layers.map((one) => [one.path, one]))
      const [before, after] = [seen.get(path), seen.get(activationPath(path))]
      if (!before || !after) continue
      const tensors = new Map(patient.tensors)
      const revived = silentUnits(after, calibration.rows).filter((unit) =>
        revive(patient, tensors, path, prefix + next.name!, before, unit, calibration.rows, tries),
      )
      if (revived.length === 0) continue
      changes.push(`${path}: ${revived.length} of ${first.units} units revived`)
      patient = withTensors(patient, tensors)
      seen = undefined
    }
    return changes.length > 0 ? { patient, changes, then: 'continue' } : null
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

/** @returns whether it could be: no weights tell rows apart that come to the unit as one and the same */
function revive(
  { seed, tensors: old }: Patient,
  tensors: Map<string, Tensor>,
  path: string,
  next: string,
  { input, inputs, outputs }: Seen,
  unit: number,
  rows: number,
  tries: number,
): boolean {
  const std = Math.sqrt(2 / inputs)
  const weights = Float32Array.from(
    { length: inputs },
    (_, i) => normalAt(seed, 0x7e0000 + tries, i * outputs + unit) * std,
  )
  const products = new Float64Array(rows)
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < inputs; i++) products[r]! += input[r * inputs + i]! * weights[i]!
  }
  products.sort()
  if (!(products[0]! < products[rows - 1]!)) return false
  const copyOf = (name: string): Tensor => {
    const { values, slots } = old.get(name)!
    const known = tensors.get(name)!
    if (known !== old.get(name)) return known
    const copy = { values: values.slice(), slots: slots.map((slot) => slot.slice()) }
    tensors.set(name, copy)
    return copy
  }
  const [kernel, bias, out] = [copyOf(`${path}/kernel`), copyOf(`${path}/bias`), copyOf(`${next}/kernel`)]
  const put = ({ values, slots }: Tensor, at: number, value: number) => {
    values[at] = value
    for (const slot of slots) slot[at] = 0
  }
  for (let i = 0; i < inputs; i++) put(kernel, i * outputs + unit, weights[i]!)
  // Half of the rows lie above the median; where none does, since many give the same, those that give it shall.
  const median = products[rows >> 1]!
  put(bias, unit, -(median < products[rows - 1]! ? median : products.findLast((product) => product < median)!))
  const width = out.values.length / outputs
  for (let c = 0; c < width; c++) put(out, unit * width + c, 0)
  return true
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
