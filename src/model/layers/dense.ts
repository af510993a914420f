/** Fully connected: y = f(x W + b), W of [inputs, units], over the last axis (as in Keras). */
import type { DenseConfig } from '../config.ts'
import { kernelInitializer } from '../initializers.ts'
import type { Pointer } from '../../kernels/kernels.ts'
import type { ByTile, Flow, GradientTask, Layer, LoweredLayer, Lowering, ParameterSpec } from '../layer.ts'
import { positionsOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { NO_ENDING, endingOf, lowerActivation } from './activation.ts'
import type { Ending } from './activation.ts'
import { sequence } from './sequence.ts'

export function dense(config: DenseConfig, name: string, shape: Shape): Layer {
  const { units, useBias = true } = config
  const inputs = shape.at(-1)!
  const positions = positionsOf(shape)
  const fans = { fanIn: inputs, fanOut: units }
  const kernel = `${name}/kernel`
  const bias = `${name}/bias`
  const parameters: ParameterSpec[] = [
    { name: kernel, shape: [inputs, units], initializer: kernelInitializer(config), ...fans, ...boundsOf(config) },
  ]
  if (useBias) {
    parameters.push({
      name: bias,
      shape: [units],
      initializer: config.biasInitializer ?? { type: 'zeros' },
      ...fans,
      regularizer: config.biasRegularizer,
    })
  }
  return {
    name,
    type: 'dense',
    inputs: positions * inputs,
    outputs: positions * units,
    shape: [...shape.slice(0, -1), units],
    parameters,
    lower(input, to) {
      const ending = endingOf(config.activation, useBias)
      const linear = lowerLinear(input, units, kernel, useBias ? bias : null, to, inputs, ending)
      if (!config.activation) return linear
      return sequence([linear, lowerActivation(config.activation, linear.output, to, ending)])
    },
  }
}

/** What a kernel's specification has of a layer's config. */
export const boundsOf = (config: Pick<DenseConfig, 'kernelRegularizer' | 'kernelConstraint'>) => ({
  regularizer: config.kernelRegularizer,
  constraint: config.kernelConstraint,
})

/**
 * y = x W (+ b) over vectors of `inputs`, of which a row may hold several; also the shortcut of a residual block, and
 * convolution by a kernel of one cell.
 */
export function lowerLinear(
  input: Flow,
  units: number,
  kernel: string,
  bias: string | null,
  to: Lowering,
  inputs = input.cols,
  ending = NO_ENDING,
): LoweredLayer {
  const positions = input.cols / inputs
  const cols = positions * units
  const w = to.parameter(kernel)
  const b = bias === null ? 0 : to.parameter(bias)
  const value = to.tensor(cols)
  const gradient = to.backSignal(cols)
  const flopsPerRow = 2 * input.cols * units
  const gradients: GradientTask[] = [
    {
      parameter: kernel,
      flopsPerRow,
      run(k, row, rows, tile, into, accumulate) {
        const x = input.value + row * input.cols + tile.row
        const dy = gradient + row * cols + tile.col
        const m = tile.rowEnd - tile.row
        const n = tile.colEnd - tile.col
        const dw = into + tile.row * units + tile.col
        k.matmul(true, false, m, n, rows * positions, x, inputs, dy, units, dw, units, accumulate)
      },
    },
  ]
  if (bias !== null) {
    gradients.push({
      parameter: bias,
      flopsPerRow: cols,
      run(k, row, rows, _tile, into, accumulate) {
        k.columnSums(rows * positions, units, gradient + row * cols, into, accumulate)
      },
    })
  }
  return {
    output: { value, gradient, cols, channels: units, overwritable: true },
    gradients,
    flopsPerRow,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : flopsPerRow,
    forward(k, row, rows) {
      const x = input.value + row * input.cols
      const y = value + row * cols
      k.matmul(false, false, rows * positions, units, inputs, x, inputs, w, units, y, units, false)
      if (bias !== null) k.biasActivate(ending.kind, rows * positions, units, y, units, b, ending.alpha)
    },
    ...(positions === 1
      ? { byTile: linearByTile(input, units, w, bias === null ? null : b, ending, value, gradient) }
      : {}),
    backward(k, row, rows) {
      if (input.gradient === -1) return
      const dx = input.gradient + row * input.cols
      const dy = gradient + row * cols
      k.matmul(false, true, rows * positions, inputs, units, dy, units, w, units, dx, inputs, false)
    },
  }
}

function linearByTile(
  input: Flow,
  units: number,
  w: Pointer,
  b: Pointer | null,
  ending: Ending,
  value: Pointer,
  gradient: Pointer | -1,
): ByTile {
  const inputs = input.cols
  return {
    kind: 'product',
    inputs,
    outputs: units,
    forward(k, row, rows, col, colEnd) {
      const y = value + row * units + col
      const n = colEnd - col
      k.matmul(false, false, rows, n, inputs, input.value + row * inputs, inputs, w + col, units, y, units, false)
      if (b !== null) k.biasActivate(ending.kind, rows, n, y, units, b + col, ending.alpha)
    },
    backward(k, row, rows, col, colEnd) {
      const dx = input.gradient + row * inputs + col
      const dy = gradient + row * units
      k.matmul(false, true, rows, colEnd - col, units, dy, units, w + col * units, units, dx, inputs, false)
    },
  }
}
