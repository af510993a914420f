import type { Command } from 'commander'
import { askedOutputs, classAnswers, numberAnswers, numberNames } from '../../data/answers.ts'
import type { Transform } from '../../data/transform.ts'
import { formatNumber } from '../../report/format.ts'
import { loadSaved, readInputs, withModel, type ModelOptions } from '../model.ts'
import { jsonLine, print } from '../output.ts'

/** `brigantine predict`: one line per row of a file. */
export function predictCommand(program: Command): void {
  const command = program
    .command('predict')
    .description(
      'Predicts every row of a file: class and probability, or number. A model of another tool takes rows of plain numbers.',
    )
    .argument('<model>', 'model or checkpoint file')
    .option('--csv', 'comma-separated values with a header')
  withModel(command, true)
    .addHelpText(
      'after',
      '\nExamples:\n  brigantine predict model.brig --data new.csv\n  cat new.csv | brigantine predict model.brig --data - --json',
    )
    .action(run)
}

interface PredictOptions extends ModelOptions {
  readonly json?: boolean
  readonly csv?: boolean
}

async function run(path: string, options: PredictOptions): Promise<void> {
  await using trainer = await loadSaved(path, options)
  const { x, rows } = await readInputs(trainer, options)
  const target = trainer.transform?.target
  const outputs = askedOutputs(await trainer.predict(x), x, rows, target)
  const format = options.json ? 'json' : options.csv ? 'csv' : 'text'
  print(predictionLines(outputs, rows, target, format).join('\n'))
}

/** Outputs (rows x outputs, row-major) as lines: JSON objects, CSV with a header, or text to read. */
export function predictionLines(
  outputs: Float32Array,
  rows: number,
  target: Transform['target'] | undefined,
  format: 'text' | 'csv' | 'json',
): string[] {
  if (target === undefined || target.kind === 'numbers') {
    const answers = numberAnswers(outputs, rows, target)
    if (format === 'json') return answers.map(jsonLine)
    if (format === 'csv') {
      const names = numberNames(outputs.length / rows, target)
      return [names.map(cell).join(','), ...answers.map((one) => Object.values(one).join(','))]
    }
    return answers.map((one) => Object.values(one).map(formatNumber).join('  '))
  }
  const answers = classAnswers(outputs, rows, target.classes)
  if (format === 'json') return answers.map(jsonLine)
  if (format === 'csv') return ['class,probability', ...answers.map((one) => `${cell(one.class)},${one.probability}`)]
  return answers.map((one) => `${one.class}  ${one.probability.toFixed(4)}`)
}

/** A cell as RFC 4180 quotes it. */
function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
