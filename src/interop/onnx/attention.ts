/**
 * Multi-head attention in a foreign graph, from its end: queries, keys and values of one product that is cut (Slice, Split)
 * or of one each, by head, softmax of their scaled products, perhaps masked, and the product that brings the heads together.
 */
import { fromForeign } from '../layout.ts'
import type { Node } from './graph.ts'
import { integersOf, numberOf, valuesOf } from './net.ts'
import type { Net } from './net.ts'
import { unsupported } from './place.ts'
import type { Pattern } from './place.ts'

/** x W + b. */
interface Linear {
  readonly from: string
  /** [rows, cols] */
  readonly rows: number
  readonly cols: number
  readonly kernel: Float32Array
  readonly bias: Float32Array | undefined
  readonly constants: readonly string[]
}

interface Heads extends Linear {
  readonly numHeads: number
  readonly keyDim: number
  /** What they are multiplied by before anything else. */
  readonly scale: number
  /** How many there must be, where that is said. */
  readonly steps?: number
}

/** Rows first: heads are cut and brought together by axes [rows, steps, heads, keyDim]. */
export function attention(net: Net, tensor: string): Pattern | undefined {
  const output = linear(net, tensor)
  const node = net.maker(tensor)
  const together = output && net.maker(net.maker(output.from, 'Reshape')?.inputs[0], 'Transpose')
  if (!node || !together || integersOf(together.attributes.perm).join() !== '0,2,1,3') return undefined
  return whole(net, node, together.inputs[0], output, heads)
}

/**
 * Steps first, as torch.nn.MultiheadAttention computes: heads are cut and brought together as further rows, by axes
 * [steps, rows heads, keyDim], and the last product is of [steps rows, channels].
 */
export function timeFirst(net: Net, tensor: string): Pattern | undefined {
  const node = net.maker(tensor, 'Reshape')
  const shape = net.constant(node?.inputs[1])
  const output = shape?.shape[0] === 3 ? gemm(net, node?.inputs[0]) : undefined
  const flat = output && net.maker(output.from, 'Reshape')
  const together = flat && net.maker(flat.inputs[0], 'Transpose')
  if (!node || !together || integersOf(together.attributes.perm).join() !== '1,0,2') return undefined
  if (net.constant(flat.inputs[1])?.shape[0] !== 2 || net.integers(flat, 1)[1] !== output.rows) return undefined
  const found = whole(net, node, together.inputs[0], output, headsOfSteps)
  if (!found) return undefined
  const [lengths, read] = [net.integers(node, 1), found.read]
  return {
    ...{ ...found, order: 'steps' },
    read(at) {
      if (lengths[0] !== at.shape[0] || lengths[2] !== at.shape[1])
        throw unsupported(node, 'at the end of an attention')
      return read(at)
    },
  }
}

/** What is between the output's product and the heads that come together. */
function whole(
  net: Net,
  node: Node,
  end: string | undefined,
  output: Linear,
  headsOf: typeof heads,
): Pattern | undefined {
  const mixed = net.maker(end, 'MatMul')
  const softmax = mixed && net.maker(mixed.inputs[0], 'Softmax')
  if (!softmax || ![-1, headsOf === heads ? 3 : 2].includes(numberOf(softmax.attributes.axis, -1))) return undefined
  const mask = maskOf(net, softmax.inputs[0])
  const products = scaled(net, mask?.other ?? softmax.inputs[0])
  const product = net.maker(products.from, 'MatMul')
  const [q, k, v] = [
    product && headsOf(net, product.inputs[0], false),
    product && headsOf(net, product.inputs[1], true),
    headsOf(net, mixed.inputs[1], false),
  ]
  if (!q || !k || !v) return undefined
  const { numHeads, keyDim, from, rows } = q
  const isOne = [k, v].every((one) => one.numHeads === numHeads && one.keyDim === keyDim && one.from === from)
  const useBias = output.bias !== undefined
  if (!isOne || [q, k, v].some((one) => (one.bias !== undefined) !== useBias)) return undefined
  const width = numHeads * keyDim
  if (Math.abs(products.scale * q.scale * k.scale * v.scale * Math.sqrt(keyDim) - 1) > 1e-5) return undefined
  const parts = [q, k, v]
  return {
    ...{ node, from },
    constants: [...parts, output].flatMap(({ constants }) => constants),
    read(at) {
      const [steps, channels] = at.shape
      if (at.shape.length !== 2 || at.first || rows !== channels || output.rows !== width || output.cols !== channels)
        throw unsupported(node, `at the end of an attention over rows of shape [${at.shape.join(', ')}]`)
      const odd = parts.find(({ steps: own }) => own !== undefined && own !== steps)
      if (odd) throw unsupported(node, `at the end of an attention over ${odd.steps} steps of ${steps}`)
      const causal = mask !== undefined
      if (causal && !isCausal(mask, steps!)) throw unsupported(softmax, 'with this mask')
      const kernel = new Float32Array(rows * 3 * width)
      const bias = new Float32Array(3 * width)
      parts.forEach((part, p) => {
        for (let r = 0; r < rows; r++)
          kernel.set(part.kernel.subarray(r * width, (r + 1) * width), r * 3 * width + p * width)
        if (part.bias) bias.set(part.bias, p * width)
      })
      return {
        config: { type: 'attention', numHeads, keyDim, causal, useBias },
        weights: {
          ...{ 'qkv/kernel': kernel, 'output/kernel': output.kernel },
          ...(output.bias ? { 'qkv/bias': bias, 'output/bias': output.bias } : {}),
        },
        to: {},
      }
    },
  }
}

