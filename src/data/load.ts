import { suggest, UserError } from '../errors.ts'
import { BUILTIN_NAMES, isBuiltin, loadBuiltin } from './builtin/index.ts'
import type { DataConfig, DataFormat, Task } from './config.ts'
import type { Dataset } from './dataset.ts'
import { dataOrder } from './order.ts'
import { holdsOneText, readParts, readSample, readTable } from './read/table.ts'
import type { FileOrder } from './read/table.ts'
import { splitIndices } from './split.ts'
import { runSliced } from './steps.ts'
import { askedRows } from './stream.ts'
import type { RowChunk } from './stream.ts'
import { takeTableRows, type Table } from './table.ts'
import {
  applyTransformSliced,
  classNames,
  fitTransformSliced,
  inferTask,
  targetColumns,
  type Transform,
  type TransformOptions,
} from './transform.ts'
import { outputWidth } from './transform/features.ts'
import { labelAt } from './transform/labels.ts'

const FIRST_FLOATS = 2 ** 24

export interface LoadedData {
  /** Of data that is streamed: the rows that tell what its columns are. */
  readonly train: Dataset
  /** Opens the training rows for an epoch, where `data.streaming` says so: for `trainer.fit`. */
  readonly stream?: ((epoch: number) => AsyncGenerator<RowChunk>) | undefined
  /** The same of `data.validation` and `data.test`, which are streamed then too, and no data sets. */
  readonly validationStream?: (() => AsyncGenerator<RowChunk>) | undefined
  readonly testStream?: (() => AsyncGenerator<RowChunk>) | undefined
  readonly validation?: Dataset | undefined
  readonly test?: Dataset | undefined
  /** Fitted on `train`; save it with the model. */
  readonly transform: Transform
  readonly summary: DataSummary
}

/** What was read and what was chosen, for people and logs. */
export interface DataSummary {
  readonly source: string
  readonly format: DataFormat | 'builtin'
  /** `undefined` where the rows are streamed. */
  readonly rows: {
    readonly train?: number | undefined
    readonly validation?: number | undefined
    readonly test?: number | undefined
  }
  readonly features: number
  readonly targets: number
  readonly task: Task
  /** Why the task was chosen. */
  readonly taskReason: string
  readonly classes?: readonly string[] | undefined
}

/**
 * Reads, splits and transforms what a config names. `seed` (uint32) fixes the split, in proportion by class.
 * Reading and arithmetic are sliced, so that the event loop goes on. Throws a UserError for bad data or config.
 */
export async function loadData(config: DataConfig, seed: number): Promise<LoadedData> {
  checkConfig(config)
  const { table, format } = config.streaming
    ? await readSample(config.source, config.labels, config)
    : await readPart(config.source, config.labels, config)
  if ((format === 'images' || format === 'folders') && table.columns.length === 1) {
    const what = format === 'images' ? 'images' : 'texts'
    throw new UserError(`Expected a folder of ${what} for each class in ${config.source}, got ${what} without a class`)
  }
  const options = resolveOptions(table, format, config)
  const stratify = options.classes && classIndices(table, options)
  const split = splitIndices(table.rows, { ...config, seed, stratify, inOrder: table.inOrder })
  const part = async (indices: Uint32Array): Promise<Table> =>
    indices.length === table.rows ? table : runSliced(takeTableRows(table, indices))
  const trainTable = await part(split.train)
  const transform = await fitTransformSliced(trainTable, options)
  const train = await applyTransformSliced(
    transform,
    config.streaming ? await firstOf(trainTable, transform) : trainTable,
  )
  const heldOut = async (indices: Uint32Array, file?: string, labels?: string): Promise<Dataset | undefined> => {
    if (indices.length > 0) return applyTransformSliced(transform, await part(indices))
    if (file === undefined || config.streaming) return undefined
    const read = await readPart(file, labels, config)
    return expectTargets(await applyTransformSliced(transform, read.table), file, labels)
  }
  const validation = await heldOut(split.validation, config.validation, config.validationLabels)
  const test = await heldOut(split.test, config.test, config.testLabels)
  const { task, reason } = inferTask(targetColumns(table, options), { ...options, task: config.task })
  const streamed = async (file: string | undefined, labels: string | undefined) => {
    if (file === undefined || !config.streaming) return undefined
    const open = () => streamDataset({ ...config, source: file, labels }, transform)
    await checkFirst(open())
    return open
  }
  const [validationStream, testStream] = [
    await streamed(config.validation, config.validationLabels),
    await streamed(config.test, config.testLabels),
  ]
  const rows = {
    train: config.streaming ? undefined : train.rows,
    validation: validationStream ? undefined : (validation?.rows ?? 0),
    test: testStream ? undefined : (test?.rows ?? 0),
  }
  const { features, targets } = train
  const classes = train.classNames
  const room = askedRows(train, config.bufferRows)
  const summary = { source: config.source, format, rows, features, targets, task, taskReason: reason, classes }
  return {
    train,
    stream: config.streaming ? (epoch) => streamDataset(config, transform, { seed, epoch, room }) : undefined,
    validationStream,
    testStream,
    validation,
    test,
    transform,
    summary,
  }
}

/**
 * The rows of `config.source` from the first on, transformed, some at a time: what `readDataset` would read, for `fit` and
 * `evaluate` where that does not fit in memory. A function that calls this can be read anew.
 * @param shuffle the files of class folders, if there are more than `room` rows: window by window a class by itself would
 * teach little. Each epoch has an order of its own
 */
