/**
 * How others name and lay out parameters. Ours: `dense_1/kernel` of [inputs, units], a convolution's of
 * [..window, inputs, filters], as Keras. PyTorch's: `dense_1.weight` of [units, inputs], [filters, inputs, ..window].
 */
import { sizeOf } from '../model/build.ts'
import type { ParameterSpec } from '../model/layer.ts'

export type LayoutName = 'brigantine' | 'pytorch'
export const layoutNames: readonly LayoutName[] = ['brigantine', 'pytorch']

/**
 * A parameter as another tool sees it. `axes[i]` is the axis of ours that its axis i is; where one of ours goes through a
 * flattened image, of ours as `view` has it.
 */
export interface Foreign {
  readonly name: string
  readonly shape: readonly number[]
  readonly axes: readonly number[]
  readonly view?: readonly number[]
}

/** What the last part of our names is called there. */
const PYTORCH: Readonly<Record<string, string>> = {
  kernel: 'weight',
  alpha: 'weight',
  gamma: 'weight',
  embeddings: 'weight',
  bias: 'bias',
  beta: 'bias',
  movingMean: 'running_mean',
  movingVariance: 'running_var',
  shortcut: 'shortcut.weight',
}

export function foreign(
  { name, shape, flattened }: Pick<ParameterSpec, 'name' | 'shape' | 'flattened'>,
  layout: LayoutName,
): Foreign {
  const straight = shape.map((_, i) => i)
  if (layout === 'brigantine') return { name, shape, axes: straight }
  const cut = name.lastIndexOf('/')
  const [owner, part] = [name.slice(0, Math.max(0, cut)).replaceAll('/', '.'), name.slice(cut + 1)]
  const rank = shape.length
  const isKernel = rank >= 2 && (part === 'kernel' || part === 'shortcut')
  const axes = isKernel ? [rank - 1, rank - 2, ...straight.slice(0, -2)] : straight
  const there = {
    name: [owner, PYTORCH[part] ?? part].filter(Boolean).join('.'),
    shape: axes.map((axis) => shape[axis]!),
    axes,
  }
  return flattened ? { ...there, ...channelsFirst(shape, axes, flattened) } : there
}

/** The first axis of ours, cells and then channels, as channels and then cells. */
function channelsFirst(shape: readonly number[], axes: readonly number[], image: readonly number[]) {
  const last = image.length - 1
  const turned = [last, ...image.slice(0, last).keys()]
  return {
    view: [...image, ...shape.slice(1)],
    axes: axes.flatMap((axis) => (axis === 0 ? turned : [last + axis])),
  }
}

/** Ours, in their layout. */
export function toForeign(
  values: Float32Array,
  shape: readonly number[],
  { axes, view = shape }: Foreign,
): Float32Array {
  return permuted(values, view, axes)
}

/** Theirs, in our layout. */
export function fromForeign(values: Float32Array, { shape, axes, view }: Foreign): Float32Array {
  return permuted(
    values,
    view ? axes.map((axis) => view[axis]!) : shape,
    axes.map((_, axis) => axes.indexOf(axis)),
  )
}

/** The tensor whose axis i is axis `axes[i]` of this one. */
function permuted(values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  if (axes.every((axis, i) => axis === i)) return values
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
  const out = new Float32Array(values.length)
  const lengths = axes.map((axis) => shape[axis]!)
  const steps = axes.map((axis) => strides[axis]!)
  const index = axes.map(() => 0)
  let from = 0
  for (let i = 0; i < out.length; i++) {
    out[i] = values[from]!
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < lengths[axis]!) break
      from -= steps[axis]! * lengths[axis]!
      index[axis] = 0
    }
  }
  return out
}
