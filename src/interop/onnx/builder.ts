/** A graph that grows node by node, and the tensor that flows through it. */
import type { LayerConfig } from '../../model/config.ts'
import type { Layer } from '../../model/layer.ts'
import type { Shape } from '../../model/shape.ts'
import type { Constant, Node } from './graph.ts'

/**
 * A tensor of rows of `shape`, channels last as ours are. ONNX convolves with channels first: `first` says that the
 * graph's tensor lies so, until somebody needs it otherwise.
 */
export interface Flow {
  readonly name: string
  readonly shape: Shape
  readonly first: boolean
}

/** Values of a parameter, and its shape. */
export type Parameters = (name: string) => { readonly shape: Shape; readonly values: Float32Array }

/** Writes the operators of a layer. */
export type Emit<Config extends LayerConfig> = (
  config: Config,
  layer: Layer,
  flow: Flow,
  build: Builder,
  parameters: Parameters,
) => Flow

export class Builder {
  readonly nodes: Node[] = []
  readonly constants: Constant[] = []

  /** Adds a node of which one output is read, number `output`, and names it. */
  node(op: string, inputs: readonly string[], attributes: Node['attributes'] = {}, output = 0): string {
    const name = `${op}_${this.nodes.length}`
    // What nobody reads has no name.
    this.nodes.push({ op, name, inputs, outputs: [...Array<string>(output).fill(''), name], attributes })
    return name
  }

  parameter(name: string, parameters: Parameters): string {
    const { shape, values } = parameters(name)
    return this.weights(name, shape, values)
  }

  weights(name: string, shape: Shape, values: Float32Array): string {
    // A layer in several places has its weights once.
    if (!this.constants.some((one) => one.name === name)) this.constants.push({ name, shape, values })
    return name
  }

  scalar(value: number): string {
    return this.weights(`constant_${this.constants.length}`, [], Float32Array.of(value))
  }

  integers(values: readonly number[]): string {
    const name = `constant_${this.constants.length}`
    this.constants.push({ name, shape: [values.length], integers: values })
    return name
  }

  /** The same rows with channels first, or last. */
  turned(flow: Flow, first: boolean): Flow {
    if (flow.first === first || flow.shape.length < 2) return { ...flow, first }
    const axes = flow.shape.map((_, i) => i + 1)
    const perm = first ? [0, axes.at(-1)!, ...axes.slice(0, -1)] : [0, ...axes.slice(1), 1]
    return { ...flow, first, name: this.node('Transpose', [flow.name], { perm }) }
  }

  reshaped(flow: Flow, shape: Shape): Flow {
    const { name } = this.turned(flow, false)
    return { name: this.node('Reshape', [name, this.integers([-1, ...shape])]), shape, first: false }
  }
}
