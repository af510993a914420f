/** A graph's nodes by the tensors they read, and the few shapes in which several nodes are one layer of ours. */
import { UserError } from '../../errors.ts'
import type { Attribute, Constant, Graph, Node } from './graph.ts'

export type Step =
  | { readonly kind: 'node'; readonly node: Node; readonly output: string }
  | { readonly kind: 'gelu'; readonly output: string }
  /** output = what comes of the body + the input, or its product with a kernel. */
  | {
      readonly kind: 'block'
      /** The node by which the input goes past the body. */
      readonly skip: Node
      readonly body: string
      readonly kernel: Float32Array | undefined
      readonly output: string
    }

const IMAGES = new Set(['Conv', 'MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool'])
/** What leaves the question open whether channels come first. */
const EITHER = new Set(['Relu', 'Identity', 'Sub', 'Div', 'BatchNormalization'])

export class Chain {
  readonly #readers = new Map<string, Node[]>()
  readonly #constants: ReadonlyMap<string, Constant>
  readonly #output: string

  /** @throws UserError where a tensor is read before it is made: the nodes of a graph are in order, and never in a circle */
  constructor({ nodes, constants, output }: Graph) {
    const read = new Set<string>()
    this.#constants = new Map(constants.map((constant) => [constant.name, constant]))
    this.#output = output.name
    for (const node of nodes) {
      if (node.op === 'Constant') continue
      // What is left out has no name.
      const inputs = new Set(node.inputs.filter((input) => input !== ''))
      for (const input of inputs) read.add(input)
      const early = node.outputs.find((one) => read.has(one))
      if (early !== undefined) throw new UserError(`node \`${node.name}\`: \`${early}\` is read before it is made`)
      for (const input of inputs) this.#readers.set(input, [...this.#of(input), node])
    }
  }

  /** Whether the input goes into a convolution or pooling as it is. */
  convolvesFirst(tensor: string): boolean {
    const [reader] = this.#of(tensor)
    if (!reader) return false
    return IMAGES.has(reader.op) || (EITHER.has(reader.op) && this.convolvesFirst(reader.outputs[0]!))
  }

  /** What is done with a tensor next, by others than the `skips` of the blocks around; undefined where it ends. @throws UserError where paths part and do not meet again */
  after(tensor: string, until: string, skips: ReadonlySet<Node>): Step | undefined {
    const readers = this.#of(tensor).filter((node) => !skips.has(node))
    if (readers.length === 0) return undefined
    const block = readers.length > 1 ? this.#block(tensor, readers) : undefined
    if (block) return block
    const gelu = this.#gelu(tensor, readers)
    if (gelu) return { kind: 'gelu', output: gelu }
    if (readers.length === 1) {
      const [node] = readers as [Node]
      // A recurrent layer has several, of which one is read.
      const output = node.outputs.find((one) => one === this.#output || this.#of(one).length > 0) ?? node.outputs[0]!
      const bias = this.#biasNode(node)
      return { kind: 'node', node, output: bias && output !== until ? bias.outputs[0]! : output }
    }
    throw new UserError(
      `tensor \`${tensor}\` is read by ${readers.map((node) => node.name).join(', ')}: only blocks that are added to their input can branch`,
    )
  }

  isLast(node: Node): boolean {
    const output = node.outputs[0]!
    if (output === this.#output) return true
    const readers = this.#of(output)
    return (
      readers.length === 1 && ['Identity', 'Reshape', 'Flatten'].includes(readers[0]!.op) && this.isLast(readers[0]!)
    )
  }

  values(node: Node, input: number): Float32Array {
    const constant = this.#constant(node, input)
    return 'values' in constant ? constant.values : Float32Array.from(constant.integers)
  }

  integers(node: Node, input: number): readonly number[] {
    const constant = this.#constant(node, input)
    return 'integers' in constant ? constant.integers : Array.from(constant.values)
  }

  /** @param axes how many there must be */
  shape(node: Node, input: number, axes?: number): readonly number[] {
    const { shape } = this.#constant(node, input)
    if (axes === undefined || shape.length === axes) return shape
    throw new UserError(
      `node \`${node.name}\`: operator ${node.op}: expected input ${input} of ${axes} axes, got [${shape.join(', ')}]`,
    )
  }

  /** What is added to a product right behind it, one number a unit. */
  biasOf(node: Node, units: number): Float32Array | undefined {
    const add = this.#biasNode(node)
    const constant = add && this.#constantOf(add)
    return constant && 'values' in constant && constant.values.length === units ? constant.values : undefined
  }

  #constant(node: Node, input: number): Constant {
    const constant = this.#constants.get(node.inputs[input] ?? '')
    if (constant) return constant
    throw new UserError(
      `node \`${node.name}\`: operator ${node.op}: expected input ${input} to be a constant of the file`,
    )
  }

  #of(tensor: string): Node[] {
    return this.#readers.get(tensor) ?? []
  }

