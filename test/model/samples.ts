/** One or more of every layer: a new layer type does not compile here until it has a sample, and then gets every generic check. */
import { Activation } from '../../src/kernels/kernels.ts'
import type { ActivationName } from '../../src/kernels/kernels.ts'
import type { LayerConfig } from '../../src/model/config.ts'

const activations = Object.keys(Activation) as ActivationName[]
const alpha = (type: ActivationName) => (type === 'leakyRelu' ? { alpha: 0.2 } : type === 'elu' ? { alpha: 1.3 } : {})

const samples: { [T in LayerConfig['type']]: Record<string, LayerConfig[]> } = {
  dense: {
    dense: [{ type: 'dense', units: 4 }],
    'dense without bias': [{ type: 'dense', units: 4, useBias: false }],
    'dense with activation': [{ type: 'dense', units: 4, activation: { type: 'tanh' } }],
    'dense three times': [
      { type: 'dense', units: 5, activation: { type: 'sigmoid' } },
      { type: 'dense', units: 3, activation: { type: 'gelu' } },
      { type: 'dense', units: 2 },
    ],
  },
  activation: Object.fromEntries([
    ...activations.map((type) => [type, [{ type: 'activation', activation: { type, ...alpha(type) } }]]),
    ...activations.map((type) => [
      `${type} after dense`,
      [
        { type: 'dense', units: 5 },
        { type: 'activation', activation: { type, ...alpha(type) } },
      ],
    ]),
    [
      'two activations',
      [
        { type: 'dense', units: 3, activation: { type: 'tanh' } },
        { type: 'activation', activation: { type: 'softplus' } },
      ],
    ],
  ]) as Record<string, LayerConfig[]>,
  prelu: {
    prelu: [{ type: 'prelu' }],
    'prelu after dense': [{ type: 'dense', units: 4 }, { type: 'prelu' }, { type: 'dense', units: 2 }],
  },
  dropout: {
    dropout: [{ type: 'dropout', rate: 0.4 }],
    'dropout after activation': [
      { type: 'dense', units: 6, activation: { type: 'tanh' } },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 3 },
    ],
  },
  residual: {
    residual: [
      {
        type: 'residual',
        layers: [
          { type: 'dense', units: 4, activation: { type: 'tanh' } },
          { type: 'dense', units: 6 },
        ],
      },
    ],
    'residual ending in an activation': [
      { type: 'dense', units: 3 },
      { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'tanh' } }] },
    ],
    'residual beginning with an activation': [
      { type: 'dense', units: 4 },
      {
        type: 'residual',
        layers: [
          { type: 'activation', activation: { type: 'tanh' } },
          { type: 'dense', units: 4 },
        ],
      },
    ],
    'residual with projection': [
      { type: 'dense', units: 4, activation: { type: 'softplus' } },
      { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'elu' } }] },
    ],
    'residual of residual': [
      { type: 'dense', units: 3 },
      {
        type: 'residual',
        layers: [
          { type: 'residual', layers: [{ type: 'dense', units: 3, activation: { type: 'tanh' } }] },
          { type: 'dropout', rate: 0.2 },
        ],
      },
      { type: 'dense', units: 2 },
    ],
    'residual of nothing but an activation': [
      { type: 'dense', units: 3 },
      { type: 'residual', layers: [{ type: 'activation', activation: { type: 'linear' } }] },
    ],
  },
}

/** [name, layers] of every sample. */
export const layerSamples: [string, LayerConfig[]][] = Object.values(samples).flatMap((group) => Object.entries(group))
