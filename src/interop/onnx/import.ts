/**
 * An ONNX graph as a model of ours. Each tensor on the way to the output is what a node, or a pattern of several, makes of
 * others: a layer. Channels come first there: kernels are turned, and a dense layer behind a flattened image has its rows in
 * our order. A softmax or sigmoid at the end is the loss's.
 */
import { UserError } from '../../errors.ts'
import type { ModelConfig } from '../../model/config.ts'
import { sizeOf } from '../../model/shape.ts'
import { inOrder } from '../order.ts'
import { modelOf } from '../wired.ts'
import { entryOf } from './entry.ts'
import { folded } from './fold.ts'
import type { Graph } from './graph.ts'
import { Net } from './net.ts'
import { Walk } from './walk.ts'
import type { Link } from './walk.ts'

export interface Imported {
  readonly model: ModelConfig
  readonly inputs: number
  readonly link: Link
  /** How many a softmax at the end is over, each for itself. */
  readonly positions: number
  /** Values of the parameters by our names. */
  readonly weights: ReadonlyMap<string, Float32Array>
}

/** @throws UserError naming the node and operator that has no layer */
export function importOnnx(graph: Graph): Imported {
  const net = new Net(folded(graph))
  const { ports, scale, places } = entryOf(graph, net)
  const walk = new Walk(net, places)
  const { name: output } = graph.output
  const circle = (tensor: string): never => {
    throw new UserError(`tensor \`${tensor}\` is made of itself`)
  }
  for (const tensor of inOrder(output, (one) => walk.partsOf(one), circle)) walk.visit(tensor)
  if (walk.placeOf(output).order !== undefined)
    throw new UserError(`tensor \`${output}\`: expected rows of numbers as the first axis`)
  return {
    model: { ...modelOf(ports, walk.layers), ...(scale ? { inputScale: scale } : {}) } as ModelConfig,
    inputs: ports.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    ...{ link: walk.link, positions: walk.positions, weights: walk.weights },
  }
}
