/**
 * The rows part of a step as phases. A small network is one phase: each piece takes a row block all the way forward and
 * back. A dense layer whose product is large gets a phase of its own each way, cut in two dimensions: its pieces are
 * then as efficient as the library's own large products, and numerous enough for many workers.
 *
 * What is element-wise rides along with the product before it: forward in the piece that made its input, backward in
 * the piece that made its output's back-signal.
 */
import type { ByTile, LoweredLayer, Meeting } from '../model/layer.ts'
import { WIDE_FLOPS, rowsPerLoss, stageTile, wideTile } from './constants.ts'

export type Stage = BlockStage | TileStage

/** Row blocks: gather the samples, run layers forward, take the loss, run layers backward; each where wanted. */
export interface BlockStage {
  readonly kind: 'block'
  readonly blockRows: number
  /** What all row blocks of the stages before are summed to, before this one opens. */
  readonly meeting: Meeting | null
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
  /** Columns of a tile that has all these rows, where they may be more. */
  readonly wideCols: number
  readonly flopsPerRow: number
}

/**
 * @param rows of a full micro-batch of one shard
 * @param blockRows of a block that runs layers
 * @param workers for which tiles may be wider than for all numbers of them; 0 where they may not
 */
export function stagesOf(network: LoweredLayer, rows: number, shards: number, blockRows: number, workers = 0): Stage[] {
  const layers = network.parts ?? [network]
  const isWide = (layer: LoweredLayer) =>
    layer.byTile?.kind === 'product' && layer.flopsPerRow * rows * shards >= WIDE_FLOPS
  const stages: Draft[] = [block({ gather: true })]

  for (const layer of layers) {
    const open = stages.at(-1)!
    if (layer.barrier) stages.push(block({ meeting: layer.barrier.forward, forward: [layer] }))
    else if (isWide(layer)) stages.push(tiles('forward', layer.byTile!, rows, shards, workers, layer.flopsPerRow))
    else if (open.kind === 'block') open.forward.push(layer)
    else if (layer.byTile?.kind === 'elementwise') open.riders.push(layer.byTile)
    else stages.push(block({ forward: [layer] }))
  }
  // The turn: whole rows of the outputs give the loss, and go back as far as row blocks do.
  const last = stages.at(-1)!
  if (last.kind === 'block') last.loss = true
  else stages.push(block({ loss: true }))

  let meeting: Meeting | null = null
  for (const layer of layers.toReversed()) {
    const open = stages.at(-1)!
    // Where nobody before wants a back-signal.
    if (layer.backwardFlopsPerRow === 0) continue
    if (meeting) {
      stages.push(block({ meeting, backward: [layer] }))
      meeting = layer.barrier?.backward ?? null
      continue
    }
    if (isWide(layer)) {
      stages.push(tiles('backward', layer.byTile!, rows, shards, workers, layer.backwardFlopsPerRow))
    } else if (open.kind === 'block') open.backward.push(layer)
    else if (layer.byTile?.kind === 'elementwise') open.riders.push(layer.byTile)
    else stages.push(block({ backward: [layer] }))
    meeting = layer.barrier?.backward ?? null
  }
  const lossRows = rowsPerLoss(blockRows, network.output.cols)
  return stages.map((stage) =>
    stage.kind === 'block' ? { ...stage, blockRows: onlyTakesLoss(stage) ? lossRows : blockRows } : stage,
  )
}

type BlockDraft = Mutable<BlockStage>
type Draft = BlockDraft | Mutable<TileStage>
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] }

function block(given: Partial<BlockDraft>): BlockDraft {
  return { kind: 'block', blockRows: 0, meeting: null, gather: false, forward: [], loss: false, backward: [], ...given }
}

function tiles(
  direction: 'forward' | 'backward',
  product: ByTile,
  rows: number,
  shards: number,
  workers: number,
  flopsPerRow: number,
): Mutable<TileStage> {
  const cols = direction === 'forward' ? product.outputs : product.inputs
  const { tileRows: mostRows, tileCols } = stageTile(
    rows,
    cols,
    direction === 'forward' ? product.inputs : product.outputs,
    shards,
  )
  const tileRows = Math.min(mostRows, rows)
  const wideCols = workers > 0 ? wideTile(shards * Math.ceil(rows / tileRows), cols, tileCols, workers) : tileCols
  return { kind: 'tile', direction, product, riders: [], cols, tileRows, tileCols, wideCols, flopsPerRow }
}

/** rows x cols over `terms`, as one product; or in parts of `part` columns, the last of which may be narrower. */
export interface DividedProduct {
  readonly rows: number
  readonly cols: number
  readonly terms: number
  readonly part: number
  /** Whether the right-hand side is cols x terms. */
  readonly transposed: boolean
}

/** The products whose tiles are wider than in the plan for all numbers of workers: what has to be divisible for it. */
export function dividedProducts(stages: readonly Stage[]): DividedProduct[] {
  return stages.flatMap((stage) => {
    if (stage.kind !== 'tile' || stage.wideCols === stage.tileCols) return []
    const { direction, product, cols, tileRows: rows, tileCols: part, wideCols } = stage
    const terms = direction === 'forward' ? product.inputs : product.outputs
    const widths = new Set([Math.min(wideCols, cols), cols % wideCols].filter((width) => width > part))
    return [...widths].map((width) => ({ rows, cols: width, terms, part, transposed: direction === 'backward' }))
  })
}

/** Pieces of a stage over `rows` rows, which lie in shards of `full` rows. */
export function stagePieces(stage: Stage, rows: number, full: number): number {
  const whole = Math.floor(rows / full)
  return whole * shardPieces(stage, full) + shardPieces(stage, rows - whole * full)
}

/** Pieces over `rows` rows of one shard. */
export function shardPieces(stage: Stage, rows: number): number {
  if (stage.kind === 'block') return Math.ceil(rows / stage.blockRows)
  const rest = rows % stage.tileRows
  return Math.floor(rows / stage.tileRows) * tilesAcross(stage, true) + (rest > 0 ? tilesAcross(stage, false) : 0)
}

/** Tiles beside each other: of all the rows a tile may have, or of what is left. */
export function tilesAcross({ cols, tileCols, wideCols }: TileStage, isFull: boolean): number {
  return Math.ceil(cols / (isFull ? wideCols : tileCols))
}

/** Of a shard of `rows` rows: how many tiles lie above this one. */
export function tilesAbove(stage: TileStage, tile: number, rows: number): number {
  return Math.min(Math.floor(tile / tilesAcross(stage, true)), Math.floor(rows / stage.tileRows))
}

export const meetingBefore = (stage: Stage): Meeting | null => (stage.kind === 'block' ? stage.meeting : null)

const runsLayers = ({ forward, backward }: BlockStage): boolean => forward.length + backward.length > 0

export const onlyGathers = (stage: Stage): boolean => stage.kind === 'block' && !stage.loss && !runsLayers(stage)
const onlyTakesLoss = (stage: BlockStage): boolean => stage.loss && !stage.gather && !runsLayers(stage)
