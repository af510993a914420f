/**
 * Recurrent layers in a `state_dict` (torch.nn.LSTM and GRU) and as the rest of ours lies there:
 *
 *   weight_ih_l0 [gates units, channels]   weight
 *   weight_hh_l0 [gates units, units]      recurrentKernel, turned
 *   bias_ih_l0, bias_hh_l0                 bias, recurrentBias; of an lstm their sum is its bias
 *
 * Of `bidirectional` both directions' lie under its name, the one in reverse with `_reverse` behind: `weight_ih_l0_reverse`.
 * A module of several layers (`num_layers`) is as many of ours: its layer k, `_lk` there, has its name and `.lk` behind here,
 * so that `rnn.weight_ih_l1` is `rnn.l1.weight`.
 *
 * The gates of a gru are r, z, n there, and z, r, n here; those of an lstm are i, f, g, o in both.
 */
import { UserError } from '../errors.ts'
import { DIRECTIONS } from '../model/layers/blocks.ts'
import { fromForeign, toForeign } from './layout.ts'
import type { Tensor } from './safetensors.ts'

type Named = Pick<Tensor, 'name' | 'shape' | 'values'>

const TURNED = { name: '', axes: [1, 0] } as const
const REVERSED = '_reverse'
const NAME = /^(|.+\.)(weight|bias)_(ih|hh)_l(\d+)(_reverse)?$/

/**
 * To PyTorch's tensors. What belongs to no recurrent layer stays as it is.
 * @param stacked the names that stand for a layer of a module: `rnn.l1`
 */
export function toTorch(tensors: readonly Named[], stacked: ReadonlySet<string>): Named[] {
  const units = unitsOf(tensors, '.recurrentKernel', 0)
  return tensors.flatMap((tensor) => {
    const { owner, part } = cut(tensor.name)
    const h = units.get(owner)
    if (h === undefined) return [tensor]
    const [there, behind] = outside(owner, units, stacked)
    const as = (name: string, { shape, values }: Named): Named => ({
      ...{ name: `${there}${name}${behind}`, shape },
      values: swapped(values, shape, h),
    })
    switch (part) {
      case 'weight':
        return [as('weight_ih', tensor)]
      case 'recurrentKernel': {
        const shape = [tensor.shape[1]!, h]
        return [
          as('weight_hh', { ...tensor, shape, values: toForeign(tensor.values, tensor.shape, { ...TURNED, shape }) }),
        ]
      }
      case 'bias': {
        const [one, isLstm] = [as('bias_ih', tensor), tensor.shape[0] === 4 * h]
        // Both are added up: ours is the first, and the second nothing.
        return isLstm ? [one, { ...as('bias_hh', tensor), values: new Float32Array(4 * h) }] : [one]
      }
      case 'recurrentBias':
        return [as('bias_hh', tensor)]
      default:
        return [tensor]
    }
  })
}

/**
 * From PyTorch's tensors. What belongs to no recurrent layer stays as it is.
 * @param stacked as above
 * @throws UserError naming the module that is another recurrence
 */
export function fromTorch<T extends Named>(given: readonly T[], stacked: ReadonlySet<string>, where: string): T[] {
  const inside = insideOf(given, stacked)
  const tensors = given.map((tensor) => ({ ...tensor, name: inside(tensor, where) }))
  const units = unitsOf(tensors, '.weight_hh', 1)
  const seconds = new Map(tensors.filter(({ name }) => name.endsWith('.bias_hh')).map((one) => [one.name, one.values]))
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
      case 'weight_ih':
        return [as('weight')]
      case 'weight_hh': {
        const shape = [h, width]
        return [as('recurrentKernel', { shape, values: fromForeign(values, { ...TURNED, shape: tensor.shape }) })]
      }
      case 'bias_ih': {
        const other = seconds.get(`${owner}.bias_hh`)
        const isSum = width === 4 * h && other?.length === values.length
        return [as('bias', isSum ? { values: values.map((value, i) => value + other[i]!) } : {})]
      }
      case 'bias_hh':
        return width === 4 * h ? [] : [as('recurrentBias')]
      default:
        return [tensor]
    }
  })
}

/** What is before and behind the names of a layer, or of one direction of a `bidirectional`, in a `state_dict`. */
function outside(
  owner: string,
  owners: ReadonlyMap<string, number>,
  stacked: ReadonlySet<string>,
): [before: string, behind: string] {
  const block = owner.slice(0, Math.max(0, owner.lastIndexOf('.')))
  const both = Object.values(DIRECTIONS).every((one) => owners.has(`${block}.${one}`))
  const [layer, behind] = both ? [block, owner.endsWith(DIRECTIONS.reverse) ? REVERSED : ''] : [owner, '']
  const [, module = `${layer}.`, k = '0'] = (stacked.has(layer) && /^(|.+\.)l(\d+)$/.exec(layer)) || []
  return [module, `_l${k}${behind}`]
}

/** The other way: names without an end, with the layer of a module of several, or without a name, and the direction in them. */
function insideOf(tensors: readonly Named[], stacked: ReadonlySet<string>): (tensor: Named, where: string) => string {
  const names = new Set(tensors.map(({ name }) => name))
  const isStack = (module: string) => module === '' || names.has(`${module}weight_hh_l1`) || stacked.has(`${module}l0`)
  return ({ name, shape }, where) => {
    const [, module, kind, from, k, reversed] = NAME.exec(name) ?? []
    if (module === undefined || (k !== '0' && !isStack(module))) return name
    const [width, units] = shape as [number, number]
    if (kind === 'weight' && from === 'hh' && width !== 3 * units && width !== 4 * units)
      throw new UserError(
        `${where}: tensor \`${name}\`: expected [4 units, units] of an nn.LSTM or [3 units, units] of an nn.GRU, ` +
          `got [${shape.join(', ')}]. There is no layer here for an nn.RNN or an LSTM with proj_size.`,
      )
    const layer = isStack(module) ? `${module}l${k}.` : module
    const both = reversed !== undefined || names.has(name + REVERSED)
    const direction = both ? `${reversed ? DIRECTIONS.reverse : DIRECTIONS.forward}.` : ''
    return `${layer}${direction}${kind}_${from}`
  }
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
