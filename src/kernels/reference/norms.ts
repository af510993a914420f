/** Normalisation by the mean and variance of a column, or of a group of a row. Sums in float64. */
import type { NormKernels, Pointer } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

export function referenceNorms(f: Floats, round: Round): NormKernels {
  return {
    moments(rows, cols, x, mean, squares) {
      for (let c = 0; c < cols; c++) {
        let [sum, deviations] = [0, 0]
        for (let r = 0; r < rows; r++) sum += f[x + r * cols + c]!
        const centre = sum / rows
        for (let r = 0; r < rows; r++) deviations += (f[x + r * cols + c]! - centre) ** 2
        f[mean + c] = centre
        f[squares + c] = deviations
      }
    },
    mergeMoments(parts, cols, rowsPerPart, rows, means, squares, divisor, mean, variance) {
      for (let c = 0; c < cols; c++) {
        let [count, centre, deviations] = [0, 0, 0]
        for (let p = 0; p < parts; p++) {
          const n = Math.min(rowsPerPart, rows - p * rowsPerPart)
          const distance = f[means + p * cols + c]! - centre
          count += n
          centre += (distance * n) / count
          deviations += f[squares + p * cols + c]! + (distance * distance * n * (count - n)) / count
        }
        f[mean + c] = centre
        f[variance + c] = deviations / divisor
      }
    },
    normScale(cols, variance, epsilon, gamma, inverse, scale) {
      for (let c = 0; c < cols; c++) {
        const spread = f[variance + c]!
        // Infinity would silence the channel, and nobody would see it.
        f[inverse + c] = spread === Infinity ? NaN : 1 / Math.sqrt(spread + epsilon)
        f[scale + c] = gamma === -1 ? f[inverse + c]! : f[gamma + c]! * f[inverse + c]!
      }
    },
    normalize(rows, cols, x, mean, scale, beta, y) {
      for (let i = 0; i < rows * cols; i++) f[y + i] = normalized(x + i, i % cols, mean, scale, beta)
    },
    normSums(rows, cols, x, dy, mean, inverse, sums, products) {
      for (let c = 0; c < cols; c++) {
        let [sum, product] = [0, 0]
        for (let r = 0; r < rows; r++) {
          const i = r * cols + c
          sum += f[dy + i]!
          product += f[dy + i]! * round(f[x + i]! - f[mean + c]!)
        }
        f[sums + c] = sum
        f[products + c] = product * f[inverse + c]!
      }
    },
    normBackward(rows, cols, x, dy, mean, inverse, scale, sums, products, count, dx) {
      for (let i = 0; i < rows * cols; i++) {
        const c = i % cols
        f[dx + i] = back(x + i, f[dy + i]!, c, mean, inverse, scale, sums, products, count)
      }
    },
    normPool(lines, width, cols, x, mean, scale, beta, y) {
      eachWindow(lines, width, cols, (p, c, cells) => {
        f[y + p] = normalized(x + largest(cells, c, x, scale), c, mean, scale, beta)
      })
    },
    normPoolSums(lines, width, cols, x, dy, mean, inverse, scale, sums, products) {
      const totals = Array.from({ length: cols }, () => ({ sum: 0, product: 0 }))
      eachWindow(lines, width, cols, (p, c, cells) => {
        const total = totals[c]!
        total.sum += f[dy + p]!
        total.product += f[dy + p]! * round(f[x + largest(cells, c, x, scale)]! - f[mean + c]!)
      })
      totals.forEach(({ sum, product }, c) => {
        f[sums + c] = sum
        f[products + c] = product * f[inverse + c]!
      })
    },
    normPoolBackward(lines, width, cols, x, dy, mean, inverse, scale, sums, products, count, dx) {
      eachWindow(lines, width, cols, (p, c, cells) => {
        const chosen = largest(cells, c, x, scale)
        for (const i of cells) {
          const signal = i === chosen ? f[dy + p]! : 0
          f[dx + i] = back(x + i, signal, c, mean, inverse, scale, sums, products, count)
        }
      })
    },
    lerp(count, from, to, amount, out) {
      for (let i = 0; i < count; i++) {
        f[out + i] = f[from + i]! + round(round(f[to + i]! - f[from + i]!) * round(amount))
      }
    },
    groupNorm(rows, positions, cols, groups, centred, epsilon, x, gamma, beta, stats, y) {
      eachGroup(rows, positions, cols, groups, (group, elements) => {
        let [sum, squares, count] = [0, 0, 0]
        elements((i) => {
          sum += f[x + i]!
          count++
        })
        const mean = centred ? round(sum / count) : 0
        elements((i) => (squares += round(f[x + i]! - mean) ** 2))
        const inverse = round(1 / Math.sqrt(squares / count + epsilon))
        f[stats + 2 * group] = mean
        f[stats + 2 * group + 1] = inverse
        elements((i, c) => {
          const value = round(round(f[x + i]! - mean) * inverse)
          const scaled = gamma === -1 ? value : round(value * f[gamma + c]!)
          f[y + i] = beta === -1 ? scaled : scaled + f[beta + c]!
        })
      })
    },
    groupNormBackward(rows, positions, cols, groups, centred, x, dy, gamma, stats, dx) {
      eachGroup(rows, positions, cols, groups, (group, elements) => {
        const [mean, inverse] = [f[stats + 2 * group]!, f[stats + 2 * group + 1]!]
        const signal = (i: number, c: number) => (gamma === -1 ? f[dy + i]! : round(f[dy + i]! * f[gamma + c]!))
        const value = (i: number) => round(round(f[x + i]! - mean) * inverse)
        let [sum, product, count] = [0, 0, 0]
        elements((i, c) => {
          sum += signal(i, c)
          product += signal(i, c) * value(i)
          count++
        })
        const [a, b] = [centred ? round(sum / count) : 0, round(product / count)]
        elements((i, c) => (f[dx + i] = round(round(signal(i, c) - a) - round(value(i) * b)) * inverse))
      })
    },
    groupNormGamma(rows, positions, cols, groups, x, dy, stats, out, accumulate) {
      const sums: number[] = Array.from({ length: cols }, (_, c) => (accumulate ? f[out + c]! : 0))
      eachGroup(rows, positions, cols, groups, (group, elements) => {
        const [mean, inverse] = [f[stats + 2 * group]!, f[stats + 2 * group + 1]!]
        elements((i, c) => {
          sums[c] = round(sums[c]! + round(f[dy + i]! * round(round(f[x + i]! - mean) * inverse)))
        })
      })
      sums.forEach((sum, c) => (f[out + c] = sum))
    },
  }

  function normalized(at: Pointer, c: number, mean: Pointer, scale: Pointer, beta: Pointer | -1): number {
    const value = round(round(f[at]! - f[mean + c]!) * f[scale + c]!)
    return round(beta === -1 ? value : value + f[beta + c]!)
  }

  /** scale (signal - (sum + (x - mean) inverse product) / count), in the order of the kernels. */
  function back(
    at: Pointer,
    signal: number,
    c: number,
    mean: Pointer,
    inverse: Pointer,
    scale: Pointer,
    sums: Pointer,
    products: Pointer,
    count: number,
  ): number {
    const pull = round(f[scale + c]! * round(-1 / count))
    const slope = round(pull * round(f[inverse + c]! * f[products + c]!))
    const common = round(round(slope * round(f[at]! - f[mean + c]!)) + round(pull * f[sums + c]!))
    return round(f[scale + c]! * signal) + common
  }

  /** The cell whose normalised value is the largest: the first of equals; the first NaN before any number. */
  function largest(cells: readonly number[], c: number, x: Pointer, scale: Pointer): number {
    const sign = f[scale + c]! < 0 ? -1 : 1
    const value = (i: number) => sign * f[x + i]!
    return cells.reduce((best, i) => (value(i) > value(best) || (isNaN(value(i)) && !isNaN(value(best))) ? i : best))
  }
}

/** The 2 x 2 cells, as elements of [2 lines, 2 width, cols], of each element `p` of [lines, width, cols]. */
function eachWindow(
  lines: number,
  width: number,
  cols: number,
  visit: (p: number, c: number, cells: readonly number[]) => void,
): void {
  const below = 2 * width * cols
  for (let p = 0; p < lines * width * cols; p++) {
    const [position, c] = [Math.floor(p / cols), p % cols]
    const first = 2 * Math.floor(position / width) * below + 2 * (position % width) * cols + c
    visit(p, c, [first, first + cols, first + below, first + below + cols])
  }
}

type Elements = (visit: (i: Pointer, c: number) => void) => void

/** The groups of each row, and the elements of each: the same channels at every position. */
function eachGroup(
  rows: number,
  positions: number,
  cols: number,
  groups: number,
  visit: (group: number, elements: Elements) => void,
): void {
  const width = cols / groups
  for (let g = 0; g < rows * groups; g++) {
    const [row, first] = [Math.floor(g / groups), (g % groups) * width]
    visit(g, (each) => {
      for (let p = 0; p < positions; p++) {
        for (let c = first; c < first + width; c++) each((row * positions + p) * cols + c, c)
      }
    })
  }
}
