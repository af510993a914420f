import type { ColumnRef, DataConfig, Task, TextConfig } from '../config.ts'

export type { TextConfig }

/** What was fitted on the training part: plain data, saved with the model and applied to any other part. */
export interface Transform {
  readonly version: 1
  readonly features: readonly FeatureTransform[]
  readonly target: TargetTransform
}

export type FeatureTransform = NumericFeature | CategoricalFeature | TextFeature

/** (value - mean) * factor. `mean` and `factor` hold one number for all of the column, or `width`. */
export interface NumericFeature {
  readonly kind: 'numeric'
  readonly name: string
  readonly width: number
  readonly mean: readonly number[]
  readonly factor: readonly number[]
  /** Put in place of missing values, before scaling; absent: a missing value is an error. */
  readonly fill?: readonly number[] | undefined
}

/** One output per category, 1 for the row's own and 0 for the others. */
export interface CategoricalFeature {
  readonly kind: 'categorical'
  readonly name: string
  readonly categories: readonly string[]
  readonly unknown: 'error' | 'zero'
  readonly fill?: string | undefined
}

/** `width` numbers: counts of words by their hash, or the first characters or bytes. See transform/text.ts. */
export interface TextFeature {
  readonly kind: 'text'
  readonly name: string
  readonly tokens: TextConfig['tokens']
  readonly width: number
  /** Of `chars`: what training has seen, the most frequent first. The first is number 2. */
  readonly alphabet?: string | undefined
}

export type TargetTransform = ClassTarget | ProbabilityTarget | NumberTarget | TokenTarget

/** One column of class indices into `classes`. */
export interface ClassTarget {
  readonly kind: 'classes'
  readonly name: string
  readonly classes: readonly string[]
  /** As one column per class, 1 for the row's own. */
  readonly oneHot?: boolean | undefined
}

/** One column of probability per class, read from the source columns `names`. */
export interface ProbabilityTarget {
  readonly kind: 'probabilities'
  readonly names: readonly string[]
  readonly classes: readonly string[]
}

/** (value - mean) / std of each target: 0 and 1 unless standardised. */
export interface NumberTarget {
  readonly kind: 'numbers'
  readonly names: readonly string[]
  readonly widths: readonly number[]
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** What follows each token of a running text: the same numbers as the tokens themselves. */
export interface TokenTarget extends Omit<TextFeature, 'kind'> {
  readonly kind: 'tokens'
  /** A name for each number. */
  readonly classes: readonly string[]
}

export type TransformOptions = Pick<
  DataConfig,
  | 'features'
  | 'drop'
  | 'categorical'
  | 'task'
  | 'fillMissing'
  | 'scale'
  | 'unknownCategory'
  | 'scaleTarget'
  | 'text'
  | 'oneHot'
> & {
  target?: ColumnRef | readonly ColumnRef[] | undefined
  /** Class names, where more is known than the training part shows. */
  classes?: readonly string[] | undefined
}

/** The task, and in words why it was chosen. */
export interface TaskChoice {
  readonly task: Task
  readonly reason: string
}
