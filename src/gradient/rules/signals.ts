/** What the rules see of a step. */

/** One step's numbers; layers are those that have parameters, in the order of the model. One object, filled anew each step. */
export interface StepSignals {
  /** Batches before this one. */
  step: number
  loss: number
  /** Loss of the best constant; NaN where it is not known. */
  nullLoss: number
  gradNorm: number
  /** Of the log norm, as `observe` left it. */
  z: number
  /** Whether the update was made. */
  applied: boolean
  /** What `observe` said: see `Verdict`. */
  verdict: number
  /** Whether the batch was computed twice with different results, and the first of them. */
  mistaken: boolean
  firstLoss: number
  firstGradNorm: number
  learningRate: number
  /** Variance of the batch's mean loss, from its row blocks; NaN where there is one block. */
  lossVariance: number
  /** Parts of the batch whose gradients are summed, and their sums of squares; 0 parts where this step was not sampled. */
  parts: number
  partSquares: Float64Array
  /** Samples of each part; 0 where they differ, or their weights do. Squares of the sum of all parts. */
  partRows: number
  wholeSquares: number
  /** Whether parameters differ from what the last update left. */
  diverged: boolean
  /** Whether the fields below are of this step. */
  sampled: boolean
  layers: number
  /** Sums of squares of the mean gradient. */
  squares: Float64Array
  /** 2-norms of weights and of the last update. */
  weights: Float64Array
  updates: Float64Array
  /** Root mean squares of outputs and back-signals; NaN where a layer shows none. */
  activations: Float64Array
  backSignals: Float64Array
  /** Shares of units: active on this batch; silent on the last `silentSamples`; with a flat derivative. NaN: no such units. */
  active: Float64Array
  silent: Float64Array
  silentSamples: Float64Array
  flat: Float64Array
}
