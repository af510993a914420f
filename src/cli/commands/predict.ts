import type { Command } from 'commander'
import { inverseTarget, type Transform } from '../../data/transform.ts'
import { formatNumber } from '../../report/format.ts'
import { loadSaved, readRows, withModel, type ModelOptions } from '../model.ts'
import { jsonLine, print } from '../output.ts'

/** `brigantine predict`: one line per row of a file. */
export function predictCommand(program: Command): void {
  const command = program
    .command('predict')
    .description('Predicts every row of a file: class and probability, or number.')
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
  const { x, rows } = await readRows(trainer, options)
  const outputs = await trainer.predict(x)
  const format = options.json ? 'json' : options.csv ? 'csv' : 'text'
  print(predictionLines(outputs, rows, trainer.transform?.target, format).join('\n'))
}

/** Outputs (rows x outputs, row-major) as lines: JSON objects, CSV with a header, or text to read. */
export function predictionLines(
  outputs: Float32Array,
  rows: number,
  target: Transform['target'] | undefined,
  format: 'text' | 'csv' | 'json',
): string[] {
  const cols = outputs.length / rows
  const row = (values: Float32Array, i: number) => Array.from(values.subarray(i * cols, (i + 1) * cols))
  const each = <T>(line: (i: number) => T) => Array.from({ length: rows }, (_, i) => line(i))
  if (target === undefined || target.kind === 'numbers') {
    const values = target ? inverseTarget(target, outputs) : outputs
    const names = target && target.names.length === cols ? target.names : row(values, 0).map((_, j) => `output${j}`)
    if (format === 'json')
      return each((i) => jsonLine(Object.fromEntries(row(values, i).map((value, j) => [names[j], value]))))
    if (format === 'csv') return [names.map(cell).join(','), ...each((i) => row(values, i).join(','))]
    return each((i) => row(values, i).map(formatNumber).join('  '))
  }
  const classes = target.classes
  const best = each((i) => {
    const probabilities = cols === 1 ? [1 - outputs[i]!, outputs[i]!] : row(outputs, i)
    const index = probabilities.indexOf(Math.max(...probabilities))
    return { class: classes[index] ?? String(index), probability: probabilities[index] ?? NaN, probabilities }
  })
  if (format === 'json') return best.map((prediction) => jsonLine(prediction))
  if (format === 'csv') return ['class,probability', ...best.map((one) => `${cell(one.class)},${one.probability}`)]
  return best.map((one) => `${one.class}  ${one.probability.toFixed(4)}`)
}

/** A cell as RFC 4180 quotes it. */
function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
