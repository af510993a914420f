/**
 * Recurrent layers in a `state_dict` (torch.nn.LSTM and GRU of one layer) and as the rest of ours lies there:
 *
 *   weight_ih_l0 [gates units, channels]   weight
 *   weight_hh_l0 [gates units, units]      recurrentKernel, turned
 *   bias_ih_l0, bias_hh_l0                 bias, recurrentBias; of an lstm their sum is its bias
 *
 * Of `bidirectional` both directions' lie under its name, the one in reverse with `_reverse` behind: `weight_ih_l0_reverse`.
 *
 * The gates of a gru are r, z, n there, and z, r, n here; those of an lstm are i, f, g, o in both.
 */
import { DIRECTIONS } from '../model/layers/blocks.ts'
import { fromForeign, toForeign } from './layout.ts'
import type { Tensor } from './safetensors.ts'

type Named = Pick<Tensor, 'name' | 'shape' | 'values'>

const TURNED = { name: '', axes: [1, 0] } as const

/** To PyTorch's tensors. What belongs to no recurrent layer stays as it is. */
export function toTorch(tensors: readonly Named[]): Named[] {
  const units = unitsOf(tensors, '.recurrentKernel', 0)
  return tensors.flatMap((tensor) => {
    const { owner, part } = cut(tensor.name)
    const h = units.get(owner)
    if (h === undefined) return [tensor]
    const [there, behind] = outside(owner, units)
    const as = (name: string, { shape, values }: Named): Named => ({
      ...{ name: `${there}.${name}${behind}`, shape },
      values: swapped(values, shape, h),
    })
    switch (part) {
      case 'weight':
        return [as('weight_ih_l0', tensor)]
      case 'recurrentKernel': {
        const shape = [tensor.shape[1]!, h]
        return [
          as('weight_hh_l0', {
            ...tensor,
            shape,
            values: toForeign(tensor.values, tensor.shape, { ...TURNED, shape }),
          }),
        ]
      }
      case 'bias': {
        const [one, isLstm] = [as('bias_ih_l0', tensor), tensor.shape[0] === 4 * h]
        // Both are added up: ours is the first, and the second nothing.
        return isLstm ? [one, { ...as('bias_hh_l0', tensor), values: new Float32Array(4 * h) }] : [one]
      }
      case 'recurrentBias':
        return [as('bias_hh_l0', tensor)]
      default:
        return [tensor]
    }
  })
}

/** From PyTorch's tensors. What belongs to no recurrent layer, or does not fit one, stays as it is. */
export function fromTorch<T extends Named>(given: readonly T[]): T[] {
  const tensors = given.map((tensor) => ({ ...tensor, name: inside(tensor.name, given) }))
  const units = unitsOf(tensors, '.weight_hh_l0', 1)
  return tensors.flatMap((tensor) => {
    const { owner, part } = cut(tensor.name)
    const h = units.get(owner)
    if (h === undefined) return [tensor]
    const width = tensor.shape[0]
    if (width !== 3 * h && width !== 4 * h) return [tensor]
    const values = swapped(tensor.values, tensor.shape, h)
    const as = (name: string, rest: Partial<Named> = {}): T => ({
      ...tensor,
      values,
      ...rest,
      name: `${owner}.${name}`,
    })
    switch (part) {
      case 'weight_ih_l0':
        return [as('weight')]
      case 'weight_hh_l0': {
        const shape = [h, width]
        return [as('recurrentKernel', { shape, values: fromForeign(values, { ...TURNED, shape: tensor.shape }) })]
      }
      case 'bias_ih_l0': {
        const other = tensors.find(({ name }) => name === `${owner}.bias_hh_l0`)
        const isSum = width === 4 * h && other?.values.length === values.length
        return [as('bias', isSum ? { values: values.map((value, i) => value + other.values[i]!) } : {})]
      }
      case 'bias_hh_l0':
        return width === 4 * h ? [] : [as('recurrentBias')]
      default:
        return [tensor]
    }
  })
}

const REVERSED = '_reverse'

/** Where one direction of a `bidirectional` lies in a `state_dict`, and what is behind its names. */
function outside(owner: string, owners: ReadonlyMap<string, number>): [owner: string, behind: string] {
  const at = owner.lastIndexOf('.')
  const block = owner.slice(0, Math.max(0, at))
  const both = Object.values(DIRECTIONS).every((one) => owners.has(`${block}.${one}`))
  return both ? [block, owner.endsWith(DIRECTIONS.reverse) ? REVERSED : ''] : [owner, '']
}

/** The other way: a name with the direction in it, where its layer has both. */
function inside(name: string, tensors: readonly Named[]): string {
  const plain = name.endsWith(REVERSED) ? name.slice(0, -REVERSED.length) : name
  const { owner, part } = cut(plain)
  if (!/_l0$/.test(part) || !tensors.some((tensor) => tensor.name === plain + REVERSED)) return name
  return `${owner}.${name === plain ? DIRECTIONS.forward : DIRECTIONS.reverse}.${part}`
}

/** Of each layer with a matrix of this name: of [gates units, units], or turned. */
function unitsOf(tensors: readonly Named[], suffix: string, axis: 0 | 1): Map<string, number> {
  const found = tensors.filter(({ name, shape }) => {
    const [h, width] = [shape[axis]!, shape[1 - axis]!]
    return name.endsWith(suffix) && shape.length === 2 && h >= 1 && (width === 3 * h || width === 4 * h)
  })
  return new Map(found.map(({ name, shape }) => [name.slice(0, -suffix.length), shape[axis]!]))
}

function cut(name: string): { readonly owner: string; readonly part: string } {
  const at = name.lastIndexOf('.')
  return { owner: name.slice(0, Math.max(0, at)), part: name.slice(at + 1) }
}

/** The first two gates of three changed for each other. */
function swapped(values: Float32Array, shape: readonly number[], units: number): Float32Array {
  if (shape[0] !== 3 * units) return values
  const gate = values.length / 3
  const out = values.slice()
  out.set(values.subarray(gate, 2 * gate))
  out.set(values.subarray(0, gate), gate)
  return out
}
