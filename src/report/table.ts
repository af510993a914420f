/** Small aligned tables in plain text: two spaces between columns, no rules, nothing that a log would mangle. */

export interface TableOptions {
  readonly header?: readonly string[]
  /** Columns that hold numbers, by index: aligned to the right. */
  readonly right?: readonly number[]
  readonly indent?: string
}

/** Rows of cells as aligned lines. Rows may be of different lengths; trailing spaces are cut. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { header, right = [], indent = '' } = options
  const all = header ? [header, ...rows] : rows
  const widths: number[] = []
  for (const row of all) row.forEach((cell, j) => (widths[j] = Math.max(widths[j] ?? 0, cell.length)))
  const line = (row: readonly string[]) =>
    row.map((cell, j) => (right.includes(j) ? cell.padStart(widths[j]!) : cell.padEnd(widths[j]!))).join('  ')
  return all.map((row) => (indent + line(row)).trimEnd()).join('\n')
}
