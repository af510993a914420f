/** Losses as the rest of the program sees them: their kernel, what targets they take, what `predict` gives. */
import { UserError } from '../errors.ts'
import { Loss } from '../kernels/kernels.ts'
import type { LossCode, Pointer } from '../kernels/kernels.ts'
import type { LossConfig } from './config.ts'
import { guarded, ownLoss } from './own.ts'
import type { Floats } from './own.ts'

export interface LossRule {
  readonly code: LossCode
  /** Label smoothing, huber's delta or a focal gamma: the kernel's `parameter`; and its `second`. */
  readonly parameter: number
  readonly second: number
  /** What a row's targets are: one class index, one for each of its positions (-1: none), or a number per output. */
  readonly takes: 'label' | 'labels' | 'numbers'
  /** In place of the kernel: the user's, row by row. */
  readonly own?: OwnRow
  /** What turns outputs into predictions: the cross-entropies take logits, users expect probabilities. */
  readonly link: 'identity' | 'softmax' | 'sigmoid'
}

/** @returns the loss of a row, its gradient written into `gradient` */
export type OwnRow = (output: Floats, target: Floats, gradient: Floats) => number

/** The same as the kernels': the sum over rows of weight x loss, and weight x d loss / d output where wanted. */
export function ownLossOf(
  own: OwnRow,
  memory: Float32Array,
  rows: number,
  cols: number,
  targetCols: number,
  outputs: Pointer,
  targets: Pointer,
  weights: Pointer,
  gradient: Pointer | -1,
): number {
  let sum = 0
  const unasked = gradient === -1 ? new Float32Array(cols) : undefined
  for (let r = 0; r < rows; r++) {
    const weight = memory[weights + r]!
    const into = unasked ?? memory.subarray(gradient + r * cols, gradient + (r + 1) * cols)
    if (weight === 0) {
      into.fill(0)
      continue
    }
    const output = memory.subarray(outputs + r * cols, outputs + (r + 1) * cols)
    const target = memory.subarray(targets + r * targetCols, targets + (r + 1) * targetCols)
    sum += weight * own(output, target, into)
    if (weight !== 1) for (let c = 0; c < cols; c++) into[c]! *= weight
  }
  return sum
}

function ownRule({ module = '', options = {} }: LossConfig): LossRule {
  const { loss, link = 'identity' } = ownLoss(module)
  const own: OwnRow = (output, target, gradient) =>
    guarded(undefined, module, 'loss', () => loss(output, target, gradient, options))
  return { code: Loss.meanSquaredError, parameter: 0, second: 0, takes: 'numbers', link, own }
}

export function lossRule(config: LossConfig): LossRule {
  const smoothed = { parameter: config.labelSmoothing ?? 0, second: 0 }
  const plain = { parameter: 0, second: 0 }
  const gamma = config.gamma ?? 2
  switch (config.type) {
    case 'custom':
      return ownRule(config)
    case 'sparseCategoricalCrossentropy':
      return { code: Loss[config.type], ...smoothed, takes: 'label', link: 'softmax' }
    case 'maskedCrossentropy':
      return { code: Loss.sparseCategoricalCrossentropy, ...smoothed, takes: 'labels', link: 'softmax' }
    case 'sparseCategoricalFocalCrossentropy':
      return { code: Loss[config.type], parameter: gamma, second: 0, takes: 'label', link: 'softmax' }
    case 'categoricalCrossentropy':
      return { code: Loss[config.type], ...smoothed, takes: 'numbers', link: 'softmax' }
    case 'klDivergence':
      return { code: Loss[config.type], ...plain, takes: 'numbers', link: 'softmax' }
    case 'binaryCrossentropy':
      return { code: Loss[config.type], ...smoothed, takes: 'numbers', link: 'sigmoid' }
    case 'binaryFocalCrossentropy':
      return {
        code: Loss[config.type],
        parameter: gamma,
        second: config.alpha ?? 0.25,
        takes: 'numbers',
        link: 'sigmoid',
      }
    case 'meanSquaredError':
    case 'meanAbsoluteError':
    case 'hinge':
    case 'cosineDistance':
      return { code: Loss[config.type], ...plain, takes: 'numbers', link: 'identity' }
    case 'huber':
      return { code: Loss[config.type], parameter: config.delta ?? 1, second: 0, takes: 'numbers', link: 'identity' }
  }
}

/** Whether a loss is about classes: `accuracy` makes sense of its outputs. */
export const classifies = (config: LossConfig): boolean =>
  lossRule(config).link !== 'identity' || config.type === 'hinge'

/** Whether targets are class indices, between which there is nothing. */
export const takesLabels = (config: LossConfig): boolean =>
  config.type !== 'custom' && lossRule(config).takes !== 'numbers'

/** Classes of a row, or of each of its positions. */
export const classesOf = (rule: LossRule, outputs: number, targets: number): number =>
  rule.takes === 'labels' ? outputs / targets : outputs

/**
 * Shares a row's weight out to its positions that have a label, evenly: a row counts as one, however long it is.
 * Masked positions weigh 0; a row without a label loses 0.
 */
export function weighPositions(
  memory: Float32Array,
  rows: number,
  positions: number,
  labels: Pointer,
  rowWeights: Pointer,
  weights: Pointer,
): void {
  for (let r = 0; r < rows; r++) {
    const start = r * positions
    let labelled = 0
    for (let p = 0; p < positions; p++) if (!(memory[labels + start + p]! < 0)) labelled++
    for (let p = 0; p < positions; p++) {
      memory[weights + start + p] = memory[labels + start + p]! < 0 ? 0 : memory[rowWeights + r]! / labelled
    }
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
  const rule = lossRule(config)
  // What it makes of them is its own affair.
  if (rule.own) return
  if (rule.takes === 'labels' && (outputs % targets !== 0 || outputs === targets)) {
    throw new UserError(
      `Expected outputs of [positions x classes] for loss \`${config.type}\` with labels of ${targets} positions ` +
        `per row, got ${outputs} outputs. Make the last layer give ${targets} times the number of classes.`,
    )
  }
  const expected = rule.takes === 'label' ? 1 : rule.takes === 'labels' ? targets : outputs
  if (targets !== expected) {
    const advice =
      rule.takes === 'label'
        ? "Give class indices in one column, or use loss: 'categoricalCrossentropy' for one probability per class."
        : `Set the last layer's \`units\` to ${targets}, or choose another loss.`
    throw new UserError(
      `Expected targets of shape [rows, ${expected}] for loss \`${config.type}\` over ${outputs} outputs, ` +
        `got [rows, ${targets}]. ${advice}`,
    )
  }
  if (rule.takes !== 'numbers') {
    const classes = classesOf(rule, outputs, targets)
    const least = rule.takes === 'labels' ? -1 : 0
    if (classNames && classNames.length > classes) {
      const some = classNames.slice(0, 5).join(', ') + (classNames.length > 5 ? ', ..' : '')
      throw new UserError(
        `Expected the last layer to have a unit for each of the ${classNames.length} classes of the data (${some}), ` +
          `got ${classes}. Set its \`units\` to ${classNames.length}.`,
      )
    }
    for (let i = 0; i < y.length; i++) {
      const label = y[i]!
      if (!(Number.isInteger(label) && label >= least && label < classes)) {
        throw new UserError(
          `Expected labels to be integers from ${least} to ${classes - 1} (the last layer has ${classes} units), ` +
            `got \`${label}\` in row ${Math.floor(i / targets)}. Correct the label, or set the last layer's \`units\` to the number of classes.`,
        )
      }
    }
  }
  if (rule.takes === 'numbers' && rule.link !== 'identity') {
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
