import { Option, type Command } from 'commander'
import type { Dataset } from '../../data/dataset.ts'
import { UserError } from '../../errors.ts'
import { confusionText } from '../../report/confusion.ts'
import { formatCount, formatMetric } from '../../report/format.ts'
import { table } from '../../report/table.ts'
import { loadSaved, readRows, withModel, type ModelOptions } from '../model.ts'
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
  readonly json?: boolean
}

async function run(path: string, options: EvaluateOptions): Promise<void> {
  await using trainer = await loadSaved(path, options)
  const { dataset, name } = options.data
    ? { dataset: await readRows(trainer, options), name: options.data }
    : await ownPart(trainer.config, options.split)
  if (dataset.targets === 0)
    throw new UserError(`${name}: expected the target column too, to compare predictions with; found none`)
  const values = await trainer.evaluate(dataset)
  const confusion = await trainer.confusion(dataset)
  if (options.json) return printJson({ model: path, data: name, rows: dataset.rows, ...values, confusion })
  print(
    table([
      ['data', `${name} (${formatCount(dataset.rows)} rows)`],
      ...Object.entries(values).map(([metric, value]) => [metric, formatMetric(metric, value)]),
    ]),
  )
  if (confusion) print(`\n${confusionText(confusion)}`)
}

/** A part of the data that the model was trained with, split as it was then. */
async function ownPart(
  config: Parameters<typeof needData>[0] & { seed: number },
  split: EvaluateOptions['split'],
): Promise<{ dataset: Dataset; name: string }> {
  const { loadData } = await import('../../data/load.ts')
  const data = needData(config)
  const loaded = await loadData(data, config.seed)
  const part = split ?? (loaded.test ? 'test' : loaded.validation ? 'validation' : 'train')
  const dataset = loaded[part]
  if (!dataset) throw new UserError(`--split ${part}: the model's data has no such part; name a file by --data`)
  const what = data.streaming && part === 'train' ? 'first rows' : `${part} part`
  return { dataset, name: `${data.source}, ${what}` }
}
