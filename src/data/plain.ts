/** Rows of numbers for a model that knows nothing of files, as one of another tool: the columns as they stand. */
import { UserError } from '../errors.ts'
import type { DataConfig } from './config.ts'
import type { Dataset } from './dataset.ts'
import { readTable } from './read/table.ts'
import { where } from './table.ts'
import type { NumberColumn, Table } from './table.ts'
import { applyTransformSliced } from './transform.ts'

/**
 * All columns of `config.source` side by side and unscaled. No targets.
 * @throws UserError for a column of text, and unless they are `inputs` numbers a row
 */
export async function readPlain(config: DataConfig, inputs: number): Promise<Dataset> {
  const { table } = await readTable(config.source, undefined, config)
  const features = table.columns.map((column) => {
    if (column.kind === 'text') throw textual(table, column.name, column.values)
    return plainFeature(column)
  })
  const width = features.reduce((sum, feature) => sum + feature.width, 0)
  if (width !== inputs) {
    const names = table.columns.slice(0, 12).map(({ name }) => name)
    throw new UserError(
      `Expected ${inputs} numbers a row in ${table.file}, as the model takes, got ${width}: ${names.join(', ')}` +
        `${table.columns.length > 12 ? ', ..' : ''}. The model brings no data config, so every column is an input: leave others out`,
    )
  }
  const target = { kind: 'numbers', names: [], widths: [], mean: [], std: [] } as const
  return applyTransformSliced({ version: 1, features, target }, table)
}

const plainFeature = ({ name, width }: NumberColumn) =>
  ({ kind: 'numeric', name, width, mean: [0], factor: [1] }) as const

function textual(table: Table, name: string, values: readonly (string | null)[]): UserError {
  const row = Math.max(
    0,
    values.findIndex((value) => value !== null),
  )
  return new UserError(
    `Expected numbers in column ${JSON.stringify(name)} of ${table.file}, got ${JSON.stringify(values[row])} in ${where(table, row)}. ` +
      'The model brings no data config, so every column is an input: leave it out, or make numbers of it',
  )
}
