/**
 * What a piece does. One per worker: the plan's phases bound to the worker's kernels and its view of the arena.
 * A piece reads the sequencer's state and writes only its own part of the arena.
 */
import type { Arena } from '../arena/arena.ts'
import { ROUND_KEYS, permuteWithKeys, writeRoundKeys } from '../data/order.ts'
import { Activation } from '../kernels/kernels.ts'
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import { isSampled } from '../gradient/thresholds.ts'
import type { Pass } from '../model/layer.ts'
import { ownLossOf, weighPositions } from '../model/losses.ts'
import { matrixOf } from '../model/shape.ts'
import { applyUpdate } from '../optim/optimizers.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import { Phase, endLane, firstLane, lanePieces, lanesOfShard, pieces, scratchOf } from '../plan/plan.ts'
import type { Placement } from '../plan/parameters.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import {
  endShard,
  firstShard,
  forEachEdge,
  fullRows,
  inboxSlot,
  isOwn,
  rowsOfShard,
  shardsInUse,
} from '../plan/shards.ts'
import { learnedOf } from '../plan/watch.ts'
import { shardPieces } from '../plan/stages.ts'
import type { BlockStage, TileStage } from '../plan/stages.ts'
import { clipUnits } from './clip-units.ts'
import { observeLayer } from './observe.ts'
import { addPenalty, boundNorms } from './regularize.ts'
import { copyRun } from './snapshot.ts'
import { State } from './state.ts'

const NO_FLOATS = new Float32Array(0)

