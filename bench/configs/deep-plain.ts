/** The twin of deep-residual.ts: the same 50 layers, without shortcuts. */
import type { Config } from '../../src/config/schema.ts'
import residual, { BLOCKS, UNITS } from './deep-residual.ts'

const config: Config = {
  ...residual,
  model: {
    layers: [
      { type: 'dense', units: UNITS, activation: 'relu' },
      ...Array.from({ length: 2 * BLOCKS }, () => ({ type: 'dense', units: UNITS, activation: 'relu' }) as const),
      { type: 'dense', units: 10 },
    ],
  },
}

export default config
