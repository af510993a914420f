/**
 * Recurrent layers over rows of [steps, channels]:
 *
 *   lstm (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000): i, f, o = sigmoid, g = tanh of x W + h U + b,
 *     c' = f c + i g, h' = o tanh(c'); the gates lie in the order i, f, g, o (as in Keras and PyTorch)
 *   gru (Cho et al. 2014, arXiv 1406.1078): z, r = sigmoid(x W + b + h U + b'), n = tanh(x Wn + bn + r (h Un + bn')),
 *     h' = z h + (1 - z) n; in the order z, r, n (Keras's, with its `resetAfter`; PyTorch's arithmetic, which has r first)
 *
 * The inputs' share of all steps is one matrix product; the states' follows step by step, all rows of a block at a time.
 */
import type { Kernels, Pointer } from '../../kernels/kernels.ts'
import type { RecurrentConfig } from '../config.ts'
import type { Flow, GradientTask, Layer, LoweredLayer, Lowering, ParameterSpec, Pass } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { lowerLinear } from './dense.ts'
import { sequence } from './sequence.ts'
import { expectRank } from './window.ts'

export function recurrent(config: RecurrentConfig, name: string, shape: Shape): Layer {
  const { type, units, useBias = true, returnSequences = false, direction = 'forward' } = config
  expectRank(name, type, shape, 1)
  const [steps, channels] = shape as [number, number]
  const gates = type === 'lstm' ? 4 : 3
  const width = gates * units
  const fans = { fanIn: channels, fanOut: width }
  const own = { fanIn: units, fanOut: width }
  const vector = (part: string): ParameterSpec => {
    const forget = type === 'lstm' && (config.unitForgetBias ?? true)
    return { name: `${name}/${part}`, shape: [width], initializer: { type: forget ? 'unitForget' : 'zeros' }, ...own }
  }
  const parameters: ParameterSpec[] = [
    { name: `${name}/kernel`, shape: [channels, width], initializer: config.kernelInitializer ?? glorot, ...fans },
    {
      name: `${name}/recurrentKernel`,
      shape: [units, width],
      initializer: config.recurrentInitializer ?? { type: 'orthogonal', gain: 1 },
      ...own,
    },
  ]
  if (useBias) parameters.push(vector('bias'))
  if (useBias && type === 'gru') parameters.push(vector('recurrentBias'))
  const outShape = returnSequences ? [steps, units] : [units]
  return {
    name,
    type,
    inputs: sizeOf(shape),
    outputs: sizeOf(outShape),
    shape: outShape,
    parameters,
    lower(input, to) {
      const bias = useBias ? `${name}/bias` : null
      const fromInputs = lowerLinear(input, width, `${name}/kernel`, bias, to, channels)
      const lower = type === 'lstm' ? lowerLstm : lowerGru
      return sequence([
        fromInputs,
        lower(name, fromInputs.output, { steps, units, returnSequences, useBias, direction }, to),
      ])
    },
  }
}

const glorot = { type: 'glorotUniform' } as const

interface Sizes {
  readonly steps: number
  readonly units: number
  readonly returnSequences: boolean
  readonly useBias: boolean
  readonly direction: 'forward' | 'reverse'
}

/** Elements of a recurrent kernel, at the most, that a piece turns once for the way back through all steps: 1 MiB. */
const TURNED_ELEMENTS = 2 ** 18

/**
 * The way back through the recurrent kernel `u` of [units, width], once a step: dx (+)= dz u^T. A piece lays u^T beside itself
 * first, where it fits the cache, since a product would turn it in every step.
 */
function wayBack(u: Pointer, units: number, width: number, to: Lowering) {
  const isTurned = units * width <= TURNED_ELEMENTS
  if (isTurned) to.temporary(units * width)
  return {
    turn(k: Kernels, { temporary }: Pass): void {
      if (isTurned) k.transpose(units, width, u, width, temporary, units)
    },
    multiply(
      k: Kernels,
      { temporary }: Pass,
      rows: number,
      [dz, ldz]: readonly [Pointer, number],
      [dx, ldx]: readonly [Pointer, number],
      accumulate: boolean,
    ): void {
      const [right, ld] = isTurned ? [temporary, units] : [u, width]
      k.matmul(false, !isTurned, rows, units, width, dz, ldz, right, ld, dx, ldx, accumulate)
    },
  }
}

/** What both have: states shifted by a step, so that one product gives the recurrent kernel's gradient, and the output. */
function rooms({ steps, units, returnSequences, direction }: Sizes, to: Lowering) {
  const order = Array.from({ length: steps }, (_, i) => (direction === 'forward' ? i : steps - 1 - i))
  const [first, last] = [order[0]!, order.at(-1)!]
  const state = steps * units
  const cols = returnSequences ? state : units
  /** State before each step: 0 before the one that is taken first. */
  const before = to.tensor(state)
  const output: Flow = {
    value: to.tensor(cols),
    gradient: to.backSignal(cols),
    cols,
    channels: units,
    overwritable: true,
    spendsSignal: returnSequences,
  }
  /** d loss / d state after each step. */
  const dh = returnSequences ? output.gradient : to.backSignal(state)
  return {
    /** Steps in the order in which they are taken, and back; elements from a step's state to that of the next taken. */
    order,
    back: order.toReversed(),
    stride: direction === 'forward' ? units : -units,
    first,
    last,
    before,
    output,
    dh,
    /** Where step t leaves its state, and how far apart its rows are; -1 where the output has only the last. */
    outAt: (t: number, row: number): Pointer | -1 => {
      if (returnSequences) return output.value + row * state + t * units
      return t === last ? output.value + row * units : -1
    },
    clear(k: Kernels, row: number, rows: number): void {
      for (let r = row; r < row + rows; r++) k.fill(units, 0, before + r * state + first * units)
    },
    /** The last step's back-signal in its place. */
    begin(k: Kernels, row: number, rows: number): void {
      if (returnSequences) return
      for (let r = row; r < row + rows; r++) {
        k.copy(units, output.gradient + r * units, dh + r * state + last * units)
      }
    },
  }
}

