/**
 * Every constant that a verdict hangs on, with where it comes from.
 *
 * | mark | source |
 * |------|--------|
 * | S    | simulated streams and small networks at initialisation; test/gradient/detector.test.ts and health.test.ts repeat the streams |
 * | T    | taken over from the specification as a start value: to be recalibrated by `bench health` on its tune split |
 *
 * All compare ratios or logs: none depends on the unit of the loss.
 */
export const thresholds = {
  /** S: cumulated excess of clip(z, -4, 4) - 1, and the growth of the median that must go with it. */
  growth: { limit: 20, clip: 4, drift: 1, ratio: 3, recent: 8, past: 256, before: 56, loss: 0.1 },
  /** T: so many spikes within so many steps are an explosion. */
  spikes: { count: 3, window: 32 },
  /** T: a loss beyond twice that of the best constant and four times its median, so many steps in a row. */
  runaway: { ofNull: 2, ofMedian: 4, steps: 3 },
  /** S: log10 of first over last hidden relative gradient. */
  vanishing: { warn: -3, fault: -5, together: -3.3 },
  /** S: log10 of last over first activation, or first over last back-signal. */
  collapse: { profile: -3, extreme: -5, together: -4.2 },
  /** S: initial loss over that of the best constant, and log10 of the profile's growth. */
  overscale: { warn: 2, fault: 50, profile: 2 },
  /** S: samples a unit must have been silent for, and the shares of a layer. */
  dead: { samples: 3000, manySamples: 512, warn: 0.5, fault: 0.9, growth: 0.2 },
  /** T: derivative over its largest, and the share of units. */
  saturated: { derivative: 0.05, share: 0.5, extreme: 0.9 },
  /** S: cosine of the gradients of an output at two near inputs. */
  shattered: { cosine: 0.35, extreme: 0.3, narrow: 0.5, veryNarrow: 1.5, pairs: 32, distance: 0.25 },
  /** T: variance between steps over variance within, and the share of turning points. */
  oscillating: { ratio: 4, window: 32, turns: 0.8, turnsAlone: 0.9 },
  /** T: fall of the explained share below its best. */
  diverging: { fall: 0.5, steps: 16 },
  /** T: least gain of the explained share over the window; log10 of the relative update. */
  stalled: { window: 128, gain: 0.005, explained: 0.5, small: -5, large: -1, checks: 8, explainedLong: 0.3 },
  /** T: the median of the first losses over the very first, or over the best constant's. */
  leap: { steps: 8, ratio: 2, update: -1.5 },
  noProgress: { window: 64 },
  zero: { steps: 2 },
  /** Share of a layer's units that start as copies of others. */
  symmetric: { share: 0.5 },
  converged: { explained: 0.98 },
  /** T: variance of the weights over what the initialiser's gain wants; sum of 1 / width; chance of a dead layer. */
  init: { low: 0.5, high: 2, narrow: 1, bornDead: 0.01 },
  /** T: predicted first relative update. */
  learningRate: { low: 1e-6, high: 0.1 },
  /** Half-life of the weights under weight decay alone: ln 2 / 0.02 = 35 steps, which no schedule makes good. */
  decay: { fault: 0.02 },
  /** An exact 0 that is no rounding: checks in a row, and the share of the largest signal below which products may underflow. */
  idle: { checks: 4, share: 1e-6 },
  /** T: root mean square of a feature. */
  scale: { low: 0.05, high: 10 },
  /** T: a part's log norm against the others', in their standard deviation (0.25 at least); checks in a row that raise each kind. */
  shard: { z: 8, least: 0.25, same: 2, stale: 2, silent: 4, odd: 3 },
  /** T: batch over the simple noise scale; the steps and checks it takes to know it, and the weight of a check in its means. */
  batch: { ratio: 4, steps: 256, checks: 24, smoothing: 0.05 },
  /** Checks that must agree to raise, of how many; clean checks to clear; steps between two raises of a code. */
  hysteresis: { hits: 3, checks: 5, clean: 10, cooldown: 64 },
} as const

/** Steps 0 to 15 and every 16th are sampled. */
export const sampleEvery = 16
export const isSampled = (batch: number): boolean => batch < sampleEvery || batch % sampleEvery === 0
