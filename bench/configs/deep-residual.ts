/**
 * 50 dense layers on the built-in digits, with shortcuts: 24 blocks of two, one before and one after them. Its twin
 * without shortcuts, deep-plain.ts, has the same layers and learns little: gradients of deep plain networks shatter
 * (Balduzzi et al. 2017, arXiv 1702.08591), as `npx brigantine check bench/configs/deep-plain.ts` says.
 */
import type { Config } from '../../src/config/schema.ts'

export const UNITS = 32
export const BLOCKS = 24

/** Each starts as suits it: branches small, so that the sum of 24 keeps its size; the layers of the twin by He. */
const branch: Config['model']['layers'] = [
  { type: 'dense', units: UNITS, activation: 'relu' },
  {
    type: 'dense',
    units: UNITS,
    kernelInitializer: { type: 'varianceScaling', scale: 1 / BLOCKS, mode: 'fanIn', distribution: 'normal' },
  },
]

const config: Config = {
  data: { source: 'digits', testSplit: 0.2, validationSplit: 0.1 },
  model: {
    layers: [
      { type: 'dense', units: UNITS, activation: 'relu' },
      ...Array.from({ length: BLOCKS }, () => ({ type: 'residual', layers: branch }) as const),
      { type: 'dense', units: 10 },
    ],
  },
  batchSize: 32,
  epochs: 10,
  optimizer: { type: 'adam', learningRate: 0.001 },
  health: { mode: 'warn', check: 'warn' },
}

export default config
