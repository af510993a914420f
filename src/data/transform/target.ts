import { suggest, UserError } from '../../errors.ts'
import { runNow } from '../steps.ts'
import type { Column, NumberColumn, Table } from '../table.ts'
import { resolveColumns, where } from '../table.ts'
import { columnMoments } from './features.ts'
import { countLabels, expectNumbers, labelAt, sortLabels } from './labels.ts'
import type { ClassTarget, TargetTransform, TaskChoice, TokenTarget, TransformOptions } from './types.ts'

/** So many different integers at most are taken for classes unasked. */
export const MAX_INFERRED_CLASSES = 20

/** The target columns: those asked for, else the table's own default, else the last column. */
export function targetColumns(table: Table, options: TransformOptions): Column[] {
  if (options.target !== undefined) {
    const refs = Array.isArray(options.target) ? options.target : [options.target]
    if (refs.length > 0) return resolveColumns(table, refs, 'data.target')
  }
  return resolveColumns(table, [table.defaultTarget ?? -1], 'data.target')
}

/**
 * The task if it is given. Else classification for text, for files of byte labels, and for at most 20 different
 * non-negative integers that each come twice on average; regression for the rest.
 */
export function inferTask(columns: readonly Column[], options: TransformOptions): TaskChoice {
  if (options.task && options.task !== 'auto') return { task: options.task, reason: 'as configured' }
  const [column] = columns
  if (columns.length > 1) return { task: 'regression', reason: `${columns.length} target columns` }
  if (column!.kind === 'text') return { task: 'classification', reason: 'the target is text' }
  if (column!.tokens) return { task: 'classification', reason: 'the target is what follows in the text' }
  if (column!.width > 1) return { task: 'regression', reason: `${column!.width} numbers per target` }
  const counts = countLabels(column!)
  const integers = [...counts.keys()].every((label) => /^\d+$/.test(label))
  const seen = `the target has ${counts.size} different ${integers ? 'integers' : 'numbers'}`
  const few = counts.size <= MAX_INFERRED_CLASSES && 2 * counts.size <= column!.values.length
  if (integers && few) return { task: 'classification', reason: seen }
  if (column!.values instanceof Uint8Array)
    return { task: 'classification', reason: 'the target is a file of byte labels' }
  return { task: 'regression', reason: seen }
}

/** Class names of a target column, sorted. Throws a UserError if it cannot be one of classes. */
export function classNames(table: Table, column: Column): string[] {
  if (column.kind === 'numbers') {
    expectNumbers(table, column)
    const row = column.values.findIndex((value) => !Number.isNaN(value) && !Number.isInteger(value))
    if (row >= 0) {
      throw new UserError(
        `Expected class labels (integers or texts) in column ${JSON.stringify(column.name)}, got \`${column.values[row]}\` ` +
          `in ${where(table, row)}. For numbers set data.task to 'regression'`,
      )
    }
  }
  const known = column.name === table.defaultTarget ? (table.classes ?? []) : []
  const names = sortLabels(new Set([...countLabels(column).keys(), ...known]))
  if (names.length < 2) {
    throw new UserError(
      `Expected two classes or more in column ${JSON.stringify(column.name)} of ${table.file}, got ` +
        (names.length === 0 ? 'none' : `only ${JSON.stringify(names[0])}`),
    )
  }
  if (names.length > 1000 || (names.length === table.rows && names.length > MAX_INFERRED_CLASSES)) {
    throw new UserError(
      `Expected classes in column ${JSON.stringify(column.name)} of ${table.file}, got ${names.length} different labels ` +
        `in ${table.rows} rows. Choose another data.target, or set data.task to 'regression'`,
    )
  }
  return names
}

export function fitTarget(table: Table, columns: readonly Column[], options: TransformOptions): TargetTransform {
  const { task } = inferTask(columns, options)
  if (task === 'classification') {
    if (columns.length === 1 && columns[0]!.width === 1) {
      const classes = options.classes ?? classNames(table, columns[0]!)
      return { kind: 'classes', name: columns[0]!.name, classes, ...(options.oneHot ? { oneHot: true } : {}) }
    }
    expectNoOneHot(options, `${columns.length === 1 ? 'several numbers a row' : `${columns.length} columns`}`)
    const classes = columns.flatMap((column) =>
      column.width === 1 ? column.name : Array.from({ length: column.width }, (_, i) => `${column.name}[${i}]`),
    )
    return { kind: 'probabilities', names: columns.map((column) => column.name), classes }
  }
  expectNoOneHot(options, 'numbers')
  const numbers = columns.map((column) => numberTarget(table, column))
  const widths = numbers.map((column) => column.width)
  const names = numbers.map((column) => column.name)
  const outputs = widths.reduce((sum, width) => sum + width, 0)
  const plain = { mean: Array<number>(outputs).fill(0), std: Array<number>(outputs).fill(1) }
  if (options.scaleTarget !== 'standardize') return { kind: 'numbers', names, widths, ...plain }
  const moments = numbers.map((column) => runNow(columnMoments(table, column)))
  return { kind: 'numbers', names, widths, mean: moments.flatMap((m) => m.mean), std: moments.flatMap((m) => m.std) }
}

