/**
 * Convolution over one or two dimensions, channels last: y[p, f] = sum over cells and channels of x w, + b.
 * The kernel is [height, width, channels / groups, filters] (without height in one dimension), as in Keras.
 *
 * As a matrix product: the windows of some positions are unfolded into rows of a temporary, which stays in the cache,
 * and multiplied by the kernel. A kernel of 1 x 1 needs no unfolding; where each channel is a group of its own
 * (depthwise) there is too little to multiply, and windows are summed as they lie.
 */
import { UserError } from '../../errors.ts'
import type { Kernels, Pointer, Window } from '../../kernels/kernels.ts'
import type { ConvConfig } from '../config.ts'
import { kernelInitializer } from '../initializers.ts'
import type { Flow, GradientTask, Layer, LoweredLayer, Lowering, ParameterSpec, Pass } from '../layer.ts'
import { shapeText } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { NO_ENDING, endingOf, lowerActivation } from './activation.ts'
import { boundsOf, lowerLinear } from './dense.ts'
import { sequence } from './sequence.ts'
import { expectRank, windowOver, windowShape } from './window.ts'

/** Elements of a worker's unfolded windows: what the second-level cache holds. */
const TEMPORARY = 2 ** 15

export function conv(config: ConvConfig, name: string, shape: Shape): Layer {
  const dims = config.type === 'conv1d' ? 1 : 2
  expectRank(name, config.type, shape, dims)
  const { filters, groups = 1, useBias = true } = config
  const channels = shape.at(-1)!
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new UserError(
      `Layer \`${name}\`: ${groups} groups do not divide ${channels} channels (rows of shape ${shapeText(shape)}) and ` +
        `${filters} filters. Choose \`groups\` that divide both.`,
    )
  }
  const window = windowOver(name, shape, dims, {
    size: config.kernelSize,
    strides: config.strides,
    dilation: config.dilationRate,
    padding: config.padding,
  })
  const depth = channels / groups
  const cells = window.kernelHeight * window.kernelWidth
  const fans = { fanIn: cells * depth, fanOut: (cells * filters) / groups }
  const kernel = `${name}/kernel`
  const bias = useBias ? `${name}/bias` : null
  const size = dims === 2 ? [window.kernelHeight, window.kernelWidth] : [window.kernelWidth]
  const parameters: ParameterSpec[] = [
    {
      name: kernel,
      shape: [...size, depth, filters],
      initializer: kernelInitializer(config),
      ...fans,
      ...boundsOf(config),
      uncut: depth === 1 && filters === groups,
    },
  ]
  if (bias) {
    parameters.push({
      name: bias,
      shape: [filters],
      initializer: config.biasInitializer ?? { type: 'zeros' },
      ...fans,
      regularizer: config.biasRegularizer,
    })
  }
  const lowerLinearly = (input: Flow, to: Lowering, ending = NO_ENDING) =>
    lowerConv(input, window, filters, groups, kernel, bias, to, ending)
  return {
    name,
    type: config.type,
    inputs: window.height * window.width * channels,
    outputs: window.outHeight * window.outWidth * filters,
    shape: windowShape(window, dims, filters),
    parameters,
    ...(config.activation
      ? { ending: { activation: config.activation, before: (input, to) => lowerLinearly(input, to) } }
      : {}),
    lower(input, to) {
      const ending = endingOf(config.activation, useBias)
      const linear = lowerLinearly(input, to, ending)
      if (!config.activation) return linear
      return sequence([linear, lowerActivation(config.activation, linear.output, to, ending)])
    },
  }
}

export function lowerConv(
  input: Flow,
  window: Window,
  filters: number,
  groups: number,
  kernel: string,
  bias: string | null,
  to: Lowering,
  ending = NO_ENDING,
): LoweredLayer {
  if (isPointwise(window) && groups === 1) {
    return lowerLinear(input, filters, kernel, bias, to, window.channels, ending)
  }
  const positions = window.outHeight * window.outWidth
  const depth = window.channels / groups
  const cols = positions * filters
  const w = to.parameter(kernel)
  const b = bias === null ? 0 : to.parameter(bias)
  const value = to.tensor(cols)
  const gradient = to.backSignal(cols)
  const product = depth === 1 && filters === groups ? depthwise(window, w) : unfolded(window, filters, groups, w, to)
  const gradients: GradientTask[] = [
    {
      parameter: kernel,
      flopsPerRow: product.flopsPerRow,
      run(k, row, rows, tile, into, accumulate, pass) {
        const [x, dy] = [input.value + row * input.cols, gradient + row * cols]
        product.kernel(k, rows, x, dy, tile, into, accumulate, pass)
      },
    },
  ]
  if (bias !== null) {
    gradients.push({
      parameter: bias,
      flopsPerRow: cols,
      run(k, row, rows, _tile, into, accumulate) {
        k.columnSums(rows * positions, filters, gradient + row * cols, into, accumulate)
      },
    })
  }
  return {
    output: { value, gradient, cols, channels: filters, overwritable: true },
    gradients,
    flopsPerRow: product.flopsPerRow + (bias === null ? 0 : cols),
    backwardFlopsPerRow: input.gradient === -1 ? 0 : product.flopsPerRow,
    forward(k, row, rows, pass) {
      const y = value + row * cols
      product.forward(k, rows, input.value + row * input.cols, y, pass)
      if (bias !== null) k.biasActivate(ending.kind, rows * positions, filters, y, filters, b, ending.alpha)
    },
    backward(k, row, rows, pass) {
      if (input.gradient === -1) return
      const dx = input.gradient + row * input.cols
      k.fill(rows * input.cols, 0, dx)
      product.backward(k, rows, gradient + row * cols, dx, pass)
    },
  }
}

