/** What a model's outputs say in the words of the data: classes by name, numbers in their units. */
import { inverseTarget } from './transform/target.ts'
import type { TargetTransform } from './transform/types.ts'

/** `probabilities` are by class, in the order of the classes. */
export type Answer =
  | { readonly class: string; readonly probability: number; readonly probabilities: readonly number[] }
  | Readonly<Record<string, number>>

export interface ClassAnswer {
  readonly class: string
  readonly probability: number
  readonly probabilities: readonly number[]
}

/**
 * The outputs that are asked about: all; of a running text, what follows the last token that a row has.
 * @param x rows x features, as the outputs were made from
 */
export function askedOutputs(
  outputs: Float32Array,
  x: Float32Array,
  rows: number,
  target: TargetTransform | undefined,
): Float32Array {
  if (target?.kind !== 'tokens') return outputs
  const { width } = target
  const cols = outputs.length / rows / width
  const asked = new Float32Array(rows * cols)
  for (let row = 0; row < rows; row++) {
    const last = x.subarray(row * width, (row + 1) * width).findLastIndex((token) => token > 0)
    const at = (row * width + Math.max(0, last)) * cols
    asked.set(outputs.subarray(at, at + cols), row * cols)
  }
  return asked
}

/** @param outputs rows x outputs, row-major, as `predict` gives them */
export function answersOf(outputs: Float32Array, rows: number, target: TargetTransform | undefined): Answer[] {
  if (target === undefined || target.kind === 'numbers') return numberAnswers(outputs, rows, target)
  return classAnswers(outputs, rows, target.classes)
}

export function classAnswers(outputs: Float32Array, rows: number, classes: readonly string[]): ClassAnswer[] {
  return rowsOf(outputs, rows).map((row) => {
    // One output of a sigmoid is the probability of the second class.
    const probabilities = row.length === 1 ? [1 - row[0]!, row[0]!] : row
    const index = probabilities.indexOf(Math.max(...probabilities))
    return { class: classes[index] ?? String(index), probability: probabilities[index] ?? NaN, probabilities }
  })
}

export function numberAnswers(
  outputs: Float32Array,
  rows: number,
  target: Extract<TargetTransform, { kind: 'numbers' }> | undefined,
): Record<string, number>[] {
  const values = target ? inverseTarget(target, outputs) : outputs
  const names = numberNames(values.length / rows, target)
  return rowsOf(values, rows).map((row) => Object.fromEntries(row.map((value, j) => [names[j]!, value])))
}

/** A name for each output. */
export function numberNames(
  cols: number,
  target: { readonly names: readonly string[] } | undefined,
): readonly string[] {
  return target?.names.length === cols ? target.names : Array.from({ length: cols }, (_, j) => `output${j}`)
}

function rowsOf(values: Float32Array, rows: number): number[][] {
  const cols = values.length / rows
  return Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * cols, (i + 1) * cols)))
}
