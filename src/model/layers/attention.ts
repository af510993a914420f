/**
 * Multi-head self-attention (Vaswani et al. 2017, arXiv 1706.03762) over rows of [steps, channels]:
 *
 *   q, k, v = x Wq, x Wk, x Wv (+ biases), cut into heads of `keyDim`
 *   y = concatenated over heads of softmax(q k^T / sqrt(keyDim)) v, times Wo (+ bias)
 *
 * `causal`: a step sees itself and those before it. The three projections are one matrix `qkv` of [channels, 3 heads keyDim],
 * queries first. The weights of attention are kept for the way back: [heads, steps, steps] a row. Where `causal`, products
 * are taken in runs of steps, and what no step of a run sees is left out of them.
 */
import { UserError } from '../../errors.ts'
import type { AttentionConfig } from '../config.ts'
import type { Flow, Layer, LoweredLayer, Lowering, ParameterSpec } from '../layer.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { lowerLinear } from './dense.ts'
import { sequence } from './sequence.ts'
import { expectRank } from './window.ts'

export function attention(config: AttentionConfig, name: string, shape: Shape): Layer {
  expectRank(name, 'attention', shape, 1)
  const [steps, channels] = shape as [number, number]
  const { numHeads, causal = false, useBias = true } = config
  const keyDim = config.keyDim ?? sharedOut(name, channels, numHeads)
  const width = numHeads * keyDim
  const matrix = (part: string, from: number, to: number): ParameterSpec => ({
    name: `${name}/${part}/kernel`,
    shape: [from, to],
    initializer: { type: 'glorotUniform' },
    fanIn: from,
    // Three matrices side by side are three, not one three times as wide.
    fanOut: part === 'qkv' ? width : to,
  })
  const vector = (part: string, size: number): ParameterSpec => ({
    name: `${name}/${part}/bias`,
    shape: [size],
    initializer: { type: 'zeros' },
    fanIn: size,
    fanOut: size,
  })
  return {
    name,
    type: 'attention',
    inputs: sizeOf(shape),
    outputs: sizeOf(shape),
    shape,
    parameters: [
      matrix('qkv', channels, 3 * width),
      ...(useBias ? [vector('qkv', 3 * width)] : []),
      matrix('output', width, channels),
      ...(useBias ? [vector('output', channels)] : []),
    ],
    lower(input, to) {
      const bias = (part: string) => (useBias ? `${name}/${part}/bias` : null)
      const qkv = lowerLinear(input, 3 * width, `${name}/qkv/kernel`, bias('qkv'), to, channels)
      const mixed = lowerHeads(qkv.output, steps, numHeads, keyDim, causal, to)
      return sequence([
        qkv,
        mixed,
        lowerLinear(mixed.output, channels, `${name}/output/kernel`, bias('output'), to, width),
      ])
    },
  }
}

/** @throws UserError where a head would get part of a channel */
function sharedOut(name: string, channels: number, heads: number): number {
  if (channels % heads === 0) return channels / heads
  const fits = Array.from({ length: channels }, (_, i) => i + 1).filter((count) => channels % count === 0)
  const near = fits.reduce((a, b) => (Math.abs(b - heads) < Math.abs(a - heads) ? b : a))
  throw new UserError(
    `Layer \`${name}\`: expected \`numHeads\` to share out the ${channels} channels that come evenly, got ${heads}. ` +
      `Use ${near} ${near === 1 ? 'head' : 'heads'}, give ${heads * Math.ceil(channels / heads)} channels before it, or, of \`type: attention\`, ` +
      'set `keyDim` (the width of a head).',
  )
}

function lowerHeads(
  input: Flow,
  steps: number,
  heads: number,
  keyDim: number,
  causal: boolean,
  to: Lowering,
): LoweredLayer {
  const width = heads * keyDim
  const cols = steps * width
  const wide = 3 * width
  const square = steps * steps
  const scale = 1 / Math.sqrt(keyDim)
  const weights = to.tensor(heads * square)
  const value = to.tensor(cols)
  const gradient = to.backSignal(cols)
  to.temporary(square)
  const runs = runsOf(steps, causal)
  const pairs = runs.reduce((sum, { count, end }) => sum + count * end, 0)
  const flopsPerRow = 4 * pairs * width
  return {
    output: { value, gradient, cols, channels: width, overwritable: true },
    gradients: [],
    flopsPerRow,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : 2 * flopsPerRow,
    forward(k, row, rows) {
      for (let r = row; r < row + rows; r++) {
        for (let h = 0; h < heads; h++) {
          const q = input.value + r * input.cols + h * keyDim
          const p = weights + (r * heads + h) * square
          const y = value + r * cols + h * keyDim
          for (const { first, count, end } of runs) {
            const [qHere, pHere] = [q + first * wide, p + first * steps]
            k.matmul(false, true, count, end, keyDim, qHere, wide, q + width, wide, pHere, steps, false)
          }
          k.attend(steps, scale, causal, p, p)
          for (const { first, count, end } of runs) {
            const [yHere, pHere] = [y + first * width, p + first * steps]
            k.matmul(false, false, count, keyDim, end, pHere, steps, q + 2 * width, wide, yHere, width, false)
          }
        }
      }
    },
    backward(k, row, rows, { temporary: d }) {
      if (input.gradient === -1) return
      for (let r = row; r < row + rows; r++) {
        for (let h = 0; h < heads; h++) {
          const at = r * input.cols + h * keyDim
          const [q, dq] = [input.value + at, input.gradient + at]
          const p = weights + (r * heads + h) * square
          const dy = gradient + r * cols + h * keyDim
          for (const { first, count, end } of runs) {
            const [dyHere, dHere] = [dy + first * width, d + first * steps]
            k.matmul(false, true, count, end, keyDim, dyHere, width, q + 2 * width, wide, dHere, steps, false)
          }
          k.attendBackward(steps, scale, causal, p, d, d)
          for (const { first, count, end, from } of runs) {
            const into = dq + first * wide
            k.matmul(false, false, count, keyDim, end, d + first * steps, steps, q + width, wide, into, wide, false)
            const [seers, column] = [steps - from, from * steps + first]
            const [qThere, dyThere] = [q + from * wide, dy + from * width]
            k.matmul(true, false, count, keyDim, seers, d + column, steps, qThere, wide, into + width, wide, false)
            k.matmul(
              true,
              false,
              count,
              keyDim,
              seers,
              p + column,
              steps,
              dyThere,
              width,
              into + 2 * width,
              wide,
              false,
            )
          }
        }
      }
    },
  }
}

/** Steps [first, first + count), which see [0, end) and are seen by [from, steps). */
interface Run {
  readonly first: number
  readonly count: number
  readonly end: number
  readonly from: number
}

/** Steps whose products are taken together: shorter ones see less that they have no use for, and multiply more slowly. */
const RUN = 64

function runsOf(steps: number, causal: boolean): Run[] {
  if (!causal) return [{ first: 0, count: steps, end: steps, from: 0 }]
  return Array.from({ length: Math.ceil(steps / RUN) }, (_, i) => {
    const [first, end] = [i * RUN, Math.min(steps, (i + 1) * RUN)]
    return { first, count: end - first, end, from: first }
  })
}
