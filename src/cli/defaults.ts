import type { Config } from '../config/schema.ts'

/** What `train` does when nothing is said: the built-in handwritten digits, 8 x 8 pixels, ten classes. */
export const DIGITS: Config = {
  epochs: 60,
  batchSize: 32,
  model: {
    layers: [
      { type: 'dense', units: 128, activation: 'relu' },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 64, activation: 'relu' },
      { type: 'dense', units: 10 },
    ],
  },
  loss: { type: 'sparseCategoricalCrossentropy', labelSmoothing: 0.1 },
  optimizer: { type: 'adam', learningRate: 0.002 },
  schedule: { type: 'cosine' },
  data: { source: 'digits', testSplit: 0.2, validationSplit: 0.1 },
}
