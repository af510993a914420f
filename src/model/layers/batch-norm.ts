/**
 * Batch normalisation (Ioffe and Szegedy 2015, arXiv 1502.03167) over the whole batch, however many work on it: each row
 * block leaves its moments, whoever finishes last merges those of each shard in the order of its blocks, ranks give one
 * another those of their shards, all of them are merged in the order of the shards, and then all go on.
 *
 *   y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per channel of the last axis; biased variance (as Keras)
 *
 * With accumulation each part of the batch has its own statistics, which the running ones take in one after the other (as
 * Keras and PyTorch). For predictions the running statistics are used; they follow with an accepted step, and only then.
 *
 * Where the largest of 2 x 2 cells is all that is asked of it (src/model/reorder.ts) both are one pass: what is normalised
 * lies nowhere in between, nor does its back-signal.
 */
import { POOLED_COLS } from '../../kernels/kernels.ts'
import type { Kernels, Pointer } from '../../kernels/kernels.ts'
import type { BatchNormConfig } from '../config.ts'
import type { Flow, GradientTask, Layer, LoweredLayer, Lowering, ParameterSpec, Pass } from '../layer.ts'
import { positionsOf, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { sequence } from './sequence.ts'

export function batchNorm(config: BatchNormConfig, name: string, shape: Shape): Layer {
  const { center = true, scale = true } = config
  const channels = shape.at(-1)!
  const fans = { fanIn: channels, fanOut: channels }
  const vector = (part: string, type: 'zeros' | 'ones', rest: Partial<ParameterSpec> = {}): ParameterSpec => ({
    name: `${name}/${part}`,
    shape: [channels],
    initializer: { type },
    ...fans,
    ...rest,
  })
  return {
    name,
    type: 'batchNorm',
    inputs: sizeOf(shape),
    outputs: sizeOf(shape),
    shape,
    parameters: [
      ...(scale ? [vector('gamma', 'ones')] : []),
      ...(center ? [vector('beta', 'zeros')] : []),
      vector('movingMean', 'zeros', { role: 'statistic' }),
      vector('movingVariance', 'ones', { role: 'statistic' }),
    ],
    lower: (input, to) => lowerBatchNorm(config, name, input, positionsOf(shape), channels, 0, to),
    ...(config.trainable !== false && channels <= POOLED_COLS
      ? {
          lowerPooled: (input, width, to) =>
            lowerBatchNorm(config, name, input, positionsOf(shape), channels, width, to),
        }
      : {}),
  }
}

/** @param width of a row's outputs behind a pooling over 2 x 2 cells; 0 for none */
function lowerBatchNorm(
  config: BatchNormConfig,
  name: string,
  input: Flow,
  positions: number,
  channels: number,
  width: number,
  to: Lowering,
): LoweredLayer {
  const { momentum = 0.99, epsilon = 1e-3, center = true, scale: scaled = true, trainable = true } = config
  const { cols } = input
  const isPooled = width > 0
  const outputs = isPooled ? cols / 4 : cols
  const lines = isPooled ? positions / 4 / width : 0
  const gamma = scaled ? to.parameter(`${name}/gamma`) : -1
  const beta = center ? to.parameter(`${name}/beta`) : -1
  const moving = { mean: to.parameter(`${name}/movingMean`), variance: to.parameter(`${name}/movingVariance`) }
  const next = { mean: to.next(`${name}/movingMean`), variance: to.next(`${name}/movingVariance`) }
  const [means, squares] = [to.perBlock(channels), to.perBlock(channels)]
  const [sums, products] = [to.perBlock(channels), to.perBlock(channels)]
  const [shardMeans, shardSquares] = [to.perShard(channels), to.perShard(channels)]
  const [shardSums, shardProducts] = [to.perShard(channels), to.perShard(channels)]
  const [mean, variance, inverse, scale] = [to.once(channels), to.once(channels), to.once(channels), to.once(channels)]
  const [sum, product] = [to.once(channels), to.once(channels)]
  const value = to.tensor(outputs)
  const gradient = to.backSignal(outputs)
  to.temporary(2 * channels)
  const output: Flow = { value, gradient, cols: outputs, channels, overwritable: true }
  /** Where the row block's numbers go that begins with a row of the arena. */
  const at = (room: Pointer, row: number, { shardRows, blockRows }: Pass) => {
    const shard = Math.floor(row / shardRows)
    const before = shard * Math.ceil(shardRows / blockRows)
    return room + (before + Math.floor((row - shard * shardRows) / blockRows)) * channels
  }
  const ofShard = (room: Pointer, shard: number) => room + shard * channels
  const firstRow = (shard: number, { firstShard, shardRows }: Pass) => (shard - firstShard) * shardRows
  const rowsOf = (shard: number, { rows, shardRows }: Pass) => Math.min(shardRows, rows - shard * shardRows)
  const blocks = (shard: number, pass: Pass) => Math.ceil(rowsOf(shard, pass) / pass.blockRows)
  const shards = ({ rows, shardRows }: Pass) => Math.ceil(rows / shardRows)
  const rooms = (...all: Pointer[]) => all.map((at) => ({ at, elements: channels }))

  if (!trainable) {
    // Its statistics are constants, as in Keras: an affine map of each channel.
    return {
      output,
      gradients: [],
      flopsPerRow: 3 * cols,
      backwardFlopsPerRow: input.gradient === -1 ? 0 : cols,
      forward: byMoving,
      backward(k, row, rows, { temporary: factor }) {
        if (input.gradient === -1) return
        k.normScale(channels, moving.variance, epsilon, gamma, factor + channels, factor)
        k.fill(channels, 0, factor + channels)
        const zeros = factor + channels
        k.normalize(rows * positions, channels, gradient + row * cols, zeros, factor, -1, input.gradient + row * cols)
      },
    }
  }

  /** Forward the moments of a row block; backward, once those of all blocks are known, what they pass on. */
  const moments: LoweredLayer = {
    output: input,
    gradients: [],
    flopsPerRow: 4 * cols,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : 6 * cols,
    forward(k, row, rows, pass) {
      if (!pass.training) return
      const x = input.value + row * cols
      k.moments(rows * positions, channels, x, at(means, row, pass), at(squares, row, pass))
    },
    backward(k, row, rows, pass) {
      if (input.gradient === -1) return
      const [x, dy, dx] = [input.value + row * cols, gradient + row * outputs, input.gradient + row * cols]
      const count = pass.rows * positions
      const height = rows * lines
      if (isPooled) {
        k.normPoolBackward(height, width, channels, x, dy, mean, inverse, scale, sum, product, count, dx)
      } else k.normBackward(rows * positions, channels, x, dy, mean, inverse, scale, sum, product, count, dx)
    },
  }

  const fromSums = (part: string, room: Pointer): GradientTask => ({
    parameter: `${name}/${part}`,
    flopsPerRow: 0,
    // The row blocks' sums are there already: a shard's first rows of the micro-batch stand for all of them.
    run(k, row, _rows, _tile, into, accumulate, pass) {
      const shard = pass.firstShard + row / pass.shardRows
      if (Number.isInteger(shard)) {
        k.columnSums(blocks(shard, pass), channels, at(room, row, pass), into, accumulate)
      } else if (!accumulate) k.fill(channels, 0, into)
    },
  })

  const normalise: LoweredLayer = {
    output,
    gradients: [...(scaled ? [fromSums('gamma', products)] : []), ...(center ? [fromSums('beta', sums)] : [])],
    flopsPerRow: 3 * cols,
    backwardFlopsPerRow: 4 * cols,
    barrier: {
      forward: {
        rooms: rooms(shardMeans, shardSquares),
        sum(k, shard, pass) {
          const [parts, per, rows] = [blocks(shard, pass), pass.blockRows * positions, rowsOf(shard, pass) * positions]
          const row = firstRow(shard, pass)
          const [from, and] = [at(means, row, pass), at(squares, row, pass)]
          const [mean, squared] = [ofShard(shardMeans, shard), ofShard(shardSquares, shard)]
          k.mergeMoments(parts, channels, per, rows, from, and, 1, mean, squared)
        },
        join(k, pass) {
          const [rows, per] = [pass.rows * positions, pass.shardRows * positions]
          k.mergeMoments(shards(pass), channels, per, rows, shardMeans, shardSquares, rows, mean, variance)
          k.normScale(channels, variance, epsilon, gamma, inverse, scale)
          const from = pass.firstRow === 0 ? moving : next
          k.lerp(channels, from.mean, mean, 1 - momentum, next.mean)
          k.lerp(channels, from.variance, variance, 1 - momentum, next.variance)
        },
      },
      backward: {
        rooms: rooms(shardSums, shardProducts),
        sum(k, shard, pass) {
          const [parts, row] = [blocks(shard, pass), firstRow(shard, pass)]
          k.columnSums(parts, channels, at(sums, row, pass), ofShard(shardSums, shard), false)
          k.columnSums(parts, channels, at(products, row, pass), ofShard(shardProducts, shard), false)
        },
        join(k, pass) {
          k.columnSums(shards(pass), channels, shardSums, sum, false)
          k.columnSums(shards(pass), channels, shardProducts, product, false)
        },
      },
    },
    forward(k, row, rows, pass) {
      if (!pass.training) byMoving(k, row, rows, pass)
      else normalize(k, row, rows, mean, scale)
    },
    backward(k, row, rows, pass) {
      const [x, dy] = [input.value + row * cols, gradient + row * outputs]
      const [s, p] = [at(sums, row, pass), at(products, row, pass)]
      if (isPooled) k.normPoolSums(rows * lines, width, channels, x, dy, mean, inverse, scale, s, p)
      else k.normSums(rows * positions, channels, x, dy, mean, inverse, s, p)
    },
  }
  return sequence([moments, normalise])

  function byMoving(...[k, row, rows, { temporary: factor }]: Parameters<LoweredLayer['forward']>): void {
    k.normScale(channels, moving.variance, epsilon, gamma, factor + channels, factor)
    normalize(k, row, rows, moving.mean, factor)
  }

  function normalize(k: Kernels, row: number, rows: number, mean: Pointer, scale: Pointer): void {
    const [x, y] = [input.value + row * cols, value + row * outputs]
    if (isPooled) k.normPool(rows * lines, width, channels, x, mean, scale, beta, y)
    else k.normalize(rows * positions, channels, x, mean, scale, beta, y)
  }
}
