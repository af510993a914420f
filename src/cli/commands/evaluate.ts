import { Option, type Command } from 'commander'
import type { Dataset } from '../../data/dataset.ts'
import type { RowChunk } from '../../data/stream.ts'
import { UserError } from '../../errors.ts'
import { confusionText } from '../../report/confusion.ts'
import { formatCount, formatMetric } from '../../report/format.ts'
import { table } from '../../report/table.ts'
import type { Trainer } from '../../train/trainer.ts'
import { loadSaved, openRows, readRows, withModel, type ModelOptions } from '../model.ts'
import { needData } from '../needs.ts'
import { print, printJson } from '../output.ts'

/** `brigantine evaluate`: loss and metrics of a saved model. */
export function evaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description(
      'Measures a saved model (and which classes it confuses): on the test part of its own data, or on other data.',
    )
    .argument('<model>', 'model or checkpoint file')
    .option('--streaming', 'reads --data a window at a time, where it is larger than memory')
    .addOption(new Option('--split <part>', 'which part of its own data').choices(['test', 'validation', 'train']))
  withModel(command)
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine evaluate runs/digits/model.brig\n  brigantine evaluate model.brig --data new.csv --json',
    )
    .action(run)
}

interface EvaluateOptions extends ModelOptions {
  readonly split?: 'test' | 'validation' | 'train'
  readonly streaming?: boolean
  readonly json?: boolean
}

/** What is measured: a data set, or a stream, whose rows are counted as they go by. */
interface Measured {
  readonly name: string
  readonly data: Dataset | (() => AsyncGenerator<RowChunk>)
  readonly rows: () => number
}

async function run(path: string, options: EvaluateOptions): Promise<void> {
  await using trainer = await loadSaved(path, options)
  const { name, data, rows } = await measured(trainer, options)
  const buffer = { bufferRows: typeof data === 'function' ? trainer.config.data?.bufferRows : undefined }
  const values = await trainer.evaluate(data, buffer)
  const count = rows()
  const confusion = await trainer.confusion(data, buffer)
  if (options.json) return printJson({ model: path, data: name, rows: count, ...values, confusion })
  print(
    table([
      ['data', `${name} (${formatCount(count)} rows)`],
      ...Object.entries(values).map(([metric, value]) => [metric, formatMetric(metric, value)]),
    ]),
  )
  if (confusion) print(`\n${confusionText(confusion)}`)
}

async function measured(trainer: Trainer, options: EvaluateOptions): Promise<Measured> {
  if (!options.data) return ownPart(trainer.config, options.split)
  if (options.streaming) return streamed(options.data, await openRows(trainer, options))
  const dataset = await readRows(trainer, options)
  if (dataset.targets > 0) return inMemory(options.data, dataset)
  const advice = 'Name its labels (--labels) if they are in a file of their own'
  throw new UserError(`${options.data}: expected the target too, to compare predictions with; found none. ${advice}`)
}

const inMemory = (name: string, data: Dataset): Measured => ({ name, data, rows: () => data.rows })

function streamed(name: string, open: (epoch: number) => AsyncGenerator<RowChunk>): Measured {
  let count = 0
  async function* data(): AsyncGenerator<RowChunk> {
    count = 0
    for await (const chunk of open(0)) {
      count += (chunk as Dataset).rows
      yield chunk
    }
  }
  return { name, data, rows: () => count }
}

/** A part of the data that the model was trained with, split as it was then. */
async function ownPart(
  config: Parameters<typeof needData>[0] & { seed: number },
  split: EvaluateOptions['split'],
): Promise<Measured> {
  const { loadData } = await import('../../data/load.ts')
  const data = needData(config)
  const { train, stream, validation, validationStream, test, testStream } = await loadData(data, config.seed)
  const parts = { train: stream ?? train, validation: validationStream ?? validation, test: testStream ?? test }
  const part = split ?? (parts.test ? 'test' : parts.validation ? 'validation' : 'train')
  const rows = parts[part]
  if (!rows) throw new UserError(`--split ${part}: the model's data has no such part; name a file by --data`)
  const name = `${data.source}, ${part} part`
  return typeof rows === 'function' ? streamed(name, rows) : inMemory(name, rows)
}
