/** What optimizer rules take from formulas: computed here in float64, for whichever kernels, which round it to float32 once. */

/** Of a step of Adam, or with `decoupled` of AdamW; `correction`: 1 - beta^step. */
export const adamCoefficients = (
  lr: number,
  beta1: number,
  beta2: number,
  weightDecay: number,
  decoupled: boolean,
  correction1: number,
  correction2: number,
) => ({
  rate: lr / correction1,
  oneMinusBeta1: 1 - beta1,
  oneMinusBeta2: 1 - beta2,
  /** What of a parameter comes into its gradient, and what is left of it before the gradient moves it. */
  coupledDecay: decoupled ? 0 : weightDecay,
  decay: decoupled ? 1 - lr * weightDecay : 1,
  inverseRoot: 1 / Math.sqrt(correction2),
})
