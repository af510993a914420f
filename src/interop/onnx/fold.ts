/**
 * What a foreign graph computes of its constants and of the shapes of its tensors, as constants: exporters write the lengths
 * for a Reshape, an attention's scale or its mask as nodes. Lengths that are not known, as of rows, are -1 for a Reshape.
 * Bounded: what is larger than a mask of 2,048 steps stays as it is.
 */
import { sizeOf } from '../../model/shape.ts'
import { toForeign } from '../layout.ts'
import type { Constant, Graph, Node } from './graph.ts'
import { integersOf, numberOf, valuesOf } from './net.ts'
import { positive, rangesOf, shapesOf } from './shapes.ts'
import type { Known, Shape } from './shapes.ts'

const MAX_NUMBERS = 2 ** 22
/** Of all that is computed. */
const MAX_ALL = 2 ** 25

interface Value {
  readonly shape: Shape
  /** NaN where a length is not known. */
  readonly numbers: readonly number[]
  readonly whole: boolean
}

export function folded(graph: Graph): Graph {
  const constants = new Map(graph.constants.map((constant) => [constant.name, constant]))
  const values = new Map<string, Value>()
  const shapes = new Map<string, Shape>(graph.inputs.map(({ name, shape }) => [name, [NaN, ...shape]]))
  let left = MAX_ALL
  const valueOf = (name: string | undefined): Value | undefined => {
    const constant = constants.get(name ?? '')
    if (values.has(name ?? '') || !constant || sizeOf(constant.shape) > MAX_NUMBERS) return values.get(name ?? '')
    const value = { shape: constant.shape, numbers: Array.from(numbersOf(constant)), whole: 'integers' in constant }
    left -= value.numbers.length
    if (left < 0) return undefined
    values.set(constant.name, value)
    return value
  }
  const nodes: Node[] = []
  const added: Constant[] = []
  const add = (constant: Constant) => {
    constants.set(constant.name, constant)
    added.push(constant)
  }
  for (const node of graph.nodes) {
    const [output] = node.outputs
    if (node.op === 'Constant' || output === undefined) {
      nodes.push(node)
      continue
    }
    const shapeOf = (i: number) =>
      constants.get(node.inputs[i] ?? '')?.shape ??
      values.get(node.inputs[i] ?? '')?.shape ??
      shapes.get(node.inputs[i] ?? '')
    const known: Known = { shape: shapeOf, numbers: (i) => valueOf(node.inputs[i])?.numbers }
    const constant = moved(node, constants)
    const value = constant
      ? undefined
      : computed(
          node,
          known,
          node.inputs.map((input) => (SHAPED.has(node.op) ? undefined : valueOf(input))),
        )
    left -= value?.numbers.length ?? 0
    if (constant) add(constant)
    else if (value && left >= 0 && isWhole(value)) {
      values.set(output, value)
      if (value.numbers.every((n) => !Number.isNaN(n))) add(constantOf(output, value))
    } else {
      shapesOf(node, known).forEach((shape, i) => shape && shapes.set(node.outputs[i]!, shape))
      nodes.push(node.op === 'Reshape' ? reshaping(node, values, constants, add) : node)
    }
  }
  return { ...graph, nodes, constants: [...graph.constants, ...added] }
}

/** Whether it has as many numbers as its shape says: a hostile graph may ask for half a row. */
const isWhole = ({ shape, numbers }: Value): boolean =>
  shape.every((n) => Number.isSafeInteger(n) && n >= 0) && sizeOf(shape) === numbers.length

const numbersOf = (constant: Constant): ArrayLike<number> =>
  'integers' in constant ? constant.integers : constant.values

const constantOf = (name: string, { shape, numbers, whole }: Value): Constant =>
  whole ? { name, shape, integers: numbers } : { name, shape, values: Float32Array.from(numbers) }

