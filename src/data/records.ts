/** Objects, one a row, as a table: what a server is asked with. */
import { describe, UserError } from '../errors.ts'
import type { Column, Table } from './table.ts'
import type { FeatureTransform, Transform } from './transform/types.ts'

/** Fields named as the columns of the training data; null or absent: a missing value. */
export type DataRecord = Readonly<Record<string, number | string | boolean | null | undefined | ArrayLike<number>>>

/** The columns that a transform reads; other fields are not looked at. @throws UserError naming record and field */
export function tableOfRecords(records: readonly DataRecord[], transform: Pick<Transform, 'features'>): Table {
  return {
    file: 'the records',
    rows: records.length,
    columns: transform.features.map((feature) => columnOf(records, feature)),
  }
}

function columnOf(records: readonly DataRecord[], feature: FeatureTransform): Column {
  const { name } = feature
  if (feature.kind !== 'numeric') {
    const values = records.map((record) => {
      const value = record[name] ?? null
      if (value !== null && typeof value === 'object') throw wrong(record, name, records, 'a text')
      return value === null ? null : String(value)
    })
    return { kind: 'text', name, width: 1, values }
  }
  const { width } = feature
  const values = new Float64Array(records.length * width).fill(NaN)
  records.forEach((record, row) => {
    const value = record[name] ?? null
    if (value === null) return
    if (width === 1 && typeof value !== 'object') {
      values[row] = typeof value === 'string' ? numberOf(value) : Number(value)
      if (Number.isNaN(values[row]) && typeof value === 'string') throw wrong(record, name, records, 'a number')
      return
    }
    if (typeof value !== 'object' || value.length !== width) throw wrong(record, name, records, `${width} numbers`)
    for (let i = 0; i < width; i++) values[row * width + i] = value[i]!
  })
  return { kind: 'numbers', name, width, values }
}

const numberOf = (text: string): number => (text.trim() === '' ? NaN : Number(text))

function wrong(record: DataRecord, name: string, records: readonly DataRecord[], expected: string): UserError {
  return new UserError(
    `Expected \`${name}\` of record ${records.indexOf(record)} to be ${expected}, got ${describe(record[name])}.`,
  )
}
