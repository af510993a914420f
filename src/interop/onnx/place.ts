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

/** A tensor, the shape of its rows as ours would be, and how it lies there. */
export interface Place {
  readonly tensor: string
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

export function unsupported({ op, name }: Node, how = ''): UserError {
  return new UserError(`node \`${name}\`: operator ${op}${how ? ` ${how}` : ''} has no layer here`)
}
