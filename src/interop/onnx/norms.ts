/** Normalisations as ONNX operators. */
import type { BatchNormConfig, GroupNormConfig, LayerNormConfig, RmsNormConfig } from '../../model/config.ts'
import { positionsOf } from '../../model/shape.ts'
import type { Builder, Emit } from './builder.ts'

/** By the running statistics, as predictions are. */
export const batchNorm: Emit<BatchNormConfig> = (config, { name, shape }, given, build, parameters) => {
  const { epsilon = 1e-3, center = true, scale = true } = config
  const flow = build.turned(given, true)
  const inputs = [
    scale ? build.parameter(`${name}/gamma`, parameters) : all(1, name, shape.at(-1)!, build),
    center ? build.parameter(`${name}/beta`, parameters) : all(0, name, shape.at(-1)!, build),
    build.parameter(`${name}/movingMean`, parameters),
    build.parameter(`${name}/movingVariance`, parameters),
  ]
  return { ...flow, name: build.node('BatchNormalization', [flow.name, ...inputs], { epsilon: { float: epsilon } }) }
}

export const layerNorm: Emit<LayerNormConfig> = (config, { name, shape }, given, build, parameters) => {
  const { epsilon = 1e-3, center = true, scale = true } = config
  const flow = build.turned(given, false)
  const gamma = scale ? build.parameter(`${name}/gamma`, parameters) : all(1, name, shape.at(-1)!, build)
  const beta = center ? [build.parameter(`${name}/beta`, parameters)] : []
  const attributes = { axis: -1, epsilon: { float: epsilon } }
  return { ...flow, name: build.node('LayerNormalization', [flow.name, gamma, ...beta], attributes) }
}

/** x / sqrt(mean(x^2) + epsilon): an operator of its own only from set 23 on. */
export const rmsNorm: Emit<RmsNormConfig> = ({ epsilon = 1e-6, scale = true }, { name }, given, build, parameters) => {
  const flow = build.turned(given, false)
  const square = build.node('Mul', [flow.name, flow.name])
  const mean = build.node('ReduceMean', [square], { axes: [-1], keepdims: 1 })
  const root = build.node('Sqrt', [build.node('Add', [mean, build.scalar(epsilon)])])
  const normal = build.node('Div', [flow.name, root])
  if (!scale) return { ...flow, name: normal }
  return { ...flow, name: build.node('Mul', [normal, build.parameter(`${name}/gamma`, parameters)]) }
}

/** Each group as one channel that is normalised by itself, then scaled by channel: an operator of its own only from set 18 on. */
export const groupNorm: Emit<GroupNormConfig> = (config, { name, shape }, given, build, parameters) => {
  const { epsilon = 1e-3, center = true, scale = true } = config
  const channels = shape.at(-1)!
  const groups = config.groups === -1 ? channels : (config.groups ?? Math.min(32, channels))
  const flow = build.turned(given, true)
  const cut = [-1, groups, (channels / groups) * positionsOf(shape)]
  const parts = build.node('Reshape', [flow.name, build.integers(cut)])
  const units = [all(1, `${name}/groups`, groups, build), all(0, `${name}/groups`, groups, build)]
  const normal = build.node('InstanceNormalization', [parts, ...units], { epsilon: { float: epsilon } })
  const whole = build.node('Reshape', [normal, build.integers([-1, channels, ...shape.slice(0, -1)])])
  const turned = build.turned({ ...flow, name: whole }, false)
  let last = turned.name
  if (scale) last = build.node('Mul', [last, build.parameter(`${name}/gamma`, parameters)])
  if (center) last = build.node('Add', [last, build.parameter(`${name}/beta`, parameters)])
  return { ...turned, name: last }
}

function all(value: 0 | 1, name: string, length: number, build: Builder): string {
  return build.weights(`${name}/${value === 1 ? 'ones' : 'zeros'}`, [length], new Float32Array(length).fill(value))
}
