/** A model as ONNX: takes rows of the model's shape, channels last, and gives what `predict` gives. */
import { sizeOf } from '../../model/build.ts'
import type { Model } from '../../model/build.ts'
import type { LossRule } from '../../model/losses.ts'
import { Builder } from './builder.ts'
import type { Flow } from './builder.ts'
import { encodeModel } from './graph.ts'
import { emitLayers } from './layers.ts'
import type { Bytes } from './wire.ts'

/**
 * @param values of the parameters, in the model's order
 * @param positions that a row's classes belong to: 1 but for labels by position
 * @throws UserError naming the layer that has no operator
 */
export function exportOnnx(
  model: Model,
  values: readonly Float32Array[],
  link: LossRule['link'],
  positions: number,
  metadata: Readonly<Record<string, string>>,
): Bytes {
  const build = new Builder()
  const byName = new Map(model.parameters.map((spec, i) => [spec.name, { shape: spec.shape, values: values[i]! }]))
  const input = scaled({ name: 'input', shape: model.inputShape, first: false }, model, build)
  const last = emitLayers(model.config.layers, model.layers, cut(input, model, build), build, (name) =>
    byName.get(name)!,
  )
  let flow = build.turned(last, false)
  if (link === 'softmax') {
    const shape = positions > 1 ? [positions, model.outputs / positions] : [model.outputs]
    flow = flow.shape.join() === shape.join() ? flow : build.reshaped(flow, shape)
    flow = { ...flow, name: build.node('Softmax', [flow.name], { axis: -1 }) }
  } else if (link === 'sigmoid') flow = { ...flow, name: build.node('Sigmoid', [flow.name]) }
  build.nodes.push({ op: 'Identity', name: 'result', inputs: [flow.name], outputs: ['output'], attributes: {} })
  return encodeModel({
    name: 'model',
    nodes: build.nodes,
    constants: build.constants,
    inputs: [{ name: 'input', shape: model.inputShape }],
    output: { name: 'output', shape: flow.shape },
    metadata,
  })
}

/** The row's numbers as the model's inputs take them. */
function cut(input: Flow, { ports }: Model, build: Builder): Flow[] {
  if (ports.length === 1) return [input]
  let start = 0
  return ports.map(({ shape }) => {
    const end = start + sizeOf(shape)
    const name = build.node('Slice', [input.name, build.integers([start]), build.integers([end]), build.integers([1])])
    start = end
    return build.reshaped({ name, shape: [sizeOf(shape)], first: false }, shape)
  })
}

/** (x - mean) / deviation, where the model scales its rows itself. */
function scaled(input: Flow, { config, inputShape }: Model, build: Builder): Flow {
  if (!config.inputScale) return input
  const { mean, deviation } = config.inputScale
  const constant = (name: string, values: readonly number[]) =>
    build.weights(name, inputShape, Float32Array.from(values))
  const centred = build.node('Sub', [input.name, constant('inputScale/mean', mean)])
  return { ...input, name: build.node('Div', [centred, constant('inputScale/deviation', deviation)]) }
}
