/** From a model's config to its layers: names, shapes, parameters. Adding a layer is one file and one line here. */
import { UserError } from '../errors.ts'
import type { LayerConfig, ModelConfig } from './config.ts'
import type { Layer, ParameterSpec } from './layer.ts'
import { activation } from './layers/activation.ts'
import { dense } from './layers/dense.ts'
import { dropout } from './layers/dropout.ts'
import { prelu } from './layers/prelu.ts'
import { residual } from './layers/residual.ts'

type Builder<T extends LayerConfig['type']> = (
  config: Extract<LayerConfig, { type: T }>,
  name: string,
  inputs: number,
) => Layer

const builders: { [T in LayerConfig['type']]: Builder<T> } = { dense, activation, prelu, dropout, residual }

export function buildLayers(configs: readonly LayerConfig[], inputs: number, prefix = ''): Layer[] {
  const layers: Layer[] = []
  const counts: Partial<Record<string, number>> = {}
  const taken = new Set(configs.flatMap((config) => config.name ?? []))
  for (const config of configs) {
    let name = config.name
    while (name === undefined) {
      const number = (counts[config.type] = (counts[config.type] ?? 0) + 1)
      if (!taken.has(`${config.type}_${number}`)) name = `${config.type}_${number}`
    }
    const build = builders[config.type] as Builder<typeof config.type>
    layers.push(build(config as never, prefix + name, layers.at(-1)?.outputs ?? inputs))
  }
  const names = layers.map((layer) => layer.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new UserError(`Expected layer names to be unique, got \`${twice}\` twice. Rename one of them.`)
  }
  return layers
}

export interface Model {
  readonly config: ModelConfig
  readonly inputs: number
  readonly outputs: number
  readonly layers: readonly Layer[]
  readonly parameters: readonly ParameterSpec[]
  readonly numParameters: number
}

/** @param inputs features of a row of the data */
export function buildModel(config: ModelConfig, inputs: number): Model {
  const layers = buildLayers(config.layers, inputs)
  const parameters = layers.flatMap((layer) => layer.parameters)
  const numParameters = parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0)
  return { config, inputs, outputs: layers.at(-1)?.outputs ?? inputs, layers, parameters, numParameters }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)