/** A constant as it is, or turned. */
function moved(
  { op, inputs, outputs, attributes }: Node,
  constants: ReadonlyMap<string, Constant>,
): Constant | undefined {
  const from = constants.get(inputs[0] ?? '')
  const name = outputs[0]!
  if (!from) return undefined
  if (op === 'Identity') return { ...from, name }
  if (op !== 'Transpose' || 'integers' in from || from.values.length > MAX_ALL) return undefined
  const given = integersOf(attributes.perm)
  const axes = given.length > 0 ? given : [...from.shape.keys()].reverse()
  if ([...axes].sort((a, b) => a - b).join() !== [...from.shape.keys()].join()) return undefined
  const shape = axes.map((axis) => from.shape[axis]!)
  return { name, shape, values: toForeign(valuesOf(from), from.shape, { name, shape, axes }) }
}

/** A Reshape to lengths of which one is not known. */
function reshaping(
  node: Node,
  values: ReadonlyMap<string, Value>,
  constants: ReadonlyMap<string, Constant>,
  add: (constant: Constant) => void,
): Node {
  const [from, to] = node.inputs as [string, string | undefined]
  const lengths = to === undefined ? undefined : values.get(to)
  if (to === undefined || !lengths || constants.get(to)) return node
  const name = `${to} of ${node.name}`
  const integers = lengths.numbers.map((n) => (Number.isNaN(n) ? -1 : n))
  if (constants.has(name) || integers.filter((n) => n === -1).length !== 1) return node
  add({ name, shape: lengths.shape, integers })
  return { ...node, inputs: [from, name] }
}

/** What needs the shape alone. */
const SHAPED = new Set(['Shape'])

const BINARY: Readonly<Record<string, (a: number, b: number, whole: boolean) => number>> = {
  ...{ Add: (a, b) => a + b, Sub: (a, b) => a - b, Mul: (a, b) => a * b },
  Div: (a, b, whole) => (whole ? Math.trunc(a / b) : a / b),
  // What is not known is not told apart from anything.
  Equal: (a, b) => (Number.isNaN(a + b) ? NaN : Number(a === b)),
}
const UNARY: Readonly<Record<string, (a: number) => number>> = { Sqrt: Math.sqrt, Not: (a) => Number(a === 0) }
/** Inputs without which there is nothing to compute: 1, unless said here. */
const NEEDED: Readonly<Record<string, number>> = { Where: 3, Range: 3, Gather: 2 }
const INTEGERS = new Set([6, 7])