function expectNoOneHot({ oneHot }: TransformOptions, got: string): void {
  if (!oneHot) return
  throw new UserError(`Expected one column of classes as target for data.oneHot, got ${got}. Leave data.oneHot out`)
}

function numberTarget(table: Table, column: Column): NumberColumn {
  if (column.kind === 'numbers') {
    expectNumbers(table, column)
    return column
  }
  const row = Math.max(
    0,
    column.values.findIndex((value) => value !== null),
  )
  throw new UserError(
    `Expected numbers in target column ${JSON.stringify(column.name)}, got ${JSON.stringify(column.values[row])} in ` +
      `${where(table, row)}. For classes set data.task to 'classification'`,
  )
}

/** `y` of a table, row-major: rows x `targets`. */
export function applyTarget(
  target: Exclude<TargetTransform, TokenTarget>,
  table: Table,
  columns: readonly Column[],
): Float32Array {
  if (target.kind === 'classes') return applyClasses(target, table, columns[0]!)
  const numbers = columns.map((column) => numberTarget(table, column))
  const targets = numbers.reduce((sum, column) => sum + column.width, 0)
  const expected = target.kind === 'numbers' ? target.mean.length : target.classes.length
  if (targets !== expected)
    throw new UserError(`Expected ${expected} target numbers a row in ${table.file}, got ${targets}`)
  const y = new Float32Array(table.rows * targets)
  for (let row = 0; row < table.rows; row++) {
    let output = 0
    let sum = 0
    for (const column of numbers) {
      for (let j = 0; j < column.width; j++, output++) {
        const value = column.values[row * column.width + j]!
        sum += value
        const scaled = target.kind === 'numbers' ? (value - target.mean[output]!) / target.std[output]! : value
        y[row * targets + output] = scaled
        if (!Number.isFinite(y[row * targets + output]!))
          throw badTarget(table, column.name, row, value, 'a finite number')
        if (target.kind === 'probabilities' && (value < 0 || value > 1)) {
          throw badTarget(table, column.name, row, value, 'a probability in 0..1')
        }
      }
    }
    if (target.kind === 'probabilities' && Math.abs(sum - 1) > 1e-3) {
      throw new UserError(`Expected class probabilities that add up to 1 in ${where(table, row)}, got ${sum}`)
    }
  }
  return y
}

function badTarget(table: Table, name: string, row: number, value: unknown, expected: string): UserError {
  const got = value === null || Number.isNaN(value) ? 'none (missing or NaN)' : `\`${String(value)}\``
  return new UserError(
    `Expected ${expected} as target in ${where(table, row)}, column ${JSON.stringify(name)}, got ${got}. ` +
      'Mend the value or remove the row: targets are never filled in',
  )
}

function applyClasses(target: ClassTarget, table: Table, column: Column): Float32Array {
  if (column.kind === 'numbers') expectNumbers(table, column)
  const indices = new Map(target.classes.map((name, i) => [name, i]))
  const y = new Float32Array(table.rows)
  for (let row = 0; row < table.rows; row++) {
    const label = labelAt(column, row)
    if (label === null) throw badTarget(table, column.name, row, null, 'a class label')
    const index = indices.get(label)
    if (index === undefined) {
      const close = suggest(label, target.classes)
      const some = target.classes.slice(0, 12).join(', ') + (target.classes.length > 12 ? ', ...' : '')
      throw new UserError(
        `Expected one of the ${target.classes.length} classes of the training data (${some}) in ${where(table, row)}, ` +
          `column ${JSON.stringify(column.name)}, got ${JSON.stringify(label)}` +
          (close === undefined ? '' : `. Did you mean ${JSON.stringify(close)}?`),
      )
    }
    y[row] = index
  }
  return y
}

/** Outputs of a regression in the target's own units: value * std + mean, row-major, rows x targets. */
export function inverseTarget(target: TargetTransform, values: Float32Array): Float32Array {
  if (target.kind !== 'numbers') return values
  const { mean, std } = target
  return values.map((value, i) => value * std[i % std.length]! + mean[i % mean.length]!)
}
