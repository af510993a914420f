/** Counts by row and column, as a table whose cells are the darker the greater their share of the row is. */
import { head, heading, WIDTH } from './frame.ts'
import type { Drawing } from './frame.ts'
import type { SeriesColour, Severity } from './style.ts'
import { fitted, label, rectangle, tag, textWidth } from './svg.ts'

export interface Matrix {
  readonly title: string
  readonly description: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** Of each row, one per column; 0 is left empty. */
  readonly counts: readonly (readonly number[])[]
  /** Default blue. */
  readonly colour?: (row: number, column: number) => SeriesColour | Severity
  /** What is counted, and what rows and columns are: `runs; rows: the fault, columns: what was said`. */
  readonly unit: string
}

const CELL = 26
const SLANT = -40

export function matrix({ title, description, rows, columns, counts, colour = () => 'blue', unit }: Matrix): Drawing {
  const left = 18 + Math.max(0, ...rows.map((name) => textWidth(name)))
  const pitch = Math.min(64, (WIDTH - left - 60) / Math.max(1, columns.length))
  const rise = Math.max(0, ...columns.map((name) => textWidth(name))) * Math.sin((-SLANT * Math.PI) / 180)
  const top = head([]) + rise + 14
  const cells = counts.flatMap((row, r) => {
    const sum = row.reduce((total, count) => total + count, 0)
    return row.flatMap((count, c) => {
      const [x, y] = [left + c * pitch, top + r * CELL]
      const ground = rectangle(x + 1, y + 1, pitch - 2, CELL - 2, 'f-grid', { 'fill-opacity': 0.5 })
      if (!(count > 0)) return [ground]
      const share = count / sum
      return [
        ground,
        rectangle(x + 1, y + 1, pitch - 2, CELL - 2, `f-${colour(r, c)}`, { 'fill-opacity': 0.15 + 0.6 * share }),
        label(x + pitch / 2, y + CELL / 2 + 4, String(count), { anchor: 'middle', bold: share >= 0.5 }),
      ]
    })
  })
  const names = rows.map((name, r) =>
    label(left - 8, top + (r + 0.5) * CELL + 4, fitted(name, left - 14), { anchor: 'end', look: 'quiet' }),
  )
  const heads = columns.map((name, c) => {
    const [x, y] = [left + (c + 0.5) * pitch - 4, top - 6]
    return tag('g', { transform: `rotate(${SLANT} ${x} ${y})` }, label(x, y, name, { look: 'quiet' }))
  })
  const body = [heading(title, [], WIDTH, unit), ...heads, ...names, ...cells].join('')
  return { width: WIDTH, height: top + rows.length * CELL + 12, title, description, body }
}
