/**
 * What a piece does. One per worker: the plan's phases bound to the worker's kernels and its view of the arena.
 * A piece reads the sequencer's state and writes only its own part of the arena.
 */
import type { Arena } from '../arena/arena.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { Meeting, Pass } from '../model/layer.ts'
import { matrixOf } from '../model/shape.ts'
import { firstLane, lanePieces, pieces } from '../plan/pieces.ts'
import { scratchOf } from '../plan/addresses.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { allRows, rowsOfShard } from '../plan/shards.ts'
import { meetingBefore, shardPieces, tilesAbove, tilesAcross } from '../plan/stages.ts'
import type { BlockStage, TileStage } from '../plan/stages.ts'
import { Again } from './again.ts'
import { Gatherer, firstRow } from './gather.ts'
import { observePart } from './observe.ts'
import { Reduction } from './reduction.ts'
import { addPenalty } from './regularize.ts'
import { Score } from './score.ts'
import { copyRun } from './snapshot.ts'
import { State, evaluationEnd } from './state.ts'
import { Update } from './update.ts'

const NO_FLOATS = new Float32Array(0)

export class Program {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #words: Float64Array
  readonly #reduction: Reduction
  readonly #updates: Update
  readonly #gatherer: Gatherer
  readonly #score: Score
  readonly #pass: Pass = {
    training: true,
    seed: 0,
    batch: 0,
    firstRow: 0,
    rows: 0,
    shardRows: 0,
    blockRows: 0,
    firstShard: 0,
    temporary: 0,
    floats: NO_FLOATS,
  }

  /** Columns of the matrix that each tile is of. */
  readonly #widths: Int32Array
  readonly #makeStrict: (() => Program) | null
  #strict: Program | undefined

  /**
   * @param worker whose room for temporaries it may use
   * @param makeStrict the strict kernels, for a look with those: see again.ts; `null` where `kernels` are strict
   */
  constructor(
    plan: Plan,
    kernels: Kernels,
    arena: Arena,
    settings: RunSettings,
    worker = 0,
    makeStrict: (() => Kernels) | null = null,
  ) {
    this.#makeStrict = makeStrict && (() => new Program(plan, makeStrict(), arena, settings, worker))
    this.#plan = plan
    this.#k = kernels
    this.#floats = arena.floats
    this.#doubles = arena.doubles
    this.#words = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
    this.#widths = Int32Array.from(plan.tiles, ({ placement }) => matrixOf(placement.spec.shape)[1])
    this.#pass.seed = settings.seed
    this.#pass.floats = arena.floats
    this.#pass.blockRows = plan.blockRows
    this.#pass.firstShard = plan.ownFirst
    this.#pass.temporary = scratchOf(plan, worker).piece
    this.#gatherer = new Gatherer(plan, kernels, arena, settings)
    this.#score = new Score(plan, kernels, arena)
    this.#reduction = new Reduction(plan, kernels, arena, settings)
    this.#updates = new Update(plan, kernels, arena, settings, this.#pass.temporary)
  }

  /** For the sequential part: bounds on weights, and the rehearsal of an update. */
  get updates(): Update {
    return this.#updates
  }

  /** Whether a look with strict kernels would be another. */
  get hasStrict(): boolean {
    return this.#makeStrict !== null
  }

  /** This program, or its twin with strict kernels while that look is open. */
  get #open(): Program {
    if (!this.#makeStrict || this.#state(State.again) !== Again.strict) return this
    return (this.#strict ??= this.#makeStrict())
  }

  run(phase: Phase, piece: number): void {
    this.#open.#run(phase, piece)
  }

  #run(phase: Phase, piece: number): void {
    switch (phase) {
      case Phase.rows:
        return this.#rows(piece)
      case Phase.gradient:
        return this.#gradient(piece)
      case Phase.reduce:
        return this.#reduction.reduce(piece)
      case Phase.update:
        return this.#update(piece)
      case Phase.evaluate:
        return this.#evaluate(piece)
      case Phase.combine:
        return this.#reduction.combine(piece)
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
    return this.#words[word]!
  }

  /** One piece of the open stage: a row block or a tile. */
  #rows(piece: number): void {
    const stage = this.#plan.stages[this.#state(State.stage)]!
    if (stage.kind === 'tile') this.#tile(stage, piece)
    else this.#block(stage, piece)
  }

  /** Forward, loss and back-signals of one row block of the micro-batch, as far as the stage goes. */
  #block(stage: BlockStage, piece: number): void {
    const { gather, forward, loss, backward, blockRows } = stage
    const { network } = this.#plan
    const full = this.#state(State.full)
    const perShard = shardPieces(stage, full)
    const shard = Math.floor(piece / perShard)
    const row = shard * full + (piece - shard * perShard) * blockRows
    const rows = Math.min(blockRows, Math.min((shard + 1) * full, this.#state(State.rows)) - row)
    const pass = this.#pass
    pass.training = true
    pass.batch = this.#state(State.batch)
    pass.firstRow = firstRow(this.#plan, shard, this.#state(State.first), full)
    this.#openPass()
    if (gather) this.#gatherer.rows(this.#state(State.cursor) + pass.firstRow, row, rows)
    for (let i = 0; i < forward.length; i++) forward[i]!.forward(this.#k, row, rows, pass)
    if (loss) this.#score.loss(piece, row, rows, network.output.gradient)
    for (let i = 0; i < backward.length; i++) backward[i]!.backward(this.#k, row, rows, pass)
  }

  /** What the row blocks before a stage are summed to: by whoever closed the one before; then `join`. */
  meet(stage: number): void {
    const meeting = meetingBefore(this.#plan.stages[stage]!)
    if (meeting) this.#open.#meet(meeting)
  }

  /** When every rank has the sums of all shards. */
  join(stage: number): void {
    const meeting = meetingBefore(this.#plan.stages[stage]!)
    if (meeting) this.#open.#join(meeting)
  }

  #meet(meeting: Meeting): void {
    this.#openPass()
    const { ownFirst, ownEnd } = this.#plan
    const { rows, shardRows } = this.#pass
    for (let shard = ownFirst; shard < ownEnd && shard * shardRows < rows; shard++) {
      meeting.sum(this.#k, shard, this.#pass)
    }
  }

  #join(meeting: Meeting): void {
    this.#openPass()
    this.#pass.firstRow = this.#state(State.first)
    meeting.join(this.#k, this.#pass)
  }

  /** The open micro-batch. */
  #openPass(): void {
    const first = this.#state(State.first)
    this.#pass.rows = allRows(this.#plan, this.#state(State.batchRows), first)
    this.#pass.shardRows = this.#state(State.full)
  }

  /** One tile of a large product, and the element-wise layers next to it. */
  #tile(stage: TileStage, piece: number): void {
    const { direction, product, riders, cols, tileRows, tileCols, wideCols } = stage
    const full = this.#state(State.full)
    const perShard = shardPieces(stage, full)
    const shard = Math.floor(piece / perShard)
    const tile = piece - shard * perShard
    const shardRows = Math.min(full, this.#state(State.rows) - shard * full)
    const above = tilesAbove(stage, tile, shardRows)
    const row = shard * full + above * tileRows
    const rows = Math.min(tileRows, shardRows - above * tileRows)
    const width = rows === tileRows ? wideCols : tileCols
    const col = (tile - above * tilesAcross(stage, true)) * width
    const colEnd = Math.min(cols, col + width)
    product[direction](this.#k, row, rows, col, colEnd)
    for (let i = 0; i < riders.length; i++) riders[i]![direction](this.#k, row, rows, col, colEnd)
  }

  /** One tile over a shard's rows of the micro-batch, or one lane's rows for every laned tensor. */
  #gradient(piece: number): void {
    const { at, tiles, laned, laneRows, lanes, placements, spec } = this.#plan
    const full = this.#state(State.full)
    const total = this.#state(State.rows)
    const shards = Math.ceil(total / full)
    const first = this.#state(State.first)
    this.#openPass()
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
      const width = this.#widths[piece - shard * tiles.length]!
      const block = gradient + tile.row * width + tile.col
      this.#reduction.squares(piece, block, tile.rowEnd - tile.row, tile.colEnd - tile.col, width)
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

  /** A run of parameters; and beside it what else is to be done before the next step. */
  #update(piece: number): void {
    const updates = pieces.update(this.#plan)
    if (piece < updates) return this.#updates.run(this.#plan.firstPiece + piece)
    const follows = pieces.follow(this.#plan)
    if (piece < updates + follows) return this.#updates.follow()
    const gathers = pieces.gather(this.#plan, this.#state(State.gathered))
    const left = piece - updates - follows
    if (left < gathers) return this.#gatherer.ahead(left)
    observePart(this.#plan, this.#k, this.#floats, this.#doubles, left - gathers, this.#pass.temporary)
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
    this.#score.keep(start, row, rows)
  }

  /** Forward and loss of one row block of the evaluation set. */
  #evaluate(piece: number): void {
    const { at, blockRows, evaluationRows, network, spec, input } = this.#plan
    const row = piece * blockRows
    const cursor = this.#state(State.evaluationCursor)
    const start = cursor - this.#state(State.evaluationStart) + row
    const left = evaluationEnd(this.#plan, this.#words) - cursor
    const rows = Math.min(blockRows, Math.min(evaluationRows, left) - row)
    const { inputs, targets } = spec
    this.#k.copy(rows * inputs, at.evaluationX + start * inputs, input.value + row * inputs)
    this.#k.copy(rows * targets, at.evaluationY + start * targets, at.target + row * targets)
    this.#floats.fill(1, at.weight + row, at.weight + row + rows)
    this.#pass.training = false
    network.forward(this.#k, row, rows, this.#pass)
    if (spec.keepOutputs) this.#score.keep(start, row, rows)
    else this.#score.loss(piece, row, rows, -1)
  }
}
