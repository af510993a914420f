import type { OptimizerRule } from './rule.ts'

/**
 * Stochastic gradient descent (Robbins and Monro 1951), with momentum (Polyak 1964) or Nesterov's momentum in the
 * form of Sutskever et al. 2013, as PyTorch computes it: v = momentum v + g; p -= lr v, or lr (g + momentum v).
 * Weight decay is added to the gradient (an L2 penalty of weightDecay / 2 |p|^2). Defaults: PyTorch's; lr Keras's.
 */
export interface SgdConfig {
  type: 'sgd'
  learningRate: number
  /** In [0, 1). At 0 no velocity is kept. */
  momentum: number
  /** Has no effect at momentum 0. */
  nesterov: boolean
  weightDecay: number
}

export const sgd: OptimizerRule<SgdConfig> = {
  defaults: { type: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 },
  slots: (config): Record<string, number> => (config.momentum === 0 ? {} : { velocity: 0 }),
  update: (kernels, config, count, p, g, velocity, _none, scale, clip, learningRate) =>
    kernels.sgd(count, p, g, velocity, scale, clip, learningRate, config.momentum, config.nesterov, config.weightDecay),
}