interface Mask {
  /** What is masked. */
  readonly other: string
  readonly length: number
  /** Whether nothing is left of the number i, and whether it is as it was. */
  blocks(i: number): boolean
  keeps(i: number): boolean
}

/** So low that nothing is left behind a softmax. */
const isLow = (value: number | undefined): boolean => value !== undefined && value < -1e4

/** A constant that is added, or one that says where a low number takes the place. */
function maskOf(net: Net, tensor: string | undefined): Mask | undefined {
  const add = net.withConstant(net.maker(tensor, 'Add'))
  if (add) {
    const values = valuesOf(add.constant)
    return { other: add.other, length: values.length, blocks: (i) => isLow(values[i]), keeps: (i) => values[i] === 0 }
  }
  const [where, yes, no] = net.maker(tensor, 'Where')?.inputs ?? []
  const condition = net.constant(where)
  if (!condition || yes === undefined || no === undefined) return undefined
  const values = valuesOf(condition)
  const masked = isLow(net.scalar(yes)) ? no : isLow(net.scalar(no)) ? yes : undefined
  if (masked === undefined) return undefined
  const blocks = (i: number) => (values[i] !== 0) === (masked === no)
  return { other: masked, length: values.length, blocks, keeps: (i) => !blocks(i) }
}

/** Of [rows, channels], with the weights turned. */
function gemm(net: Net, tensor: string | undefined): Linear | undefined {
  const node = net.maker(tensor, 'Gemm')
  const kernel = net.constant(node?.inputs[1])
  const from = node?.inputs[0]
  if (!node || from === undefined || kernel?.shape.length !== 2) return linear(net, tensor)
  const { alpha, beta, transA, transB } = node.attributes
  const bias = node.inputs[2] ? net.constant(node.inputs[2]) : undefined
  if (numberOf(alpha, 1) !== 1 || numberOf(beta, 1) !== 1 || transA || (node.inputs[2] && !bias)) return undefined
  const [one, other] = kernel.shape as [number, number]
  const [rows, cols] = transB ? [other, one] : [one, other]
  if (bias && bias.shape.join() !== String(cols)) return undefined
  const turned = { name: '', shape: [cols, rows], axes: [1, 0] }
  return {
    ...{ from, rows, cols, bias: bias && valuesOf(bias) },
    kernel: transB ? fromForeign(valuesOf(kernel), turned) : valuesOf(kernel),
    constants: [kernel.name, ...(bias ? [bias.name] : [])],
  }
}

function linear(net: Net, tensor: string | undefined): Linear | undefined {
  const maker = net.maker(tensor, 'Add', 'MatMul')
  const sum = maker?.op === 'Add' ? net.withConstant(maker) : undefined
  const product = sum ? net.maker(sum.other, 'MatMul') : maker
  const kernel = net.constant(product?.inputs[1])
  const from = product?.inputs[0]
  if (product?.op !== 'MatMul' || from === undefined || kernel?.shape.length !== 2) return undefined
  const [rows, cols] = kernel.shape as [number, number]
  const bias = sum && valuesOf(sum.constant)
  if (bias && bias.length !== cols) return undefined
  const constants = [kernel.name, ...(sum ? [sum.constant.name] : [])]
  return { from, rows, cols, kernel: valuesOf(kernel), bias, constants }
}

/** Times or divided by one number. */
function scaled(net: Net, tensor: string | undefined): { readonly from: string | undefined; readonly scale: number } {
  const node = net.maker(tensor, 'Mul', 'Div')
  const parts = net.withConstant(node)
  const scale = parts && valuesOf(parts.constant)
  if (!node || !parts || scale?.length !== 1) return { from: tensor, scale: 1 }
  return { from: parts.other, scale: node.op === 'Mul' ? scale[0]! : 1 / scale[0]! }
}

