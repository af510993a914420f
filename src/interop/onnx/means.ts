/** Normalisations of a foreign graph that are written out: root mean square, and layer normalisation, which takes the mean away. */
import type { Constant, Node } from './graph.ts'
import { integersOf, near, numberOf, scalarOf, valuesOf } from './net.ts'
import type { Net } from './net.ts'
import { inOurOrder, unsupported } from './place.ts'
import type { Pattern, Place, Read } from './place.ts'

interface Normal {
  readonly from: string
  readonly axes: readonly number[]
  readonly epsilon: number
}

/** x / sqrt(mean(x^2) + epsilon). */
function normalOf(net: Net, tensor: string): Normal | undefined {
  const normal = net.maker(tensor, 'Mul', 'Div')
  const from = normal?.inputs[0]
  if (!normal || from === undefined) return undefined
  const reciprocal = net.maker(normal.inputs[1], 'Reciprocal', 'Div')
  const root =
    normal.op === 'Div'
      ? normal.inputs[1]
      : reciprocal?.op === 'Div' && !near(net.scalar(reciprocal.inputs[0]), 1)
        ? undefined
        : reciprocal?.inputs.at(-1)
  const plus = net.withConstant(net.maker(net.maker(root, 'Sqrt')?.inputs[0], 'Add'))
  const mean = plus && net.maker(plus.other, 'ReduceMean')
  const square = mean && net.maker(mean.inputs[0], 'Mul', 'Pow')
  if (!square || square.inputs[0] !== from) return undefined
  if (square.op === 'Mul' ? square.inputs[1] !== from : !near(net.scalar(square.inputs[1]), 2)) return undefined
  const [axes, epsilon] = [axesOf(net, mean), scalarOf(plus.constant)]
  return axes && epsilon !== undefined ? { from, axes, epsilon } : undefined
}

/** Of a mean that keeps its axes. */
function axesOf(net: Net, { inputs, attributes }: Node): readonly number[] | undefined {
  if (numberOf(attributes.keepdims, 1) !== 1) return undefined
  if (!inputs[1]) return integersOf(attributes.axes)
  const constant = net.constant(inputs[1])
  return constant && Array.from(valuesOf(constant))
}

/** Its product with a constant too. */
export function rmsNorm(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'Mul', 'Div')
  const factor = node?.op === 'Mul' ? net.withConstant(node) : undefined
  const normal = node && normalOf(net, factor?.other ?? tensor)
  if (!normal) return undefined
  const { from, axes, epsilon } = normal
  return {
    ...{ node, from, constants: factor ? [factor.constant.name] : [], each: true },
    read(at) {
      expectLast(node, at, axes)
      const weights: Read['weights'] = factor ? { gamma: vector(node, factor.constant, at) } : {}
      return { config: { type: 'rmsNorm', epsilon, scale: factor !== undefined }, weights, to: {} }
    },
  }
}

/** As exporters wrote it before set 17: x minus its mean, divided, times a constant, plus one. */
export function layerNorm(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'Add', 'Mul', 'Div')
  const sum = node?.op === 'Add' ? net.withConstant(node) : undefined
  // What is of more axes is added by whoever comes behind.
  if (sum && sum.constant.shape.length !== 1) return undefined
  const product = net.withConstant(net.maker(sum?.other ?? tensor, 'Mul'))
  const normal = node && normalOf(net, product?.other ?? sum?.other ?? tensor)
  const centred = net.maker(normal?.from, 'Sub')
  const mean = centred && net.maker(centred.inputs[1], 'ReduceMean')
  const [from] = centred?.inputs ?? []
  if (!normal || !mean || from === undefined || mean.inputs[0] !== from) return undefined
  const { axes, epsilon } = normal
  const constants = [product, sum].flatMap((one) => (one ? [one.constant.name] : []))
  return {
    ...{ node, from, constants, each: true },
    read(at) {
      expectLast(node, at, axes)
      expectLast(node, at, axesOf(net, mean) ?? [])
      const weights = {
        ...(product ? { gamma: vector(node, product.constant, at) } : {}),
        ...(sum ? { beta: vector(node, sum.constant, at) } : {}),
      }
      return { config: { type: 'layerNorm', epsilon, scale: Boolean(product), center: Boolean(sum) }, weights, to: {} }
    },
  }
}

function expectLast(node: Node, at: Place, axes: readonly number[]): void {
  const isLast = axes.length === 1 && [-1, at.shape.length].includes(axes[0]!)
  if (!isLast || (at.first && at.shape.length > 1)) throw unsupported(node, 'over another axis than the last')
}

/** A number for each of the last axis. */
function vector(node: Node, constant: Constant, at: Place): Float32Array {
  const [values, channels] = [valuesOf(constant), at.shape.at(-1)!]
  if (values.length !== channels || constant.shape.at(-1) !== channels)
    throw unsupported(node, `by a constant of shape [${constant.shape.join(', ')}]`)
  return inOurOrder(values, at)
}
