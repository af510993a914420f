/** Where a window of convolution or pooling comes to lie: sizes, strides and padding as the config gives them. */
import { UserError } from '../../errors.ts'
import type { Window } from '../../kernels/kernels.ts'
import type { PaddingConfig, Pair } from '../config.ts'
import { shapeText } from '../shape.ts'
import type { Shape } from '../shape.ts'

export interface WindowConfig {
  readonly size: Pair
  readonly strides?: Pair | undefined
  readonly dilation?: Pair | undefined
  readonly padding?: PaddingConfig | undefined
}

/** The window as kernels take it, and its output's shape but for the channels. Rows of rank 2 are one high. */
export function windowOver(name: string, shape: Shape, dims: 1 | 2, config: WindowConfig): Window {
  const channels = shape.at(-1)!
  const sizes = shape.slice(0, -1)
  const { size, strides = 1, dilation = 1, padding = 'valid' } = config
  const axes = sizes.map((length, axis) =>
    place(length, at(size, axis), at(strides, axis), at(dilation, axis), paddingOf(padding, axis)),
  )
  const wrong = axes.findIndex(({ out, before, after, reach }) => out < 1 || before >= reach || after >= reach)
  if (wrong >= 0) {
    const { out, reach } = axes[wrong]!
    const advice =
      out < 1
        ? "Make it smaller, set padding: 'same', or pool less before this layer."
        : `Make the padding smaller than the window's reach, ${reach}.`
    throw new UserError(
      `Layer \`${name}\`: a window of ${sizes.map((_, axis) => at(size, axis)).join(' x ')} with padding ` +
        `${JSON.stringify(padding)} does not fit rows of shape ${shapeText(shape)}. ${advice}`,
    )
  }
  const [v, h] = dims === 2 ? [axes[0]!, axes[1]!] : [ONE, axes[0]!]
  return {
    height: v.length,
    width: h.length,
    channels,
    kernelHeight: v.size,
    kernelWidth: h.size,
    strideHeight: v.stride,
    strideWidth: h.stride,
    dilationHeight: v.dilation,
    dilationWidth: h.dilation,
    top: v.before,
    left: h.before,
    outHeight: v.out,
    outWidth: h.out,
  }
}

/** @throws UserError when rows have another rank, with the shape that was probably meant */
export function expectRank(name: string, type: string, shape: Shape, dims: 1 | 2): void {
  if (shape.length === dims + 1) return
  const wanted = dims === 2 ? '[height, width, channels]' : '[steps, channels]'
  throw new UserError(
    `Layer \`${name}\`: ${type} takes rows of shape ${wanted}, got ${shapeText(shape)}. ` + adviceFor(shape, dims),
  )
}

function adviceFor(shape: Shape, dims: 1 | 2): string {
  if (shape.length > 1) return `Use the ${shape.length - 1}d layer, or a reshape before it.`
  const features = shape[0]!
  if (dims === 1) return `Set \`model.inputShape\`, e.g. [${features}, 1], or put a reshape before it.`
  const channels = [1, 3, 4].find((n) => Number.isInteger(Math.sqrt(features / n)))
  const side = channels ? Math.sqrt(features / channels) : undefined
  const example = side ? `[${side}, ${side}, ${channels}]` : '[height, width, channels]'
  return `Set \`model.inputShape\` to the images' shape, such as ${example}, or put a reshape before it.`
}

interface Axis {
  readonly length: number
  readonly size: number
  readonly stride: number
  readonly dilation: number
  readonly before: number
  readonly after: number
  /** From the first cell to the last, both counted. */
  readonly reach: number
  readonly out: number
}

const ONE: Axis = { length: 1, size: 1, stride: 1, dilation: 1, before: 0, after: 0, reach: 1, out: 1 }

function place(
  length: number,
  size: number,
  stride: number,
  dilation: number,
  padding: 'valid' | 'same' | 'causal' | readonly [number, number],
): Axis {
  const reach = dilation * (size - 1) + 1
  const [before, after] = padding === 'same' ? same(length, reach, stride) : edges(padding, reach)
  const out = Math.floor((length + before + after - reach) / stride) + 1
  return { length, size, stride, dilation, before, after, reach, out }
}

/** As many positions as ceil(length / stride); where the padding is odd, the end has one more, as in Keras. */
function same(length: number, reach: number, stride: number): [number, number] {
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length)
  return [Math.floor(total / 2), Math.ceil(total / 2)]
}

function edges(padding: 'valid' | 'causal' | readonly [number, number], reach: number): readonly [number, number] {
  if (padding === 'valid') return [0, 0]
  return padding === 'causal' ? [reach - 1, 0] : padding
}

const at = (value: Pair, axis: number): number => (typeof value === 'number' ? value : (value[axis] ?? value[0]!))

/** 2 pads every edge, [1, 2] the axes, [[1, 2], [0, 0]] the edges. */
function paddingOf(padding: PaddingConfig, axis: number): 'valid' | 'same' | 'causal' | readonly [number, number] {
  if (typeof padding === 'string') return padding
  if (typeof padding === 'number') return [padding, padding]
  const own = padding[axis] ?? 0
  return typeof own === 'number' ? [own, own] : own
}

/** The shape that a window makes of its rows. */
export function windowShape(window: Window, dims: 1 | 2, channels: number): Shape {
  return dims === 2 ? [window.outHeight, window.outWidth, channels] : [window.outWidth, channels]
}