/** [rows, heads, steps, keyDim] of a linear part; `turned`: the last two axes changed. */
function heads(net: Net, tensor: string | undefined, turned: boolean): Heads | undefined {
  const outer = scaled(net, tensor)
  let turn = net.maker(outer.from, 'Transpose')
  let perm = integersOf(turn?.attributes.perm).join()
  if (turned && perm === '0,1,3,2') {
    turn = net.maker(turn?.inputs[0], 'Transpose')
    perm = integersOf(turn?.attributes.perm).join() === '0,2,1,3' ? '0,2,3,1' : ''
  }
  const cut = turn && net.maker(turn.inputs[0], 'Reshape')
  if (!cut || perm !== (turned ? '0,2,3,1' : '0,2,1,3')) return undefined
  const shape = net.constant(cut.inputs[1])
  const [, , numHeads, keyDim] = shape && 'integers' in shape && shape.shape[0] === 4 ? shape.integers : []
  if (numHeads === undefined || keyDim === undefined || numHeads < 1) return undefined
  const inner = scaled(net, cut.inputs[0])
  const part = partOf(net, inner.from)
  if (!part) return undefined
  const width = keyDim === -1 ? part.cols / numHeads : keyDim
  if (part.cols !== numHeads * width) return undefined
  return { ...part, numHeads, keyDim: width, scale: outer.scale * inner.scale }
}

/** [rows heads, steps, keyDim] of a linear part that has steps first; `turned`: the last two axes changed. */
function headsOfSteps(net: Net, tensor: string | undefined, turned: boolean): Heads | undefined {
  const outer = scaled(net, tensor)
  let turn = net.maker(outer.from, 'Transpose')
  let perm = integersOf(turn?.attributes.perm).join()
  if (turned && perm === '0,2,1') {
    turn = net.maker(turn?.inputs[0], 'Transpose')
    perm = integersOf(turn?.attributes.perm).join() === '1,0,2' ? '1,2,0' : ''
  }
  const cut = turn && net.maker(turn.inputs[0], 'Reshape')
  const shape = net.constant(cut?.inputs[1])
  if (!cut || perm !== (turned ? '1,2,0' : '1,0,2') || shape?.shape.join() !== '3') return undefined
  const [steps, rows, keyDim] = net.integers(cut, 1) as [number, number, number]
  const inner = scaled(net, cut.inputs[0])
  const part = partOf(net, inner.from)
  const numHeads = part ? part.cols / keyDim : NaN
  if (!part || !Number.isInteger(numHeads) || numHeads < 1 || (rows !== -1 && rows % numHeads !== 0)) return undefined
  return { ...part, numHeads, keyDim, steps, scale: outer.scale * inner.scale }
}

/** A linear part, or columns of one. */
function partOf(net: Net, tensor: string | undefined): Linear | undefined {
  const node = net.maker(tensor, 'Slice', 'Split')
  const whole = linear(net, node ? node.inputs[0] : tensor)
  if (!node || !whole) return whole
  const range = node.op === 'Slice' ? sliceOf(net, node) : splitOf(net, node, tensor!, whole.cols)
  if (!range) return undefined
  const [start, end] = [range.start, Math.min(range.end, whole.cols)]
  const cols = end - start
  if (!Number.isInteger(start) || !Number.isInteger(cols) || start < 0 || cols < 1) return undefined
  const kernel = new Float32Array(whole.rows * cols)
  for (let r = 0; r < whole.rows; r++)
    kernel.set(whole.kernel.subarray(r * whole.cols + start, r * whole.cols + end), r * cols)
  // By its columns too: another part of the same constants is another.
  const constants = [...whole.constants, `${start}:${end}`]
  return { ...whole, cols, kernel, bias: whole.bias?.subarray(start, end), constants }
}

function sliceOf(net: Net, node: Node) {
  const one = (input: number, otherwise?: number) => (node.inputs[input] ? net.scalar(node.inputs[input]) : otherwise)
  const [start, end, axis, step] = [one(1), one(2), one(3), one(4, 1)]
  if (start === undefined || end === undefined || step !== 1 || (axis !== 2 && axis !== -1)) return undefined
  return { start, end }
}

function splitOf(net: Net, node: Node, tensor: string, cols: number) {
  if (![-1, 2].includes(numberOf(node.attributes.axis, 0))) return undefined
  const at = node.outputs.indexOf(tensor)
  const given = node.inputs[1] ? net.integers(node, 1) : integersOf(node.attributes.split)
  const sizes = given.length > 0 ? given : node.outputs.map(() => cols / node.outputs.length)
  const start = sizes.slice(0, at).reduce((sum, n) => sum + n, 0)
  return { start, end: start + sizes[at]! }
}

/** Whether a step looks at itself and those before it alone. */
function isCausal({ length, blocks, keeps }: Mask, steps: number): boolean {
  if (length !== steps * steps) return false
  const isRight = (i: number) => (i % steps > Math.floor(i / steps) ? blocks(i) : keeps(i))
  return Array.from({ length }, (_, i) => i).every(isRight)
}