function computed(node: Node, known: Known, given: readonly (Value | undefined)[]): Value | undefined {
  const { op, attributes } = node
  const [one, ...others] = given
  if (op === 'Shape') {
    const numbers = known.shape(0)
    return numbers && { shape: [numbers.length], numbers, whole: true }
  }
  if (!one || node.inputs.some((input, i) => input !== '' && !given[i])) return undefined
  const whole = one.whole
  const binary = Object.hasOwn(BINARY, op) ? BINARY[op] : undefined
  const needed = binary ? 2 : Object.hasOwn(NEEDED, op) ? NEEDED[op]! : 1
  const parts = Array.from({ length: needed }, (_, i) => given[i]).filter((part) => part !== undefined)
  if (parts.length < needed) return undefined
  const unary = Object.hasOwn(UNARY, op) ? UNARY[op] : undefined
  const round = (n: number) => (whole ? n : Math.fround(n))
  if (unary) return { ...one, numbers: one.numbers.map((n) => round(unary(n))) }
  if (binary || op === 'Where') {
    const largest = parts.reduce((a, b) =>
      b.numbers.length > a.numbers.length || b.shape.length > a.shape.length ? b : a,
    )
    if (parts.some((v) => v.numbers.length !== 1 && v.shape.join() !== largest.shape.join())) return undefined
    const at = (v: Value, i: number) => v.numbers[v.numbers.length === 1 ? 0 : i]!
    const [a, b, c] = parts as [Value, Value, Value]
    const numbers = largest.numbers.map((_, i) =>
      binary ? round(binary(at(a, i), at(b, i), whole)) : Number.isNaN(at(a, i)) ? NaN : at(at(a, i) === 0 ? c : b, i),
    )
    return { shape: largest.shape, numbers, whole: binary ? whole : b.whole }
  }
  switch (op) {
    case 'Cast': {
      const to = numberOf(attributes.to, 0)
      return { ...one, numbers: INTEGERS.has(to) ? one.numbers.map(Math.trunc) : one.numbers, whole: INTEGERS.has(to) }
    }
    case 'Gather': {
      const at = others[0]!
      const [rows, ...row] = one.shape
      const size = sizeOf(row)
      if (rows === undefined || numberOf(attributes.axis, 0) !== 0 || !(at.numbers.length * size <= MAX_NUMBERS))
        return undefined
      const places = at.numbers.map((n) => positive(n, rows))
      if (!places.every((n) => n >= 0 && n < rows)) return undefined
      const numbers = places.flatMap((n) => one.numbers.slice(n * size, (n + 1) * size))
      return { shape: [...at.shape, ...row], numbers, whole }
    }
    case 'Concat':
      if (given.some((v) => v?.shape.length !== 1)) return undefined
      return {
        shape: [given.reduce((sum, v) => sum + v!.numbers.length, 0)],
        numbers: given.flatMap((v) => v!.numbers),
        whole,
      }
    case 'Unsqueeze':
    case 'Squeeze':
    case 'Reshape': {
      const [shape] = shapesOf(node, known)
      return shape && sizeOf(shape) === one.numbers.length ? { ...one, shape } : undefined
    }
    case 'Slice':
      return cut(one, known)
    case 'ConstantOfShape': {
      const length = sizeOf(one.numbers)
      const { value = { float: 0 } } = attributes
      if (!(Number.isSafeInteger(length) && length >= 0 && length <= MAX_NUMBERS)) return undefined
      return {
        shape: one.numbers,
        numbers: Array<number>(length).fill(numberOf(value, 0)),
        whole: typeof value === 'number',
      }
    }
    case 'Range': {
      const [from, to, step] = parts.map((v) => v.numbers[0]!) as [number, number, number]
      const length = Math.max(0, Math.ceil((to - from) / step))
      if (!(length <= MAX_NUMBERS)) return undefined
      return { shape: [length], numbers: Array.from({ length }, (_, i) => from + i * step), whole }
    }
    case 'Trilu':
      return triangle(one, numberOf(attributes.upper, 1) !== 0, others[0]?.numbers[0] ?? 0)
    default:
      return undefined
  }
}

/** A slice along any axes. */
function cut(one: Value, known: Known): Value | undefined {
  const ranges = rangesOf(one.shape, known)
  if (!ranges || ranges.some(({ start, end }) => !(end >= start))) return undefined
  const begins = one.shape.map((_, i) => ranges.find(({ axis }) => axis === i)?.start ?? 0)
  const shape = one.shape.map((n, i) => {
    const range = ranges.find(({ axis }) => axis === i)
    return range ? range.end - range.start : n
  })
  const numbers = Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let [rest, from, stride] = [flat, 0, 1]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += ((rest % shape[axis]!) + begins[axis]!) * stride
      rest = Math.floor(rest / shape[axis]!)
      stride *= one.shape[axis]!
    }
    return one.numbers[from]!
  })
  return { ...one, shape, numbers }
}

/** The upper or lower triangle of the last two axes. */
function triangle(one: Value, upper: boolean, k: number): Value | undefined {
  const [rows, cols] = one.shape.slice(-2)
  if (one.shape.length < 2 || rows === undefined || cols === undefined) return undefined
  const keeps = (r: number, c: number) => (upper ? c - r >= k : c - r <= k)
  return { ...one, numbers: one.numbers.map((n, i) => (keeps(Math.floor(i / cols) % rows, i % cols) ? n : 0)) }
}
