/** Where the walk through a foreign graph is, and what a node that is one layer of ours is read as. */
import { UserError } from '../../errors.ts'
import type { LayerConfig } from '../../model/config.ts'
import type { Shape } from '../../model/shape.ts'
import type { Node } from './graph.ts'

/**
 * How a tensor lies, where it is not rows first: `indices` whole numbers; `steps` [steps, rows, channels]; `states`
 * [steps, 1, rows, units]; `last` [1, rows, units].
 */
export type Order = 'indices' | 'steps' | 'states' | 'last'

/** A tensor: the layer or input of ours that gives it, the shape of its rows as ours would be, and how it lies there. */
export interface Place {
  readonly from: string
  readonly shape: Shape
  readonly first: boolean
  readonly order?: Order | undefined
  /** Channels and positions of an image that was flattened with channels first. */
  readonly turned?: { readonly channels: number; readonly positions: number } | undefined
}

export interface Read {
  readonly config: LayerConfig
  /** By the last part of their names. */
  readonly weights: Readonly<Record<string, Float32Array>>
  /** What has changed. */
  readonly to: Partial<Place>
}

/** Several nodes that are one layer. */
export interface Pattern {
  /** Named in errors. */
  readonly node: Node
  /** The tensor that the layer takes. */
  readonly from: string
  /** It does the same to each position: also where the steps are the first axis. */
  readonly each?: boolean
  /** How its tensors lie, where rows are not the first axis. */
  readonly order?: Order
  /** Its weights, for whoever has the same. */
  readonly constants: readonly string[]
  read(at: Place): Read
}

export function unsupported({ op, name }: Node, how = ''): UserError {
  return new UserError(
    `node \`${name}\`: operator ${op}${how ? ` ${how}` : ''} has no layer here. Export the model without it, or write it with ` +
      'operators of the layers that README lists',
  )
}

/** A number for each of what was flattened. */
export const inOurOrder = (values: Float32Array, { turned }: Place): Float32Array =>
  turned ? rowsInOurOrder(values, 1, turned) : values

/** Rows for [channels, positions] as rows for [positions, channels]. */
export function rowsInOurOrder(
  kernel: Float32Array,
  units: number,
  { channels, positions }: NonNullable<Place['turned']>,
): Float32Array {
  const out = new Float32Array(kernel.length)
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < positions; p++) {
      const from = (c * positions + p) * units
      out.set(kernel.subarray(from, from + units), (p * channels + c) * units)
    }
  }
  return out
}
