/**
 * Element-wise activations. In place wherever the input may be overwritten and the derivative follows from the output. Of
 * gelu it does not: its input gives way to its slope.
 */
import { Activation } from '../../kernels/kernels.ts'
import type { ActivationCode, Kernels } from '../../kernels/kernels.ts'
import type { ActivationConfig, ActivationLayerConfig } from '../config.ts'
import { nothing } from '../layer.ts'
import type { ByTile, Flow, Layer, Lowering, LoweredLayer } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function activation(config: ActivationLayerConfig, name: string, shape: Shape): Layer {
  const inputs = sizeOf(shape)
  return {
    name,
    type: config.activation.type,
    inputs,
    outputs: inputs,
    shape,
    parameters: [],
    ending: { activation: config.activation, before: passing },
    lower: (input, to) => lowerActivation(config.activation, input, to),
  }
}

/** What comes in is what goes out: nothing is done. */
export function passing(input: Flow): LoweredLayer {
  const { cols } = input
  const nowhere: ByTile = { kind: 'elementwise', inputs: cols, outputs: cols, forward: nothing, backward: nothing }
  const idle = { gradients: [], flopsPerRow: 0, backwardFlopsPerRow: 0, forward: nothing, backward: nothing }
  return { output: input, ...idle, byTile: nowhere }
}

/** What the layer before does with its bias, in one pass. */
export interface Ending {
  readonly kind: ActivationCode
  readonly alpha: number
}

export const NO_ENDING: Ending = { kind: Activation.linear, alpha: 1 }

/** Of a layer with a bias and this activation. Gelu has more to leave than its output. */
export const endingOf = (config: ActivationConfig | undefined, useBias: boolean): Ending =>
  config && useBias && config.type !== 'gelu' ? { kind: Activation[config.type], alpha: alphaOf(config) } : NO_ENDING

const alphaOf = ({ type, alpha }: ActivationConfig): number => alpha ?? (type === 'leakyRelu' ? 0.01 : 1)

/** `ending`: what the layer before has done already. */
export function lowerActivation(
  config: ActivationConfig,
  input: Flow,
  to: Lowering,
  ending: Ending = NO_ENDING,
): LoweredLayer {
  const { cols } = input
  const kind = Activation[config.type]
  if (kind === Activation.linear) return passing(input)
  const alpha = alphaOf(config)
  const isDone = ending.kind === kind
  const isGelu = kind === Activation.gelu
  const value = input.overwritable && !isGelu ? input.value : to.tensor(cols)
  // Back-signals of an overwritable flow are read by nobody else: d input may lie over d output.
  const gradient = input.overwritable ? input.gradient : to.backSignal(cols)
  const slope = isGelu && !input.overwritable ? to.tensor(cols) : input.value
  const saved = isGelu ? slope : value
  const activate = (k: Kernels, count: number, at: number): void => {
    if (!isGelu) return k.activate(kind, count, input.value + at, value + at, alpha)
    if (slope !== input.value) k.copy(count, input.value + at, slope + at)
    k.geluWithSlope(count, slope + at, value + at)
  }
  return {
    output: { value, gradient, cols, channels: input.channels, overwritable: false, spendsSignal: input.overwritable },
    activation: kind,
    gradients: [],
    flopsPerRow: cols,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
    forward(k, row, rows) {
      if (!isDone) activate(k, rows * cols, row * cols)
    },
    byTile: {
      kind: 'elementwise',
      inputs: cols,
      outputs: cols,
      forward(k, row, rows, col, colEnd) {
        for (let r = row; !isDone && r < row + rows; r++) activate(k, colEnd - col, r * cols + col)
      },
      backward(k, row, rows, col, colEnd) {
        if (input.gradient === -1) return
        const at = row * cols + col
        k.activateBackward(kind, rows, colEnd - col, cols, saved + at, gradient + at, input.gradient + at, alpha)
      },
    },
    backward(k, row, rows) {
      if (input.gradient === -1) return
      const at = row * cols
      k.activateBackward(kind, 1, rows * cols, 0, saved + at, gradient + at, input.gradient + at, alpha)
    },
  }
}
