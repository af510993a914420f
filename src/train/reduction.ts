/**
 * The pieces that add up: lanes and shards to one gradient, in a fixed tree, here and across ranks; and the sums of squares
 * that its norm is made of, each taken by the piece that made the block, while it is in the cache.
 */
import type { Arena } from '../arena/arena.ts'
import { exponentOf } from '../gradient/coefficient.ts'
import { isSampled } from '../gradient/thresholds.ts'
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import type { Placement } from '../plan/parameters.ts'
import { endLane, lanesOfShard } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { endShard, firstShard, forEachEdge, inboxSlot, isOwn, shardsInUse } from '../plan/shards.ts'
import { learnedOf } from '../plan/watch.ts'
import { clipUnits } from './clip-units.ts'
import { State } from './state.ts'

export class Reduction {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #settings: RunSettings
  /** Of the norm that the clip goes by. */
  readonly #exponent: number
  /** Tensors that are learned, in the order of the model. */
  readonly #learned: readonly Placement[]

  constructor(plan: Plan, kernels: Kernels, { floats, doubles }: Arena, settings: RunSettings) {
    this.#plan = plan
    this.#k = kernels
    this.#floats = floats
    this.#doubles = doubles
    this.#settings = settings
    this.#exponent = exponentOf(settings.decide.clip)
    this.#learned = learnedOf(plan.placements)
  }