function lowerLstm(name: string, input: Flow, sizes: Sizes, to: Lowering): LoweredLayer {
  const { steps, units, returnSequences } = sizes
  const state = steps * units
  const width = 4 * units
  const cols = steps * width
  const u = to.parameter(`${name}/recurrentKernel`)
  const { order, back, stride, first, last, before, output, dh, outAt, clear, begin } = rooms(sizes, to)
  const cells = to.tensor(state)
  const dc = to.backSignal(units)
  const [gates, dgates] = [input.value, input.gradient]
  const { turn, multiply } = wayBack(u, units, width, to)
  return {
    output,
    gradients: [recurrentTask(`${name}/recurrentKernel`, before, dgates, steps, units, width)],
    flopsPerRow: 2 * state * width + 20 * state,
    backwardFlopsPerRow: dgates === -1 ? 0 : 2 * state * width + 30 * state,
    forward(k, row, rows) {
      clear(k, row, rows)
      for (const t of order) {
        const z = gates + row * cols + t * width
        const h = before + row * state + t * units
        const c = cells + row * state + t * units
        if (t !== first) k.matmul(false, false, rows, width, units, h, state, u, width, z, cols, true)
        const next = t === last ? -1 : h + stride
        k.lstm(
          rows,
          units,
          steps,
          z,
          t === first ? -1 : c - stride,
          c,
          next,
          outAt(t, row),
          returnSequences ? state : units,
        )
      }
    },
    backward(k, row, rows, pass) {
      if (dgates === -1) return
      begin(k, row, rows)
      turn(k, pass)
      k.fill(rows * units, 0, dc + row * units)
      for (const t of back) {
        const [z, dz] = [gates + row * cols + t * width, dgates + row * cols + t * width]
        const [c, d] = [cells + row * state + t * units, dh + row * state + t * units]
        k.lstmBackward(rows, units, steps, z, t === first ? -1 : c - stride, c, d, dc + row * units, dz)
        if (t !== first) multiply(k, pass, rows, [dz, cols], [d - stride, state], returnSequences)
      }
    },
  }
}

function lowerGru(name: string, input: Flow, sizes: Sizes, to: Lowering): LoweredLayer {
  const { steps, units, returnSequences, useBias } = sizes
  const state = steps * units
  const width = 3 * units
  const cols = steps * width
  const u = to.parameter(`${name}/recurrentKernel`)
  const bias = useBias ? to.parameter(`${name}/recurrentBias`) : -1
  const { order, back, stride, first, last, before, output, dh, outAt, clear, begin } = rooms(sizes, to)
  const { turn, multiply } = wayBack(u, units, width, to)
  const own = to.tensor(cols)
  const down = to.backSignal(cols)
  const [gates, dgates] = [input.value, input.gradient]
  const gradients = [recurrentTask(`${name}/recurrentKernel`, before, down, steps, units, width)]
  if (useBias) {
    gradients.push({
      parameter: `${name}/recurrentBias`,
      flopsPerRow: cols,
      run: (k, row, rows, _tile, into, accumulate) =>
        k.columnSums(rows * steps, width, down + row * cols, into, accumulate),
    })
  }
  return {
    output,
    gradients,
    flopsPerRow: 2 * state * width + 20 * state,
    backwardFlopsPerRow: dgates === -1 ? 0 : 2 * state * width + 30 * state,
    forward(k, row, rows) {
      clear(k, row, rows)
      for (const t of order) {
        const [z, a] = [gates + row * cols + t * width, own + row * cols + t * width]
        const h = before + row * state + t * units
        k.matmul(false, false, rows, width, units, h, state, u, width, a, cols, false)
        const next = t === last ? -1 : h + stride
        k.gru(rows, units, steps, z, a, bias, h, next, outAt(t, row), returnSequences ? state : units)
      }
    },
    backward(k, row, rows, pass) {
      if (dgates === -1) return
      begin(k, row, rows)
      turn(k, pass)
      for (const t of back) {
        const at = row * cols + t * width
        const [h, d] = [before + row * state + t * units, dh + row * state + t * units]
        const previous = t === first ? -1 : d - stride
        k.gruBackward(rows, units, steps, gates + at, own + at, h, d, previous, returnSequences, dgates + at, down + at)
        if (t !== first) multiply(k, pass, rows, [down + at, cols], [d - stride, state], true)
      }
    },
  }
}

/** Of all steps and rows at once: the states before them, times what came back to their gates. */
function recurrentTask(
  parameter: string,
  before: Pointer,
  dgates: Pointer | -1,
  steps: number,
  units: number,
  width: number,
): GradientTask {
  return {
    parameter,
    flopsPerRow: 2 * steps * units * width,
    run(k, row, rows, { row: first, rowEnd, col, colEnd }, into, accumulate) {
      const h = before + row * steps * units + first
      const dz = dgates + row * steps * width + col
      const dw = into + first * width + col
      k.matmul(true, false, rowEnd - first, colEnd - col, rows * steps, h, units, dz, width, dw, width, accumulate)
    },
  }
}
