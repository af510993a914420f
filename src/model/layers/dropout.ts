/**
 * Inverted dropout (Srivastava et al. 2014). The mask is a function of (seed, layer, batch, row, unit) alone, so it
 * is computed again for the backward pass instead of stored, and does not depend on who computes it.
 */
import type { DropoutConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function dropout(config: DropoutConfig, name: string, shape: Shape): Layer {
  const { rate } = config
  const cols = sizeOf(shape)
  return {
    name,
    type: 'dropout',
    inputs: cols,
    outputs: cols,
    shape,
    parameters: [],
    lower(input, to) {
      const stream = to.stream()
      const value = input.overwritable ? input.value : to.tensor(cols)
      const gradient = input.overwritable ? input.gradient : to.backSignal(cols)
      return {
        output: { value, gradient, cols, channels: input.channels, overwritable: true },
        gradients: [],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows, pass) {
          const [x, y] = [input.value + row * cols, value + row * cols]
          if (pass.training && rate > 0) {
            k.dropout(rows, cols, x, y, rate, pass.seed, stream, pass.batch, pass.firstRow + row)
          } else if (x !== y) k.copy(rows * cols, x, y)
        },
        backward(k, row, rows, pass) {
          if (input.gradient === -1) return
          const [dy, dx] = [gradient + row * cols, input.gradient + row * cols]
          if (rate > 0) k.dropout(rows, cols, dy, dx, rate, pass.seed, stream, pass.batch, pass.firstRow + row)
          else if (dx !== dy) k.copy(rows * cols, dy, dx)
        },
      }
    },
  }
}
