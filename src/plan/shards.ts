/**
 * Shards: the fixed runs of a batch whose gradients are summed apart and then added in a fixed binary tree,
 *   for s = 1, 2, 4, ..: shard[j] += shard[j + s] for j = 0, 2s, 4s, .. while j + s < shards in use.
 * Row blocks, tiles and lanes are cut inside a shard, so no bit depends on which rank worked which shard off.
 * A batch fills its shards in order: a short one leaves the last of them empty, and those are left out of the tree.
 */

export interface Sharing {
  /** Parts into which the gradient of a batch is summed: a constant of the plan, part of a run's identity. */
  readonly shards: number
  /** Which rank this is, of how many; no result depends on it. */
  readonly rank: number
  readonly ranks: number
}

export const ALONE: Sharing = { shards: 1, rank: 0, ranks: 1 }

/** Shards of a rank are [firstShard, endShard): runs of them, as equal as they can be. */
export const firstShard = ({ shards, rank, ranks }: Sharing): number => Math.floor((rank * shards) / ranks)
export const endShard = ({ shards, rank, ranks }: Sharing): number => Math.floor(((rank + 1) * shards) / ranks)

/** Rows of a full shard. */
export const rowsPerShard = (batchSize: number, { shards }: Sharing): number => Math.ceil(batchSize / shards)

export interface ShardCut {
  /** Rows of a shard, and the shards of this rank: [ownFirst, ownEnd). */
  readonly shardRows: number
  readonly ownFirst: number
  readonly ownEnd: number
  /** Rows of a full micro-batch of one shard. */
  readonly microRows: number
}

/** Shards of a batch of `batchRows` that hold a row: the first so many. */
export const shardsInUse = ({ shardRows }: ShardCut, batchRows: number): number => Math.ceil(batchRows / shardRows)

/** Rows of one shard of such a batch. */
export const rowsOfShard = ({ shardRows }: ShardCut, batchRows: number, shard: number): number =>
  Math.max(0, Math.min(shardRows, batchRows - shard * shardRows))

/** Rows that a full shard has in the micro-batch that begins at its row `first`. */
export const fullRows = ({ shardRows, microRows }: ShardCut, first: number): number =>
  Math.min(microRows, shardRows - first)

/**
 * Rows that this rank has in that micro-batch of a batch of `batchRows`. They lie one shard after the other: full ones, at
 * most one that is not, and none after it.
 */
export function ownRows(cut: ShardCut, batchRows: number, first: number): number {
  const full = fullRows(cut, first)
  let rows = 0
  for (let shard = cut.ownFirst; shard < cut.ownEnd; shard++) {
    rows += Math.max(0, Math.min(full, rowsOfShard(cut, batchRows, shard) - first))
  }
  return rows
}

/** The same of all ranks. */
export function allRows(cut: ShardCut, batchRows: number, first: number): number {
  const full = fullRows(cut, first)
  const last = shardsInUse(cut, batchRows) - 1
  return last * full + Math.max(0, Math.min(full, rowsOfShard(cut, batchRows, last) - first))
}

/** The tree's additions, in order: `add(j, s)` is shard[j] += shard[j + s]. */
export function forEachEdge(used: number, add: (j: number, s: number) => void): void {
  for (let s = 1; s < used; s *= 2) for (let j = 0; j + s < used; j += 2 * s) add(j, s)
}

/** Whether both sides of an addition are a rank's own: then it makes it before anything is exchanged. */
export const isOwn = (
  { ownFirst, ownEnd }: Pick<ShardCut, 'ownFirst' | 'ownEnd'>,
  j: number,
  s: number,
  used: number,
): boolean => j >= ownFirst && Math.min(j + 2 * s, used) <= ownEnd

/** Where another rank's shard comes to lie among those that are received. */
export const inboxSlot = ({ ownFirst, ownEnd }: ShardCut, shard: number): number =>
  shard < ownFirst ? shard : shard - (ownEnd - ownFirst)

/** First of the runs of parameters that a rank adds up and updates; those of rank + 1 follow. */
export const firstSlicePiece = (pieces: number, { rank, ranks }: Sharing): number => Math.floor((rank * pieces) / ranks)
