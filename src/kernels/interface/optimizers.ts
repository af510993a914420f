import type { Pointer } from './pointer.ts'

/**
 * Optimizer rules over a run of `count` parameters; where they come from is told in optim/rules. p: parameters, g: gradient,
 * others: state; all in place but g. The gradient used is g[i] * scale, clamped to [-clip, clip] when clip is finite.
 * In float32, as PyTorch does it, the numbers being rounded to float32 once. A state that decays (velocity, m, v, s) is 0
 * below 2^-126. Each returns the largest |p[i]| after the update (NaN if any is NaN).
 */
export interface OptimizerKernels {
  /**
   * d = g + weightDecay p; with momentum: v = momentum v + d (v starts at 0), d = nesterov ? d + momentum v : v; p -= lr d.
   * `v` is unused at momentum 0.
   */
  sgd(
    count: number,
    p: Pointer,
    g: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    momentum: number,
    nesterov: boolean,
    weightDecay: number,
  ): number
  /**
   * Adam (decoupled = false: g += weightDecay p) and AdamW (decoupled: p -= lr weightDecay p first).
   * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
   * p -= (lr / correction1) * m / (sqrt(v) / sqrt(correction2) + epsilon), where correction = 1 - beta^t (float64, by the caller).
   */
  adam(
    count: number,
    p: Pointer,
    g: Pointer,
    m: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    decoupled: boolean,
    correction1: number,
    correction2: number,
  ): number
  /** g += weightDecay p; s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); with momentum: v = momentum v + d, d = v; p -= lr d. */
  rmsprop(
    count: number,
    p: Pointer,
    g: Pointer,
    s: Pointer,
    v: Pointer,
    scale: number,
    clip: number,
    lr: number,
    rho: number,
    epsilon: number,
    momentum: number,
    weightDecay: number,
  ): number
  /** g += weightDecay p; s += g^2; p -= lr g / (sqrt(s) + epsilon). */
  adagrad(
    count: number,
    p: Pointer,
    g: Pointer,
    s: Pointer,
    scale: number,
    clip: number,
    lr: number,
    epsilon: number,
    weightDecay: number,
  ): number
}
