/** The same numbers in another shape: nothing is moved. */
import { UserError } from '../../errors.ts'
import type { FlattenConfig, ReshapeConfig } from '../config.ts'
import { nothing } from '../layer.ts'
import type { Layer } from '../layer.ts'
import { shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function flatten(_config: FlattenConfig, name: string, shape: Shape): Layer {
  return reshaped('flatten', name, shape, [sizeOf(shape)])
}

export function reshape(config: ReshapeConfig, name: string, shape: Shape): Layer {
  const size = sizeOf(shape)
  const known = sizeOf(config.targetShape.filter((n) => n !== -1))
  const to = config.targetShape.map((n) => (n === -1 ? size / known : n))
  if (sizeOf(to) !== size || !to.every(Number.isInteger)) {
    throw new UserError(
      `Layer \`${name}\`: expected a \`targetShape\` of ${size} numbers, as rows of shape ${shapeText(shape)} have, ` +
        `got ${shapeText(config.targetShape)}. Change one axis, or write -1 for the one that follows from the rest.`,
    )
  }
  return reshaped('reshape', name, shape, to)
}

function reshaped(type: string, name: string, from: Shape, shape: Shape): Layer {
  const size = sizeOf(from)
  return {
    name,
    type,
    inputs: size,
    outputs: size,
    shape,
    parameters: [],
    lower: (input) => ({
      output: input,
      gradients: [],
      flopsPerRow: 0,
      backwardFlopsPerRow: 0,
      forward: nothing,
      backward: nothing,
      byTile: { kind: 'elementwise', inputs: size, outputs: size, forward: nothing, backward: nothing },
    }),
  }
}
