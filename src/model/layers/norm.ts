/**
 * Normalisation within a row, the same in training and prediction:
 *   layerNorm (Ba et al. 2016, arXiv 1607.06450): over the last axis, at each position by itself
 *   rmsNorm (Zhang and Sennrich 2019, arXiv 1910.07467): the same by the root mean square, nothing subtracted
 *   groupNorm (Wu and He 2018, arXiv 1803.08494): over all positions of a group of neighbouring channels
 */
import { UserError } from '../../errors.ts'
import type { GroupNormConfig, LayerNormConfig, RmsNormConfig } from '../config.ts'
import type { GradientTask, Layer, ParameterSpec } from '../layer.ts'
import { positionsOf, shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function layerNorm(config: LayerNormConfig, name: string, shape: Shape): Layer {
  return norm({ epsilon: 1e-3, ...config }, name, shape, 1, true)
}

export function rmsNorm(config: RmsNormConfig, name: string, shape: Shape): Layer {
  return norm({ epsilon: 1e-6, ...config, center: false }, name, shape, 1, false)
}

export function groupNorm(config: GroupNormConfig, name: string, shape: Shape): Layer {
  const channels = shape.at(-1)!
  const groups = config.groups === -1 ? channels : (config.groups ?? Math.min(32, channels))
  if (channels % groups !== 0) {
    throw new UserError(
      `Layer \`${name}\`: ${groups} groups do not divide the ${channels} channels of rows of shape ${shapeText(shape)}. ` +
        'Choose `groups` that divide them, 1 for all together, or -1 for each by itself.',
    )
  }
  return norm({ epsilon: 1e-3, ...config, positions: positionsOf(shape) }, name, shape, groups, true)
}

interface Settings {
  readonly type: string
  readonly epsilon?: number | undefined
  readonly center?: boolean | undefined
  readonly scale?: boolean | undefined
  /** Whose elements share a mean. */
  readonly positions?: number
}

function norm(config: Settings, name: string, shape: Shape, groups: number, centred: boolean): Layer {
  const { epsilon = 1e-3, center = true, scale = true, positions = 1 } = config
  const channels = shape.at(-1)!
  const cols = sizeOf(shape)
  /** Rows that are normalised by themselves, in a row of the batch. */
  const units = positionsOf(shape) / positions
  const vector = (part: string, type: 'zeros' | 'ones'): ParameterSpec => ({
    name: `${name}/${part}`,
    shape: [channels],
    initializer: { type },
    fanIn: channels,
    fanOut: channels,
  })
  return {
    name,
    type: config.type,
    inputs: cols,
    outputs: cols,
    shape,
    parameters: [...(scale ? [vector('gamma', 'ones')] : []), ...(center ? [vector('beta', 'zeros')] : [])],
    lower(input, to) {
      const gamma = scale ? to.parameter(`${name}/gamma`) : -1
      const beta = center ? to.parameter(`${name}/beta`) : -1
      const statsCols = units * groups * 2
      const stats = to.tensor(statsCols)
      const value = to.tensor(cols)
      const gradient = to.backSignal(cols)
      const gradients: GradientTask[] = []
      if (scale) {
        gradients.push({
          parameter: `${name}/gamma`,
          flopsPerRow: 4 * cols,
          run(k, row, rows, _tile, into, accumulate) {
            const x = input.value + row * cols
            const dy = gradient + row * cols
            const s = stats + row * statsCols
            k.groupNormGamma(rows * units, positions, channels, groups, x, dy, s, into, accumulate)
          },
        })
      }
      if (center) {
        gradients.push({
          parameter: `${name}/beta`,
          flopsPerRow: cols,
          run(k, row, rows, _tile, into, accumulate) {
            k.columnSums(rows * units * positions, channels, gradient + row * cols, into, accumulate)
          },
        })
      }
      return {
        output: { value, gradient, cols, channels, overwritable: true },
        gradients,
        flopsPerRow: 8 * cols,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : 12 * cols,
        forward(k, row, rows) {
          const x = input.value + row * cols
          const y = value + row * cols
          const s = stats + row * statsCols
          k.groupNorm(rows * units, positions, channels, groups, centred, epsilon, x, gamma, beta, s, y)
        },
        backward(k, row, rows) {
          if (input.gradient === -1) return
          const x = input.value + row * cols
          const dy = gradient + row * cols
          const s = stats + row * statsCols
          const dx = input.gradient + row * cols
          k.groupNormBackward(rows * units, positions, channels, groups, centred, x, dy, gamma, s, dx)
        },
      }
    },
  }
}
