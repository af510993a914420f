/** Parametric ReLU: y = x above 0, slope[c] x below, the slopes learned (He et al. 2015, arXiv 1502.01852). */
import type { PreluConfig } from '../config.ts'
import type { Layer } from '../layer.ts'

export function prelu(config: PreluConfig, name: string, inputs: number): Layer {
  const cols = inputs
  const alpha = `${name}/alpha`
  const initializer = config.alphaInitializer ?? { type: 'constant', value: 0.25 }
  return {
    name,
    type: 'prelu',
    inputs,
    outputs: inputs,
    parameters: [{ name: alpha, shape: [cols], initializer, fanIn: cols, fanOut: cols }],
    lower(input, to) {
      const slopes = to.parameter(alpha)
      const value = to.tensor(cols)
      // Not in place: the slopes' gradient reads the back-signal of the output after the rows phase.
      const gradient = to.backSignal(cols)
      return {
        output: { value, gradient, cols, overwritable: true },
        gradients: [
          {
            parameter: alpha,
            flopsPerRow: 2 * cols,
            run(k, row, rows, _tile, into, accumulate) {
              const at = row * cols
              k.preluSlopes(rows, cols, input.value + at, gradient + at, into, accumulate)
            },
          },
        ],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows) {
          const at = row * cols
          k.prelu(rows, cols, input.value + at, slopes, value + at)
        },
        backward(k, row, rows) {
          if (input.gradient === -1) return
          const at = row * cols
          k.preluBackward(rows, cols, input.value + at, slopes, gradient + at, input.gradient + at)
        },
      }
    },
  }
}
