/**
 * How others name and lay out parameters. Ours: `dense_1/kernel` of [inputs, units], a convolution's of
 * [..window, inputs, filters], as Keras. PyTorch's: `dense_1.weight` of [units, inputs], [filters, inputs, ..window].
 */
import { sizeOf } from '../model/build.ts'
import type { ParameterSpec } from '../model/layer.ts'

export type LayoutName = 'brigantine' | 'pytorch'
export const layoutNames: readonly LayoutName[] = ['brigantine', 'pytorch']

/** A parameter as another tool sees it. `axes[i]` is the axis of ours that its axis i is. */
export interface Foreign {
  readonly name: string
  readonly shape: readonly number[]
  readonly axes: readonly number[]
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

export function foreign({ name, shape }: Pick<ParameterSpec, 'name' | 'shape'>, layout: LayoutName): Foreign {
  const straight = shape.map((_, i) => i)
  if (layout === 'brigantine') return { name, shape, axes: straight }
  const cut = name.lastIndexOf('/')
  const [owner, part] = [name.slice(0, Math.max(0, cut)).replaceAll('/', '.'), name.slice(cut + 1)]
  const rank = shape.length
  const isKernel = rank >= 2 && (part === 'kernel' || part === 'shortcut')
  const axes = isKernel ? [rank - 1, rank - 2, ...straight.slice(0, -2)] : straight
  return {
    name: [owner, PYTORCH[part] ?? part].filter(Boolean).join('.'),
    shape: axes.map((axis) => shape[axis]!),
    axes,
  }
}

/** Ours, in their layout. */
export function toForeign(values: Float32Array, shape: readonly number[], { axes }: Foreign): Float32Array {
  return permuted(values, shape, axes)
}

/** Theirs, in our layout. */
export function fromForeign(values: Float32Array, { shape, axes }: Foreign): Float32Array {
  return permuted(
    values,
    shape,
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
