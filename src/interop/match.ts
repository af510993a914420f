/** Which tensor of a foreign file is which parameter of a model: by our names, by PyTorch's, else in order. */
import { UserError } from '../errors.ts'
import type { ParameterSpec } from '../model/layer.ts'
import { foreign, fromForeign, layoutNames } from './layout.ts'
import type { Foreign, LayoutName } from './layout.ts'
import type { Tensor } from './safetensors.ts'
import { fromTorch } from './torch-recurrent.ts'

export interface MatchOptions {
  /** Which layout the file has. Default: what its names and shapes say. */
  readonly layout?: LayoutName | undefined
  readonly names?: Names | undefined
}

/**
 * Their name of a layer (or parameter) by ours: `{ dense_1: 'fc1' }`. Layer k of PyTorch's recurrent module `rnn` is `rnn.lk`:
 * `{ lstm_1: 'rnn.l0', lstm_2: 'rnn.l1' }`.
 */
export type Names = Readonly<Record<string, string>>

/**
 * Values of every parameter, in the model's order and layout.
 * @throws UserError naming the first parameter without a tensor, or both shapes of the first pair that does not fit
 */
export function matchTensors(
  parameters: readonly ParameterSpec[],
  tensors: readonly Tensor[],
  options: MatchOptions,
  where: string,
): Float32Array[] {
  // PyTorch counts the batches that its running statistics saw: no parameter.
  const counted = tensors.filter(({ name }) => !name.endsWith('num_batches_tracked'))
  const given = fromTorch(counted, new Set(Object.values(options.names ?? {})), where)
  const layouts = options.layout ? [options.layout] : layoutNames
  for (const layout of layouts) {
    const wanted = parameters.map((spec) => renamed(foreign(spec, layout), options.names, layout))
    const named = wanted.map(({ name }) => given.find((tensor) => tensor.name === name))
    if (named.every((tensor) => tensor !== undefined)) return take(parameters, wanted, named, where)
  }
  if (options.names) throw missing(parameters, given, options, layouts, where)
  if (given.length !== parameters.length) {
    throw new UserError(
      `${where}: expected ${parameters.length} tensors for ${names(parameters)}; got ${given.length === 0 ? 'none' : `${given.length}: ${names(given)}`}. ` +
        'Is it of another model? Tensors of other names are told apart by a map of names.',
    )
  }
  const ordered = byModule(given)
  const layout = layouts.find((one) => parameters.every((spec, i) => fits(foreign(spec, one), ordered[i]!)))
  const wanted = parameters.map((spec) => foreign(spec, layout ?? layouts.at(-1)!))
  return take(parameters, wanted, ordered, where)
}

const names = (all: readonly { name: string }[]): string =>
  all
    .slice(0, 8)
    .map(({ name }) => name)
    .join(', ') + (all.length > 8 ? ', ..' : '')

const fits = (wanted: Foreign, { shape }: Tensor): boolean =>
  wanted.shape.length === shape.length && wanted.shape.every((n, axis) => n === shape[axis])

/** As it is called by a map of names. */
export function renamed(wanted: Foreign, map: Names | undefined, layout: LayoutName): Foreign {
  const separator = layout === 'pytorch' ? '.' : '/'
  for (const [ours, theirs] of Object.entries(map ?? {})) {
    const owner = ours.replaceAll('/', separator)
    if (wanted.name === owner) return { ...wanted, name: theirs }
    if (wanted.name.startsWith(owner + separator)) return { ...wanted, name: theirs + wanted.name.slice(owner.length) }
  }
  return wanted
}

/** `0.weight`, `0.bias`, `2.weight`, ..: numbers in names by their value; within a module weights before biases, means before variances. */
function byModule(tensors: readonly Tensor[]): Tensor[] {
  const order = [
    'weight',
    'kernel',
    'recurrentKernel',
    'gamma',
    'bias',
    'recurrentBias',
    'beta',
    'running_mean',
    'running_var',
  ]
  const collator = new Intl.Collator('en', { numeric: true })
  const keyOf = ({ name }: Tensor) => {
    const cut = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'))
    const rank = order.indexOf(name.slice(cut + 1))
    return { owner: name.slice(0, Math.max(0, cut)), rank: rank < 0 ? order.length : rank }
  }
  return [...tensors].sort((a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)]
    return collator.compare(one.owner, other.owner) || one.rank - other.rank || collator.compare(a.name, b.name)
  })
}

function take(
  parameters: readonly ParameterSpec[],
  wanted: readonly Foreign[],
  tensors: readonly (Tensor | undefined)[],
  where: string,
): Float32Array[] {
  return parameters.map((spec, i) => {
    const tensor = tensors[i]!
    if (!fits(wanted[i]!, tensor)) {
      throw new UserError(
        `${where}: expected tensor \`${tensor.name}\` of shape [${wanted[i]!.shape.join(', ')}] for \`${spec.name}\`, ` +
          `got [${tensor.shape.join(', ')}]. Change the layer, or say which tensor is meant by a map of names.`,
      )
    }
    return fromForeign(tensor.values, wanted[i]!)
  })
}

function missing(
  parameters: readonly ParameterSpec[],
  given: readonly Tensor[],
  options: MatchOptions,
  layouts: readonly LayoutName[],
  where: string,
): UserError {
  const has = (name: string) => given.some((tensor) => tensor.name === name)
  const asked = (spec: ParameterSpec) =>
    layouts.map((layout) => renamed(foreign(spec, layout), options.names, layout).name)
  const without = parameters.find((spec) => !asked(spec).some(has))!
  return new UserError(
    `${where}: expected a tensor ${asked(without).join(' or ')} for \`${without.name}\`; there are ${names(given)}.`,
  )
}
