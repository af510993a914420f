/**
 * Dropout of whole channels (Tompson et al. 2015, arXiv 1411.4280): neighbouring positions say nearly the same, so that
 * dropping single ones drops little. The mask is that of `dropout`, of (seed, layer, batch, row, channel), at each position.
 */
import type { SpatialDropoutConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { positionsOf, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { expectRank } from './window.ts'

export function spatialDropout({ type, rate }: SpatialDropoutConfig, name: string, shape: Shape): Layer {
  expectRank(name, type, shape, type.endsWith('1d') ? 1 : 2)
  const cols = sizeOf(shape)
  const channels = shape.at(-1)!
  const positions = positionsOf(shape)
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
      return {
        output: { value, gradient, cols, channels, overwritable: true },
        gradients: [],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows, pass) {
          const [x, y] = [input.value + row * cols, value + row * cols]
          if (!pass.training || rate === 0) {
            if (x !== y) k.copy(rows * cols, x, y)
            return
          }
          for (let r = 0; r < rows; r++) {
            for (let at = r * cols, p = 0; p < positions; p++, at += channels) {
              k.dropout(1, channels, x + at, y + at, rate, pass.seed, stream, pass.batch, pass.firstRow + row + r)
            }
          }
        },
        backward(k, row, rows, pass) {
          if (input.gradient === -1) return
          const [dy, dx] = [gradient + row * cols, input.gradient + row * cols]
          if (rate === 0) {
            if (dx !== dy) k.copy(rows * cols, dy, dx)
            return
          }
          for (let r = 0; r < rows; r++) {
            for (let at = r * cols, p = 0; p < positions; p++, at += channels) {
              k.dropout(1, channels, dy + at, dx + at, rate, pass.seed, stream, pass.batch, pass.firstRow + row + r)
            }
          }
        },
      }
    },
  }
}
