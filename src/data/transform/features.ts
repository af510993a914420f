import { suggest, UserError } from '../../errors.ts'
import { sliceRows, type Steps } from '../steps.ts'
import type { Column, NumberColumn, Table } from '../table.ts'
import { where } from '../table.ts'
import { countLabels, expectNumbers, labelAt, missingValue, sortLabels } from './labels.ts'
import type { CategoricalFeature, FeatureTransform, NumericFeature, TransformOptions } from './types.ts'

/** A column of text becomes categories unasked up to so many. */
const MAX_UNASKED_CATEGORIES = 1000

/** Numbers that a feature takes in a row of `x`. */
export function outputWidth(feature: FeatureTransform): number {
  return feature.kind === 'categorical' ? feature.categories.length : feature.width
}

export function outputNames(feature: FeatureTransform): string[] {
  if (feature.kind === 'categorical') return feature.categories.map((category) => `${feature.name}=${category}`)
  if (feature.width === 1) return [feature.name]
  return Array.from({ length: feature.width }, (_, i) => `${feature.name}[${i}]`)
}

/** Means and standard deviations are float64 sums in row order, over the values that are there. */
export function* fitNumeric(table: Table, column: NumberColumn, options: TransformOptions): Steps<NumericFeature> {
  expectNumbers(table, column)
  const { name, width } = column
  const { scale = 'standardize', fillMissing = 'error' } = options
  const needsMoments = scale === 'standardize' || fillMissing === 'mean'
  const moments = needsMoments ? yield* columnMoments(table, column) : undefined
  const fill = fillMissing === 'error' ? undefined : fillMissing === 'mean' ? moments!.mean : [fillMissing]
  if (scale === 'standardize') {
    const { mean, std } = moments!
    return { kind: 'numeric', name, width, mean, factor: std.map((value) => 1 / value), fill }
  }
  return { kind: 'numeric', name, width, mean: [0], factor: [scale === 'none' ? 1 : scale], fill }
}

/** Mean and population standard deviation per number of a row; a constant has 1. A second pass keeps the digits. */
export function* columnMoments(table: Table, column: NumberColumn): Steps<{ mean: number[]; std: number[] }> {
  const { width, values } = column
  const count = new Float64Array(width)
  const mean = new Float64Array(width)
  const variance = new Float64Array(width)
  const min = new Float64Array(width).fill(Infinity)
  const max = new Float64Array(width).fill(-Infinity)
  for (const [start, end] of slices(table.rows, width)) {
    for (let i = start * width, j = 0; i < end * width; i++, j = j + 1 === width ? 0 : j + 1) {
      const value = values[i]!
      if (Number.isNaN(value)) continue
      count[j]!++
      mean[j]! += value
      if (value < min[j]!) min[j] = value
      if (value > max[j]!) max[j] = value
    }
    yield
  }
  for (let j = 0; j < width; j++) {
    if (count[j] === 0) {
      throw new UserError(
        `Expected values in column ${JSON.stringify(column.name)} of ${table.file}, got only missing ones. ` +
          'List it in data.drop',
      )
    }
    mean[j]! /= count[j]!
  }
  for (const [start, end] of slices(table.rows, width)) {
    for (let i = start * width, j = 0; i < end * width; i++, j = j + 1 === width ? 0 : j + 1) {
      const distance = values[i]! - mean[j]!
      if (!Number.isNaN(distance)) variance[j]! += distance * distance
    }
    yield
  }
  const std = Array.from(variance, (sum, j) => (min[j] === max[j] ? 1 : Math.sqrt(sum / count[j]!) || 1))
  return { mean: Array.from(mean), std }
}

function* slices(rows: number, width: number): Generator<[number, number]> {
  const step = sliceRows(width)
  for (let start = 0; start < rows; start += step) yield [start, Math.min(start + step, rows)]
}

