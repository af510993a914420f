/**
 * Ready blocks, made of other layers:
 *   resnetBlock (He et al. 2015, arXiv 1512.03385): relu(F(x) + s(x)), F two convolutions of `kernelSize`, or with
 *     `bottleneck` one of a cell, one of `kernelSize`, one of a cell with four times the filters, each normalised over the
 *     batch and, but for the last, followed by relu
 *   bidirectional (Schuster and Paliwal 1997): a recurrent layer and another one in reverse, their states side by side or added
 *   transformerBlock (pre-norm: Xiong et al. 2020, arXiv 2002.04745): x + attention(norm(x)), then x + MLP(norm(x))
 */
import { buildLayers } from '../build.ts'
import type { BidirectionalConfig, LayerConfig, ResnetBlockConfig, TransformerBlockConfig } from '../config.ts'
import { lowerLayers } from '../graph.ts'
import type { Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { expectRank } from './window.ts'

export function resnetBlock(config: ResnetBlockConfig, name: string, shape: Shape): Layer {
  expectRank(name, config.type, shape, 2)
  return blockOf(config, name, shape)
}

export function transformerBlock(config: TransformerBlockConfig, name: string, shape: Shape): Layer {
  expectRank(name, config.type, shape, 1)
  return blockOf(config, name, shape)
}

export function bidirectional(config: BidirectionalConfig, name: string, shape: Shape): Layer {
  expectRank(name, config.type, shape, 1)
  return blockOf(config, name, shape)
}

export type BlockConfig = ResnetBlockConfig | TransformerBlockConfig | BidirectionalConfig

/** The layers that a block is short for. */
export function layersOfBlock(config: BlockConfig, shape: Shape): LayerConfig[] {
  const layers = shortFor(config, shape)
  return config.trainable === false ? layers.map(freeze) : layers
}

function shortFor(config: BlockConfig, shape: Shape): LayerConfig[] {
  switch (config.type) {
    case 'resnetBlock':
      return resnetLayers(config)
    case 'transformerBlock':
      return transformerLayers(config, shape.at(-1)!)
    case 'bidirectional':
      return directions(config)
  }
}

/** Names of the two directions' layers, within the block's. */
export const DIRECTIONS = { forward: 'forward', reverse: 'reverse' } as const

function directions({ layer, mergeMode = 'concat' }: BidirectionalConfig): LayerConfig[] {
  const inputs = ['input']
  return [
    { ...layer, name: DIRECTIONS.forward, direction: 'forward', inputs },
    { ...layer, name: DIRECTIONS.reverse, direction: 'reverse', inputs },
    { type: mergeMode === 'sum' ? 'add' : 'concatenate', inputs: Object.values(DIRECTIONS) },
  ]
}

function freeze(layer: LayerConfig): LayerConfig {
  if (['activation', 'dropout', 'add', 'concatenate'].includes(layer.type)) return layer
  return { ...layer, trainable: false } as LayerConfig
}

function blockOf(config: BlockConfig, name: string, shape: Shape): Layer {
  const children = buildLayers(layersOfBlock(config, shape), shape, `${name}/`)
  const outShape = children.at(-1)!.shape
  return {
    name,
    type: config.type,
    inputs: sizeOf(shape),
    outputs: sizeOf(outShape),
    shape: outShape,
    parameters: children.flatMap(({ parameters }) => parameters),
    children,
    lower: (input, to) => lowerLayers(children, [input], to),
  }
}

function resnetLayers({ filters, kernelSize = 3, strides = 1, bottleneck = false }: ResnetBlockConfig): LayerConfig[] {
  const conv = (count: number, size: typeof kernelSize, step: typeof strides): LayerConfig => ({
    type: 'conv2d',
    filters: count,
    kernelSize: size,
    strides: step,
    padding: 'same',
    useBias: false,
    // As a relu follows, after the normalisation.
    kernelInitializer: { type: 'heUniform' },
  })
  const norm: LayerConfig = { type: 'batchNorm' }
  const relu: LayerConfig = { type: 'activation', activation: { type: 'relu' } }
  const layers = bottleneck
    ? [conv(filters, 1, 1), norm, relu, conv(filters, kernelSize, strides), norm, relu, conv(4 * filters, 1, 1), norm]
    : [conv(filters, kernelSize, strides), norm, relu, conv(filters, kernelSize, 1), norm]
  return [{ type: 'residual', layers }, relu]
}

function transformerLayers(config: TransformerBlockConfig, channels: number): LayerConfig[] {
  const { numHeads, units = 4 * channels, causal = false, rate = 0, activation = { type: 'gelu' } } = config
  const norm: LayerConfig = { type: 'layerNorm', epsilon: 1e-5 }
  const dropout: LayerConfig[] = rate > 0 ? [{ type: 'dropout', rate }] : []
  return [
    { type: 'residual', layers: [norm, { type: 'attention', numHeads, causal }, ...dropout] },
    {
      type: 'residual',
      layers: [norm, { type: 'dense', units, activation }, { type: 'dense', units: channels }, ...dropout],
    },
  ]
}
