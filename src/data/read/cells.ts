/** Columns of decoded values, as columnar files give them chunk by chunk: numbers, texts, dates, lists of numbers. */
import { describe, UserError } from '../../errors.ts'
import { DATE_PARTS } from '../table.ts'
import type { Column } from '../table.ts'
import { numberBuilder, textBuilder, type ColumnBuilder } from './columns.ts'

export interface CellColumn {
  /** The next values; null or undefined is a missing one. */
  add(values: ArrayLike<unknown>): void
  /** One column, or those that a date becomes. */
  finish(): Column[]
}

/**
 * The first value that is not missing says what a column holds. A date becomes four: `name` in days since 1970, and
 * `name.month` (1 to 12), `name.weekday` (0 is Sunday), `name.hour` (with its fraction), all in UTC.
 */
export function cellColumn(name: string, file: string): CellColumn {
  let builders: ColumnBuilder[] = []
  let kind: Kind | undefined
  let rows = 0
  const begin = (value: unknown): void => {
    kind = kindOf(value)
    if (kind === undefined) throw unsupported(name, file, describe(value))
    if (kind === 'text') builders = [textBuilder(name)]
    else if (kind === 'date') builders = ['', ...DATE_PARTS].map((part) => numberBuilder(name + part))
    else builders = [numberBuilder(name, kind === 'list' ? (value as ArrayLike<number>).length : 1)]
  }
  const put = (value: unknown): void => {
    if (kind === undefined) begin(value)
    const got = kindOf(value)
    if (got !== kind)
      throw new UserError(
        `Expected column \`${name}\` of ${file} to hold one kind of value, got ${describe(value)} in row ${rows}`,
      )
    const [first] = builders
    if (got === 'text') first!.addText(rows, value as string)
    else if (got === 'number') first!.addNumber(rows, Number(value))
    else if (got === 'date') dateParts(value as Date).forEach((part, i) => builders[i]!.addNumber(rows, part))
    else {
      const list = value as ArrayLike<number>
      if (list.length !== first!.width)
        throw new UserError(
          `Expected ${first!.width} numbers in column \`${name}\` of ${file}, got ${list.length} in row ${rows}`,
        )
      first!.addBlock(rows, Array.from(list, Number))
    }
  }
  return {
    add(values) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]
        if (value !== null && value !== undefined) put(value)
        rows++
      }
    },
    finish() {
      if (kind === undefined) return [{ ...numberBuilder(name).finish(rows), isBlank: true } as Column]
      return builders.map((builder) => builder.finish(rows))
    },
  }
}

type Kind = 'number' | 'text' | 'date' | 'list'

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return 'number'
  if (typeof value === 'string') return 'text'
  if (value instanceof Date) return 'date'
  const list = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
  const first = list ? (value as unknown[])[0] : undefined
  return typeof first === 'number' || typeof first === 'bigint' ? 'list' : undefined
}

function dateParts(date: Date): number[] {
  const hour = date.getUTCHours() + date.getUTCMinutes() / 60 + date.getUTCSeconds() / 3600
  return [date.getTime() / 86_400_000, date.getUTCMonth() + 1, date.getUTCDay(), hour]
}

/** @param what a value, or a type, in words */
export const unsupported = (name: string, file: string, what: string): UserError =>
  new UserError(
    `Expected numbers, texts, dates or lists of numbers in column \`${name}\` of ${file}, got ${what}. ` +
      'Leave the column out with data.drop',
  )

/** In place of a column that nobody asks for, so that its name and place are known. */
export const unread = (name: string, rows: number): Column => ({
  kind: 'numbers',
  name,
  width: 1,
  values: new Int8Array(rows),
})

/** Which columns a config asks for: by name where it names them all, else all but those dropped. */
export function wantedColumns(
  names: readonly string[],
  config: { features?: unknown; target?: unknown; drop?: unknown },
): string[] {
  const refs = (of: unknown) => [of ?? []].flat().map(String)
  const matches = (all: readonly string[], name: string, i: number) =>
    all.some(
      (ref) => ref === name || ref.startsWith(`${name}.`) || Number(ref) === i || Number(ref) === i - names.length,
    )
  const dropped = names.filter((name, i) => !matches(refs(config.drop), name, i))
  if (config.features === undefined || config.target === undefined) return dropped
  const asked = [...refs(config.features), ...refs(config.target)]
  return dropped.filter((name) => matches(asked, name, names.indexOf(name)))
}

export const noRows = (path: string): UserError =>
  new UserError(`Expected rows of data in ${path}, got none. Name a file that has some`)

export const damagedFile = (format: 'Parquet' | 'Arrow', path: string, why: string): string =>
  `Expected a whole ${format} file, but ${path} is damaged or of an unknown kind: ${why}. ` +
  'Copy or download it again; if others can read it, write it there as CSV'

/** What a library says of a file; where it stumbled over the file's structure, that is no sentence for people. */
export function whyDamaged(cause: unknown): string {
  if (cause instanceof TypeError || cause instanceof RangeError) return 'its parts do not fit together'
  return cause instanceof Error ? cause.message : String(cause)
}
