import { suggest, UserError } from '../errors.ts'
import type { ColumnRef } from './config.ts'
import { sliceRows, type Steps } from './steps.ts'

/** What every reader gives: named columns of equal length. The transform turns it into a `Dataset`. */
export interface Table {
  /** Path of the file, or a name such as 'digits': said in every error. */
  readonly file: string
  readonly rows: number
  /** Of a part of a file: the number of its first row. Default 0. */
  readonly firstRow?: number | undefined
  /** Rows of the whole file, where that says how many it has. */
  readonly ofRows?: number | undefined
  readonly columns: readonly Column[]
  /** Line of each row in a text file, from 1. */
  readonly lines?: Uint32Array | undefined
  /** Target when none is asked for; the last column if absent. */
  readonly defaultTarget?: string | undefined
  /** Classes of the default target, where more are known than the rows show. */
  readonly classes?: readonly string[] | undefined
  /** Rows follow one another: parts are split off by place, those for validation and the test from the end. */
  readonly inOrder?: boolean | undefined
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
  /** The numbers stand for a text: they are its code points, or its bytes. */
  readonly tokens?: 'chars' | 'bytes' | undefined
  /** Nothing but missing values, in a file that does not say of what: numbers, texts, dates or lists. */
  readonly isBlank?: boolean | undefined
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
  return table.lines
    ? `${table.file}, line ${table.lines[row]}`
    : `${table.file}, row ${(table.firstRow ?? 0) + row} (counted from 0)`
}

/** What a date becomes beside its days, which have its own name. */
export const DATE_PARTS = ['.month', '.weekday', '.hour'] as const

/**
 * A column that other rows have shown, `width` numbers to a row. Where it is blank here, which says neither how many numbers
 * a list has nor that a date has parts, it is all missing.
 */
export function knownColumn(table: Table, name: string, width: number): Column | undefined {
  const named = (name: string) => table.columns.find((column) => column.name === name)
  const found = named(name)
  const part = DATE_PARTS.find((part) => name.endsWith(part)) ?? ''
  const blank = found ?? named(name.slice(0, name.length - part.length))
  if (!blank || !isBlank(blank)) return found
  return { kind: 'numbers', name, width, values: new Float64Array(table.rows * width).fill(NaN) }
}

const isBlank = (column: Column): boolean => column.kind === 'numbers' && column.isBlank === true

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

/** The rows from `start` to `end`, not copied. */
export const sliceTable = (table: Table, start: number, end: number): Table => ({
  ...table,
  rows: end - start,
  firstRow: (table.firstRow ?? 0) + start,
  columns: table.columns.map((column): Column => {
    if (column.kind === 'text') return { ...column, values: column.values.slice(start, end) }
    const { width, values, text } = column
    const first = text && text.row >= start && text.row < end ? { ...text, row: text.row - start } : undefined
    return { ...column, values: values.subarray(start * width, end * width), text: first }
  }),
  lines: table.lines?.subarray(start, end),
})

/** The rows at `indices`, in that order, copied. */
export function* takeTableRows(table: Table, indices: Uint32Array): Steps<Table> {
  const columns: Column[] = []
  for (const column of table.columns) columns.push(yield* takeColumnRows(column, indices))
  const lines = table.lines && indices.map((row) => table.lines![row]!)
  return { ...table, rows: indices.length, columns, lines }
}

function* takeColumnRows(column: Column, indices: Uint32Array): Steps<Column> {
  const step = sliceRows(column.width)
  const taken = emptyLike(column, indices.length)
  for (let start = 0; start < indices.length; start += step) {
    copyRows(column, taken, indices, start, Math.min(start + step, indices.length))
    yield
  }
  if (column.kind === 'text' || !column.text) return taken
  const at = indices.indexOf(column.text.row)
  return { ...taken, text: at < 0 ? undefined : { row: at, value: column.text.value } } as Column
}

function emptyLike(column: Column, rows: number): Column {
  if (column.kind === 'text') return { ...column, values: Array<string | null>(rows).fill(null) }
  const Values = column.values.constructor as new (length: number) => NumberArray
  return { ...column, values: new Values(rows * column.width) }
}

function copyRows(from: Column, to: Column, indices: Uint32Array, start: number, end: number): void {
  const { width } = from
  const target = to.values as (string | null)[] | NumberArray
  for (let i = start; i < end; i++) {
    const row = indices[i]!
    for (let j = 0; j < width; j++) target[i * width + j] = from.values[row * width + j]!
  }
}
