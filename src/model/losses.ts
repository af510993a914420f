/** Losses as the rest of the program sees them: their kernel, what targets they take, what `predict` gives. */
import { UserError } from '../errors.ts'
import { Loss } from '../kernels/kernels.ts'
import type { LossCode } from '../kernels/kernels.ts'
import type { LossConfig } from './config.ts'

export interface LossRule {
  readonly code: LossCode
  /** Label smoothing, or huber's delta: the kernel's `parameter`. */
  readonly parameter: number
  /** Columns of `y` for so many outputs. */
  targets(outputs: number): number
  /** What turns outputs into predictions: the cross-entropies take logits, users expect probabilities. */
  readonly link: 'identity' | 'softmax' | 'sigmoid'
}

export function lossRule(config: LossConfig): LossRule {
  const code = Loss[config.type]
  const smoothing = config.labelSmoothing ?? 0
  switch (config.type) {
    case 'sparseCategoricalCrossentropy':
      return { code, parameter: smoothing, targets: () => 1, link: 'softmax' }
    case 'categoricalCrossentropy':
      return { code, parameter: smoothing, targets: (outputs) => outputs, link: 'softmax' }
    case 'binaryCrossentropy':
      return { code, parameter: smoothing, targets: (outputs) => outputs, link: 'sigmoid' }
    case 'meanSquaredError':
    case 'meanAbsoluteError':
      return { code, parameter: 0, targets: (outputs) => outputs, link: 'identity' }
    case 'huber':
      return { code, parameter: config.delta ?? 1, targets: (outputs) => outputs, link: 'identity' }
  }
}

/** Refuses targets that the loss cannot take, naming both shapes. */
export function checkTargets(
  config: LossConfig,
  outputs: number,
  targets: number,
  y: Float32Array,
  classNames?: readonly string[],
): void {
  const expected = lossRule(config).targets(outputs)
  if (targets !== expected) {
    const advice =
      config.type === 'sparseCategoricalCrossentropy'
        ? "Give class indices in one column, or use loss: 'categoricalCrossentropy' for one probability per class."
        : `Set the last layer's \`units\` to ${targets}, or choose another loss.`
    throw new UserError(
      `Expected targets of shape [rows, ${expected}] for loss \`${config.type}\` over ${outputs} outputs, ` +
        `got [rows, ${targets}]. ${advice}`,
    )
  }
  if (config.type === 'sparseCategoricalCrossentropy') {
    if (classNames && classNames.length > outputs) {
      const some = classNames.slice(0, 5).join(', ') + (classNames.length > 5 ? ', ..' : '')
      throw new UserError(
        `Expected the last layer to have a unit for each of the ${classNames.length} classes of the data (${some}), ` +
          `got ${outputs}. Set its \`units\` to ${classNames.length}.`,
      )
    }
    for (let i = 0; i < y.length; i++) {
      const label = y[i]!
      if (!(Number.isInteger(label) && label >= 0 && label < outputs)) {
        throw new UserError(
          `Expected labels to be integers from 0 to ${outputs - 1} (the last layer has ${outputs} units), ` +
            `got \`${label}\` in row ${i}. Correct the label, or set the last layer's \`units\` to the number of classes.`,
        )
      }
    }
  }
  if (config.type === 'binaryCrossentropy' || config.type === 'categoricalCrossentropy') {
    for (let i = 0; i < y.length; i++) {
      if (!(y[i]! >= 0 && y[i]! <= 1)) {
        throw new UserError(
          `Expected targets between 0 and 1 for loss \`${config.type}\`, got \`${y[i]}\` in row ` +
            `${Math.floor(i / targets)}, column ${i % targets}.`,
        )
      }
    }
  }
}
