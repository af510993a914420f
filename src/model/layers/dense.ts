/** Fully connected: y = f(x W + b), W of [inputs, units]. */
import type { DenseConfig, InitializerConfig } from '../config.ts'
import type { Flow, GradientTask, Layer, LoweredLayer, Lowering, ParameterSpec } from '../layer.ts'
import { lowerActivation } from './activation.ts'
import { sequence } from './sequence.ts'

export function dense(config: DenseConfig, name: string, inputs: number): Layer {
  const { units, useBias = true } = config
  const fans = { fanIn: inputs, fanOut: units }
  const kernel = `${name}/kernel`
  const bias = `${name}/bias`
  const parameters: ParameterSpec[] = [
    { name: kernel, shape: [inputs, units], initializer: kernelInitializer(config), ...fans },
  ]
  if (useBias) {
    parameters.push({ name: bias, shape: [units], initializer: config.biasInitializer ?? { type: 'zeros' }, ...fans })
  }
  return {
    name,
    type: 'dense',
    inputs,
    outputs: units,
    parameters,
    lower(input, to) {
      const linear = lowerLinear(input, units, kernel, useBias ? bias : null, to)
      if (!config.activation) return linear
      return sequence([linear, lowerActivation(config.activation, linear.output, to)])
    },
  }
}

/** y = x W (+ b), also the shortcut of a residual block. */
export function lowerLinear(
  input: Flow,
  units: number,
  kernel: string,
  bias: string | null,
  to: Lowering,
): LoweredLayer {
  const inputs = input.cols
  const w = to.parameter(kernel)
  const b = bias === null ? 0 : to.parameter(bias)
  const value = to.tensor(units)
  const gradient = to.backSignal(units)
  const gradients: GradientTask[] = [
    {
      parameter: kernel,
      flopsPerRow: 2 * inputs * units,
      run(k, row, rows, tile, into, accumulate) {
        const x = input.value + row * inputs + tile.row
        const dy = gradient + row * units + tile.col
        const [m, n] = [tile.rowEnd - tile.row, tile.colEnd - tile.col]
        const dw = into + tile.row * units + tile.col
        k.matmul(true, false, m, n, rows, x, inputs, dy, units, dw, units, accumulate)
      },
    },
  ]
  if (bias !== null) {
    gradients.push({
      parameter: bias,
      flopsPerRow: units,
      run(k, row, rows, _tile, into, accumulate) {
        k.columnSums(rows, units, gradient + row * units, into, accumulate)
      },
    })
  }
  return {
    output: { value, gradient, cols: units, overwritable: true },
    gradients,
    flopsPerRow: 2 * inputs * units,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : 2 * inputs * units,
    forward(k, row, rows) {
      const y = value + row * units
      k.matmul(false, false, rows, units, inputs, input.value + row * inputs, inputs, w, units, y, units, false)
      if (bias !== null) k.addBias(rows, units, y, b)
    },
    byTile: {
      kind: 'product',
      inputs,
      outputs: units,
      forward(k, row, rows, col, colEnd) {
        const y = value + row * units + col
        const n = colEnd - col
        k.matmul(false, false, rows, n, inputs, input.value + row * inputs, inputs, w + col, units, y, units, false)
        if (bias === null) return
        for (let r = 0; r < rows; r++) k.addBias(1, n, y + r * units, b + col)
      },
      backward(k, row, rows, col, colEnd) {
        const [dx, dy] = [input.gradient + row * inputs + col, gradient + row * units]
        k.matmul(false, true, rows, colEnd - col, units, dy, units, w + col * units, units, dx, inputs, false)
      },
    },
    backward(k, row, rows) {
      if (input.gradient === -1) return
      const dx = input.gradient + row * inputs
      k.matmul(false, true, rows, inputs, units, gradient + row * units, units, w, units, dx, inputs, false)
    },
  }
}

function kernelInitializer({ kernelInitializer: given, activation }: DenseConfig): InitializerConfig {
  if (given && given.type !== 'auto') return given
  switch (activation?.type) {
    case 'relu':
    case 'leakyRelu':
    case 'elu':
    case 'gelu':
    case 'softplus':
      return { type: 'heUniform' }
    case 'selu':
      return { type: 'lecunNormal' }
    default:
      return { type: 'glorotUniform' }
  }
}
