import { UserError } from '../errors.ts'
import type { Dataset } from './dataset.ts'
import { toCategorical } from './one-hot.ts'
import { runNow, runSliced, type Steps } from './steps.ts'
import { knownColumn, resolveColumns, type Column, type Table } from './table.ts'
import {
  applyCategorical,
  applyNumeric,
  fitCategorical,
  fitNumeric,
  outputNames,
  outputWidth,
} from './transform/features.ts'
import { applyTarget, fitTarget, targetColumns } from './transform/target.ts'
import { applyText, fitText, tokenTarget } from './transform/text.ts'
import type { FeatureTransform, TargetTransform, TextConfig, Transform, TransformOptions } from './transform/types.ts'

export { classNames, inferTask, inverseTarget, targetColumns } from './transform/target.ts'
export type * from './transform/types.ts'

/** x is float32: more elements than this are over 4 GiB, which no arena holds. */
const MAX_ELEMENTS = 2 ** 30

/** Fits on the training part. Throws a UserError that names file, line, column and value. */
export function fitTransform(table: Table, options: TransformOptions = {}): Transform {
  return runNow(fitSteps(table, options))
}

/** As `fitTransform`, leaving the event loop free between slices. */
export function fitTransformSliced(table: Table, options: TransformOptions = {}): Promise<Transform> {
  return runSliced(fitSteps(table, options))
}

/** A table as numbers for training; a table without the target columns gives `targets` 0 and an empty `y`. */
export function applyTransform(transform: Transform, table: Table): Dataset {
  return runNow(applySteps(transform, table))
}

/** As `applyTransform`, leaving the event loop free between slices. */
export function applyTransformSliced(transform: Transform, table: Table): Promise<Dataset> {
  return runSliced(applySteps(transform, table))
}

function* fitSteps(table: Table, options: TransformOptions): Steps<Transform> {
  const targets = targetColumns(table, options)
  const categorical = new Set(resolveColumns(table, options.categorical ?? [], 'data.categorical'))
  const features: FeatureTransform[] = []
  for (const column of featureColumns(table, targets, options)) {
    const asked = categorical.has(column)
    if (column.kind === 'numbers' && column.tokens) {
      features.push(fitText(column, { tokens: column.tokens, size: column.width }))
      continue
    }
    if (!asked && options.text && isText(table, column, options.text)) {
      features.push(fitText(column, options.text))
      continue
    }
    if (asked || column.kind === 'text') features.push(fitCategorical(table, column, options, asked))
    else features.push(yield* fitNumeric(table, column, options))
    yield
  }
  const [target] = targets
  const running = features.find((feature) => feature.kind === 'text')
  if (target?.kind === 'numbers' && target.tokens && running) {
    return { version: 1, features, target: tokenTarget(target.name, running) }
  }
  return { version: 1, features, target: fitTarget(table, targets, options) }
}

/** The columns that are read as texts: those named, else every one of text. */
function isText(table: Table, column: Column, { columns }: TextConfig): boolean {
  return columns ? resolveColumns(table, columns, 'data.text.columns').includes(column) : column.kind === 'text'
}

function featureColumns(table: Table, targets: readonly Column[], options: TransformOptions): Column[] {
  const dropped = resolveColumns(table, options.drop ?? [], 'data.drop')
  const chosen = options.features ? resolveColumns(table, options.features, 'data.features') : table.columns
  const both = options.features && chosen.find((column) => targets.includes(column))
  if (both) {
    throw new UserError(
      `Expected data.features and data.target to differ, got ${JSON.stringify(both.name)} in both. ` +
        'Its answer would be among its inputs',
    )
  }
  const features = chosen.filter((column) => !targets.includes(column) && !dropped.includes(column))
  if (features.length > 0) return features
  throw new UserError(
    `Expected a feature column or more in ${table.file}, got none: its columns are ${columnNames(table)}, the ` +
      `target is ${targets.map(({ name }) => name).join(', ')}. Name others in data.target or data.drop, name the ` +
      'file of labels in data.labels (IDX, NPY), or check data.delimiter',
  )
}

