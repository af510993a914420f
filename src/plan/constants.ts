/** Constants of every plan. Changing one changes bits: it belongs to a run's identity. */

/** Elements per partial sum of squares, by global parameter index. */
export const NORM_CHUNK = 4096
/** Elements per piece of the reduce and update phases: a few chunks, so that a piece outweighs claiming it. */
export const UPDATE_PIECE = 4 * NORM_CHUNK
/** Outputs of a layer that one piece looks at where a step is sampled: about as long as a piece of the update. */
export const OBSERVED_PIECE = 2 * UPDATE_PIECE
/** Lanes a batch is cut into at the most; and rows a lane has at the least where they are little work. */
export const MAX_LANES = 16
export const MIN_LANE_ROWS = 32
/** Arithmetic of a lane at the least, so that the kernels of a convolution need not wait for rows. */
const LANE_FLOPS = 2e6
/** Elements of the largest convolution kernel whose gradient is kept in lanes. */
export const LANED_KERNEL = 2 ** 16
/** A gradient tile: large enough that packing its operands is little beside using them .. */
export const TILE_ROWS = 192
export const TILE_COLS = 256
/** .. and taller where that is too little work: about 20 to 50 microseconds of a core. */
export const TILE_FLOPS = 3e6
/** A dense layer with so much arithmetic in a batch is worked off by tiles, in phases of its own .. */
export const WIDE_FLOPS = 1e7
/** .. of so many rows, and of the widest of these columns that still give so many tiles: one for each of many workers. */
const STAGE_ROWS = 256
const STAGE_COLS = [256, 128, 64, 32]
const STAGE_TILES = 64
/** A tile is not so narrow that it has less arithmetic than this: about as long as a piece of the gradient. */
const STAGE_FLOPS = 1e7

/**
 * Rows and columns of a tile. Tall and narrow: a tile packs its columns of the weights and its rows of the inputs again,
 * and a library's kernel is at its best with many rows; 256 x 64 runs at 0.95 of the speed of 256 x 256, 128 x 128 at
 * 0.87 (OpenBLAS, AVX-512, 1024 to 2048 terms).
 * @param terms of each sum
 */
export function stageTile(
  rows: number,
  cols: number,
  terms: number,
  shards = 1,
): { tileRows: number; tileCols: number } {
  const down = shards * Math.ceil(rows / STAGE_ROWS)
  const flops = 2 * Math.min(rows, STAGE_ROWS) * terms
  const widths = STAGE_COLS.filter((width) => width >= 64 || flops * width >= STAGE_FLOPS)
  const tileCols = widths.find((width) => down * Math.ceil(cols / width) >= STAGE_TILES) ?? widths.at(-1)!
  return { tileRows: STAGE_ROWS, tileCols }
}

/** Tiles for each worker, that they may end together. */
const TILES_PER_WORKER = 2

/**
 * Columns of a tile where cutting a product changes no bit: the widest that still give each worker some, since 256 x 256
 * runs at 1.15 of the speed of 256 x 64 (OpenBLAS, AVX-512).
 * @param tileCols of the plan for all numbers of workers
 */
export function wideTile(rowTiles: number, cols: number, tileCols: number, workers: number): number {
  const enough = (width: number) => rowTiles * Math.ceil(cols / width) >= TILES_PER_WORKER * workers
  return STAGE_COLS.find((width) => width > tileCols && (enough(width) || workers === 1)) ?? tileCols
}

/** Arithmetic of one row block at the least, forward and backward: about ten times what claiming it costs. */
export const BLOCK_FLOPS = 5e5

/**
 * Rows per row block: eight blocks in all shards of a batch where that leaves at least 8 rows (fewer and the matrix product packs the
 * weights more than it uses them) and work worth claiming; 64 at the most, beyond which only small networks gain.
 */
export function rowsPerBlock(rows: number, flopsPerRow: number, shards = 1): number {
  const eighth = Math.min(64, Math.ceil((shards * rows) / 64) * 8)
  const worthwhile = Math.ceil(BLOCK_FLOPS / flopsPerRow / 8) * 8
  return Math.min(Math.max(8, eighth, worthwhile), Math.ceil(rows / 8) * 8)
}

/** Rows per block of a loss that is a phase of its own: as many as give it 8192 outputs, some 40 microseconds; 8 at the least. */
export function rowsPerLoss(blockRows: number, outputs: number): number {
  return Math.min(blockRows, Math.max(8, 8 * Math.floor(1024 / outputs)))
}

/** Rows of an evaluation batch: enough blocks for a few workers, where the training batch is smaller. */
export function rowsPerEvaluation(microRows: number, blockRows: number): number {
  return Math.max(microRows, 8 * blockRows)
}

/**
 * Rows per lane; by the position in the *shard*, so that micro-batches do not change what is summed with what.
 * @param flopsPerRow of all gradients that go by lanes
 */
export function rowsPerLane(shardRows: number, flopsPerRow: number): number {
  const worthwhile = Math.min(MIN_LANE_ROWS, Math.ceil(LANE_FLOPS / flopsPerRow))
  return Math.max(worthwhile, Math.ceil(shardRows / MAX_LANES))
}

/** What a copy of the state may cost of the steps until the next one, where a core copies so much while it computes. */
const SNAPSHOT_SHARE = 0.003
const FLOPS_PER_BYTE = 10
const MAX_SNAPSHOT_STEPS = 256

/** Steps between two copies of `bytes` of state: few where steps are long, so that little is done again after a loss. */
export function stepsPerSnapshot(bytes: number, flopsPerStep: number): number {
  const steps = Math.ceil((bytes * FLOPS_PER_BYTE) / (flopsPerStep * SNAPSHOT_SHARE))
  return Math.min(MAX_SNAPSHOT_STEPS, Math.max(1, steps))
}
