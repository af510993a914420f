/**
 * Where each parameter lies in the flat parameter vector, and how its gradient is summed.
 * Tensors start at a cache line, which the kernels' vectors then do not straddle; the padding stays zero. Laned tensors
 * come first, so that the lanes' tree runs over one contiguous run; last what is not learned.
 */
import { matrixOf, sizeOf } from '../model/shape.ts'
import type { ParameterSpec } from '../model/layer.ts'
import { LANED_KERNEL } from './constants.ts'

/** Float32 elements of a cache line. */
const LINE_ELEMENTS = 16

/** As the config asks for it. `whole`: all by tiles, vectors too: no part of a batch is kept apart. */
export type GradientBy = 'auto' | 'lanes' | 'tiles' | 'whole'

export interface Placement {
  readonly spec: ParameterSpec
  /** In elements from the start of the parameter vector. */
  readonly offset: number
  readonly size: number
  /** `lanes`: partial gradients of fixed slices of the batch; `tiles`: slices of the tensor over the whole batch; `none`: it is not learned. */
  readonly how: 'lanes' | 'tiles' | 'none'
}

export interface Placements {
  readonly all: readonly Placement[]
  /** Elements of the laned run, which comes first; of all that is learned; of that and the statistics; of the whole vector. */
  readonly laned: number
  readonly learned: number
  readonly followed: number
  readonly total: number
}

export function placeParameters(
  parameters: readonly ParameterSpec[],
  batchSize: number,
  asked: GradientBy,
): Placements {
  const how = (spec: ParameterSpec) => (spec.role ? 'none' : gradientBy(spec, batchSize, asked))
  const runs = [
    parameters.filter((spec) => how(spec) === 'lanes'),
    parameters.filter((spec) => how(spec) === 'tiles'),
    parameters.filter((spec) => spec.role === 'statistic'),
    parameters.filter((spec) => spec.role === 'frozen'),
  ]
  let offset = 0
  const placed = new Map<string, Placement>()
  const [laned, learned, followed, total] = runs.map((run) => {
    for (const spec of run) {
      const size = sizeOf(spec.shape)
      placed.set(spec.name, { spec, offset, size, how: how(spec) })
      offset += Math.ceil(size / LINE_ELEMENTS) * LINE_ELEMENTS
    }
    return offset
  }) as [number, number, number, number]
  return { all: parameters.map((spec) => placed.get(spec.name)!), laned, learned, followed, total }
}

/** Of a parameter by its name. */
export const placementOf = ({ all }: Placements, name: string): Placement => all.find(({ spec }) => spec.name === name)!

/**
 * Unless nothing is to be kept apart, vectors go by lanes: they are small beside their activations. A matrix goes by
 * tiles, which need neither memory per lane nor a reduction, unless it has too few rows to be cut into pieces while the
 * batch is large. A convolution's kernel is small beside its activations, and each tile would unfold them again: lanes,
 * unless it is large.
 */
function gradientBy(spec: ParameterSpec, batchSize: number, asked: GradientBy): 'lanes' | 'tiles' {
  if (asked === 'whole') return 'tiles'
  if (spec.shape.length === 1 || spec.uncut) return 'lanes'
  if (asked !== 'auto') return asked
  if (spec.shape.length > 2) return sizeOf(spec.shape) <= LANED_KERNEL ? 'lanes' : 'tiles'
  return matrixOf(spec.shape)[0] < 16 && batchSize >= 256 ? 'lanes' : 'tiles'
}
