/** What the sequential part adds up: partial sums of blocks to the batch's, of parts to squared norms. Always in one order. */
import type { Arena } from '../arena/arena.ts'
import { pieces } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import { rowsOfShard, shardsInUse } from '../plan/shards.ts'
import { State } from './state.ts'

export class Sums {
  readonly #plan: Plan
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #state: Float64Array
  /** Watched layer of each partial sum of squares. */
  readonly #layerOf: Int32Array
  /** Per watched layer: the largest norm of its chunks. */
  readonly #largest: Float64Array

  constructor(plan: Plan, { floats, doubles }: Arena) {
    this.#plan = plan
    this.#floats = floats
    this.#doubles = doubles
    this.#state = doubles.subarray(plan.at.state)
    const { tiles, watch } = plan
    this.#largest = new Float64Array(watch.layers.length)
    this.#layerOf =
      plan.spec.sharing.shards > 1
        ? Int32Array.from(watch.segments, ({ layer }) => layer)
        : Int32Array.from([
            ...tiles.map(({ placement }) => watch.layerOf(placement)),
            ...watch.laned.map(({ layer }) => layer),
          ])
  }

  /** Adds the micro-batch's sums and weights to those of its shards, in the order of blocks and rows. */
  addShards(): void {
    const s = this.#state
    const { at, sums, lossRows, ownFirst } = this.#plan
    const full = s[State.full]!
    const total = s[State.rows]!
    const blocks = Math.ceil(full / lossRows)
    for (let shard = 0; shard * full < total; shard++) {
      const rows = Math.min(full, total - shard * full)
      const into = at.shardSums + (ownFirst + shard) * (sums + 1)
      this.addBlocks(shard * blocks, rows, lossRows, this.#doubles, into)
      this.#doubles[into + sums]! += this.#weights(shard * full, rows)
    }
    const isLast = s[State.first]! + full >= rowsOfShard(this.#plan, s[State.batchRows]!, 0)
    if (isLast && this.#plan.spec.sharing.ranks === 1) this.addBatch()
  }

  /** The batch's sums and weight, from its shards' in their order. */
  addBatch(): void {
    const s = this.#state
    const { at, sums, sumsAt } = this.#plan
    s[State.weightSum] = 0
    s.fill(0, sumsAt.batch, sumsAt.batch + sums)
    for (let shard = 0; shard < shardsInUse(this.#plan, s[State.batchRows]!); shard++) {
      const from = at.shardSums + shard * (sums + 1)
      for (let i = 0; i < sums; i++) s[sumsAt.batch + i]! += this.#doubles[from + i]!
      s[State.weightSum]! += this.#doubles[from + sums]!
    }
  }

  /** Adds the partial sums of the blocks of `rows` rows, `blockRows` each, the first of them block `first`, to those at `into`. */
  addBlocks(first: number, rows: number, blockRows: number, words: Float64Array, into: number): void {
    const { at, sums } = this.#plan
    const end = first + Math.ceil(rows / blockRows)
    for (let b = first; b < end; b++) {
      const from = at.partials + b * sums
      for (let i = 0; i < sums; i++) words[into + i]! += this.#doubles[from + i]!
    }
  }

  /** In the order of the rows, so that micro-batches do not change the sum. */
  #weights(first: number, rows: number): number {
    if (!this.#plan.spec.weighted) return rows
    let sum = 0
    for (let r = first; r < first + rows; r++) sum += this.#floats[this.#plan.at.weight + r]!
    return sum
  }

  /** A squared norm, from the sums of so many parts in index order. */
  ofChunks(at: number, chunks: number): number {
    let sum = 0
    for (let i = 0; i < chunks; i++) sum += this.#doubles[at + i]!
    return sum
  }

  /** The same, and each layer's part of it. */
  ofLayers(): number {
    const { at, watch } = this.#plan
    this.#doubles.fill(0, at.layerSquares, at.layerSquares + watch.layers.length)
    let sum = 0
    for (let i = 0; i < pieces.norms(this.#plan); i++) {
      const squares = this.#doubles[at.norms + i]!
      sum += squares
      this.#doubles[at.layerSquares + this.#layerOf[i]!]! += squares
    }
    return sum
  }

  /**
   * The p-norm of the whole gradient from those of its chunks, in index order, and each layer's, which is left in
   * `layerScales`. A norm of norms, each time scaled by the largest: nothing leaves the range of float64.
   */
  ofPowers(exponent: number): number {
    const { at, watch } = this.#plan
    const norms = this.#doubles.subarray(at.clipNorms)
    const layers = this.#doubles.subarray(at.layerScales)
    const chunks = pieces.norms(this.#plan)
    const layerOf = this.#layerOf
    const largest = this.#largest
    largest.fill(0)
    for (let i = 0; i < chunks; i++) largest[layerOf[i]!] = Math.max(largest[layerOf[i]!]!, norms[i]!)
    let most = 0
    for (let l = 0; l < watch.layers.length; l++) most = Math.max(most, largest[l]!)
    layers.set(largest)
    if (exponent === Infinity || !(most > 0 && most < Infinity)) return most
    layers.fill(0, 0, watch.layers.length)
    for (let i = 0; i < chunks; i++) {
      const l = layerOf[i]!
      if (largest[l]! > 0) layers[l]! += (norms[i]! / largest[l]!) ** exponent
    }
    let sum = 0
    for (let l = 0; l < watch.layers.length; l++) {
      layers[l] = largest[l]! * layers[l]! ** (1 / exponent)
      sum += (layers[l]! / most) ** exponent
    }
    return most * sum ** (1 / exponent)
  }
}
