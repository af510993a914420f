/** Upsampling: each position `size` times next to itself, along each axis (nearest, as in Keras). */
import type { Kernels, Pointer } from '../../kernels/kernels.ts'
import type { UpSamplingConfig } from '../config.ts'
import type { Layer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { expectRank } from './window.ts'

export function upSampling({ type, size = 2 }: UpSamplingConfig, name: string, shape: Shape): Layer {
  const dims = type.endsWith('1d') ? 1 : 2
  expectRank(name, type, shape, dims)
  const factors = typeof size === 'number' ? [size, size] : [size[0]!, size.at(-1)!]
  const channels = shape.at(-1)!
  const [height, width] = dims === 2 ? [shape[0]!, shape[1]!] : [1, shape[0]!]
  const [tall, wide] = dims === 2 ? [factors[0]!, factors[1]!] : [1, factors[0]!]
  const outShape = dims === 2 ? [height * tall, width * wide, channels] : [width * wide, channels]
  const [inputs, cols] = [sizeOf(shape), sizeOf(outShape)]
  const line = width * wide * channels

  return {
    name,
    type,
    inputs,
    outputs: cols,
    shape: outShape,
    parameters: [],
    lower(input, to) {
      const value = to.tensor(cols)
      const gradient = to.backSignal(cols)
      return {
        output: { value, gradient, cols, channels, overwritable: true },
        gradients: [],
        flopsPerRow: cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
        forward(k, row, rows) {
          // Lines of a row follow each other, and those of the next row them.
          for (let l = row * height; l < (row + rows) * height; l++) {
            const [x, y] = [input.value + l * width * channels, value + l * tall * line]
            for (let p = 0; p < width; p++) spread(k, x + p * channels, y + p * wide * channels)
            for (let copy = 1; copy < tall; copy++) k.copy(line, y, y + copy * line)
          }
        },
        backward(k, row, rows) {
          if (input.gradient === -1) return
          for (let l = row * height; l < (row + rows) * height; l++) {
            const [dx, dy] = [input.gradient + l * width * channels, gradient + l * tall * line]
            k.fill(width * channels, 0, dx)
            for (let copy = 0; copy < tall; copy++) {
              for (let p = 0; p < width * wide; p++) {
                k.add(channels, dy + copy * line + p * channels, dx + Math.floor(p / wide) * channels)
              }
            }
          }
        },
      }
    },
  }

  function spread(k: Kernels, from: Pointer, to: Pointer): void {
    for (let copy = 0; copy < wide; copy++) k.copy(channels, from, to + copy * channels)
  }
}