function* applySteps(transform: Transform, table: Table): Steps<Dataset> {
  const { rows } = table
  if (rows === 0) throw new UserError(`Expected rows of data in ${table.file}, got none`)
  const features = transform.features.reduce((sum, feature) => sum + outputWidth(feature), 0)
  if (rows * features > MAX_ELEMENTS) {
    throw new UserError(
      `Expected at most 2^30 numbers, got ${rows} rows x ${features} features of ${table.file}. ` +
        'Set data.limit, or drop columns of many categories',
    )
  }
  const x = new Float32Array(rows * features)
  let offset = 0
  for (const feature of transform.features) {
    const column = sourceColumn(table, feature, transform)
    if (feature.kind === 'numeric') yield* applyNumeric(feature, table, column, x, offset, features)
    else if (feature.kind === 'text') yield* applyText(feature, table, column, x, offset, features)
    else applyCategorical(feature, table, column, x, offset, features)
    offset += outputWidth(feature)
    yield
  }
  const y = yield* applyTargetIfThere(transform.target, table)
  const featureNames = transform.features.flatMap(outputNames)
  const names = transform.target.kind === 'numbers' ? undefined : transform.target.classes
  const data = { rows, features, targets: y.length / rows, x, y, featureNames, classNames: names }
  return transform.target.kind === 'classes' && transform.target.oneHot && data.targets > 0 ? toCategorical(data) : data
}

function sourceColumn(table: Table, feature: FeatureTransform, transform: Transform): Column {
  const { name } = feature
  const found = knownColumn(table, name, feature.kind === 'numeric' ? feature.width : 1)
  if (found) return found
  const only = transform.features.length === 1 && feature.kind === 'numeric'
  const plain = only ? plainRows(table, name, feature.width) : undefined
  if (plain) return plain
  const features = transform.features
    .slice(0, 12)
    .map((one) => (one.kind !== 'categorical' && one.width > 1 ? `${one.name} (${one.width} numbers a row)` : one.name))
  if (transform.features.length > 12) features.push(`... (${transform.features.length} columns)`)
  throw new UserError(
    `Expected column ${JSON.stringify(name)} as in the training data, whose features are ${features.join(', ')}; ` +
      `${table.file} has ${columnNames(table)}. Check the header and the delimiter`,
  )
}

/** For a model that takes one array of numbers, as of NPY with labels beside it: columns without names, `width` in all. */
function plainRows({ rows, columns }: Table, name: string, width: number): Column | undefined {
  const isPlain = (column: Column, i: number) =>
    column.kind === 'numbers' && column.width === 1 && !column.text && column.name === `${i}`
  if (columns.length !== width || !columns.every(isPlain)) return undefined
  const values = new Float64Array(rows * width)
  columns.forEach((column, i) => {
    for (let row = 0; row < rows; row++) values[row * width + i] = column.values[row] as number
  })
  return { kind: 'numbers', name, width, values }
}

function columnNames({ columns }: Table): string {
  const names = columns.slice(0, 12).map(({ name }) => name)
  return names.join(', ') + (columns.length > 12 ? `, ... (${columns.length} columns)` : '')
}

function* applyTargetIfThere(target: TargetTransform, table: Table): Steps<Float32Array> {
  const names = 'name' in target ? [target.name] : target.names
  const widthOf = (i: number) => (target.kind === 'numbers' ? target.widths[i]! : 1)
  const columns = names.flatMap((name, i) => knownColumn(table, name, widthOf(i)) ?? [])
  if (columns.length < names.length) return new Float32Array(0)
  if (target.kind !== 'tokens') return applyTarget(target, table, columns)
  const y = new Float32Array(table.rows * target.width)
  yield* applyText(target, table, columns[0]!, y, 0, target.width)
  return y
}
