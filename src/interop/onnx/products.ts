/** Dense layers and convolutions of a foreign graph. */
import { foreign, fromForeign } from '../layout.ts'
import type { Node } from './graph.ts'
import { integersOf, numberOf, valuesOf } from './net.ts'
import type { Net } from './net.ts'
import { rowsInOurOrder, unsupported } from './place.ts'
import type { Pattern, Place, Read } from './place.ts'
import { dimsOf, windowOf } from './window.ts'

export function dense(node: Node, at: Place, net: Net): Read {
  net.shape(node, 1, 2)
  return denseWith(node, at, net, node.op === 'Gemm' && node.inputs[2] ? net.values(node, 2) : undefined)
}

/** A product, and what is added to it right behind it, one number a unit. */
export function biased(net: Net, tensor: string): Pattern | undefined {
  const sum = net.withConstant(net.maker(tensor, 'Add'))
  const node = sum && net.maker(sum.other, 'MatMul')
  const kernel = net.constant(node?.inputs[1])
  const [from] = node?.inputs ?? []
  if (!node || !kernel || from === undefined || net.constant(from)) return undefined
  if (sum.constant.shape.join() !== String(kernel.shape[1])) return undefined
  const bias = valuesOf(sum.constant)
  const constants = [kernel.name, sum.constant.name]
  return { node, from, each: true, constants, read: (at) => denseWith(node, at, net, bias) }
}

function denseWith(node: Node, at: Place, net: Net, bias: Float32Array | undefined): Read {
  const { attributes, op } = node
  const plain = numberOf(attributes.alpha, 1) === 1 && numberOf(attributes.beta, 1) === 1 && !attributes.transA
  if (!plain || (at.first && at.shape.length > 1)) throw unsupported(node, 'with these settings')
  const [rows, cols] = net.shape(node, 1, 2) as [number, number]
  const values = net.values(node, 1)
  const isTurned = op === 'Gemm' && Boolean(attributes.transB)
  const [inputs, units] = isTurned ? [cols, rows] : [rows, cols]
  const { turned } = at
  if (turned && turned.channels * turned.positions !== inputs) throw unsupported(node, `of ${inputs} inputs here`)
  const theirs = isTurned
    ? fromForeign(values, foreign({ name: '/kernel', shape: [inputs, units] }, 'pytorch'))
    : values
  const kernel = turned ? rowsInOurOrder(theirs, units, turned) : theirs
  return {
    config: { type: 'dense', units, useBias: bias !== undefined },
    weights: bias ? { kernel, bias } : { kernel },
    to: { shape: [...at.shape.slice(0, -1), units], turned: undefined },
  }
}

/** A product of every so many positions: a convolution of one cell. */
export function strided(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'MatMul')
  const slice = node && net.maker(node.inputs[0], 'Slice')
  const kernel = net.constant(node?.inputs[1])
  if (!slice || slice.inputs.length < 5 || kernel?.shape.length !== 2) return undefined
  const from = slice.inputs[0]!
  return {
    ...{ node: slice, from, constants: [kernel.name, ...slice.inputs.slice(1)] },
    read(at) {
      const [starts, ends, axes, strides] = [1, 2, 3, 4].map((input) => net.integers(slice, input)) as [
        readonly number[],
        readonly number[],
        readonly number[],
        readonly number[],
      ]
      const lengths = at.shape.slice(0, -1)
      const dims = lengths.length
      const isWhole =
        lengths.length === strides.length &&
        lengths.every((length, i) => starts[i] === 0 && ends[i]! >= length && axes[i] === i + 1 && strides[i]! >= 1)
      if (at.first || (dims !== 1 && dims !== 2) || !isWhole) throw unsupported(slice, 'of these positions')
      const filters = kernel.shape[1]!
      return {
        config: { type: `conv${dims}d`, filters, kernelSize: lengths.map(() => 1), strides, useBias: false },
        weights: { kernel: valuesOf(kernel) },
        to: { shape: [...lengths.map((length, i) => Math.ceil(length / strides[i]!)), filters] },
      }
    },
  }
}

export function conv(node: Node, at: Place, net: Net): Read {
  const dims = dimsOf(node, at)
  const there = net.shape(node, 1, dims + 2)
  const [filters, depth, ...size] = there as [number, number, ...number[]]
  const shape = [...size, depth, filters]
  const kernel = fromForeign(net.values(node, 1), foreign({ name: '/kernel', shape }, 'pytorch'))
  const bias = node.inputs[2] ? net.values(node, 2) : undefined
  const dilations = integersOf(node.attributes.dilations)
  const window = windowOf(node, at.shape.slice(0, -1), size, dilations)
  return {
    config: {
      ...{ type: `conv${dims}d`, filters, kernelSize: size, strides: window.strides, padding: window.padding },
      ...{ groups: numberOf(node.attributes.group, 1), useBias: bias !== undefined },
      ...(dilations.length > 0 ? { dilationRate: dilations } : {}),
    },
    weights: bias ? { kernel, bias } : { kernel },
    to: { shape: [...window.out, filters] },
  }
}
