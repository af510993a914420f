/** The runs of parameters that a rank adds up and updates, where several ranks share the parameters out. */
import { UPDATE_PIECE } from './constants.ts'
import type { Placements } from './parameters.ts'
import { firstSlicePiece } from './shards.ts'
import type { PlanSpec } from './spec.ts'

export interface Slice {
  /** In pieces of the update: [firstPiece, endPiece). */
  readonly firstPiece: number
  readonly endPiece: number
  /** Parameters whose state of the optimizer lies in the arena: all, or those that this rank updates. */
  readonly kept: { readonly first: number; readonly end: number }
  /** Whether it is those (ZeRO stage 1: Rajbhandari et al. 2020, arXiv 1910.02054). */
  readonly shardsState: boolean
}

export function sliceOf({ sharing, shardState }: PlanSpec, { learned, total }: Placements): Slice {
  const pieces = Math.ceil(learned / UPDATE_PIECE)
  const firstPiece = firstSlicePiece(pieces, sharing)
  const endPiece = firstSlicePiece(pieces, { ...sharing, rank: sharing.rank + 1 })
  const shardsState = shardState === true && sharing.ranks > 1
  const [first, end] = [firstPiece, endPiece].map((piece) => Math.min(learned, piece * UPDATE_PIECE)) as [
    number,
    number,
  ]
  return { firstPiece, endPiece, kept: shardsState ? { first, end } : { first: 0, end: total }, shardsState }
}