  #state(word: number): number {
    return this.#doubles[this.#plan.at.state + word]!
  }

  /** Sums lanes and shards of a run of parameters, and their squares. */
  reduce(piece: number): void {
    if (this.#state(State.clipping) === 1) return this.#clipUnits(piece)
    const { at, placements, spec, tiles, watch } = this.#plan
    if (spec.sharing.shards > 1) return this.#reduceShards(piece)
    const start = piece * UPDATE_PIECE
    const end = Math.min(placements.laned, start + UPDATE_PIECE)
    const lanes = endLane(this.#plan, 0, this.#state(State.batchRows))
    if (this.#settings.watch && isSampled(this.#state(State.batch))) this.#squareParts(piece, start, end, lanes)
    this.#k.reduceLanes(end - start, lanes, at.lanes + start, placements.laned, at.gradients + start)
    for (let i = watch.firstLaned[piece]!; i < watch.firstLaned[piece + 1]!; i++) {
      const { offset, count } = watch.laned[i]!
      this.squares(tiles.length + i, at.gradients + offset, 1, count, 0)
    }
  }

  /** One tensor, by unit. */
  #clipUnits(piece: number): void {
    const { at } = this.#plan
    const { clip } = this.#settings.decide
    if (clip.mode !== 'adaptive') return
    const { offset, spec, size } = this.#learned[piece]!
    const cols = spec.shape.at(-1)!
    this.#doubles[at.clipNorms + piece] = clipUnits(
      this.#floats,
      at.gradients + offset,
      at.parameters + offset,
      size / cols,
      cols,
      1 / (this.#state(State.weightSum) || Infinity),
      clip.lambda,
      clip.epsilon,
    )
  }

  #squareParts(piece: number, start: number, end: number, lanes: number): void {
    const { at, placements, lanes: most } = this.#plan
    for (let lane = 0; lane < lanes; lane++) {
      const squares = this.#k.sumSquares(1, end - start, at.lanes + lane * placements.laned + start, 0)
      this.#doubles[at.partSquares + piece * most + lane] = squares
    }
  }

  /** Each own shard's lanes to a gradient of its own, then what of the shards' tree has both its sides here. */
  #reduceShards(piece: number): void {
    const { at, ownFirst, ownEnd, lanes, placements, spec } = this.#plan
    const { laned, learned, total } = placements
    const start = piece * UPDATE_PIECE
    const count = Math.min(UPDATE_PIECE, learned - start)
    const batchRows = this.#state(State.batchRows)
    const used = shardsInUse(this.#plan, batchRows)
    const gradient = (shard: number) => at.gradients + (shard - ownFirst) * total + start
    for (let shard = ownFirst; start < laned && shard < Math.min(ownEnd, used); shard++) {
      const first = at.lanes + (shard - ownFirst) * lanes * laned + start
      const filled = lanesOfShard(this.#plan, batchRows, shard)
      this.#k.reduceLanes(Math.min(count, laned - start), filled, first, laned, gradient(shard))
    }
    if (this.#settings.reduce === 'mpi-sum') return this.#sumOwn(count, gradient, used)
    forEachEdge(used, (j, s) => {
      if (isOwn(this.#plan, j, s, used)) this.#k.add(count, gradient(j + s), gradient(j))
    })
    if (spec.sharing.ranks === 1) this.#squareSegments(piece)
  }

  /** All own shards to the first of them: nothing, where this rank has no row of the batch. */
  #sumOwn(count: number, gradient: (shard: number) => Pointer, used: number): void {
    const { ownFirst, ownEnd } = this.#plan
    const first = gradient(ownFirst)
    if (used <= ownFirst) this.#floats.fill(0, first, first + count)
    for (let shard = ownFirst + 1; shard < Math.min(ownEnd, used); shard++) this.#k.add(count, gradient(shard), first)
  }

  /** What the tree adds across ranks, for a run of this rank's own parameters. */
  combine(index: number): void {
    const { at, ownFirst, ownEnd, firstPiece, endPiece, placements } = this.#plan
    const piece = firstPiece + index
    const start = piece * UPDATE_PIECE
    const count = Math.min(UPDATE_PIECE, placements.learned - start)
    const sliceStart = firstPiece * UPDATE_PIECE
    const slice = Math.min(placements.learned, endPiece * UPDATE_PIECE) - sliceStart
    const inbox = (slot: number) => at.inbox + slot * slice + start - sliceStart
    const into = at.gradients + start
    if (this.#settings.reduce === 'mpi-sum') this.#k.copy(count, inbox(0), into)
    else {
      const used = shardsInUse(this.#plan, this.#state(State.batchRows))
      const place = (shard: number) =>
        shard >= ownFirst && shard < ownEnd
          ? into + (shard - ownFirst) * placements.total
          : inbox(inboxSlot(this.#plan, shard))
      forEachEdge(used, (j, s) => {
        if (!this.#isMade(j, s, used)) this.#k.add(count, place(j + s), place(j))
      })
      if (ownFirst > 0) this.#k.copy(count, place(0), into)
    }
    this.#squareSegments(piece)
  }

  /** Whether the rank that has both sides of an addition has made it. */
  #isMade(j: number, s: number, used: number): boolean {
    const { sharing } = this.#plan.spec
    for (let rank = 0; rank < sharing.ranks; rank++) {
      const cut = { ownFirst: firstShard({ ...sharing, rank }), ownEnd: endShard({ ...sharing, rank }) }
      if (isOwn(cut, j, s, used)) return true
    }
    return false
  }

  #squareSegments(piece: number): void {
    const { at, watch } = this.#plan
    for (let i = watch.firstSegment[piece]!; i < watch.firstSegment[piece + 1]!; i++) {
      const { offset, count } = watch.segments[i]!
      this.squares(i, at.gradients + offset, 1, count, 0)
    }
  }

  /**
   * Sum of squares of a block of the gradient, rows `width` apart, as it is and as value clipping leaves it, or its p-norm
   * where the clip goes by one. In the piece that made it, while it is in the cache.
   */
  squares(chunk: number, block: Pointer, rows: number, cols: number, width: number): void {
    const { at } = this.#plan
    const { clip } = this.#settings.decide
    // A block of whole rows is one run.
    const runs = cols === width ? 1 : rows
    const count = cols === width ? rows * cols : cols
    this.#doubles[at.norms + chunk] = this.#k.sumSquares(runs, count, block, width)
    if (this.#exponent !== 2) this.#doubles[at.clipNorms + chunk] = this.#normOf(block, runs, count, width)
    if (clip.mode !== 'value') return
    const perWeight = 1 / (this.#state(State.weightSum) || Infinity)
    let clamped = 0
    for (let r = 0; r < runs; r++) clamped += this.#k.clampedSquares(count, block + r * width, perWeight, clip.value)
    this.#doubles[at.clipNorms + chunk] = clamped
  }

  /** Scaled by the largest magnitude, so that no power leaves the range of float64. */
  #normOf(block: Pointer, runs: number, count: number, width: number): number {
    let largest = 0
    for (let r = 0; r < runs; r++) largest = Math.max(largest, this.#k.largestOf(count, block + r * width))
    if (this.#exponent === Infinity || !(largest > 0 && largest < Infinity)) return largest
    let sum = 0
    for (let r = 0; r < runs; r++) sum += this.#k.sumPowers(count, block + r * width, largest, this.#exponent)
    return largest * sum ** (1 / this.#exponent)
  }
}
