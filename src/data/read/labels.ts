/** Labels in a file of their own, beside the samples. */
import { UserError } from '../../errors.ts'
import { sliceTable } from '../table.ts'
import type { Column, NumberArray, NumberColumn, Table } from '../table.ts'

/** The samples with a column `label`, which is the target. @throws UserError unless there is one for each */
export function withLabels(samples: Table, labels: Table): Table {
  const [column, ...more] = labels.columns
  if (!column || more.length > 0) {
    throw new UserError(`Expected one column of labels in ${labels.file}, got ${labels.columns.length}`)
  }
  checkTotals(samples, labels)
  if (labels.rows !== samples.rows) throw unequal(samples.file, `${samples.rows}`, labels.file, `${labels.rows}`)
  return { ...samples, columns: [...samples.columns, { ...column, name: 'label' }], defaultTarget: 'label' }
}

/** As `withLabels`, part by part; those of the labels may be cut elsewhere. */
export async function* withLabelParts(
  samples: AsyncGenerator<Table>,
  labels: AsyncGenerator<Table>,
  labelFile: string,
): AsyncGenerator<Table> {
  let came = 0
  let left: Table | undefined
  /** The labels of the next rows, or of as many as there are. */
  const take = async (part: Table): Promise<Table> => {
    const pieces: Table[] = []
    for (let missing = part.rows; missing > 0;) {
      left ??= (await labels.next()).value as Table | undefined
      if (!left) throw unequal(part.file, `${came + part.rows} or more`, labelFile, `${came + part.rows - missing}`)
      const count = Math.min(missing, left.rows)
      pieces.push(sliceTable(left, 0, count))
      left = count < left.rows ? sliceTable(left, count, left.rows) : undefined
      missing -= count
    }
    return { ...pieces[0]!, rows: part.rows, columns: joined(pieces.map(({ columns }) => columns)) }
  }
  let file = ''
  try {
    for await (const part of samples) {
      yield withLabels(part, await take(part))
      came += part.rows
      file = part.file
    }
    const more = left ?? ((await labels.next()).value as Table | undefined)
    if (more) throw unequal(file, `${came}`, labelFile, `${came + more.rows} or more`)
  } finally {
    await labels.return(undefined)
  }
}

/** Files that say how many rows they have are compared before the first is read. */
function checkTotals(samples: Table, labels: Table): void {
  if (samples.ofRows === undefined || labels.ofRows === undefined || samples.ofRows === labels.ofRows) return
  throw unequal(samples.file, `${samples.ofRows}`, labels.file, `${labels.ofRows}`)
}

const unequal = (file: string, samples: string, labelFile: string, labels: string): UserError =>
  new UserError(
    `Expected as many labels as samples, got ${samples} samples in ${file} and ${labels} labels in ${labelFile}. ` +
      'Do the files belong together?',
  )

/** The same columns of several tables, one below the other. */
function joined(tables: readonly (readonly Column[])[]): Column[] {
  const [first, ...rest] = tables
  if (rest.length === 0) return [...first!]
  return first!.map((column, i): Column => {
    const parts = tables.map((columns) => columns[i]!)
    if (column.kind === 'text') {
      return { ...column, values: parts.flatMap((part) => part.values as readonly (string | null)[]) }
    }
    const length = parts.reduce((sum, { values }) => sum + values.length, 0)
    const values = new (column.values.constructor as new (length: number) => NumberArray)(length)
    let text: NumberColumn['text']
    let at = 0
    for (const part of parts as NumberColumn[]) {
      values.set(part.values, at)
      text ??= part.text && { ...part.text, row: part.text.row + at / part.width }
      at += part.values.length
    }
    return { ...column, values, text }
  })
}
