/** Units that start alike stay alike: they get the same gradient in every step, and the layer is as wide as one of them. */

/** A row-major matrix of [inputs, units]. */
export interface Matrix {
  readonly values: Float32Array
  readonly rows: number
  readonly cols: number
}

/**
 * Units with the same weights in, and the same bias, as a unit before them; and how many of these have the same weights
 * out as well (all, where `out` is not given): nothing will ever tell those apart.
 */
export function countTwins(
  into: Matrix,
  bias: Float32Array | undefined,
  out: Matrix | undefined,
): { alike: number; forEver: number } {
  const firsts = new Map<string, number[]>()
  let [alike, forEver] = [0, 0]
  for (let unit = 0; unit < into.cols; unit++) {
    const key = keyOf(into, bias, unit)
    const candidates = firsts.get(key)
    const twin = candidates?.find((first) => sameColumn(into, first, unit))
    if (twin !== undefined) {
      alike++
      if (!out || sameRow(out, twin, unit)) forEver++
    } else if (candidates) candidates.push(unit)
    else firsts.set(key, [unit])
  }
  return { alike, forEver }
}

/** The bias and the first weights: enough to tell random units apart. */
function keyOf({ values, rows, cols }: Matrix, bias: Float32Array | undefined, unit: number): string {
  let key = `${(bias?.[unit] ?? 0) + 0}`
  for (let row = 0; row < Math.min(3, rows); row++) key += `,${values[row * cols + unit]! + 0}`
  return key
}

function sameColumn({ values, rows, cols }: Matrix, a: number, b: number): boolean {
  for (let row = 0; row < rows; row++) if (values[row * cols + a] !== values[row * cols + b]) return false
  return true
}

function sameRow({ values, cols }: Matrix, a: number, b: number): boolean {
  for (let col = 0; col < cols; col++) if (values[a * cols + col] !== values[b * cols + col]) return false
  return true
}
