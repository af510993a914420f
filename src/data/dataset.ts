/**
 * What training takes: rows of numbers. `x` is rows x features, `y` is rows x targets, both row-major.
 * For classification `y` has one column holding class indices, or one column per class holding probabilities.
 */
export interface Dataset {
  readonly rows: number
  readonly features: number
  readonly targets: number
  readonly x: Float32Array
  readonly y: Float32Array
  /** One non-negative weight per row; all 1 when absent. */
  readonly sampleWeight?: Float32Array | undefined
  readonly featureNames?: readonly string[] | undefined
  /** Names of the classes, by class index, when `y` holds class indices. */
  readonly classNames?: readonly string[] | undefined
}
