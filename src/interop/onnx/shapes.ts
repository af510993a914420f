/** Shapes of a foreign graph's tensors, as far as they follow from its inputs'; NaN where a length is not known, as of rows. */
import { sizeOf } from '../../model/shape.ts'
import type { Node } from './graph.ts'
import { integersOf, numberOf } from './net.ts'
import { windowOf } from './window.ts'

export type Shape = readonly number[]
/** Of a node's input: its shape, and its numbers where they are known. */
export interface Known {
  shape(input: number): Shape | undefined
  numbers(input: number): readonly number[] | undefined
}

const SAME = new Set(
  'Relu LeakyRelu Elu Selu Sigmoid Tanh Softplus Exp Erf Gelu Sqrt Reciprocal Neg Abs Cast Identity Dropout Softmax'
    .concat(' LayerNormalization BatchNormalization InstanceNormalization PRelu Trilu Not')
    .split(' '),
)
const BROADCAST = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Equal', 'Where'])

/** Of each output; undefined where it is not known. */
export function shapesOf(node: Node, known: Known): readonly (Shape | undefined)[] {
  const { op, attributes, inputs, outputs } = node
  const given = known.shape(0)
  if (BROADCAST.has(op)) return [inputs.map((_, i) => known.shape(i)).reduce(broadcast, [])]
  if (!given) return []
  if (SAME.has(op)) return [given]
  const axisOf = (otherwise: number) => positive(numberOf(attributes.axis, otherwise), given.length)
  const axesOf = () => (inputs[1] ? known.numbers(1) : integersOf(attributes.axes))
  switch (op) {
    case 'MatMul': {
      const other = known.shape(1)
      return [other && other.length >= 2 ? [...given.slice(0, -1), other.at(-1)!] : undefined]
    }
    case 'Gemm':
      return [[given[0]!, known.shape(1)?.[attributes.transB ? 0 : 1] ?? NaN]]
    case 'Transpose': {
      const perm = integersOf(attributes.perm)
      return [perm.length === given.length ? perm.map((axis) => given[axis]!) : [...given].reverse()]
    }
    case 'Reshape': {
      const wanted = known.numbers(1)?.map((n, i) => (n === 0 ? (given[i] ?? NaN) : n))
      const rest = sizeOf(given) / sizeOf((wanted ?? []).filter((n) => n !== -1))
      return [wanted?.map((n) => (n === -1 ? rest : n))]
    }
    case 'Split': {
      const axis = axisOf(0)
      const sizes = inputs[1] ? known.numbers(1) : integersOf(attributes.split)
      const even = outputs.map(() => given[axis]! / outputs.length)
      return (sizes && sizes.length > 0 ? sizes : even).map((n) => given.map((m, i) => (i === axis ? n : m)))
    }
    case 'Slice':
      return [sliced(given, known)]
    case 'ReduceMean':
    case 'ReduceMax': {
      const axes = axesOf()?.map((axis) => positive(axis, given.length))
      const kept = given.map((n, i) => (axes?.includes(i) ? 1 : n))
      return [axes && (numberOf(attributes.keepdims, 1) ? kept : given.filter((_, i) => !axes.includes(i)))]
    }
    case 'Unsqueeze': {
      const axes = axesOf()?.map((axis) => positive(axis, given.length + (axesOf()?.length ?? 0)))
      if (!axes) return []
      const out = [...given]
      for (const axis of [...axes].sort((a, b) => a - b)) out.splice(axis, 0, 1)
      return [out]
    }
    case 'Squeeze': {
      const axes = axesOf()?.map((axis) => positive(axis, given.length))
      return [axes && axes.length > 0 ? given.filter((_, i) => !axes.includes(i)) : undefined]
    }
    case 'Gather': {
      const axis = axisOf(0)
      const at = known.shape(1)
      return [at && [...given.slice(0, axis), ...at, ...given.slice(axis + 1)]]
    }
    case 'Conv': {
      const kernel = known.shape(1)
      return kernel && kernel.length === given.length ? [windowed(node, given, kernel[0]!, kernel.slice(2))] : []
    }
    case 'MaxPool':
    case 'AveragePool':
      if (numberOf(attributes.ceil_mode, 0) !== 0) return []
      return [windowed(node, given, given[1]!, integersOf(attributes.kernel_shape))]
    case 'GlobalMaxPool':
    case 'GlobalAveragePool':
      return [given.map((n, i) => (i < 2 ? n : 1))]
    case 'Flatten':
      return [[sizeOf(given.slice(0, axisOf(1))), sizeOf(given.slice(axisOf(1)))]]
    default:
      return []
  }
}

function windowed(node: Node, given: Shape, channels: number, size: readonly number[]): Shape {
  const { out } = windowOf(node, given.slice(2), size, integersOf(node.attributes.dilations))
  return [given[0]!, channels, ...out]
}

export const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

function broadcast(one: Shape | undefined, other: Shape | undefined): Shape | undefined {
  if (!one || !other) return undefined
  const rank = Math.max(one.length, other.length)
  const at = (shape: Shape, i: number) => shape[i - rank + shape.length] ?? 1
  return Array.from({ length: rank }, (_, i) => (at(one, i) === 1 ? at(other, i) : at(one, i)))
}

/** Where a slice begins and ends on each axis that it cuts; undefined where that is not known. */
export function rangesOf(given: Shape, known: Known): { axis: number; start: number; end: number }[] | undefined {
  const [starts, ends] = [known.numbers(1), known.numbers(2)]
  if (!starts || !ends) return undefined
  const axes = known.numbers(3) ?? starts.map((_, i) => i)
  if ((known.numbers(4) ?? []).some((step) => step !== 1)) return undefined
  return starts.map((start, i) => {
    const axis = positive(axes[i]!, given.length)
    const length = given[axis] ?? NaN
    const within = (n: number) =>
      Number.isNaN(length) ? (n === 0 ? 0 : NaN) : Math.min(length, Math.max(0, n < 0 ? n + length : n))
    return { axis, start: within(start), end: within(ends[i] ?? NaN) }
  })
}

function sliced(given: Shape, known: Known): Shape | undefined {
  const ranges = rangesOf(given, known)
  return ranges && given.map((n, i) => ranges.filter(({ axis }) => axis === i).reduce((_, r) => r.end - r.start, n))
}
