import type { OptimizerRule } from './rule.ts'

/**
 * Adagrad (Duchi, Hazan and Singer 2011, JMLR 12): s += g^2; p -= lr g / (sqrt(s) + epsilon).
 * Weight decay is added to the gradient. Defaults: PyTorch's.
 */
export interface AdagradConfig {
  type: 'adagrad'
  learningRate: number
  epsilon: number
  /** What s starts from, >= 0: larger values shorten the first steps. */
  initialAccumulator: number
  weightDecay: number
}

export const adagrad: OptimizerRule<AdagradConfig> = {
  defaults: { type: 'adagrad', learningRate: 0.01, epsilon: 1e-10, initialAccumulator: 0, weightDecay: 0 },
  slots: (config) => ({ sumSquares: config.initialAccumulator }),
  update: (kernels, config, count, p, g, sumSquares, _none, scale, clip, learningRate) =>
    kernels.adagrad(count, p, g, sumSquares, scale, clip, learningRate, config.epsilon, config.weightDecay),
}
