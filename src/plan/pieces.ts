/** How many pieces each phase has, and the lanes of rows. */
import { UPDATE_PIECE } from './constants.ts'
import type { Plan } from './plan.ts'
import type { GradientPiece } from './tiles.ts'
import { fullRows, ownRows, rowsOfShard } from './shards.ts'
import { stagePieces } from './stages.ts'
import type { Watch } from './watch.ts'

/** Partial sums of squares: one a tile, then one a run of a layer's laned parameters; of several shards one a segment. */
export const normsOf = (tiles: readonly GradientPiece[], watch: Watch, shards: number): number =>
  shards > 1 ? watch.segments.length : tiles.length + watch.laned.length

/** Lanes that rows [first, first + rows) of a shard touch, as [from, end). */
export const firstLane = (plan: Plan, first: number): number => Math.floor(first / plan.laneRows)
export const endLane = (plan: Plan, first: number, rows: number): number => Math.ceil((first + rows) / plan.laneRows)

/** Lanes of a shard that rows [first, first + rows) of it touch. */
const lanesTouched = (plan: Plan, first: number, rows: number): number =>
  rows > 0 ? endLane(plan, first, rows) - firstLane(plan, first) : 0

/** Gradient pieces of one shard: its tiles come first of all shards' tiles, its lanes after them. */
export const lanePieces = (plan: Plan, first: number, rows: number): number =>
  plan.laned.length > 0 ? lanesTouched(plan, first, rows) : 0

/** Rows of this rank in a full batch's first micro-batch: the most that are open at a time. */
export const mostRows = (plan: Plan): number => ownRows(plan, plan.spec.batchSize, 0)

/** Pieces of each phase for a micro-batch of `rows` rows of this rank that starts at `first` in its shards. */
export const pieces = {
  stage: (plan: Plan, stage: number, rows: number, first = 0): number =>
    stagePieces(plan.stages[stage]!, rows, fullRows(plan, first)),
  evaluate: (plan: Plan, rows: number): number => Math.ceil(rows / plan.blockRows),
  gradient: (plan: Plan, first: number, rows: number): number => {
    const full = fullRows(plan, first)
    const whole = Math.floor(rows / full)
    const rest = rows - whole * full
    const lanes = whole * lanePieces(plan, first, full) + lanePieces(plan, first, rest)
    return Math.ceil(rows / full) * plan.tiles.length + lanes
  },
  /** Of one shard only the laned parameters want reducing. */
  reduce: (plan: Plan): number =>
    Math.ceil((plan.spec.sharing.shards > 1 ? plan.placements.learned : plan.placements.laned) / UPDATE_PIECE),
  /** Row blocks gathered ahead. */
  gather: (plan: Plan, rows: number): number => pieces.stage(plan, 0, rows),
  /** Runs of all that is learned, and those of this rank. */
  runs: (plan: Plan): number => Math.ceil(plan.placements.learned / UPDATE_PIECE),
  update: (plan: Plan): number => plan.endPiece - plan.firstPiece,
  /** The statistics take their next values. */
  follow: (plan: Plan): number => (plan.placements.followed > plan.placements.learned ? 1 : 0),
  snapshot: (plan: Plan): number => Math.ceil(plan.placements.total / UPDATE_PIECE),
  norms: (plan: Plan): number => normsOf(plan.tiles, plan.watch, plan.spec.sharing.shards),
}

/** Lanes of an own shard that a batch of `batchRows` fills. */
export const lanesOfShard = (plan: Plan, batchRows: number, shard: number): number =>
  endLane(plan, 0, rowsOfShard(plan, batchRows, shard))
