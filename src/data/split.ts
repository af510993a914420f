import { UserError } from '../errors.ts'
import type { Dataset } from './dataset.ts'
import { dataOrder } from './order.ts'

export interface SplitOptions {
  /** Shares of all rows, in (0, 1); a part without share is empty. */
  validationSplit?: number | undefined
  testSplit?: number | undefined
  /** uint32. Default 0. */
  seed?: number | undefined
  /** A class index per row: each part then has each class in proportion, to within two rows. */
  stratify?: ArrayLike<number> | undefined
  /** By place: first the rows to train on, then those for validation, then those for the test. */
  inOrder?: boolean | undefined
}

/** Row indices of each part, ascending; together every row once. */
export interface Split {
  readonly train: Uint32Array
  readonly validation: Uint32Array
  readonly test: Uint32Array
}

/** Splits are drawn from an epoch of their own, which no training reaches. */
const SPLIT_EPOCH = 0xffffffff

/**
 * Splits rows by counter-based order, or by place: round(rows * share) rows to each part that has a share.
 * Throws a UserError for shares out of range and for parts that would be empty.
 */
export function splitIndices(rows: number, options: SplitOptions): Split {
  const { validationSplit, testSplit, seed = 0, stratify } = options
  const numValidation = partRows(rows, validationSplit, 'validationSplit')
  const numTest = partRows(rows, testSplit, 'testSplit')
  if (numValidation + numTest >= rows) {
    throw new UserError(
      `Expected rows left for training, got ${rows} rows of which ${numValidation} are for validation and ${numTest} ` +
        'for the test. Lower data.validationSplit or data.testSplit',
    )
  }
  if (options.inOrder) {
    const all = Uint32Array.from({ length: rows }, (_, i) => i)
    const [validation, test] = [rows - numTest - numValidation, rows - numTest]
    return { train: all.subarray(0, validation), validation: all.subarray(validation, test), test: all.subarray(test) }
  }
  const order = dataOrder(rows, seed, SPLIT_EPOCH)
  const shuffled = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) shuffled[i] = order(i)
  // Sorted by class; rows taken evenly along it are taken from each class in proportion.
  const drawn = stratify ? sortByClass(shuffled, stratify) : shuffled
  const [test, others] = takeEvenly(drawn, numTest)
  const [validation, train] = takeEvenly(others, numValidation)
  return { train: train.sort(), validation: validation.sort(), test: test.sort() }
}

function partRows(rows: number, share: number | undefined, field: string): number {
  if (share === undefined || share === 0) return 0
  if (!(share > 0 && share < 1)) {
    throw new UserError(`Expected data.${field} to be a share in (0, 1), got \`${share}\``)
  }
  const part = Math.round(rows * share)
  if (part > 0) return part
  throw new UserError(`Expected data.${field} to leave a row or more, got \`${share}\` of ${rows} rows`)
}

/** A stable sort by counting. */
function sortByClass(items: Uint32Array, classes: ArrayLike<number>): Uint32Array {
  const counts = new Map<number, number>()
  for (let i = 0; i < items.length; i++) counts.set(classes[i]!, (counts.get(classes[i]!) ?? 0) + 1)
  const next = new Map<number, number>()
  let start = 0
  for (const label of [...counts.keys()].sort((a, b) => a - b)) {
    next.set(label, start)
    start += counts.get(label)!
  }
  const sorted = new Uint32Array(items.length)
  for (const item of items) {
    const place = next.get(classes[item]!)!
    sorted[place] = item
    next.set(classes[item]!, place + 1)
  }
  return sorted
}

/** `count` of the items, evenly spaced, and the others. */
function takeEvenly(items: Uint32Array, count: number): [Uint32Array, Uint32Array] {
  const taken = new Uint32Array(count)
  const others = new Uint32Array(items.length - count)
  for (let i = 0, numTaken = 0; i < items.length; i++) {
    if (Math.floor(((i + 1) * count) / items.length) > numTaken) taken[numTaken++] = items[i]!
    else others[i - numTaken] = items[i]!
  }
  return [taken, others]
}

/** The rows of a data set at `indices`, in that order, copied. */
export function takeRows(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const { features, targets, sampleWeight } = dataset
  const x = new Float32Array(indices.length * features)
  const y = new Float32Array(indices.length * targets)
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i]!
    if (!(row >= 0 && row < dataset.rows))
      throw new UserError(`Expected rows in 0..${dataset.rows - 1}, got \`${row}\``)
    x.set(dataset.x.subarray(row * features, (row + 1) * features), i * features)
    y.set(dataset.y.subarray(row * targets, (row + 1) * targets), i * targets)
  }
  const weights = sampleWeight && Float32Array.from(indices, (row) => sampleWeight[row]!)
  return { ...dataset, rows: indices.length, x, y, sampleWeight: weights }
}