export function fitCategorical(
  table: Table,
  column: Column,
  options: TransformOptions,
  asked: boolean,
): FeatureTransform {
  const { name } = column
  if (column.width !== 1)
    throw new UserError(`Expected one value a row in categorical column ${name}, got ${column.width}`)
  if (column.kind === 'numbers') expectNumbers(table, column)
  const counts = countLabels(column)
  if (!asked && counts.size > MAX_UNASKED_CATEGORIES) {
    throw new UserError(
      `Expected numbers or few categories in column ${JSON.stringify(name)} of ${table.file}, got ${counts.size} ` +
        'different texts. List it in data.drop, or in data.categorical if one input for each is meant',
    )
  }
  if (counts.size === 0) {
    throw new UserError(`Expected values in column ${JSON.stringify(name)} of ${table.file}, got only missing ones`)
  }
  const categories = sortLabels(counts.keys())
  const mostFrequent = categories.reduce((best, next) => (counts.get(next)! > counts.get(best)! ? next : best))
  const fill = (options.fillMissing ?? 'error') === 'error' ? undefined : mostFrequent
  return { kind: 'categorical', name, categories, unknown: options.unknownCategory ?? 'error', fill }
}

/** Writes a feature's part, at `offset` of each row of `stride` numbers, into `x`. */
export function* applyNumeric(
  feature: NumericFeature,
  table: Table,
  column: Column,
  x: Float32Array,
  offset: number,
  stride: number,
): Steps<void> {
  const { name, width, mean, factor, fill } = feature
  if (column.kind === 'text') {
    const row = Math.max(
      0,
      column.values.findIndex((value) => value !== null),
    )
    throw new UserError(
      `Expected numbers in column ${JSON.stringify(name)} as in the training data, got ` +
        `${JSON.stringify(column.values[row])} in ${where(table, row)}`,
    )
  }
  expectNumbers(table, column)
  if (column.width !== width) {
    throw new UserError(
      `Expected ${width} numbers a row in column ${JSON.stringify(name)} as in the training data, got ${column.width} ` +
        `in ${table.file}`,
    )
  }
  const { values } = column
  for (const [start, end] of slices(table.rows, width)) {
    for (let row = start; row < end; row++) {
      for (let j = 0; j < width; j++) {
        let value = values[row * width + j]!
        if (fill && Number.isNaN(value)) value = fill[fill.length === 1 ? 0 : j]!
        const scaled = (value - mean[mean.length === 1 ? 0 : j]!) * factor[factor.length === 1 ? 0 : j]!
        x[row * stride + offset + j] = scaled
        if (!Number.isFinite(x[row * stride + offset + j]!)) throw notFinite(table, feature, row, j, value)
      }
    }
    yield
  }
}

function notFinite(table: Table, feature: NumericFeature, row: number, j: number, value: number): UserError {
  const name = feature.width === 1 ? feature.name : `${feature.name}[${j}]`
  if (Number.isNaN(value)) return missingValue(table, name, row)
  return new UserError(
    `Expected a finite number in ${where(table, row)}, column ${JSON.stringify(name)}, got \`${value}\`` +
      (Number.isFinite(value)
        ? ' (too large for float32 once scaled). Scale the column first'
        : '. Mend or drop the row'),
  )
}

/** As `applyNumeric`; `x` is zero before. */
export function applyCategorical(
  feature: CategoricalFeature,
  table: Table,
  column: Column,
  x: Float32Array,
  offset: number,
  stride: number,
): void {
  if (column.kind === 'numbers') expectNumbers(table, column)
  const places = new Map(feature.categories.map((category, i) => [category, i]))
  for (let row = 0; row < table.rows; row++) {
    const category = labelAt(column, row) ?? feature.fill
    if (category === undefined) throw missingValue(table, feature.name, row)
    const place = places.get(category)
    if (place !== undefined) x[row * stride + offset + place] = 1
    else if (feature.unknown === 'error') {
      const close = suggest(category, feature.categories)
      throw new UserError(
        `Expected a category of the training data in ${where(table, row)}, column ${JSON.stringify(feature.name)}, ` +
          `got ${JSON.stringify(category)}.` +
          (close === undefined ? '' : ` Did you mean ${JSON.stringify(close)}?`) +
          " Set data.unknownCategory to 'zero' to encode such as all zero",
      )
    }
  }
}
