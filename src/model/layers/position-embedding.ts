/** Rows of [steps, channels] plus a learned vector for each step: where in the sequence it is. */
import { Activation } from '../../kernels/kernels.ts'
import type { PositionEmbeddingConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { expectRank } from './window.ts'

export function positionEmbedding(config: PositionEmbeddingConfig, name: string, shape: Shape): Layer {
  expectRank(name, config.type, shape, 1)
  const cols = sizeOf(shape)
  const [steps, channels] = shape as [number, number]
  const table = `${name}/embeddings`
  const initializer = config.embeddingsInitializer ?? { type: 'uniform', min: -0.05, max: 0.05 }
  return {
    name,
    type: config.type,
    inputs: cols,
    outputs: cols,
    shape,
    // Its gradient is a sum over rows, as a bias's.
    parameters: [{ name: table, shape, initializer, fanIn: steps, fanOut: channels, uncut: true }],
    lower(input, to) {
      const w = to.parameter(table)
      const value = to.tensor(cols)
      // Not in place: the table's gradient reads the back-signal after the rows phase.
      const gradient = to.backSignal(cols)
      return {
        output: { value, gradient, cols, channels, overwritable: true },
        gradients: [
          {
            parameter: table,
            flopsPerRow: cols,
            run(k, row, rows, _tile, into, accumulate) {
              k.columnSums(rows, cols, gradient + row * cols, into, accumulate)
            },
          },
        ],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows) {
          k.copy(rows * cols, input.value + row * cols, value + row * cols)
          k.biasActivate(Activation.linear, rows, cols, value + row * cols, cols, w, 1)
        },
        backward(k, row, rows) {
          if (input.gradient !== -1) k.copy(rows * cols, gradient + row * cols, input.gradient + row * cols)
        },
      }
    },
  }
}
