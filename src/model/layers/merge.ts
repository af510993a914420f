/** Layers of several inputs: `add` of equal shapes, and `concatenate` along an axis (Keras's: 0 is the batch, -1 the last). */
import { UserError } from '../../errors.ts'
import type { AddConfig, ConcatenateConfig } from '../config.ts'
import type { Flow, Layer, LoweredLayer, Lowering } from '../layer.ts'
import { shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function add(_config: AddConfig, name: string, shape: Shape, shapes: readonly Shape[]): Layer {
  const odd = shapes.find((other) => shapeText(other) !== shapeText(shape))
  if (odd) {
    throw new UserError(
      `Layer \`${name}\`: rows of shapes ${shapeText(shape)} and ${shapeText(odd)} cannot be added. Let both branches end in ` +
        'the same shape, e.g. by a dense layer or a conv2d of kernelSize 1.',
    )
  }
  const cols = sizeOf(shape)
  return merging('add', name, shape, shapes, (inputs, { value, gradient }) => ({
    forward(k, row, rows) {
      const [first, ...rest] = inputs as [Flow, ...Flow[]]
      k.copy(rows * cols, first.value + row * cols, value + row * cols)
      for (const input of rest) k.add(rows * cols, input.value + row * cols, value + row * cols)
    },
    backward(k, row, rows) {
      for (const input of inputs) {
        if (input.gradient !== -1) k.copy(rows * cols, gradient + row * cols, input.gradient + row * cols)
      }
    },
  }))
}

export function concatenate(
  { axis = -1 }: ConcatenateConfig,
  name: string,
  shape: Shape,
  shapes: readonly Shape[],
): Layer {
  const at = axis < 0 ? shape.length + axis : axis - 1
  const rest = (one: Shape) => shapeText(one.filter((_, i) => i !== at))
  if (at < 0 || at >= shape.length) {
    throw new UserError(
      `Layer \`${name}\`: rows of shape ${shapeText(shape)} have no axis ${axis}. Count from 1, the batch being 0, or from -1, the last.`,
    )
  }
  const odd = shapes.find((other) => other.length !== shape.length || rest(other) !== rest(shape))
  if (odd) {
    throw new UserError(
      `Layer \`${name}\`: rows of shapes ${shapeText(shape)} and ${shapeText(odd)} cannot be joined along axis ${axis}: the other ` +
        'axes must be equal. Flatten both before, or join along another axis.',
    )
  }
  const length = shapes.reduce((sum, one) => sum + one[at]!, 0)
  const outShape = shape.map((n, i) => (i === at ? length : n))
  const cols = sizeOf(outShape)
  const outer = sizeOf(shape.slice(0, at))
  const block = cols / outer
  const widths = shapes.map((one) => sizeOf(one) / outer)
  const offsets = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0))
  return merging('concatenate', name, outShape, shapes, (inputs, { value, gradient }) => ({
    forward(k, row, rows) {
      for (let i = 0; i < inputs.length; i++) {
        const [width, from] = [widths[i]!, inputs[i]!.value]
        for (let o = row * outer; o < (row + rows) * outer; o++)
          k.copy(width, from + o * width, value + o * block + offsets[i]!)
      }
    },
    backward(k, row, rows) {
      for (let i = 0; i < inputs.length; i++) {
        const [width, into] = [widths[i]!, inputs[i]!.gradient]
        if (into === -1) continue
        for (let o = row * outer; o < (row + rows) * outer; o++)
          k.copy(width, gradient + o * block + offsets[i]!, into + o * width)
      }
    },
  }))
}

type Passes = Pick<LoweredLayer, 'forward' | 'backward'>

function merging(
  type: string,
  name: string,
  shape: Shape,
  shapes: readonly Shape[],
  passes: (inputs: readonly Flow[], output: Flow) => Passes,
): Layer {
  const cols = sizeOf(shape)
  const lowerMany = (inputs: readonly Flow[], to: Lowering): LoweredLayer => {
    const output: Flow = {
      value: to.tensor(cols),
      gradient: to.backSignal(cols),
      cols,
      channels: shape.at(-1)!,
      overwritable: true,
    }
    const flopsPerRow = inputs.reduce((sum, input) => sum + input.cols, 0)
    const backwardFlopsPerRow = inputs.every(({ gradient }) => gradient === -1) ? 0 : flopsPerRow
    return { output, gradients: [], flopsPerRow, backwardFlopsPerRow, ...passes(inputs, output) }
  }
  const inputs = shapes.reduce((sum, one) => sum + sizeOf(one), 0)
  return {
    name,
    type,
    inputs,
    outputs: cols,
    shape,
    parameters: [],
    lowerMany,
    lower: (input, to) => lowerMany([input], to),
  }
}