/** One way to convolve, over `rows` rows that begin at the pointers. */
interface Product {
  readonly flopsPerRow: number
  forward(k: Kernels, rows: number, x: Pointer, y: Pointer, pass: Pass): void
  /** Adds to dx. */
  backward(k: Kernels, rows: number, dy: Pointer, dx: Pointer, pass: Pass): void
  kernel(
    k: Kernels,
    rows: number,
    x: Pointer,
    dy: Pointer,
    tile: { row: number; rowEnd: number; col: number; colEnd: number },
    into: Pointer,
    accumulate: boolean,
    pass: Pass,
  ): void
}

function unfolded(window: Window, filters: number, groups: number, w: Pointer, to: Lowering): Product {
  const positions = window.outHeight * window.outWidth
  const depth = window.channels / groups
  const width = filters / groups
  const size = window.kernelHeight * window.kernelWidth * depth
  /** Positions unfolded at a time, through the rows. */
  const chunk = Math.max(8, Math.floor(TEMPORARY / size / 8) * 8)
  to.temporary(chunk * size)
  return {
    flopsPerRow: 2 * positions * size * filters,
    forward(k, rows, x, y, { temporary }) {
      const count = rows * positions
      for (let first = 0; first < count; first += chunk) {
        const some = Math.min(chunk, count - first)
        for (let g = 0; g < groups; g++) {
          const to = y + first * filters + g * width
          k.unfold(window, depth, first, some, x + g * depth, temporary)
          k.matmul(false, false, some, width, size, temporary, size, w + g * width, filters, to, filters, false)
        }
      }
    },
    backward(k, rows, dy, dx, { temporary }) {
      const count = rows * positions
      for (let first = 0; first < count; first += chunk) {
        const some = Math.min(chunk, count - first)
        for (let g = 0; g < groups; g++) {
          const from = dy + first * filters + g * width
          k.matmul(false, true, some, size, width, from, filters, w + g * width, filters, temporary, size, false)
          k.fold(window, depth, first, some, temporary, dx + g * depth)
        }
      }
    },
    kernel(k, rows, x, dy, tile, into, accumulate, { temporary }) {
      const count = rows * positions
      const height = tile.rowEnd - tile.row
      for (let first = 0; first < count; first += chunk) {
        const some = Math.min(chunk, count - first)
        for (let g = 0; g < groups; g++) {
          const [col, colEnd] = [Math.max(tile.col, g * width), Math.min(tile.colEnd, (g + 1) * width)]
          if (col >= colEnd) continue
          const [from, to] = [dy + first * filters + col, into + tile.row * filters + col]
          k.unfold(window, depth, first, some, x + g * depth, temporary)
          const columns = temporary + tile.row
          const on = accumulate || first > 0
          k.matmul(true, false, height, colEnd - col, some, columns, size, from, filters, to, filters, on)
        }
      }
    },
  }
}

function depthwise(window: Window, w: Pointer): Product {
  const cells = window.kernelHeight * window.kernelWidth
  return {
    flopsPerRow: 2 * window.outHeight * window.outWidth * cells * window.channels,
    forward: (k, rows, x, y) => k.depthwise(window, rows, x, w, y),
    backward: (k, rows, dy, dx) => k.depthwiseBackward(window, rows, dy, w, dx),
    // So small that it is never cut: see `gradientBy` of the plan.
    kernel(k, rows, x, dy, _tile, into, accumulate) {
      if (!accumulate) k.fill(cells * window.channels, 0, into)
      k.depthwiseKernel(window, rows, x, dy, into)
    },
  }
}

function isPointwise(w: Window): boolean {
  return (
    w.kernelHeight * w.kernelWidth === 1 &&
    w.strideHeight * w.strideWidth === 1 &&
    w.outHeight * w.outWidth === w.height * w.width
  )
}
