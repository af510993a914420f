import type { Pointer } from './pointer.ts'

/** `outputs` are what the last layer gives: logits for the cross-entropies. The numbers are the ABI, as those of `Activation`. */
export const Loss = {
  /** Labels are one class index per row. */
  sparseCategoricalCrossentropy: 0,
  /** Targets are one probability per class. */
  categoricalCrossentropy: 1,
  /** Targets in [0, 1] per output; outputs are logits; mean over the outputs of a row. */
  binaryCrossentropy: 2,
  /** Mean over the outputs of a row. */
  meanSquaredError: 3,
  meanAbsoluteError: 4,
  /** Quadratic below `parameter` (delta), linear above; mean over the outputs of a row. */
  huber: 5,
  /**
   * Of logits: t alpha (1 - p)^gamma -log p + (1 - t) (1 - alpha) p^gamma -log(1 - p), p = sigmoid(x), gamma the
   * `parameter`, alpha the `second`; mean over the outputs of a row (Lin et al. 2017, arXiv 1708.02002).
   */
  binaryFocalCrossentropy: 6,
  /** Labels are one class index per row: (1 - p)^gamma -log p, p the softmax of the true class, gamma the `parameter`. */
  sparseCategoricalFocalCrossentropy: 7,
  /** max(0, 1 - s x), s = 1 where the target is above 0, else -1; mean over the outputs of a row. */
  hinge: 8,
  /** Sum of t log(t / p), p = softmax(x): targets are probabilities, 0 log 0 = 0. */
  klDivergence: 9,
  /** 1 - x.t / (|x| |t|); 1, without a gradient, where either is zero. */
  cosineDistance: 10,
} as const
export type LossName = keyof typeof Loss
export type LossCode = (typeof Loss)[LossName]

export interface LossKernels {
  /**
   * Returns the sum over rows of weight * loss (float64) and, unless `gradient` is -1, writes
   * gradient[r, c] = weight[r] * d loss[r] / d outputs[r, c]. Not divided by the number of rows.
   * `targets` is rows x 1 for sparse labels (an index stored as a float), else rows x cols.
   * `parameter`: label smoothing in [0, 1) for the three cross-entropies (targets t become t(1-s) + s/cols;
   * for the binary one t(1-s) + s/2), delta for huber, gamma for the focal ones, unused otherwise.
   * `second`: alpha of the binary focal loss, unused otherwise.
   * A sparse label that is no class index gives NaN, in the sum and in the gradient of its row.
   * A row of weight 0 adds exactly 0 to the sum and a zero gradient, even where its loss is not finite.
   */
  loss(
    kind: LossCode,
    rows: number,
    cols: number,
    outputs: Pointer,
    targets: Pointer,
    weights: Pointer,
    gradient: Pointer | -1,
    parameter: number,
    second: number,
  ): number
}
