import { suggest, UserError } from '../errors.ts'
import type { ColumnRef } from './config.ts'

/** What every reader gives: named columns of equal length. The transform turns it into a `Dataset`. */
export interface Table {
  /** Path of the file, or a name such as 'digits': said in every error. */
  readonly file: string
  readonly rows: number
  readonly columns: readonly Column[]
  /** Line of each row in a text file, from 1. */
  readonly lines?: Uint32Array | undefined
  /** Target when none is asked for; the last column if absent. */
  readonly defaultTarget?: string | undefined
}

export type Column = NumberColumn | TextColumn

export type NumberArray =
  Float64Array | Float32Array | Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array

/** Numbers, `width` to a row (an image is one column), row-major. NaN is a missing value. */
export interface NumberColumn {
  readonly kind: 'numbers'
  readonly name: string
  readonly width: number
  readonly values: NumberArray
  /** First cell that is not a number (its value is NaN): an error only if the column is used. */
  readonly text?: { readonly row: number; readonly value: string } | undefined
}

/** Texts; null is a missing value. */
export interface TextColumn {
  readonly kind: 'text'
  readonly name: string
  readonly width: 1
  readonly values: readonly (string | null)[]
}

/** Where a row is, for errors: `iris.csv, line 12`. */
export function where(table: Table, row: number): string {
  return table.lines ? `${table.file}, line ${table.lines[row]}` : `${table.file}, row ${row} (counted from 0)`
}

/** Columns by name or position. Throws a UserError naming `field` for one that is not there. */
export function resolveColumns(table: Table, refs: readonly ColumnRef[], field: string): Column[] {
  return refs.map((ref) => {
    const found = findColumn(table.columns, ref)
    if (found) return found
    const names = table.columns.map((column) => column.name)
    const close = suggest(String(ref), names)
    const listed = names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '')
    throw new UserError(
      `Expected ${field} to name a column of ${table.file}, got ${JSON.stringify(ref)}.` +
        (close === undefined ? '' : ` Did you mean ${JSON.stringify(close)}?`) +
        ` Its ${names.length} columns are: ${listed}`,
    )
  })
}

function findColumn(columns: readonly Column[], ref: ColumnRef): Column | undefined {
  const named = columns.find((column) => column.name === String(ref))
  if (typeof ref === 'string' && (named || !/^-?\d+$/.test(ref))) return named
  return columns.at(Number(ref))
}

/** The rows at `indices`, in that order, copied. */
export function takeTableRows(table: Table, indices: ArrayLike<number>): Table {
  return {
    ...table,
    rows: indices.length,
    columns: table.columns.map((column) => takeColumnRows(column, indices)),
    lines: table.lines && Uint32Array.from(indices, (row) => table.lines![row]!),
  }
}

function takeColumnRows(column: Column, indices: ArrayLike<number>): Column {
  if (column.kind === 'text') return { ...column, values: Array.from(indices, (row) => column.values[row]!) }
  const { width, values, text } = column
  const taken = new (values.constructor as new (length: number) => NumberArray)(indices.length * width)
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i]!
    if (width === 1) taken[i] = values[row]!
    else taken.set(values.subarray(row * width, (row + 1) * width), i * width)
  }
  const at = text ? Array.prototype.indexOf.call(indices, text.row) : -1
  return { ...column, values: taken, text: at < 0 ? undefined : { row: at, value: text!.value } }
}
