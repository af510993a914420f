/** Rows that cannot be what they should: with numbers that are not finite, or far from all others of their column. */
import type { Dataset } from './dataset.ts'

/** Of a column's median, in upper quartiles of the distances from it: beyond this a number is no measurement. */
const FAR = 1000
/** Share of the rows up to which the others say what is usual. */
const MOST = 0.25

/** The data with a sound row, the next one, in place of each that is broken; as it is where none is, or too many are. */
export function withoutBroken(data: Dataset): { readonly data: Dataset; readonly broken: number } {
  const { rows, features, targets } = data
  const broken = new Uint8Array(rows)
  markBroken(data.x, features, broken)
  markBroken(data.y, targets, broken)
  const count = broken.reduce((sum, bit) => sum + bit, 0)
  if (count === 0 || count > MOST * rows) return { data, broken: 0 }
  const [x, y] = [data.x.slice(), data.y.slice()]
  for (let row = 0; row < rows; row++) {
    if (broken[row] === 0) continue
    let sound = row
    while (broken[sound] === 1) sound = (sound + 1) % rows
    x.copyWithin(row * features, sound * features, (sound + 1) * features)
    y.copyWithin(row * targets, sound * targets, (sound + 1) * targets)
  }
  return { data: { ...data, x, y }, broken: count }
}

function markBroken(values: Float32Array, columns: number, broken: Uint8Array): void {
  const column = new Float32Array(broken.length)
  for (let c = 0; c < columns; c++) {
    for (let row = 0; row < broken.length; row++) column[row] = values[row * columns + c]!
    const middle = quantile(column, 0.5)
    const far =
      FAR *
      quantile(
        column.map((value) => Math.abs(value - middle)),
        0.75,
      )
    column.forEach((value, row) => {
      // Where most numbers are the same, none of the others is far: a column of rare ones.
      if (!Number.isFinite(value) || (far > 0 && Math.abs(value - middle) > far)) broken[row] = 1
    })
  }
}

/** Of the numbers that are finite; NaN where none is. */
function quantile(values: Float32Array, share: number): number {
  const sorted = values.filter(Number.isFinite).sort()
  return sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
}
