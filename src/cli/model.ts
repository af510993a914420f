import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { DataConfig } from '../data/config.ts'
import type { Dataset } from '../data/dataset.ts'
import type { RowChunk } from '../data/stream.ts'
import { UserError } from '../errors.ts'
import type { Trainer } from '../train/trainer.ts'
import { assignAll } from './assign.ts'

/** What commands that use a saved model share. */
export interface ModelOptions {
  readonly data?: string
  readonly labels?: string
  readonly format?: DataConfig['format']
  readonly limit?: number
  readonly workers?: string
  readonly kernels?: string
}

const FORMATS = [
  'auto',
  'csv',
  'tsv',
  'idx',
  'npy',
  'npz',
  'jsonl',
  'parquet',
  'arrow',
  'folders',
  'images',
  'text',
] satisfies DataConfig['format'][]

function rowLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1) return limit
  throw new InvalidArgumentError('Expected an integer >= 1.')
}

export function withModel(command: Command, dataRequired = false): Command {
  const data = [
    '--data <file>',
    "CSV, TSV, JSONL, Parquet, Arrow, IDX, NPY, NPZ, PNG or JPEG file, text, folder, 'digits', or - for stdin",
  ] as const
  if (dataRequired) command.requiredOption(...data)
  else command.option(...data)
  return command
    .option('--labels <file>', 'file of labels beside --data (IDX, NPY)')
    .addOption(new Option('--format <name>', 'format of --data, when its contents do not tell').choices(FORMATS))
    .addOption(new Option('--limit <n>', 'reads at most so many rows of --data').argParser(rowLimit))
    .option('--workers <n>', "threads, or 'auto'")
    .option('--kernels <name>', "'auto', reference, wasm-strict, wasm, native or blas")
    .option('--json', 'machine-readable output')
}

const TYPES = { workers: ['integer', 'string'], kernels: ['string'] } as const

/** The trainer of a saved model, with --workers and --kernels in force. */
export async function loadSaved(path: string, options: ModelOptions): Promise<Trainer> {
  const { Trainer } = await import('../train/trainer.ts')
  const names = (['workers', 'kernels'] as const).filter((name) => options[name] !== undefined)
  const assignments = names.map((name) => ({
    flag: { path: [name], types: new Set(TYPES[name]) },
    value: options[name]!,
  }))
  return Trainer.load(path, assignAll({}, assignments))
}

/** The rows of --data as the model takes them: read as its own data was, unless said otherwise. */
export async function readRows(trainer: Trainer, options: ModelOptions): Promise<Dataset> {
  const { transform, configOf } = reading(trainer, options)
  const { readDataset } = await import('../data/load.ts')
  return fromFile(options.data!, (source) => readDataset(configOf(source), transform))
}

/** As `readRows`; for a model of another tool, which has no data of its own, the numbers as they stand. */
export async function readInputs(trainer: Trainer, options: ModelOptions): Promise<Dataset> {
  if (trainer.transform) return readRows(trainer, options)
  if (options.labels !== undefined)
    throw new UserError('Expected no --labels to predict from: the model brings no data config. Leave it out')
  const { format = 'auto', limit } = options
  const { readPlain } = await import('../data/plain.ts')
  return fromFile(options.data!, (source) => readPlain({ source, format, limit }, trainer.model!.inputs))
}

const fromFile = <T>(data: string, read: (path: string) => Promise<T>): Promise<T> =>
  data === '-' ? withStdin(read) : read(data)

/** The same rows as a stream, which can be opened several times. */
export async function openRows(trainer: Trainer, options: ModelOptions): Promise<() => AsyncGenerator<RowChunk>> {
  const { transform, configOf } = reading(trainer, options)
  if (options.limit !== undefined)
    throw new UserError('Expected all rows of a file to stream, got --limit. Leave it out, or --streaming')
  if (options.data === '-')
    throw new UserError('Expected a file with --streaming, which is read more than once; got standard input')
  const { streamDataset } = await import('../data/load.ts')
  return () => streamDataset(configOf(options.data!), transform)
}

function reading(trainer: Trainer, { labels, format, limit }: ModelOptions) {
  const { transform } = trainer
  if (!transform) {
    throw new UserError(
      'Expected a model that was saved with its data config, got one without (of another tool, or of the library): what of a ' +
        'file is its target is not known. Use `predict`, which takes rows of plain numbers, or `trainer.evaluate` in the library',
    )
  }
  const configOf = (source: string): DataConfig => ({
    ...trainer.config.data,
    source,
    format: format ?? (transform.target.kind === 'tokens' ? 'text' : 'auto'),
    labels,
    limit,
  })
  return { transform, configOf }
}

/** Readers look into a file before they read it, so stdin becomes one for as long as it takes. */
async function withStdin<T>(use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'brigantine-'))
  try {
    const path = join(folder, 'stdin')
    await pipeline(process.stdin, createWriteStream(path))
    return await use(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}
