/** Parametric ReLU: y = x above 0, slope[c] x below, the slopes learned, one per channel of the last axis (He et al. 2015, arXiv 1502.01852). */
import type { PreluConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { positionsOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function prelu(config: PreluConfig, name: string, shape: Shape): Layer {
  const cols = shape.at(-1)!
  const positions = positionsOf(shape)
  const size = positions * cols
  const alpha = `${name}/alpha`
  const initializer = config.alphaInitializer ?? { type: 'constant', value: 0.25 }
  return {
    name,
    type: 'prelu',
    inputs: size,
    outputs: size,
    shape,
    parameters: [{ name: alpha, shape: [cols], initializer, fanIn: cols, fanOut: cols }],
    lower(input, to) {
      const slopes = to.parameter(alpha)
      const value = to.tensor(size)
      // Not in place: the slopes' gradient reads the back-signal of the output after the rows phase.
      const gradient = to.backSignal(size)
      return {
        output: { value, gradient, cols: size, channels: cols, overwritable: true },
        gradients: [
          {
            parameter: alpha,
            flopsPerRow: 2 * size,
            run(k, row, rows, _tile, into, accumulate) {
              const at = row * size
              k.preluSlopes(rows * positions, cols, input.value + at, gradient + at, into, accumulate)
            },
          },
        ],
        flopsPerRow: size,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : size,
        forward(k, row, rows) {
          const at = row * size
          k.prelu(rows * positions, cols, input.value + at, slopes, value + at)
        },
        backward(k, row, rows) {
          if (input.gradient === -1) return
          const at = row * size
          k.preluBackward(rows * positions, cols, input.value + at, slopes, gradient + at, input.gradient + at)
        },
      }
    },
  }
}
