import type { OptimizerRule } from './rule.ts'

/**
 * RMSProp (Hinton, Tieleman and Swersky 2012, Coursera "Neural Networks for Machine Learning", lecture 6e), epsilon
 * outside the root as in PyTorch: s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); with momentum
 * v = momentum v + d, d = v; p -= lr d. Weight decay is added to the gradient.
 * Defaults: Keras's, whose rho 0.9 and learning rate 0.001 are the lecture's (PyTorch: 0.99, 0.01 and epsilon 1e-8).
 */
export interface RmspropConfig {
  type: 'rmsprop'
  learningRate: number
  /** Decay of the mean of the squared gradient, in [0, 1). PyTorch calls it alpha. */
  rho: number
  epsilon: number
  /** In [0, 1). At 0 no velocity is kept. */
  momentum: number
  weightDecay: number
}

export const rmsprop: OptimizerRule<RmspropConfig> = {
  defaults: { type: 'rmsprop', learningRate: 0.001, rho: 0.9, epsilon: 1e-7, momentum: 0, weightDecay: 0 },
  slots: (config): Record<string, number> =>
    config.momentum === 0 ? { meanSquare: 0 } : { meanSquare: 0, velocity: 0 },
  update: (kernels, config, count, p, g, meanSquare, velocity, scale, clip, learningRate) =>
    kernels.rmsprop(
      count,
      p,
      g,
      meanSquare,
      velocity,
      scale,
      clip,
      learningRate,
      config.rho,
      config.epsilon,
      config.momentum,
      config.weightDecay,
    ),
}
