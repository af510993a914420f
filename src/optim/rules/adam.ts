import type { OptimizerKernels, Pointer } from '../../kernels/kernels.ts'
import type { OptimizerRule } from './rule.ts'

interface AdamSettings {
  learningRate: number
  /** Decay of the mean of the gradient, in [0, 1). */
  beta1: number
  /** Decay of the mean of its square, in [0, 1). */
  beta2: number
  /** Added to the root of the bias-corrected second moment. PyTorch's 1e-8; Keras has 1e-7. */
  epsilon: number
  weightDecay: number
}

/** Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1). Weight decay is added to the gradient. Defaults: PyTorch's. */
export interface AdamConfig extends AdamSettings {
  type: 'adam'
}

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101): p -= lr weightDecay p, apart from the gradient, so that the
 * decay is not divided by the second moment. Defaults: PyTorch's.
 */
export interface AdamWConfig extends AdamSettings {
  type: 'adamw'
}

const shared = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
const moments = { m: 0, v: 0 }

export const adam: OptimizerRule<AdamConfig> = {
  defaults: { type: 'adam', ...shared, weightDecay: 0 },
  slots: () => moments,
  update: (kernels, config, count, p, g, m, v, scale, clip, learningRate, step) =>
    adamUpdate(kernels, config, count, p, g, m, v, scale, clip, learningRate, step, false),
}

export const adamw: OptimizerRule<AdamWConfig> = {
  defaults: { type: 'adamw', ...shared, weightDecay: 0.01 },
  slots: () => moments,
  update: (kernels, config, count, p, g, m, v, scale, clip, learningRate, step) =>
    adamUpdate(kernels, config, count, p, g, m, v, scale, clip, learningRate, step, true),
}

function adamUpdate(
  kernels: OptimizerKernels,
  config: AdamSettings,
  count: number,
  p: Pointer,
  g: Pointer,
  m: Pointer,
  v: Pointer,
  scale: number,
  clip: number,
  learningRate: number,
  step: number,
  decoupled: boolean,
): number {
  const { beta1, beta2, epsilon, weightDecay } = config
  return kernels.adam(
    count,
    p,
    g,
    m,
    v,
    scale,
    clip,
    learningRate,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    decoupled,
    1 - power(beta1, step),
    1 - power(beta2, step),
  )
}

/**
 * base^exponent for a whole exponent >= 0, by squaring. Math.pow may differ in its last bit between engines and
 * machines; products do not.
 */
export function power(base: number, exponent: number): number {
  let result = 1
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square
  }
  return result
}
