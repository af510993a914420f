/**
 * Every constant that a verdict hangs on, with where it comes from.
 *
 * | mark | source |
 * |------|--------|
 * | S    | simulated streams and small networks at initialisation; test/gradient/detector.test.ts, test/gradient/health.test.ts and test/gradient/noise-scale.test.ts repeat the streams |
 * | T    | a start value, confirmed on the tune split alone by `node bench/health/calibrate.ts --seeds 5`: of 155 faulty runs none is missed or misnamed, of 230 healthy ones (twins among them) one has an alarm |
 * | C    | chosen on the tune split with bench/health/calibrate.ts and on bench/health/suite/practice.ts, which has the same data; never on the test split |
 * | P    | published: the paper is named beside it |
 * | A    | arithmetic: the derivation is beside it |
 *
 * A mark counts for the whole entry; one with names after it for those fields. All compare ratios or logs: none depends on
 * the unit of the loss.
 */
export const thresholds = {
  /**
   * S; T: hugeZ, hugeRatio, band, run. Distance from the median log norm in scales, and the ratio to the median that must go
   * with it; values that are brought in to the band; the least scale; values before the first spike, in a run that is a new
   * level, and steps between two alarms.
   */
  spike: {
    ...{ z: 8, ratio: 3, hugeZ: 20, hugeRatio: 10, band: 6, leastScale: 0.05 },
    ...{ values: 16, run: 8, cooldown: 64 },
  },
  /**
   * T. Of `clip: 'auto'`: scales above the median that are let through, and the least ratio to it; the factor of what lies
   * further out is ZClip's reciprocal (Kumar et al. 2025, arXiv 2504.02507).
   */
  autoClip: { z: 3, ratio: 1.5 },
  /**
   * S; C: before, loss. Cumulated excess of clip(z, -4, 4) - 1, and the growth of the median that must go with it; where
   * the loss says nothing, in standard deviations of what lies further back than `quiet` steps as well.
   */
  growth: {
    ...{ limit: 20, clip: 4, drift: 1, ratio: 3, recent: 8, past: 256 },
    ...{ before: 56, loss: 0.1, quiet: 48, deviations: 4 },
  },
  /** T. So many spikes within so many steps are an explosion. */
  spikes: { count: 3, window: 32 },
  /** T. A loss beyond twice that of the best constant and four times its median, so many steps in a row. */
  runaway: { ofNull: 2, ofMedian: 4, steps: 3 },
  /** S; C: together. log10 of first over last hidden relative gradient. */
  vanishing: { warn: -3, fault: -5, together: -3.3 },
  /** S; C: extreme, together. log10 of last over first activation, or first over last back-signal. */
  collapse: { profile: -3, extreme: -5, together: -4.2 },
  /** S. Initial loss over that of the best constant, and log10 of the profile's growth. */
  overscale: { warn: 2, fault: 50, profile: 2 },
  /**
   * T; A: samples. Samples a unit must have been silent for (3000: active on less than 0.1 % at 95 %, by the
   * rule of three), and the shares of a layer.
   */
  dead: { samples: 3000, manySamples: 512, warn: 0.5, fault: 0.9, growth: 0.2 },
  /** T; C: extreme. Derivative over its largest, and the share of units. */
  saturated: { derivative: 0.05, share: 0.5, extreme: 0.9 },
  /**
   * S; C: extreme, narrow, veryNarrow. Cosine of the gradients of an output at two near inputs (after Balduzzi et al. 2017,
   * arXiv 1702.08591), and the sum of 1 / width that must go with it.
   */
  shattered: { cosine: 0.35, extreme: 0.3, narrow: 0.5, veryNarrow: 1.5, pairs: 32, distance: 0.25 },
  /** T; C: turnsAlone. Variance between steps over variance within, and the share of turning points. */
  oscillating: { ratio: 4, window: 32, turns: 0.8, turnsAlone: 0.9 },
  /** T. Fall of the explained share below its best; where that is a loss beyond the best constant's, in units of it. */
  diverging: { fall: 0.5, steps: 16 },
  /** T; C: checks, explainedLong. Least gain of the explained share over the window; log10 of the relative update. */
  stalled: { window: 128, gain: 0.005, explained: 0.5, small: -5, large: -1, checks: 8, explainedLong: 0.3 },
  /** C. The median of the first losses over the very first, or over the best constant's. */
  leap: { steps: 8, ratio: 2, update: -1.5 },
  /** T. Steps without gain that make a symptom harmful. */
  noProgress: { window: 64 },
  /** T. Steps in a row without any gradient. */
  zero: { steps: 2 },
  /** C. Share of a layer's units that start as copies of others. */
  symmetric: { share: 0.5 },
  /** T. Explained share from which nothing is left to learn. */
  converged: { explained: 0.98 },
  /**
   * T; P: narrow. Variance of the weights over what the initialiser's gain wants; sum of 1 / width (Hanin 2018, arXiv
   * 1801.03744); chance of a dead layer.
   */
  init: { low: 0.5, high: 2, narrow: 1, bornDead: 0.01 },
  /** T. Predicted first relative update. */
  learningRate: { low: 1e-6, high: 0.1 },
  /** A. Half-life of the weights under weight decay alone: ln 2 / 0.02 = 35 steps, which no schedule makes good. */
  decay: { fault: 0.02 },
  /** A. Steps of the warm-up over those of the run: its rate never gets beyond a half, a tenth, of what was asked for. */
  warmup: { warn: 2, fault: 10 },
  /** C. An exact 0 that is no rounding: checks in a row, and the share of the largest signal below which products may underflow. */
  idle: { checks: 4, share: 1e-6 },
  /** T. Root mean square of a feature. */
  scale: { low: 0.05, high: 10 },
  /** C; T: z. A part's log norm against the others', in their standard deviation (0.25 at least); checks in a row that raise each kind. */
  shard: { z: 8, least: 0.25, same: 2, stale: 2, silent: 4, odd: 3 },
  /**
   * T; S: checks, smoothing. Batch over the simple noise scale (McCandlish et al. 2018, arXiv 1812.06162); the steps and
   * checks it takes to know it, and the weight of a check in its means.
   */
  batch: { ratio: 4, steps: 256, checks: 24, smoothing: 0.05 },
  /** T. Checks that must agree to raise, of how many; clean checks to clear; steps between two raises of a code. */
  hysteresis: { hits: 3, checks: 5, clean: 10, cooldown: 64 },
} as const

/** Steps 0 to 15 and every 16th are sampled. Of integers, since the remainder of doubles is slow; 16 divides 2^32. */
export const sampleEvery = 16
export const isSampled = (batch: number): boolean => batch < sampleEvery || (batch >>> 0) % sampleEvery === 0
