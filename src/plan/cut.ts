/** How a batch is cut into rows that belong together: shards, micro-batches, row blocks, lanes. From sizes alone. */
import type { LoweredLayer } from '../model/layer.ts'
import { rowsPerBlock, rowsPerEvaluation, rowsPerLane } from './constants.ts'
import type { Placements } from './parameters.ts'
import { endShard, firstShard, rowsPerShard } from './shards.ts'
import type { ShardCut } from './shards.ts'
import type { PlanSpec } from './spec.ts'

export interface Cut extends ShardCut {
  /** Rows of a row block, also in an evaluation. */
  readonly blockRows: number
  /** Rows of a lane, and lanes of a shard. */
  readonly laneRows: number
  readonly lanes: number
  /** Rows of an evaluation batch. */
  readonly evaluationRows: number
  /** Rows that lie in the arena at a time: the own shards' of a micro-batch, or those of an evaluation batch. */
  readonly capacity: number
}

/** Arithmetic of a row: forward and backward, and of the gradients that go by lanes. */
interface Work {
  readonly rows: number
  readonly lanes: number
}

export function cutBatch(spec: PlanSpec, { laned }: Placements, work: Work): Cut {
  const { sharing } = spec
  const shardRows = rowsPerShard(spec.batchSize, sharing)
  const [ownFirst, ownEnd] = [firstShard(sharing), endShard(sharing)]
  const microRows = Math.ceil(shardRows / spec.accumulationSteps)
  const ownRows = (ownEnd - ownFirst) * microRows
  const blockRows = rowsPerBlock(microRows, work.rows, sharing.shards)
  const laneRows = laned === 0 ? shardRows : rowsPerLane(shardRows, work.lanes)
  const evaluationRows = rowsPerEvaluation(ownRows, blockRows)
  return {
    shardRows,
    ownFirst,
    ownEnd,
    microRows,
    blockRows,
    laneRows,
    lanes: Math.ceil(shardRows / laneRows),
    evaluationRows,
    capacity: spec.evaluationRows > 0 ? evaluationRows : ownRows,
  }
}

/** @param network lowered for training */
export function workPerRow(network: LoweredLayer, { all }: Placements): Work {
  const laned = new Set(all.filter(({ how }) => how === 'lanes').map(({ spec }) => spec.name))
  const gradients = network.gradients.filter(({ parameter }) => laned.has(parameter))
  return {
    rows: network.flopsPerRow + network.backwardFlopsPerRow,
    lanes: gradients.reduce((sum, task) => sum + task.flopsPerRow, 0),
  }
}
