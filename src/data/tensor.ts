import { describe, suggest, UserError } from '../errors.ts'
import type { Dataset } from './dataset.ts'

export type NumberArrayLike =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array

/** Data in memory: `x` and `y` as rows of numbers, or flat and row-major. */
export interface TensorInput {
  /** rows x features: nested arrays, or flat with `features` given or inferred from the rows of `y`. */
  x: readonly (readonly number[])[] | readonly NumberArrayLike[] | NumberArrayLike
  /** One target a row, or nested rows of them, or flat with `targets` given. */
  y: readonly number[] | readonly (readonly number[])[] | readonly NumberArrayLike[] | NumberArrayLike
  /** One non-negative weight per row. */
  sampleWeight?: readonly number[] | NumberArrayLike | undefined
  features?: number | undefined
  /** Targets per row of a flat `y`. Default 1. */
  targets?: number | undefined
  /** 'classification' holds a one-column `y` to integers >= 0. */
  task?: 'classification' | 'regression' | undefined
  /** NaN and infinities in `x`: an error (default), or let through. `y` never has them. */
  nonFinite?: 'error' | 'allow' | undefined
  featureNames?: readonly string[] | undefined
  /** Names of the classes; labels are then below their number. */
  classNames?: readonly string[] | undefined
}

/** Checks and copies data in memory. Throws a UserError naming the row and column of whatever is wrong. */
export function toDataset(input: TensorInput): Dataset {
  const data = toRows(input)
  if (data.sampleWeight?.every((weight) => weight === 0)) {
    throw new UserError('Expected a sample weight above 0, got only zeros')
  }
  return data
}

/** `toDataset` of some rows among others: all of them may weigh 0. */
export function toRows(input: TensorInput): Dataset {
  expectArray(input.y, 'y')
  expectArray(input.x, 'x')
  const y = flatten(input.y, 'y', input.targets ?? 1)
  if (y.rows === 0) throw new UserError('Expected one row of data or more, got an empty y')
  const x = flatten(input.x, 'x', input.features ?? inferFeatures(input.x, y.rows))
  if (x.rows === 0) throw new UserError('Expected one row of data or more, got an empty x')
  if (x.rows !== y.rows) {
    throw new UserError(
      `Expected as many rows in x as in y, got x of ${x.rows} x ${x.width} and y of ${y.rows} x ${y.width}`,
    )
  }
  if (input.nonFinite !== 'allow') expectFinite(x, 'x')
  expectFinite(y, 'y')
  if (input.featureNames && input.featureNames.length !== x.width) {
    throw new UserError(`Expected ${x.width} featureNames, one per column of x, got ${input.featureNames.length}`)
  }
  if (input.task === 'classification' && y.width === 1) expectLabels(y.values, input.classNames)
  return {
    rows: x.rows,
    features: x.width,
    targets: y.width,
    x: x.values,
    y: y.values,
    sampleWeight: input.sampleWeight && checkWeights(input.sampleWeight, x.rows),
    featureNames: input.featureNames,
    classNames: input.classNames,
  }
}

interface Rows {
  rows: number
  width: number
  values: Float32Array
}

function expectArray(source: unknown, name: string): void {
  if (Array.isArray(source) || isNumberArray(source)) return
  throw new UserError(`Expected ${name} to be a typed array or an array of rows, got ${describe(source)}`)
}

function flatten(source: TensorInput['x'] | TensorInput['y'], name: string, flatWidth: number): Rows {
  const first: unknown = source[0]
  if (Array.isArray(first) || isNumberArray(first)) return flattenRows(source as readonly unknown[], name, first.length)
  if (!Number.isInteger(flatWidth) || flatWidth < 1) {
    throw new UserError(`Expected columns of ${name} to be an integer >= 1, got ${describe(flatWidth)}`)
  }
  if (source.length % flatWidth !== 0) {
    throw new UserError(`Expected ${name} to hold whole rows of ${flatWidth}, got ${source.length} numbers`)
  }
  const values = new Float32Array(source.length)
  copyNumbers(source as ArrayLike<unknown>, values, 0, name)
  return { rows: source.length / flatWidth, width: flatWidth, values }
}

function flattenRows(source: readonly unknown[], name: string, width: number): Rows {
  if (width === 0) throw new UserError(`Expected a column or more in ${name}[0], got an empty row`)
  const values = new Float32Array(source.length * width)
  source.forEach((row, i) => {
    if (!Array.isArray(row) && !isNumberArray(row)) {
      throw new UserError(`Expected ${name}[${i}] to be a row of ${width} numbers, got ${describe(row)}`)
    }
    if (row.length !== width) {
      throw new UserError(`Expected ${width} numbers in ${name}[${i}] as in ${name}[0], got ${row.length}`)
    }
    copyNumbers(row, values, i * width, `${name}[${i}]`)
  })
  return { rows: source.length, width, values }
}

