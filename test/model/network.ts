/** A network outside an arena: its rows and gradient programs over one array, in float64 or float32, on any kernels. */
import type { Kernels } from '../../src/kernels/kernels.ts'
import { lowerModel } from '../../src/model/graph.ts'
import { buildModel } from '../../src/model/build.ts'
import type { Model } from '../../src/model/build.ts'
import type { LayerConfig } from '../../src/model/config.ts'
import type { Flow, LoweredLayer, Meeting, Pass } from '../../src/model/layer.ts'
import type { Port } from '../../src/model/graph.ts'
import { matrixOf, sizeOf } from '../../src/model/shape.ts'

export interface Network {
  readonly model: Model
  readonly lowered: LoweredLayer
  readonly x: number
  /** Back-signal of the input. */
  readonly dx: number
  readonly y: number
  readonly dy: number
  readonly parameters: ReadonlyMap<string, { at: number; gradient: number; size: number }>
  /** Where the next values of statistics go. */
  readonly next: ReadonlyMap<string, number>
  /** Elements the network needs. */
  readonly end: number
  readonly pass: Pass
}

const isPorts = (given: readonly number[] | readonly Port[]): given is readonly Port[] => typeof given[0] === 'object'

/** Numbers of a row. */
export const rowSize = (given: readonly number[] | readonly Port[]): number =>
  isPorts(given) ? given.reduce((sum, { shape }) => sum + sizeOf(shape), 0) : sizeOf(given)

/** @param from first free element */
export function lowerNetwork(
  layers: LayerConfig[],
  inputs: number | readonly number[] | readonly Port[],
  rows: number,
  from: number,
): Network {
  const given = typeof inputs === 'number' ? [inputs] : inputs
  const size = rowSize(given)
  const model = buildModel(isPorts(given) ? { inputs: given, layers } : { inputShape: given, layers }, size)
  const cols = model.inputs
  let end = from
  const room = (elements: number): number => {
    const at = end
    end += elements + 3 // Odd starts: kernels may assume no alignment.
    return at
  }
  const parameters = new Map(
    model.parameters.map(({ name, shape }) => {
      const size = sizeOf(shape)
      return [name, { at: room(size), gradient: room(size), size }]
    }),
  )
  const input: Flow = { value: room(rows * cols), gradient: room(rows * cols), cols, overwritable: false }
  const nextAt = new Map<string, number>()
  let streams = 0
  let temporary = 0
  const lowered = lowerModel(model, input, {
    tensor: (cols) => room(rows * cols),
    backSignal: (cols) => room(rows * cols),
    parameter: (name) => parameters.get(name)!.at,
    stream: () => streams++,
    next: (name) => {
      const at = room(parameters.get(name)!.size)
      nextAt.set(name, at)
      return at
    },
    perBlock: (elements) => room(rows * elements),
    perShard: (elements) => room(rows * elements),
    once: (elements) => room(elements),
    temporary: (elements) => (temporary = Math.max(temporary, elements)),
  })
  const pass = {
    training: true,
    seed: 7,
    batch: 3,
    firstRow: 0,
    rows,
    shardRows: rows,
    blockRows: rows,
    firstShard: 0,
    temporary: room(temporary),
    floats: new Float32Array(0) as Float32Array | Float64Array,
  }
  const { value: x, gradient: dx } = input
  return {
    model,
    lowered,
    x,
    dx,
    y: lowered.output.value,
    dy: lowered.output.gradient,
    parameters,
    next: nextAt,
    end,
    pass,
  }
}

/** Forward in row blocks, layer by layer: what lies between row blocks is done once. */
export function forwardNetwork(k: Kernels, net: Network, rows: number, block: number, shard = rows): void {
  const { lowered, pass } = net
  pass.rows = rows
  pass.shardRows = shard
  pass.blockRows = block
  for (const part of lowered.parts ?? [lowered]) {
    if (part.barrier) meet(k, part.barrier.forward, pass)
    forEachBlock(pass, (row, count) => part.forward(k, row, count, pass))
  }
}

function meet(k: Kernels, meeting: Meeting, pass: Pass): void {
  for (let shard = 0; shard * pass.shardRows < pass.rows; shard++) meeting.sum(k, shard, pass)
  meeting.join(k, pass)
}

/** Row blocks are cut inside a shard. */
function forEachBlock({ rows, shardRows, blockRows }: Pass, run: (row: number, rows: number) => void): void {
  for (let shard = 0; shard < rows; shard += shardRows) {
    const end = Math.min(rows, shard + shardRows)
    for (let row = shard; row < end; row += blockRows) run(row, Math.min(blockRows, end - row))
  }
}

/** Forward, backward and all parameter gradients, in row blocks of `block` rows and shards of `shard`. */
export function runNetwork(
  k: Kernels,
  net: Network,
  rows: number,
  block: number,
  dy: ArrayLike<number>,
  floats: Float32Array | Float64Array,
  shard = rows,
): void {
  const { lowered, pass, model } = net
  pass.floats = floats
  forwardNetwork(k, net, rows, block, shard)
  for (let i = 0; i < rows * model.outputs; i++) floats[net.dy + i] = dy[i]!
  for (const part of (lowered.parts ?? [lowered]).toReversed()) {
    forEachBlock(pass, (row, count) => part.backward(k, row, count, pass))
    if (part.barrier) meet(k, part.barrier.backward, pass)
  }
  for (const task of lowered.gradients) {
    const { gradient } = net.parameters.get(task.parameter)!
    const [rowEnd, colEnd] = matrixOf(model.parameters.find((p) => p.name === task.parameter)!.shape)
    const tile = { row: 0, rowEnd, col: 0, colEnd }
    for (let row = 0; row < rows; row += shard) {
      task.run(k, row, Math.min(shard, rows - row), tile, gradient, row > 0, pass)
    }
  }
}
