/**
 * Rows of a learned table by index: [steps] whole numbers become [steps, units]. An index that is no row of the table is
 * refused before the first step where rows are indices alone; elsewhere it gives NaN, which the step's finiteness check
 * tells of. Indices have no gradient.
 */
import type { EmbeddingConfig } from '../config.ts'
import type { GradientTask, Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function embedding(config: EmbeddingConfig, name: string, shape: Shape): Layer {
  const { inputDim, outputDim } = config
  const table = `${name}/embeddings`
  const count = sizeOf(shape)
  const cols = count * outputDim
  const initializer = config.embeddingsInitializer ?? { type: 'uniform', min: -0.05, max: 0.05 }
  return {
    name,
    type: 'embedding',
    inputs: count,
    outputs: cols,
    shape: [...shape, outputDim],
    parameters: [
      {
        name: table,
        shape: [inputDim, outputDim],
        initializer,
        fanIn: inputDim,
        fanOut: outputDim,
        regularizer: config.embeddingsRegularizer,
      },
    ],
    lower(input, to) {
      const w = to.parameter(table)
      const value = to.tensor(cols)
      const gradient = to.backSignal(cols)
      const gradients: GradientTask[] = [
        {
          parameter: table,
          flopsPerRow: cols,
          run(k, row, rows, { row: first, rowEnd, col, colEnd }, into, accumulate) {
            const width = colEnd - col
            for (let r = first; r < rowEnd && !accumulate; r++) k.fill(width, 0, into + r * outputDim + col)
            const [indices, dy] = [input.value + row * count, gradient + row * cols + col]
            k.lookUpGradient(rows * count, width, outputDim, first, rowEnd, indices, dy, into + col)
          },
        },
      ]
      return {
        output: { value, gradient, cols, channels: outputDim, overwritable: true },
        gradients,
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : count,
        forward(k, row, rows) {
          k.lookUp(rows * count, outputDim, inputDim, input.value + row * count, w, value + row * cols)
        },
        backward(k, row, rows) {
          if (input.gradient !== -1) k.fill(rows * count, 0, input.gradient + row * count)
        },
      }
    },
  }
}