function copyNumbers(from: ArrayLike<unknown>, into: Float32Array, at: number, name: string): void {
  if (isNumberArray(from)) return into.set(from, at)
  for (let i = 0; i < from.length; i++) {
    const value = from[i]
    if (typeof value !== 'number') throw new UserError(`Expected a number in ${name}[${i}], got ${describe(value)}`)
    into[at + i] = value
  }
}

function isNumberArray(value: unknown): value is NumberArrayLike {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && typeof (value as Float32Array)[0] !== 'bigint'
}

function inferFeatures(x: TensorInput['x'], rows: number): number {
  const width = x.length / rows
  if (Number.isInteger(width) && width >= 1) return width
  if (Array.isArray(x[0]) || isNumberArray(x[0])) return 1
  throw new UserError(
    `Expected x to hold as many numbers for each of the ${rows} rows of y, got ${x.length}. Give \`features\``,
  )
}

function expectFinite({ values, width }: Rows, name: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return
  throw new UserError(
    `Expected finite numbers in ${name}, got \`${values[at]}\` in row ${Math.floor(at / width)}, column ${at % width} ` +
      '(both counted from 0; as float32). Remove the row or fill the value in',
  )
}

function expectLabels(y: Float32Array, classNames: readonly string[] | undefined): void {
  const below = classNames?.length ?? Infinity
  const at = y.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < below))
  if (at < 0) return
  const range = below === Infinity ? '>= 0' : `in 0..${below - 1} (${below} classes)`
  throw new UserError(`Expected class labels to be integers ${range}, got \`${y[at]}\` in y[${at}]`)
}

function checkWeights(weights: readonly number[] | NumberArrayLike, rows: number): Float32Array {
  if (weights.length !== rows)
    throw new UserError(`Expected ${rows} sample weights, one per row, got ${weights.length}`)
  const values = Float32Array.from(weights)
  const at = values.findIndex((weight) => !(weight >= 0 && weight < Infinity))
  if (at >= 0)
    throw new UserError(`Expected sample weights >= 0 and finite, got \`${values[at]}\` in sampleWeight[${at}]`)
  return values
}

/** Multiplies each row's weight by that of its class, named or numbered; classes not mentioned keep theirs. */
export function applyClassWeight(dataset: Dataset, classWeight: Readonly<Record<string, number>>): Dataset {
  const weighted = weighClasses(dataset, classWeight)
  if (weighted.sampleWeight!.every((weight) => weight === 0)) {
    throw new UserError('Expected a class of the data to keep a weight above 0, got zero for all')
  }
  return weighted
}

/** `applyClassWeight` of some rows among others: all of them may weigh 0. */
export function weighClasses(dataset: Dataset, classWeight: Readonly<Record<string, number>>): Dataset {
  const { targets, classNames, y } = dataset
  if (targets !== 1) throw new UserError(`Expected class indices in y for class weights, got ${targets} columns`)
  const weightOf = new Map<number, number>()
  for (const [label, weight] of Object.entries(classWeight)) {
    if (!(weight >= 0 && weight < Infinity)) {
      throw new UserError(`Expected classWeight.${label} to be >= 0 and finite, got ${describe(weight)}`)
    }
    weightOf.set(classIndex(label, classNames), weight)
  }
  const sampleWeight = Float32Array.from(y, (label, i) => (dataset.sampleWeight?.[i] ?? 1) * (weightOf.get(label) ?? 1))
  return { ...dataset, sampleWeight }
}

/** A name first, then a number: where classes are called '1', '2', ..., those names are meant. */
function classIndex(label: string, classNames: readonly string[] | undefined): number {
  const named = classNames?.indexOf(label) ?? -1
  if (named >= 0) return named
  if (/^\d+$/.test(label) && Number(label) < (classNames?.length ?? Infinity)) return Number(label)
  const close = suggest(label, classNames ?? [])
  throw new UserError(
    `Expected classWeight to name classes${classNames ? ` (${classNames.slice(0, 12).join(', ')})` : ' by index'}, got ` +
      `${JSON.stringify(label)}${close === undefined ? '' : `. Did you mean ${JSON.stringify(close)}?`}`,
  )
}
