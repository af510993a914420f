/** Where the windows of a foreign convolution or pooling lie. */
import { integersOf, numberOf } from './net.ts'
import type { Net } from './net.ts'
import type { Node } from './graph.ts'
import { unsupported } from './place.ts'
import type { Place, Read } from './place.ts'

export function dimsOf(node: Node, at: Place): 1 | 2 {
  const dims = at.shape.length - 1
  if ((dims === 1 || dims === 2) && at.first) return dims
  throw unsupported(node, `over rows of shape [${at.shape.join(', ')}]`)
}

interface Placed {
  readonly strides: number[]
  readonly padding: [number, number][]
  readonly out: number[]
}

/** @param lengths of the axes that the windows go along */
export function windowOf(
  node: Node,
  lengths: readonly number[],
  size: readonly number[],
  dilations: readonly number[],
): Placed {
  const strides = lengths.map((_, i) => integersOf(node.attributes.strides)[i] ?? 1)
  const reach = size.map((n, i) => (dilations[i] ?? 1) * (n - 1) + 1)
  const pads = integersOf(node.attributes.pads)
  const auto = node.attributes.auto_pad
  const padding = lengths.map((length, i): [number, number] => {
    if (auto === undefined || auto === 'NOTSET') return [pads[i] ?? 0, pads[i + lengths.length] ?? 0]
    if (auto === 'VALID') return [0, 0]
    const total = Math.max(0, (Math.ceil(length / strides[i]!) - 1) * strides[i]! + reach[i]! - length)
    const small = Math.floor(total / 2)
    return auto === 'SAME_LOWER' ? [total - small, small] : [small, total - small]
  })
  const out = lengths.map(
    (length, i) => Math.floor((length + padding[i]![0] + padding[i]![1] - reach[i]!) / strides[i]!) + 1,
  )
  return { strides, padding, out }
}

export function pooling(node: Node, at: Place): Read {
  const dims = dimsOf(node, at)
  const poolSize = integersOf(node.attributes.kernel_shape)
  const window = windowOf(node, at.shape.slice(0, -1), poolSize, [])
  const pads = window.padding.flat().some((n) => n > 0)
  const counts = node.op === 'AveragePool' && pads && numberOf(node.attributes.count_include_pad, 0) !== 0
  if (counts || numberOf(node.attributes.ceil_mode, 0) !== 0)
    throw unsupported(node, 'with ceil_mode or count_include_pad')
  const type = `${node.op === 'MaxPool' ? 'max' : 'average'}Pooling${dims}d` as const
  return {
    config: { type, poolSize, strides: window.strides, padding: window.padding },
    weights: {},
    to: { shape: [...window.out, at.shape.at(-1)!] },
  }
}

/** A mean or maximum over all positions, as PyTorch writes `x.mean((2, 3))`. */
export function reducing(node: Node, at: Place, net: Net): Read {
  const dims = at.shape.length - 1
  const rank = dims + 2
  const given = node.inputs[1] ? net.integers(node, 1) : integersOf(node.attributes.axes)
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
  const positions = Array.from({ length: dims }, (_, i) => i + (at.first ? 2 : 1))
  if ((dims !== 1 && dims !== 2) || at.turned || axes.join() !== positions.join())
    throw unsupported(node, `over the axes ${given.join(', ')} of rows of shape [${at.shape.join(', ')}]`)
  const type = `${node.op === 'ReduceMax' ? 'globalMax' : 'globalAverage'}Pooling${dims}d` as const
  return { config: { type }, weights: {}, to: { shape: [at.shape.at(-1)!], first: false } }
}

export function globalPooling(node: Node, at: Place): Read {
  const type = `${node.op === 'GlobalMaxPool' ? 'globalMax' : 'globalAverage'}Pooling${dimsOf(node, at)}d` as const
  return { config: { type }, weights: {}, to: { shape: [at.shape.at(-1)!], first: false } }
}
