/**
 * Inverted dropout (Srivastava et al. 2014). The mask is a function of (seed, layer, batch, row, unit) alone, so it
 * is computed again for the backward pass instead of stored, and does not depend on who computes it.
 */
import type { DropoutConfig, SpatialDropoutConfig } from '../config.ts'
import type { Kernels, Pointer } from '../../kernels/kernels.ts'
import type { Layer, Pass } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function dropout({ type, rate }: DropoutConfig, name: string, shape: Shape): Layer {
  return masked(type, name, shape, rate, sizeOf(shape))
}

/** @param width of the runs that share a mask: a whole row, or the channels of a position */
export function masked(
  type: (DropoutConfig | SpatialDropoutConfig)['type'],
  name: string,
  shape: Shape,
  rate: number,
  width: number,
): Layer {
  const cols = sizeOf(shape)
  return {
    name,
    type,
    inputs: cols,
    outputs: cols,
    shape,
    parameters: [],
    lower(input, to) {
      const stream = to.stream()
      const value = input.overwritable ? input.value : to.tensor(cols)
      const gradient = input.overwritable ? input.gradient : to.backSignal(cols)
      const drop = (k: Kernels, from: Pointer, into: Pointer, row: number, rows: number, pass: Pass): void => {
        const first = pass.firstRow + row
        if (width === cols) return k.dropout(rows, cols, from, into, rate, pass.seed, stream, pass.batch, first)
        for (let r = 0; r < rows; r++) {
          for (let at = r * cols; at < (r + 1) * cols; at += width) {
            k.dropout(1, width, from + at, into + at, rate, pass.seed, stream, pass.batch, first + r)
          }
        }
      }
      return {
        output: {
          ...{ value, gradient, cols, channels: width === cols ? input.channels : width },
          overwritable: true,
          spendsSignal: input.overwritable,
        },
        gradients: [],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows, pass) {
          const [x, y] = [input.value + row * cols, value + row * cols]
          if (pass.training && rate > 0) drop(k, x, y, row, rows, pass)
          else if (x !== y) k.copy(rows * cols, x, y)
        },
        backward(k, row, rows, pass) {
          if (input.gradient === -1) return
          const [dy, dx] = [gradient + row * cols, input.gradient + row * cols]
          if (rate > 0) drop(k, dy, dx, row, rows, pass)
          else if (dx !== dy) k.copy(rows * cols, dy, dx)
        },
      }
    },
  }
}
