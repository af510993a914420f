/**
 * Residual block (He et al. 2015, arXiv 1512.03385): y = F(x) + s(x), s the identity or, where the shapes differ, a
 * learned projection: a convolution by kernels of one cell, with the strides that F takes. The shortcut carries the
 * back-signal past F, which is what keeps gradients of deep networks from shattering.
 */
import { UserError } from '../../errors.ts'
import type { Pointer, Window } from '../../kernels/kernels.ts'
import type { ResidualConfig } from '../config.ts'
import type { Flow, Layer, LoweredLayer, ParameterSpec } from '../layer.ts'
import { nothing } from '../layer.ts'
import { buildLayers } from '../build.ts'
import { lowerLayers } from '../graph.ts'
import { positionsOf, shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { lowerConv } from './conv.ts'
import { sequence } from './sequence.ts'
import { windowOver } from './window.ts'

export function residual(config: ResidualConfig, name: string, shape: Shape): Layer {
  const frozen = config.trainable === false
  const inner = frozen ? config.layers.map((layer) => ({ ...layer, trainable: false })) : config.layers
  const children = buildLayers(inner, shape, `${name}/`)
  const outShape = children.at(-1)?.shape ?? shape
  const [inputs, outputs] = [sizeOf(shape), sizeOf(outShape)]
  const asked = config.shortcut ?? 'auto'
  const same = shapeText(shape) === shapeText(outShape)
  if (asked === 'identity' && !same) {
    throw new UserError(
      `Layer \`${name}\`: an identity shortcut needs equal shapes, got ${shapeText(shape)} in and ` +
        `${shapeText(outShape)} out of its layers. Let the last inner layer give ${shapeText(shape)}, or use ` +
        "shortcut: 'projection'.",
    )
  }
  const projected = asked === 'projection' || !same
  const strides = shape.slice(0, -1).map((length, axis) => Math.ceil(length / (outShape[axis] ?? Infinity)))
  const reached = shape.slice(0, -1).map((length, axis) => Math.ceil(length / strides[axis]!))
  if (projected && shapeText([...reached, outShape.at(-1)!]) !== shapeText(outShape)) {
    throw new UserError(
      `Layer \`${name}\`: no shortcut leads from ${shapeText(shape)} to ${shapeText(outShape)}: a projection changes ` +
        "the last axis and strides over the others. Use padding: 'same' in its layers, and no flatten or reshape.",
    )
  }
  const kernel = `${name}/shortcut`
  const parameters = children.flatMap((child) => child.parameters)
  if (projected) parameters.push(projectionOf(kernel, shape, outShape))

  return {
    name,
    type: 'residual',
    inputs,
    outputs,
    shape: outShape,
    parameters,
    children,
    lower(input, to) {
      // The shortcut reads x after F has run: F may not overwrite it, nor its back-signal.
      const body = lowerLayers(children, [{ ...input, overwritable: false }], to)
      const flow = body.output
      const output: Flow = {
        value: flow.overwritable ? flow.value : to.tensor(outputs),
        // What F leaves as it is, the shortcut can read after it.
        gradient:
          flow.overwritable && !flow.spendsSignal && flow.gradient !== -1 ? flow.gradient : to.backSignal(outputs),
        cols: outputs,
        channels: outShape.at(-1)!,
        overwritable: true,
      }
      if (!projected) return sequence([fork(input, output.gradient), body, join(flow, input, output)])
      // The projection's back-signal to x may not fall on top of F's: it gets a room of its own and is added.
      const viaShortcut = input.gradient === -1 ? -1 : to.backSignal(inputs)
      const from: Flow = { ...input, gradient: viaShortcut, overwritable: false }
      const shortcut = lowerConv(from, projectionWindow(name, shape, strides), outShape.at(-1)!, 1, kernel, null, to)
      return sequence([
        fork(input, viaShortcut),
        body,
        shortcut,
        join(flow, shortcut.output, output, shortcut.output.gradient),
      ])
    },
  }
}

/** Before F: forward nothing; backward what came over the shortcut is added to what came through F. */
function fork(input: Flow, viaShortcut: Pointer | -1): LoweredLayer {
  const { cols, gradient } = input
  return {
    output: input,
    gradients: [],
    flopsPerRow: 0,
    backwardFlopsPerRow: gradient === -1 ? 0 : cols,
    forward: nothing,
    backward(k, row, rows) {
      if (gradient !== -1) k.add(rows * cols, viaShortcut + row * cols, gradient + row * cols)
    },
  }
}

/** After F: y = F(x) + s(x), over F(x) where it may; backward the signal goes both ways, to a projection as a copy of its own. */
function join(inner: Flow, skip: Flow, output: Flow, toShortcut: Pointer | -1 = -1): LoweredLayer {
  const { cols, value, gradient } = output
  return {
    output,
    gradients: [],
    flopsPerRow: cols,
    backwardFlopsPerRow: cols,
    forward(k, row, rows) {
      const at = row * cols
      if (value !== inner.value) k.copy(rows * cols, inner.value + at, value + at)
      k.add(rows * cols, skip.value + at, value + at)
    },
    backward(k, row, rows) {
      const at = row * cols
      if (inner.gradient !== -1 && inner.gradient !== gradient) k.copy(rows * cols, gradient + at, inner.gradient + at)
      if (toShortcut !== -1) k.copy(rows * cols, gradient + at, toShortcut + at)
    },
  }
}

function projectionOf(name: string, from: Shape, to: Shape): ParameterSpec {
  const [inputs, outputs] = [from.at(-1)!, to.at(-1)!]
  const cells = from.slice(0, -1).map(() => 1)
  const fans = { fanIn: inputs, fanOut: outputs }
  return { name, shape: [...cells, inputs, outputs], initializer: { type: 'glorotUniform' }, ...fans }
}

/** One cell, with strides; where it stops everywhere, the axes before the last are as good as one. */
function projectionWindow(name: string, shape: Shape, strides: readonly number[]): Window {
  if (strides.every((stride) => stride === 1)) {
    return windowOver(name, [positionsOf(shape), shape.at(-1)!], 1, { size: 1 })
  }
  return windowOver(name, shape, shape.length === 3 ? 2 : 1, { size: 1, strides })
}
