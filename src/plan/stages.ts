/**
 * The rows part of a step as phases. A small network is one phase: each piece takes a row block all the way forward and
 * back. A dense layer whose product is large gets a phase of its own each way, cut in two dimensions: its pieces are
 * then as efficient as the library's own large products, and numerous enough for many workers.
 *
 * What is element-wise rides along with the product before it: forward in the piece that made its input, backward in
 * the piece that made its output's back-signal.
 */
import type { Barrier, ByTile, LoweredLayer } from '../model/layer.ts'
import { WIDE_FLOPS, stageTile } from './constants.ts'

export type Stage = BlockStage | TileStage

/** Row blocks: gather the samples, run layers forward, take the loss, run layers backward; each where wanted. */
export interface BlockStage {
  readonly kind: 'block'
  /** Done by whoever closed the stage before, before this one opens. */
  readonly enter: Barrier['forward'] | null
  readonly gather: boolean
  readonly forward: readonly LoweredLayer[]
  readonly loss: boolean
  readonly backward: readonly LoweredLayer[]
}

/** Tiles of one product, and what is element-wise after it. */
export interface TileStage {
  readonly kind: 'tile'
  readonly direction: 'forward' | 'backward'
  readonly product: ByTile
  readonly riders: readonly ByTile[]
  /** Columns of the result: the product's outputs forward, its inputs backward. */
  readonly cols: number
  /** Rows and columns of a tile. */
  readonly tileRows: number
  readonly tileCols: number
  readonly flopsPerRow: number
}

/** @param rows of a full micro-batch of one shard */
export function stagesOf(network: LoweredLayer, rows: number, shards: number): Stage[] {
  const layers = network.parts ?? [network]
  const isWide = (layer: LoweredLayer) =>
    layer.byTile?.kind === 'product' && layer.flopsPerRow * rows * shards >= WIDE_FLOPS
  const stages: Draft[] = [block({ gather: true })]

  for (const layer of layers) {
    const open = stages.at(-1)!
    if (layer.barrier) stages.push(block({ enter: layer.barrier.forward, forward: [layer] }))
    else if (isWide(layer)) stages.push(tiles('forward', layer.byTile!, rows, shards, layer.flopsPerRow))
    else if (open.kind === 'block') open.forward.push(layer)
    else if (layer.byTile?.kind === 'elementwise') open.riders.push(layer.byTile)
    else stages.push(block({ forward: [layer] }))
  }
  // The turn: whole rows of the outputs give the loss, and go back as far as row blocks do.
  const last = stages.at(-1)!
  if (last.kind === 'block') last.loss = true
  else stages.push(block({ loss: true }))

  let enter: Barrier['backward'] | null = null
  for (const layer of layers.toReversed()) {
    const open = stages.at(-1)!
    // Where nobody before wants a back-signal.
    if (layer.backwardFlopsPerRow === 0) continue
    if (enter) {
      stages.push(block({ enter, backward: [layer] }))
      enter = layer.barrier?.backward ?? null
      continue
    }
    if (isWide(layer)) {
      stages.push(tiles('backward', layer.byTile!, rows, shards, layer.backwardFlopsPerRow))
    } else if (open.kind === 'block') open.backward.push(layer)
    else if (layer.byTile?.kind === 'elementwise') open.riders.push(layer.byTile)
    else stages.push(block({ backward: [layer] }))
    enter = layer.barrier?.backward ?? null
  }
  return stages
}

type BlockDraft = Mutable<BlockStage>
type Draft = BlockDraft | Mutable<TileStage>
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] }

function block(given: Partial<BlockDraft>): BlockDraft {
  return { kind: 'block', enter: null, gather: false, forward: [], loss: false, backward: [], ...given }
}

function tiles(
  direction: 'forward' | 'backward',
  product: ByTile,
  rows: number,
  shards: number,
  flopsPerRow: number,
): Mutable<TileStage> {
  const cols = direction === 'forward' ? product.outputs : product.inputs
  return {
    kind: 'tile',
    direction,
    product,
    riders: [],
    cols,
    ...stageTile(rows, cols, shards),
    flopsPerRow,
  }
}

/** Pieces of a stage over `rows` rows, which lie in shards of `full` rows. */
export function stagePieces(stage: Stage, rows: number, full: number, blockRows: number): number {
  const whole = Math.floor(rows / full)
  return whole * shardPieces(stage, full, blockRows) + shardPieces(stage, rows - whole * full, blockRows)
}

/** Pieces over `rows` rows of one shard. */
export function shardPieces(stage: Stage, rows: number, blockRows: number): number {
  if (stage.kind === 'block') return Math.ceil(rows / blockRows)
  return Math.ceil(rows / stage.tileRows) * Math.ceil(stage.cols / stage.tileCols)
}

export function onlyGathers(stage: Stage): boolean {
  return stage.kind === 'block' && stage.forward.length === 0 && !stage.loss && stage.backward.length === 0
}