export class Program {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #settings: RunSettings
  /** Tensors that are learned, in the order of the model. */
  readonly #learned: readonly Placement[]
  readonly #bounded: readonly Placement[]
  readonly #columns: Float64Array
  readonly #keys = new Uint32Array(ROUND_KEYS)
  #keysOfEpoch = -1
  readonly #pass: Pass = {
    training: true,
    seed: 0,
    batch: 0,
    firstRow: 0,
    rows: 0,
    blockRows: 0,
    temporary: 0,
    floats: NO_FLOATS,
  }

  /** @param worker whose room for temporaries it may use */
  constructor(plan: Plan, kernels: Kernels, arena: Arena, settings: RunSettings, worker = 0) {
    this.#plan = plan
    this.#k = kernels
    this.#floats = arena.floats
    this.#doubles = arena.doubles
    this.#settings = settings
    this.#learned = learnedOf(plan.placements)
    this.#bounded = this.#learned.filter(({ spec }) => spec.constraint)
    this.#columns = new Float64Array(Math.max(0, ...this.#bounded.map(({ spec }) => matrixOf(spec.shape)[1])))
    this.#pass.seed = settings.seed
    this.#pass.floats = arena.floats
    this.#pass.blockRows = plan.blockRows
    this.#pass.temporary = scratchOf(plan, worker).piece
  }

  run(phase: Phase, piece: number): void {
    switch (phase) {
      case Phase.rows:
        return this.#rows(piece)
      case Phase.gradient:
        return this.#gradient(piece)
      case Phase.reduce:
        return this.#reduce(piece)
      case Phase.update:
        return this.#update(piece)
      case Phase.evaluate:
        return this.#evaluate(piece)
      case Phase.combine:
        return this.#combine(piece)
      case Phase.snapshot:
        return copyRun(this.#plan, this.#k, piece)
      case Phase.exchange:
        throw new Error('internal: an exchange has no pieces')
    }
  }

  /** The open stage of the rows part. */
  get stage(): number {
    return this.#state(State.stage)
  }

  #state(word: number): number {
    return this.#doubles[this.#plan.at.state + word]!
  }

  /** One piece of the open stage: a row block or a tile. */
  #rows(piece: number): void {
    const stage = this.#plan.stages[this.#state(State.stage)]!
    if (stage.kind === 'tile') this.#tile(stage, piece)
    else this.#block(stage, piece)
  }

  /** Forward, loss and back-signals of one row block of the micro-batch, as far as the stage goes. */
  #block(stage: BlockStage, piece: number): void {
    const { gather, forward, loss, backward } = stage
    const { blockRows, network } = this.#plan
    const full = this.#state(State.full)
    const perShard = shardPieces(stage, full, blockRows)
    const shard = Math.floor(piece / perShard)
    const row = shard * full + (piece - shard * perShard) * blockRows
    const rows = Math.min(blockRows, Math.min((shard + 1) * full, this.#state(State.rows)) - row)
    const pass = this.#pass
    pass.training = true
    pass.batch = this.#state(State.batch)
    pass.firstRow = this.#firstRow(shard, this.#state(State.first), full)
    pass.rows = this.#state(State.rows)
    if (gather) this.#gather(this.#state(State.cursor) + pass.firstRow, row, rows)
    for (let i = 0; i < forward.length; i++) forward[i]!.forward(this.#k, row, rows, pass)
    if (loss) this.#loss(piece, row, rows, network.output.gradient)
    for (let i = 0; i < backward.length; i++) backward[i]!.backward(this.#k, row, rows, pass)
  }

  /** What lies between two stages: done by whoever closed the first. */
  enter(stage: number): void {
    const next = this.#plan.stages[stage]!
    if (next.kind !== 'block' || !next.enter) return
    this.#pass.rows = this.#state(State.rows)
    next.enter(this.#k, this.#pass)
  }

  /** What is to be added to the arena's row of a sample of this rank's shard to have its position in the batch. */
  #firstRow(shard: number, first: number, full: number): number {
    const { ownFirst, shardRows } = this.#plan
    return (ownFirst + shard) * shardRows + first - shard * full
  }

  /** One tile of a large product, and the element-wise layers next to it. */
  #tile(stage: TileStage, piece: number): void {
    const { direction, product, riders, cols, tileRows, tileCols } = stage
    const full = this.#state(State.full)
    const perShard = shardPieces(stage, full, 0)
    const shard = Math.floor(piece / perShard)
    const tile = piece - shard * perShard
    const columns = Math.ceil(cols / tileCols)
    const row = shard * full + Math.floor(tile / columns) * tileRows
    const rows = Math.min(tileRows, Math.min((shard + 1) * full, this.#state(State.rows)) - row)
    const col = (tile % columns) * tileCols
    const colEnd = Math.min(cols, col + tileCols)
    product[direction](this.#k, row, rows, col, colEnd)
    for (let i = 0; i < riders.length; i++) riders[i]![direction](this.#k, row, rows, col, colEnd)
  }

  /** A row block of the next batch. */
  #gatherAhead(piece: number): void {
    const { blockRows } = this.#plan
    const full = fullRows(this.#plan, 0)
    const blocks = Math.ceil(full / blockRows)
    const shard = Math.floor(piece / blocks)
    const row = shard * full + (piece - shard * blocks) * blockRows
    const rows = Math.min(blockRows, Math.min((shard + 1) * full, this.#state(State.gathered)) - row)
    const start = this.#state(State.cursor) + this.#state(State.batchRows) + this.#firstRow(shard, 0, full)
    this.#gather(start, row, rows)
  }

  /** Copies a row block's samples from the data set to the batch, in the epoch's order; `start`: of the micro-batch. */
  #gather(start: number, row: number, rows: number): void {
    const { at, spec, input } = this.#plan
    const floats = this.#floats
    const epoch = this.#state(State.epoch)
    const { inputs, targets, trainRows } = spec
    const { shuffle, seed } = this.#settings
    if (this.#keysOfEpoch !== epoch) {
      writeRoundKeys(this.#keys, seed, epoch)
      this.#keysOfEpoch = epoch
    }
    for (let r = 0; r < rows; r++) {
      const sample = shuffle ? permuteWithKeys(start + row + r, trainRows, this.#keys) : start + row + r
      this.#k.copy(inputs, at.trainX + sample * inputs, input.value + (row + r) * inputs)
      const from = at.trainY + sample * targets
      const to = at.target + (row + r) * targets
      for (let c = 0; c < targets; c++) floats[to + c] = floats[from + c]!
      floats[at.weight + row + r] = spec.weighted ? floats[at.trainWeight + sample]! : 1
    }
  }

  /** Loss and metrics of a row block into its partial sums; the loss's gradient unless `gradient` is -1. */
  #loss(piece: number, row: number, rows: number, gradient: number): void {
    const { at, spec, loss, metrics, network, sums } = this.#plan
    const { value, cols } = network.output
    const doubles = this.#doubles
    const outputs = value + row * cols
    const targets = at.target + row * spec.targets
    const into = at.partials + piece * sums
    const dy = gradient === -1 ? -1 : gradient + row * cols
    const { code, parameter, second } = loss
    if (loss.own) {
      const { targets: width } = spec
      doubles[into] = ownLossOf(loss.own, this.#floats, rows, cols, width, outputs, targets, at.weight + row, dy)
    } else if (loss.takes === 'labels') {
      const positions = spec.targets
      const weights = at.positionWeight + row * positions
      weighPositions(this.#floats, rows, positions, targets, at.weight + row, weights)
      const classes = cols / positions
      doubles[into] = this.#k.loss(code, rows * positions, classes, outputs, targets, weights, dy, parameter, second)
    } else {
      doubles[into] = this.#k.loss(code, rows, cols, outputs, targets, at.weight + row, dy, parameter, second)
    }
    let sum = into + 1
    for (let m = 0; m < metrics.length; m++) {
      const metric = metrics[m]!
      for (let s = 0; s < metric.sums; s++) doubles[sum + s] = 0
      for (let r = 0; r < rows; r++) {
        metric.add(this.#floats, outputs + r * cols, targets + r * spec.targets, cols, spec.targets, doubles, sum)
      }
      sum += metric.sums
    }
  }

  /** One tile over a shard's rows of the micro-batch, or one lane's rows for every laned tensor. */
  #gradient(piece: number): void {
    const { at, tiles, laned, laneRows, lanes, placements, spec } = this.#plan
    const [full, total] = [this.#state(State.full), this.#state(State.rows)]
    const shards = Math.ceil(total / full)
    const first = this.#state(State.first)
    this.#pass.rows = total
    if (piece < shards * tiles.length) {
      const shard = Math.floor(piece / tiles.length)
      const row = shard * full
      const rows = Math.min(full, total - row)
      const { task, placement, tile } = tiles[piece - shard * tiles.length]!
      const gradient = at.gradients + shard * placements.total + placement.offset
      task.run(this.#k, row, rows, tile, gradient, first > 0, this.#pass)
      if (this.#isLast(shard, first + rows)) {
        addPenalty(this.#k, placement, tile, gradient, at.parameters + placement.offset, this.#weightOf(shard))
      }
      if (spec.sharing.shards > 1 || first + rows < this.#state(State.batchRows)) return
      const [, width] = matrixOf(placement.spec.shape)
      const block = gradient + tile.row * width + tile.col
      this.#squares(piece, block, tile.rowEnd - tile.row, tile.colEnd - tile.col, width)
      return
    }
    const perShard = lanePieces(this.#plan, first, full)
    const shard = Math.floor((piece - shards * tiles.length) / perShard)
    const lane = firstLane(this.#plan, first) + piece - shards * tiles.length - shard * perShard
    const begin = Math.max(first, lane * laneRows)
    const laneEnd = Math.min(first + Math.min(full, total - shard * full), (lane + 1) * laneRows)
    const accumulate = begin > lane * laneRows
    const base = at.lanes + (shard * lanes + lane) * placements.laned
    const row = shard * full + begin - first
    for (let i = 0; i < laned.length; i++) {
      const { task, placement, tile } = laned[i]!
      task.run(this.#k, row, laneEnd - begin, tile, base + placement.offset, accumulate, this.#pass)
      if (this.#isLast(shard, laneEnd)) {
        const { offset } = placement
        addPenalty(this.#k, placement, tile, base + offset, at.parameters + offset, this.#weightOf(shard))
      }
    }
  }

  /** Whether a shard of this rank has no rows from `end` on, counted in the shard. */
  #isLast(shard: number, end: number): boolean {
    return end >= rowsOfShard(this.#plan, this.#state(State.batchRows), this.#plan.ownFirst + shard)
  }

  /** The sum of the sample weights of a shard of this rank, when all of its rows have been forward. */
  #weightOf(shard: number): number {
    const { at, sums, ownFirst } = this.#plan
    return this.#doubles[at.shardSums + (ownFirst + shard) * (sums + 1) + sums]!
  }

  /** After an update, by whoever ends the step: weights with a bound to their norm are brought within it. */
  constrain(): void {
    const { at, watch } = this.#plan
    for (let b = 0; b < this.#bounded.length; b++) {
      const { offset, size, spec } = this.#bounded[b]!
      const [rows, cols] = matrixOf(spec.shape)
      boundNorms(this.#floats, at.parameters + offset, rows, cols, spec.constraint!.maxValue, this.#columns)
      if (this.#state(State.sampled) !== 1) continue
      // What the sampled update said of these weights is no longer so.
      for (let i = 0; i < watch.segments.length; i++) {
        const { offset: start, count } = watch.segments[i]!
        if (start < offset || start >= offset + size) continue
        this.#doubles[at.segments + 2 * i] = this.#k.sumSquares(count, at.parameters + start)
      }
    }
  }

  /** Sums lanes and shards of a run of parameters, and their squares. */
  #reduce(piece: number): void {
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
      this.#squares(tiles.length + i, at.gradients + offset, 1, count, 0)
    }
  }

  /** One tensor, by unit. */
  #clipUnits(piece: number): void {
    const { at } = this.#plan
    const { clip } = this.#settings.decide
    if (clip.mode !== 'adaptive') return
    const { offset, spec, size } = this.#learned[piece]!
    const cols = spec.shape.at(-1)!
    this.#doubles[at.clampedNorms + piece] = clipUnits(
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
      const squares = this.#k.sumSquares(end - start, at.lanes + lane * placements.laned + start)
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
  #combine(index: number): void {
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
      this.#squares(i, at.gradients + offset, 1, count, 0)
    }
  }

  /**
   * Sum of squares of a block of the gradient, rows `width` apart, as it is and as value clipping leaves it. In the
   * piece that made it, while it is in the cache.
   */
  #squares(chunk: number, block: Pointer, rows: number, cols: number, width: number): void {
    const { at } = this.#plan
    const { clip } = this.#settings.decide
    // A block of whole rows is one run.
    const runs = cols === width ? 1 : rows
    const count = cols === width ? rows * cols : cols
    let sum = 0
    for (let r = 0; r < runs; r++) sum += this.#k.sumSquares(count, block + r * width)
    this.#doubles[at.norms + chunk] = sum
    if (clip.mode !== 'value') return
    const perWeight = 1 / (this.#state(State.weightSum) || Infinity)
    let clamped = 0
    for (let r = 0; r < runs; r++) clamped += this.#k.clampedSquares(count, block + r * width, perWeight, clip.value)
    this.#doubles[at.clampedNorms + chunk] = clamped
  }

  /** The optimizer's rule on a run of parameters, clip coefficient and division by the weight folded in. */
  #update(piece: number): void {
    const updates = pieces.update(this.#plan)
    if (piece < updates) {
      const run = this.#plan.firstPiece + piece
      if (this.#state(State.comparable) === 1) this.#compare(run)
      return this.#state(State.sampled) === 1 ? this.#sampledUpdate(run) : this.#apply(run)
    }
    const follows = pieces.follow(this.#plan)
    if (piece < updates + follows) return this.#follow()
    const gathers = pieces.gather(this.#plan, this.#state(State.gathered))
    const left = piece - updates - follows
    if (left < gathers) return this.#gatherAhead(left)
    observeLayer(this.#plan, this.#k, this.#floats, this.#doubles, left - gathers)
  }

  /** The statistics take the values that their layers worked out in this step. */
  #follow(): void {
    const { at, placements } = this.#plan
    const { learned, followed } = placements
    this.#k.copy(followed - learned, at.next, at.parameters + learned)
  }

  /** The update, and the squares of what it left and of what it changed. */
  #sampledUpdate(piece: number): void {
    const { at, watch, placements } = this.#plan
    const start = piece * UPDATE_PIECE
    const count = Math.min(UPDATE_PIECE, placements.learned - start)
    this.#k.copy(count, at.parameters + start, this.#pass.temporary)
    this.#apply(piece)
    // before -= 1 * after
    this.#k.sgd(count, this.#pass.temporary, at.parameters + start, this.#pass.temporary, 1, Infinity, 1, 0, false, 0)
    for (let i = watch.firstSegment[piece]!; i < watch.firstSegment[piece + 1]!; i++) {
      const { offset, count } = watch.segments[i]!
      this.#doubles[at.segments + 2 * i] = this.#k.sumSquares(count, at.parameters + offset)
      this.#doubles[at.segments + 2 * i + 1] = this.#k.sumSquares(count, this.#pass.temporary + offset - start)
    }
  }

  /** Whether the weights are those that the last, sampled update left. */
  #compare(piece: number): void {
    const { at, watch } = this.#plan
    let differing = -1
    for (let i = watch.firstSegment[piece]!; i < watch.firstSegment[piece + 1]!; i++) {
      const { offset, count, layer } = watch.segments[i]!
      if (this.#k.sumSquares(count, at.parameters + offset) !== this.#doubles[at.segments + 2 * i]) differing = layer
    }
    this.#doubles[at.differing + piece] = differing
  }

  #apply(piece: number): void {
    const { at, placements, watch } = this.#plan
    const start = piece * UPDATE_PIECE
    const scale = this.#state(State.scale)
    if (this.#settings.decide.clip.mode !== 'layerNorm') {
      const count = Math.min(UPDATE_PIECE, placements.learned - start)
      this.#doubles[at.largest + piece] = this.#applyRun(start, count, scale)
      return
    }
    let largest = 0
    for (let i = watch.firstSegment[piece]!; i < watch.firstSegment[piece + 1]!; i++) {
      const { layer, offset, count } = watch.segments[i]!
      largest = Math.max(largest, this.#applyRun(offset, count, scale * this.#doubles[at.layerScales + layer]!))
    }
    this.#doubles[at.largest + piece] = largest
  }

  /** @returns the largest magnitude that is left */
  #applyRun(start: number, count: number, scale: number): number {
    const { at, spec } = this.#plan
    return applyUpdate(
      this.#k,
      spec.optimizer!,
      count,
      at.parameters + start,
      at.gradients + start,
      (at.slots[0] ?? 0) + start,
      (at.slots[1] ?? 0) + start,
      scale,
      this.#state(State.clipValue),
      this.#state(State.learningRate),
      this.#state(State.updates) + 1,
    )
  }

  /**
   * Tries this rank's update piece by piece, taking each back, and says whether all would be finite. Only for the rare step
   * that could overflow: a skipped batch must leave every bit as it was.
   */
  rehearseUpdate(): boolean {
    const { at, placements, firstPiece, endPiece } = this.#plan
    const vectors = [at.parameters, ...at.slots]
    for (let piece = firstPiece; piece < endPiece; piece++) {
      const start = piece * UPDATE_PIECE
      const count = Math.min(UPDATE_PIECE, placements.learned - start)
      vectors.forEach((v, i) => this.#k.copy(count, v + start, at.rehearsal + i * UPDATE_PIECE))
      this.#apply(piece)
      let finite = Number.isFinite(this.#doubles[at.largest + piece]!)
      for (const v of at.slots) finite &&= Number.isFinite(this.#k.sumSquares(count, v + start))
      vectors.forEach((v, i) => this.#k.copy(count, at.rehearsal + i * UPDATE_PIECE, v + start))
      if (!finite) return false
    }
    return true
  }

  /** Forward of the first `rows` rows of the evaluation set, by the calling thread alone; the outputs are kept. */
  infer(rows: number): void {
    const { blockRows, evaluationRows } = this.#plan
    for (let start = 0; start < rows; start += evaluationRows) {
      const end = Math.min(rows, start + evaluationRows)
      for (let row = start; row < end; row += blockRows)
        this.#keepRows(row - start, row, Math.min(blockRows, end - row))
    }
  }

  #keepRows(row: number, start: number, rows: number): void {
    const { at, network, spec, input } = this.#plan
    this.#k.copy(rows * spec.inputs, at.evaluationX + start * spec.inputs, input.value + row * spec.inputs)
    this.#pass.training = false
    network.forward(this.#k, row, rows, this.#pass)
    this.#keep(start, row, rows)
  }

  /** Forward and loss of one row block of the evaluation set. */
  #evaluate(piece: number): void {
    const { at, blockRows, evaluationRows, network, spec, input } = this.#plan
    const row = piece * blockRows
    const start = this.#state(State.evaluationCursor) + row
    const left = spec.evaluationRows - this.#state(State.evaluationCursor)
    const rows = Math.min(blockRows, Math.min(evaluationRows, left) - row)
    const { inputs, targets } = spec
    this.#k.copy(rows * inputs, at.evaluationX + start * inputs, input.value + row * inputs)
    this.#k.copy(rows * targets, at.evaluationY + start * targets, at.target + row * targets)
    this.#floats.fill(1, at.weight + row, at.weight + row + rows)
    this.#pass.training = false
    network.forward(this.#k, row, rows, this.#pass)
    if (spec.keepOutputs) this.#keep(start, row, rows)
    else this.#loss(piece, row, rows, -1)
  }

  /** Outputs as `predict` gives them: probabilities for the cross-entropies. */
  #keep(start: number, row: number, rows: number): void {
    const { at, loss, network, spec } = this.#plan
    const { value, cols } = network.output
    const from = value + row * cols
    const to = at.outputs + start * cols
    const positions = loss.takes === 'labels' ? spec.targets : 1
    if (loss.link === 'softmax') this.#k.softmax(rows * positions, cols / positions, from, to)
    else if (loss.link === 'sigmoid') this.#k.activate(Activation.sigmoid, rows * cols, from, to, 0)
    else this.#k.copy(rows * cols, from, to)
  }
}