export async function* streamDataset(
  config: DataConfig,
  transform: Transform,
  shuffle?: { readonly seed: number; readonly epoch: number; readonly room: number },
): AsyncGenerator<RowChunk> {
  const order: FileOrder | undefined =
    shuffle && ((files) => (files > shuffle.room ? dataOrder(files, shuffle.seed, shuffle.epoch) : (place) => place))
  for await (const table of readParts(config.source, config.labels, config, order)) {
    yield expectTargets(await applyTransformSliced(transform, table), config.source, config.labels)
  }
}

/** Of a stream as many rows as take no more memory than a window. */
async function firstOf(table: Table, { features }: Transform): Promise<Table> {
  const width = features.reduce((sum, feature) => sum + outputWidth(feature), 0)
  const rows = Math.max(1, Math.min(table.rows, Math.floor(FIRST_FLOATS / width)))
  return rows === table.rows
    ? table
    : runSliced(
        takeTableRows(
          table,
          Uint32Array.from({ length: rows }, (_, i) => i),
        ),
      )
}

/** That a file can be read is known before a training that wants it at its end. @throws UserError where it cannot */
async function checkFirst(rows: AsyncGenerator<RowChunk>): Promise<void> {
  try {
    await rows.next()
  } finally {
    await rows.return(undefined)
  }
}

/**
 * Reads `config.source` for evaluation or prediction with a saved transform; nothing is split.
 * Where the file has no target columns, the data set has `targets` 0 and an empty `y`.
 */
export async function readDataset(config: DataConfig, transform: Transform): Promise<Dataset> {
  const oneText = readsFolders(transform) && (await holdsOneText(config))
  const { table } = await readPart(config.source, config.labels, oneText ? { ...config, format: 'folders' } : config)
  return applyTransformSliced(transform, table)
}

/** The column of texts in class folders is called so. */
const readsFolders = ({ features: [first, ...others] }: Transform): boolean =>
  others.length === 0 && first?.kind === 'text' && first.name === 'text'

async function readPart(
  file: string,
  labels: string | undefined,
  config: DataConfig,
): Promise<{ table: Table; format: DataFormat | 'builtin' }> {
  if (isBuiltin(file)) {
    const table = loadBuiltin(file)
    if (config.limit === undefined || config.limit >= table.rows) return { table, format: 'builtin' }
    const first = Uint32Array.from({ length: config.limit }, (_, i) => i)
    return { table: await runSliced(takeTableRows(table, first)), format: 'builtin' }
  }
  try {
    return await readTable(file, labels, config)
  } catch (error) {
    const close = suggest(file, BUILTIN_NAMES)
    if (close === undefined || !(error instanceof UserError)) throw error
    throw new UserError(`${error.message}. The built-in data set is called ${JSON.stringify(close)}`)
  }
}

/** Settles what 'auto' and the defaults leave open; class names are those of the whole file, also of rare classes. */
function resolveOptions(table: Table, format: DataFormat | 'builtin', config: DataConfig): TransformOptions {
  const scale =
    config.scale ?? (format === 'idx' || format === 'images' ? 1 / 255 : format === 'builtin' ? 1 / 16 : 'standardize')
  const columns = targetColumns(table, config)
  const { task } = inferTask(columns, config)
  const oneColumn = columns.length === 1 && columns[0]!.width === 1
  const classes = task === 'classification' && oneColumn ? classNames(table, columns[0]!) : undefined
  return { ...config, scale, task, classes }
}

/** The class index of each row; -1 where the label is missing. */
function classIndices(table: Table, options: TransformOptions): Int32Array {
  const places = new Map(options.classes!.map((name, i) => [name, i]))
  const column = targetColumns(table, options)[0]!
  const indices = new Int32Array(table.rows)
  for (let row = 0; row < table.rows; row++) indices[row] = places.get(labelAt(column, row) ?? '') ?? -1
  return indices
}

function expectTargets(dataset: Dataset, file: string, labels: string | undefined): Dataset {
  if (dataset.targets > 0) return dataset
  throw new UserError(
    `Expected the target column of the training data in ${file} too, found none` +
      (labels === undefined ? '. Name its labels (data.validationLabels, data.testLabels) if they are in a file' : ''),
  )
}

function checkConfig(config: DataConfig): void {
  const twice = [
    ['validation', config.validation, config.validationSplit],
    ['test', config.test, config.testSplit],
  ] as const
  for (const [name, file, share] of twice) {
    if (file === undefined || share === undefined || share === 0) continue
    throw new UserError(`Expected data.${name} or data.${name}Split, got both. Leave one out`)
  }
  if (config.streaming) checkStreaming(config)
  const { limit } = config
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new UserError(`Expected data.limit to be an integer >= 1, got \`${limit}\``)
  }
}

/** What is held out, and whatever wants to know the number of rows, would need all of them. */
function checkStreaming(config: DataConfig): void {
  const expected = (what: string, got: string, advice: string) =>
    new UserError(`Expected ${what} with data.streaming, got ${got}. ${advice}`)
  if (isBuiltin(config.source)) throw expected('a file as data.source', config.source, 'Leave data.streaming out')
  for (const part of ['validation', 'test'] as const) {
    if ((config[`${part}Split`] ?? 0) === 0) continue
    throw expected(
      `data.${part}, a file,`,
      `data.${part}Split`,
      'Rows that are held out lie in memory: put them into a file',
    )
  }
  if (config.limit === undefined) return
  throw expected('no data.limit', `${config.limit}`, 'Set data.stepsPerEpoch, which counts batches')
}
