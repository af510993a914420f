import type { Config } from '../../src/config/schema.ts'

/** The network of test/golden/stacked.py: a layer of ours for each of a module's. */
export const stacked: Config = {
  ...{ epochs: 2, loss: 'meanSquaredError' },
  model: {
    inputShape: [4, 3],
    layers: [
      { type: 'bidirectional', layer: { type: 'lstm', units: 4, returnSequences: true } },
      { type: 'bidirectional', layer: { type: 'lstm', units: 4, returnSequences: true } },
      ...Array.from({ length: 12 }, (_, k) => ({ type: 'gru', units: 3, returnSequences: k < 11 }) as const),
      { type: 'dense', units: 2 },
    ],
  },
}

export const stackedNames = {
  ...{ bidirectional_1: 'encoder.l0', bidirectional_2: 'encoder.l1', dense_1: 'top' },
  ...Object.fromEntries(Array.from({ length: 12 }, (_, k) => [`gru_${k + 1}`, `rnn.l${k}`])),
}
