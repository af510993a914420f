/**
 * Where each parameter lies in the flat parameter vector, and how its gradient is summed.
 * Tensors start at multiples of 4 elements; the padding stays zero. Laned tensors come first, so that the lanes'
 * tree runs over one contiguous run.
 */
import { matrixOf, sizeOf } from '../model/shape.ts'
import type { ParameterSpec } from '../model/layer.ts'
import { LANED_KERNEL } from './constants.ts'

export interface Placement {
  readonly spec: ParameterSpec
  /** In elements from the start of the parameter vector. */
  readonly offset: number
  readonly size: number
  /** `lanes`: partial gradients of fixed slices of the batch; `tiles`: slices of the tensor over the whole batch. */
  readonly how: 'lanes' | 'tiles'
}

export interface Placements {
  readonly all: readonly Placement[]
  /** Elements of the laned run, and of the whole vector. */
  readonly laned: number
  readonly total: number
}

export function placeParameters(
  parameters: readonly ParameterSpec[],
  batchSize: number,
  asked: 'auto' | 'lanes' | 'tiles',
): Placements {
  const how = (spec: ParameterSpec) => gradientBy(spec, batchSize, asked)
  const ordered = [
    ...parameters.filter((spec) => how(spec) === 'lanes'),
    ...parameters.filter((spec) => how(spec) === 'tiles'),
  ]
  let offset = 0
  let laned = 0
  const placed = new Map<string, Placement>()
  for (const spec of ordered) {
    const size = sizeOf(spec.shape)
    placed.set(spec.name, { spec, offset, size, how: how(spec) })
    offset += Math.ceil(size / 4) * 4
    if (how(spec) === 'lanes') laned = offset
  }
  return { all: parameters.map((spec) => placed.get(spec.name)!), laned, total: offset }
}

/**
 * Vectors always go by lanes: they are small beside their activations. A matrix goes by tiles, which need neither
 * memory per lane nor a reduction, unless it has too few rows to be cut into pieces while the batch is large. A
 * convolution's kernel is small beside its activations, and each tile would unfold them again: lanes, unless it is large.
 */
function gradientBy(spec: ParameterSpec, batchSize: number, asked: 'auto' | 'lanes' | 'tiles'): 'lanes' | 'tiles' {
  if (spec.shape.length === 1 || spec.uncut) return 'lanes'
  if (asked !== 'auto') return asked
  if (spec.shape.length > 2) return sizeOf(spec.shape) <= LANED_KERNEL ? 'lanes' : 'tiles'
  return matrixOf(spec.shape)[0] < 16 && batchSize >= 256 ? 'lanes' : 'tiles'
}
