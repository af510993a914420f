/**
 * How often each class was taken for each: the counts behind accuracy, precision, recall and F1, which agree with it
 * row for row. After Kohavi and Provost, "Glossary of terms" (1998): rows are the truth, columns what was predicted.
 */
import type { LossConfig } from '../config.ts'
import { classesOf, classifies, lossRule } from '../losses.ts'
import type { Metric } from '../metrics.ts'
import { argmax, classOf } from './rows.ts'

export interface ConfusionMatrix {
  /** By name where names are known, else '0', '1', .. */
  readonly classes: readonly string[]
  /** `counts[t][p]`: rows (or labelled positions of them) of class t that were taken for class p. */
  readonly counts: readonly (readonly number[])[]
  /** Rows of each class that were taken for none, because their outputs were not numbers. */
  readonly undecided: readonly number[]
}

/** Above it, nobody reads the matrix, and its counts are as many as the weights of a layer. */
const MAX_CLASSES = 1024

/** Classes that a model chooses one of; 0 where it does not: numbers, several yes-or-no answers, more than 1,024. */
export function confusableClasses(loss: LossConfig, outputs: number, targets: number): number {
  if (!classifies(loss)) return 0
  const rule = lossRule(loss)
  if (rule.link !== 'softmax') return outputs === 1 ? 2 : 0
  const classes = classesOf(rule, outputs, targets)
  return classes >= 2 && classes <= MAX_CLASSES ? classes : 0
}

/** Sums: for each true class the rows by predicted class, then those of none. Its value is the accuracy. */
export function confusion(outputs: number, single: boolean): Metric {
  const classes = single ? 2 : outputs
  const width = classes + 1
  return {
    key: 'confusion',
    sums: classes * width,
    larger: true,
    add(memory, o, t, cols, targets, sums, s) {
      const truth = single ? Number(memory[t]! > 0.5) : classOf(memory, t, targets)
      const predicted = single ? Number(memory[o]! > 0) : argmax(memory, o, cols)
      sums[s + truth * width + (predicted < 0 ? classes : predicted)]! += 1
    },
    value(sums, s, rows) {
      let right = 0
      for (let c = 0; c < classes; c++) right += sums[s + c * width + c]!
      return right / rows
    },
  }
}

/** @param names of the classes, where they are known */
export function readConfusion(
  sums: Float64Array,
  s: number,
  classes: number,
  names?: readonly string[],
): ConfusionMatrix {
  const range = Array.from({ length: classes }, (_, c) => c)
  const row = (c: number) => sums.subarray(s + c * (classes + 1), s + (c + 1) * (classes + 1))
  return {
    classes: range.map((c) => names?.[c] ?? String(c)),
    counts: range.map((c) => Array.from(row(c).subarray(0, classes))),
    undecided: range.map((c) => row(c)[classes]!),
  }
}