  #constantOf(node: Node): Constant | undefined {
    return node.inputs.map((input) => this.#constants.get(input)).find((constant) => constant !== undefined)
  }

  #biasNode(node: Node): Node | undefined {
    if (node.op !== 'MatMul') return undefined
    const readers = this.#of(node.outputs[0]!)
    const [add] = readers
    const constant = readers.length === 1 && add!.op === 'Add' ? this.#constantOf(add!) : undefined
    return constant && constant.shape.length === 1 && constant.shape[0] === this.shape(node, 1)[1] ? add : undefined
  }

  /** x (1 + erf(x / sqrt 2)) / 2, in whatever order its products are. */
  #gelu(tensor: string, readers: readonly Node[]): string | undefined {
    const inner = readers.find((node) => this.#isBy(node, 'Mul', Math.SQRT1_2) || this.#isBy(node, 'Div', Math.SQRT2))
    const erf = inner && this.#only(inner, 'Erf')
    const add = erf && this.#only(erf, 'Add')
    if (!add || !this.#isBy(add, 'Add', 1)) return undefined
    let node = add
    let [times, half] = [false, readers.some((one) => this.#isBy(one, 'Mul', 0.5))]
    for (let i = 0; i < 2; i++) {
      const next = this.#only(node, 'Mul')
      if (!next) break
      if (this.#isBy(next, 'Mul', 0.5)) half = true
      else if (next.inputs.includes(tensor)) times = true
      else if (half && next.inputs.some((input) => readers.some((one) => one.outputs[0] === input))) times = true
      else break
      node = next
      if (times && half) return node.outputs[0]
    }
    return undefined
  }

  #isBy(node: Node, op: string, value: number): boolean {
    const constant = node.op === op ? this.#constantOf(node) : undefined
    return (
      constant !== undefined &&
      'values' in constant &&
      constant.values.length === 1 &&
      Math.abs(constant.values[0]! - value) < 1e-6
    )
  }

  #only(node: Node, op: string): Node | undefined {
    const readers = this.#of(node.outputs[0]!)
    return readers.length === 1 && readers[0]!.op === op ? readers[0] : undefined
  }

  /** Two paths that meet in an addition, one of them the input itself or its product with a kernel. */
  #block(tensor: string, readers: readonly Node[]): Step | undefined {
    for (const node of readers) {
      const { join, kernel, end } = this.#skip(tensor, node)
      if (!join || this.#constantOf(join)) continue
      const body = join.inputs.find((input) => input !== end)
      if (body === undefined || !readers.some((other) => other !== node && this.#reaches(other, body))) continue
      return { kind: 'block', body, kernel, output: join.outputs[0]!, skip: node }
    }
    return undefined
  }

  #skip(tensor: string, node: Node): { join?: Node | undefined; kernel?: Float32Array; end?: string } {
    if (node.op === 'Add') return { join: node, end: tensor }
    const product = node.op === 'Slice' ? this.#only(node, 'MatMul') : node
    if (product?.op !== 'MatMul' || !this.#constants.has(product.inputs[1]!)) return {}
    const join = this.#only(product, 'Add')
    return { join, kernel: this.values(product, 1), end: product.outputs[0]! }
  }

  #reaches(node: Node, tensor: string): boolean {
    return (
      node.outputs.includes(tensor) ||
      node.outputs.some((output) => this.#of(output).some((next) => this.#reaches(next, tensor)))
    )
  }
}

export function numberOf(attribute: Attribute | undefined, otherwise: number): number {
  if (typeof attribute === 'number') return attribute
  return typeof attribute === 'object' && 'float' in attribute ? attribute.float : otherwise
}

export function integersOf(attribute: Attribute | undefined): number[] {
  return Array.isArray(attribute) ? [...(attribute as readonly number[])] : []
}
