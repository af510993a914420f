/** Windows that slide over rows of [height, width, channels]. */
import type { Pointer, Window, WindowKernels } from '../kernels.ts'
import type { Floats, Round } from './floats.ts'

export function referenceWindows(f: Floats, round: Round): WindowKernels {
  return {
    unfold(w, depth, first, count, x, out) {
      const width = w.kernelHeight * w.kernelWidth * depth
      f.fill(0, out, out + count * width)
      for (let p = 0; p < count; p++) {
        eachCell(w, first + p, (cell, at) => {
          const from = x + at * w.channels
          for (let c = 0; c < depth; c++) f[out + p * width + cell * depth + c] = f[from + c]!
        })
      }
    },
    fold(w, depth, first, count, columns, dx) {
      const width = w.kernelHeight * w.kernelWidth * depth
      for (let p = 0; p < count; p++) {
        eachCell(w, first + p, (cell, at) => {
          const into = dx + at * w.channels
          for (let c = 0; c < depth; c++) f[into + c] = f[into + c]! + f[columns + p * width + cell * depth + c]!
        })
      }
    },
    depthwise(w, rows, x, kernel, y) {
      const { channels } = w
      for (let p = 0; p < rows * w.outHeight * w.outWidth; p++) {
        f.fill(0, y + p * channels, y + (p + 1) * channels)
        eachCell(w, p, (cell, at) => {
          for (let c = 0; c < channels; c++) {
            const product = round(f[x + at * channels + c]! * f[kernel + cell * channels + c]!)
            f[y + p * channels + c] = f[y + p * channels + c]! + product
          }
        })
      }
    },
    depthwiseBackward(w, rows, dy, kernel, dx) {
      const { channels } = w
      for (let p = 0; p < rows * w.outHeight * w.outWidth; p++) {
        eachCell(w, p, (cell, at) => {
          for (let c = 0; c < channels; c++) {
            const product = round(f[dy + p * channels + c]! * f[kernel + cell * channels + c]!)
            f[dx + at * channels + c] = f[dx + at * channels + c]! + product
          }
        })
      }
    },
    depthwiseKernel(w, rows, x, dy, out) {
      const { channels } = w
      for (let p = 0; p < rows * w.outHeight * w.outWidth; p++) {
        eachCell(w, p, (cell, at) => {
          for (let c = 0; c < channels; c++) {
            const product = round(f[x + at * channels + c]! * f[dy + p * channels + c]!)
            f[out + cell * channels + c] = f[out + cell * channels + c]! + product
          }
        })
      }
    },
    maxPool(w, rows, x, y) {
      eachOutput(w, rows, (p, c) => (f[y + p * w.channels + c] = f[x + largest(w, p, c, x) * w.channels + c]!))
    },
    maxPoolBackward(w, rows, x, dy, dx) {
      eachOutput(w, rows, (p, c) => {
        const into = dx + largest(w, p, c, x) * w.channels + c
        f[into] = f[into]! + f[dy + p * w.channels + c]!
      })
    },
    averagePool(w, rows, x, y) {
      eachOutput(w, rows, (p, c) => {
        let [sum, cells] = [0, 0]
        eachCell(w, p, (_cell, at) => {
          sum = round(sum + f[x + at * w.channels + c]!)
          cells++
        })
        f[y + p * w.channels + c] = sum * round(1 / cells)
      })
    },
    averagePoolBackward(w, rows, dy, dx) {
      eachOutput(w, rows, (p, c) => {
        let cells = 0
        eachCell(w, p, () => cells++)
        const share = round(f[dy + p * w.channels + c]! * round(1 / cells))
        eachCell(w, p, (_cell, at) => (f[dx + at * w.channels + c] = f[dx + at * w.channels + c]! + share))
      })
    },
  }

  /** The position of the window's largest value: the first of equals; the first NaN before any number. */
  function largest(w: Window, p: number, c: number, x: Pointer): number {
    let [best, found] = [-Infinity, -1]
    eachCell(w, p, (_cell, at) => {
      const value = f[x + at * w.channels + c]!
      if (found < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) [best, found] = [value, at]
    })
    return found
  }
}

function eachOutput(w: Window, rows: number, visit: (position: number, channel: number) => void): void {
  for (let p = 0; p < rows * w.outHeight * w.outWidth; p++) for (let c = 0; c < w.channels; c++) visit(p, c)
}

/** The cells of output position `p` that lie inside its row, and where: as a position of the whole block of rows. */
function eachCell(w: Window, p: number, visit: (cell: number, at: number) => void): void {
  const perRow = w.outHeight * w.outWidth
  const [row, inRow] = [Math.floor(p / perRow), p % perRow]
  const top = Math.floor(inRow / w.outWidth) * w.strideHeight - w.top
  const left = (inRow % w.outWidth) * w.strideWidth - w.left
  for (let i = 0; i < w.kernelHeight; i++) {
    for (let j = 0; j < w.kernelWidth; j++) {
      const [v, h] = [top + i * w.dilationHeight, left + j * w.dilationWidth]
      if (v < 0 || v >= w.height || h < 0 || h >= w.width) continue
      visit(i * w.kernelWidth + j, (row * w.height + v) * w.width + h)
    }
  }
}
