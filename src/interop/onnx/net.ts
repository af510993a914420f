/** A graph's tensors: what makes them, what reads them, and the constants among them. */
import { UserError } from '../../errors.ts'
import type { Attribute, Constant, Graph, Node } from './graph.ts'

const IMAGES = new Set(['Conv', 'MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool'])
/** What leaves the question open whether channels come first. */
const EITHER = new Set(['Relu', 'Identity', 'Sub', 'Div', 'BatchNormalization'])

export class Net {
  readonly #readers = new Map<string, Node[]>()
  readonly #makers = new Map<string, Node>()
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
      for (const input of inputs) {
        const readers = this.#readers.get(input)
        if (readers) readers.push(node)
        else this.#readers.set(input, [node])
      }
      for (const one of node.outputs) if (one !== '') this.#makers.set(one, node)
    }
  }

  /** Whether a tensor goes into a convolution or pooling as it is. */
  convolvesFirst(tensor: string): boolean {
    const seen = new Set([tensor])
    for (const one of seen) {
      for (const { op, outputs } of this.readersOf(one)) {
        if (IMAGES.has(op)) return true
        if (EITHER.has(op)) seen.add(outputs[0]!)
      }
    }
    return false
  }

  readersOf(tensor: string): readonly Node[] {
    return this.#readers.get(tensor) ?? []
  }

  /** The node that makes a tensor; with `op`, only one of that operator. */
  maker(tensor: string | undefined, ...ops: readonly string[]): Node | undefined {
    const node = tensor === undefined ? undefined : this.#makers.get(tensor)
    return node && (ops.length === 0 || ops.includes(node.op)) ? node : undefined
  }

  /** Whether what a node makes is the network's output, but for its shape. */
  isLast(node: Node): boolean {
    let output = node.outputs[0]!
    while (output !== this.#output) {
      const [reader, ...more] = this.readersOf(output)
      if (!reader || more.length > 0 || !['Identity', 'Reshape', 'Flatten'].includes(reader.op)) return false
      output = reader.outputs[0]!
    }
    return true
  }

  constant(tensor: string | undefined): Constant | undefined {
    return tensor === undefined ? undefined : this.#constants.get(tensor)
  }

  /** The only number of a constant. */
  scalar(tensor: string | undefined): number | undefined {
    const constant = this.constant(tensor)
    if (!constant) return undefined
    const values = 'values' in constant ? constant.values : constant.integers
    return values.length === 1 ? values[0] : undefined
  }

  /** Of a node with two inputs, one of them a constant: that one, and the other's name. */
  withConstant(node: Node | undefined): { readonly constant: Constant; readonly other: string } | undefined {
    if (node?.inputs.length !== 2) return undefined
    const at = node.inputs.findIndex((input) => this.#constants.has(input))
    const other = node.inputs[1 - at]
    return at < 0 || other === undefined ? undefined : { constant: this.constant(node.inputs[at])!, other }
  }

  values(node: Node, input: number): Float32Array {
    return valuesOf(this.#needed(node, input))
  }

  integers(node: Node, input: number): readonly number[] {
    const constant = this.#needed(node, input)
    return 'integers' in constant ? constant.integers : Array.from(constant.values)
  }

  /** @param axes how many there must be */
  shape(node: Node, input: number, axes?: number): readonly number[] {
    const { shape } = this.#needed(node, input)
    if (axes === undefined || shape.length === axes) return shape
    throw new UserError(
      `node \`${node.name}\`: operator ${node.op}: expected input ${input} of ${axes} axes, got [${shape.join(', ')}]`,
    )
  }

  #needed(node: Node, input: number): Constant {
    const constant = this.constant(node.inputs[input])
    if (constant) return constant
    throw new UserError(
      `node \`${node.name}\`: operator ${node.op}: expected input ${input} to be a constant of the file`,
    )
  }
}

export const valuesOf = (constant: Constant): Float32Array =>
  'values' in constant ? constant.values : Float32Array.from(constant.integers)

export function numberOf(attribute: Attribute | undefined, otherwise: number): number {
  if (typeof attribute === 'number') return attribute
  return typeof attribute === 'object' && 'float' in attribute ? attribute.float : otherwise
}

export function integersOf(attribute: Attribute | undefined): number[] {
  return Array.isArray(attribute) ? [...(attribute as readonly number[])] : []
}

export const near = (value: number | undefined, wanted: number): boolean =>
  value !== undefined && Math.abs(value - wanted) < 1e-6

export const scalarOf = (constant: Constant): number | undefined => {
  const values = valuesOf(constant)
  return values.length === 1 ? values[0] : undefined
}
