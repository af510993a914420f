import { UserError } from '../../errors.ts'
import type { Column, NumberColumn, TextColumn } from '../table.ts'

/** Each takes some two kilobytes before it holds a value. */
const MOST_COLUMNS = 2 ** 17

/** @throws UserError for so many columns that they alone fill memory, as a line of nothing but delimiters has */
export function checkColumns(count: number, file: string): void {
  if (count <= MOST_COLUMNS) return
  throw new UserError(
    `Expected at most ${MOST_COLUMNS} columns in ${file}, got ${count}. Rows as wide as that are read from an NPY file`,
  )
}

/** A column that grows row by row. Rows never set are missing. */
export interface ColumnBuilder {
  readonly kind: Column['kind']
  readonly width: number
  addNumber(row: number, value: number): void
  addText(row: number, value: string): void
  addBlock(row: number, values: readonly number[]): void
  /** The column of `rows` rows. */
  finish(rows: number): Column
}

/** Rows that a column begins with room for: a line may be of columns alone, whose room is to be no more than the line's. */
const FIRST_ROWS = 8

/** Numbers, `width` to a row. A text leaves NaN, and the first one is kept for the error. */
export function numberBuilder(name: string, width = 1): ColumnBuilder {
  let values = new Float64Array(FIRST_ROWS * width).fill(NaN)
  let text: NumberColumn['text']
  const reserve = (row: number): void => {
    if ((row + 1) * width <= values.length) return
    const grown = new Float64Array(Math.max(2 * values.length, (row + 1) * width))
    grown.set(values)
    grown.fill(NaN, values.length)
    values = grown
  }
  return {
    kind: 'numbers',
    width,
    addNumber(row, value) {
      reserve(row)
      values[row * width] = value
    },
    addText(row, value) {
      text ??= { row, value }
    },
    addBlock(row, block) {
      reserve(row)
      values.set(block, row * width)
    },
    finish(rows) {
      reserve(Math.max(rows - 1, 0))
      return { kind: 'numbers', name, width, values: values.slice(0, rows * width), text }
    },
  }
}

/** Texts; equal ones are kept once. */
export function textBuilder(name: string): ColumnBuilder {
  const values: (string | null)[] = []
  const known = new Map<string, string>()
  const add = (row: number, value: string): void => {
    let kept = known.get(value)
    if (kept === undefined) known.set(value, (kept = value))
    while (values.length < row) values.push(null)
    values[row] = kept
  }
  return {
    kind: 'text',
    width: 1,
    addNumber: (row, value) => add(row, String(value)),
    addText: add,
    addBlock: (row, block) => add(row, JSON.stringify(block)),
    finish(rows): TextColumn {
      while (values.length < rows) values.push(null)
      return { kind: 'text', name, width: 1, values }
    },
  }
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** The number that a cell spells in decimal, or undefined: `Infinity`, `1e999`, `0x10` and `1,5` are texts. */
export function parseNumber(cell: string): number | undefined {
  const plain = plainNumber(cell)
  if (plain !== undefined) return plain
  if (!NUMBER.test(cell)) return undefined
  const value = Number(cell)
  return Number.isFinite(value) ? value : undefined
}

/** More digits may be no whole number of float64; fewer decimals than 22 are a power of ten that is one. */
const MOST_DIGITS = 15
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, i) => 10 ** i)

/**
 * Of a sign, a few digits and a point at most, as nearly all cells are: a whole number over a power of ten, both exact, so
 * that their quotient is rounded once, as `Number` does it, in a fraction of the time (Clinger 1990, "How to read floating
 * point numbers accurately").
 */
function plainNumber(cell: string): number | undefined {
  const first = cell.charCodeAt(0)
  const start = first === MINUS || first === PLUS ? 1 : 0
  if (cell.length - start > MOST_DIGITS) return undefined
  let whole = 0
  let point = -1
  for (let i = start; i < cell.length; i++) {
    const digit = cell.charCodeAt(i) - ZERO
    if (digit >= 0 && digit <= 9) whole = 10 * whole + digit
    else if (digit === POINT - ZERO && point < 0) point = i
    else return undefined
  }
  const digits = cell.length - start - (point < 0 ? 0 : 1)
  if (digits < 1) return undefined
  const size = point < 0 ? whole : whole / POWERS[cell.length - 1 - point]!
  return first === MINUS ? -size : size
}
const [PLUS, MINUS, POINT, ZERO] = [0x2b, 0x2d, 0x2e, 0x30]

/** Is a position meant by one of the references? */
export function isReferred(refs: readonly (string | number)[], name: string, position: number, count: number): boolean {
  return refs.some((ref) => String(ref) === name || Number(ref) === position || Number(ref) === position - count)
}
