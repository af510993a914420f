import { UserError } from '../../errors.ts'
import type { Column, NumberColumn, Table } from '../table.ts'
import { where } from '../table.ts'

/** A label or category as text: numbers as JavaScript prints them. Null is a missing value. */
export function labelAt(column: Column, row: number): string | null {
  if (column.kind === 'text') return column.values[row]!
  const value = column.values[row]!
  return Number.isNaN(value) ? null : String(value)
}

/** Sorted numerically if all look like numbers, else by code point: the same on every machine. */
export function sortLabels(labels: Iterable<string>): string[] {
  const all = [...labels]
  if (all.every((label) => label.trim() !== '' && Number.isFinite(Number(label)))) {
    return all.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
  }
  return all.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Different values of a column and how often each comes, missing ones left out. */
export function countLabels(column: Column): Map<string, number> {
  const counts = new Map<string, number>()
  if (column.kind === 'numbers') {
    const byNumber = new Map<number, number>()
    for (const value of column.values) byNumber.set(value, (byNumber.get(value) ?? 0) + 1)
    for (const [value, count] of byNumber) if (!Number.isNaN(value)) counts.set(String(value), count)
    return counts
  }
  for (const value of column.values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Throws a UserError if a cell of a numeric column was text. */
export function expectNumbers(table: Table, column: NumberColumn): void {
  if (!column.text) return
  throw new UserError(
    `Expected a number in ${where(table, column.text.row)}, column ${JSON.stringify(column.name)}, ` +
      `got ${JSON.stringify(column.text.value)}. Mend the value, add it to data.missing if it means that there is none, ` +
      'or list the column in data.categorical or data.drop',
  )
}

/** The error for a missing value. */
export function missingValue(table: Table, name: string, row: number): UserError {
  return new UserError(
    `Expected a value in ${where(table, row)}, column ${JSON.stringify(name)}, got none (missing or NaN). ` +
      "Fill it with data.fillMissing ('mean' or a number), or drop the row or the column",
  )
}
