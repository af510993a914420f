/** Pooling: the largest value or the mean of a window, or of all positions, channel by channel. */
import type { Window } from '../../kernels/kernels.ts'
import type { GlobalPoolingConfig, PoolingConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { expectRank, windowOver, windowShape } from './window.ts'

export function pooling(config: PoolingConfig, name: string, shape: Shape): Layer {
  const { type, poolSize = 2, strides = poolSize, padding } = config
  const dims = type.endsWith('1d') ? 1 : 2
  expectRank(name, type, shape, dims)
  const window = windowOver(name, shape, dims, { size: poolSize, strides, padding })
  return poolingOver(window, type.startsWith('max'), { name, type, shape: windowShape(window, dims, window.channels) })
}

export function globalPooling({ type }: GlobalPoolingConfig, name: string, shape: Shape): Layer {
  const dims = type.endsWith('1d') ? 1 : 2
  expectRank(name, type, shape, dims)
  const window = windowOver(name, shape, dims, { size: shape.slice(0, -1) })
  return poolingOver(window, type.startsWith('globalMax'), { name, type, shape: [window.channels] })
}

function poolingOver(window: Window, max: boolean, named: Pick<Layer, 'name' | 'type' | 'shape'>): Layer {
  const inputs = window.height * window.width * window.channels
  const cols = sizeOf(named.shape)
  const flopsPerRow = cols * window.kernelHeight * window.kernelWidth
  return {
    ...named,
    inputs,
    outputs: cols,
    parameters: [],
    ...(max ? { largestOf: window } : {}),
    lower(input, to) {
      const value = to.tensor(cols)
      const gradient = to.backSignal(cols)
      return {
        output: { value, gradient, cols, channels: window.channels, overwritable: true },
        gradients: [],
        flopsPerRow,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : flopsPerRow,
        forward(k, row, rows) {
          const [x, y] = [input.value + row * inputs, value + row * cols]
          if (max) k.maxPool(window, rows, x, y)
          else k.averagePool(window, rows, x, y)
        },
        backward(k, row, rows) {
          if (input.gradient === -1) return
          const [x, dy, dx] = [input.value + row * inputs, gradient + row * cols, input.gradient + row * inputs]
          k.fill(rows * inputs, 0, dx)
          if (max) k.maxPoolBackward(window, rows, x, dy, dx)
          else k.averagePoolBackward(window, rows, dy, dx)
        },
      }
    },
  }
}
