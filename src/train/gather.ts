/** The samples of a batch: copied from the training rows, or made anew of them, in the order of the epoch. */
import type { Arena } from '../arena/arena.ts'
import { Augmenter } from '../data/augment.ts'
import { ROUND_KEYS, permuteWithKeys, writeRoundKeys } from '../data/order.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { Plan } from '../plan/plan.ts'
import type { Augment, RunSettings } from '../plan/settings.ts'
import { fullRows } from '../plan/shards.ts'
import { State } from './state.ts'

export class Gatherer {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #words: Float64Array
  readonly #settings: RunSettings
  readonly #augmenter: Augmenter | null
  readonly #keys = new Uint32Array(ROUND_KEYS)
  #keysOfEpoch = -1
  #keysOfWindow = -1

  constructor(plan: Plan, kernels: Kernels, arena: Arena, settings: RunSettings) {
    this.#plan = plan
    this.#k = kernels
    this.#floats = arena.floats
    this.#words = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
    this.#settings = settings
    this.#augmenter = settings.augment && augmenterOf(plan, arena, settings.augment, settings.seed)
  }

  #state(word: number): number {
    return this.#words[word]!
  }

  /** A row block of the next batch. */
  ahead(piece: number): void {
    const { blockRows } = this.#plan
    const full = fullRows(this.#plan, 0)
    const blocks = Math.ceil(full / blockRows)
    const shard = Math.floor(piece / blocks)
    const row = shard * full + (piece - shard * blocks) * blockRows
    const rows = Math.min(blockRows, Math.min((shard + 1) * full, this.#state(State.gathered)) - row)
    const start = this.#state(State.cursor) + this.#state(State.batchRows) + firstRow(this.#plan, shard, 0, full)
    this.rows(start, row, rows)
  }

  /** Copies a row block's samples from the data set to the batch, in the epoch's order; `start`: of the micro-batch. */
  rows(start: number, row: number, rows: number): void {
    const { at, spec, input } = this.#plan
    const floats = this.#floats
    const epoch = this.#state(State.epoch)
    const { inputs, targets, trainRows } = spec
    const { shuffle, seed } = this.#settings
    const window = this.#state(State.windowStart)
    const size = this.#state(State.streamed) === 1 ? this.#state(State.windowEnd) - window : trainRows
    if (this.#keysOfEpoch !== epoch || this.#keysOfWindow !== window) {
      writeRoundKeys(this.#keys, seed, epoch, window)
      this.#keysOfEpoch = epoch
      this.#keysOfWindow = window
    }
    for (let r = 0; r < rows; r++) {
      const place = start + row + r - window
      const sample = shuffle ? permuteWithKeys(place, size, this.#keys) : place
      if (this.#augmenter) {
        const x = input.value + (row + r) * inputs
        this.#augmenter.write(epoch, sample, x, at.target + (row + r) * targets, at.weight + row + r, window, size)
        continue
      }
      this.#k.copy(inputs, at.trainX + sample * inputs, input.value + (row + r) * inputs)
      const from = at.trainY + sample * targets
      const to = at.target + (row + r) * targets
      for (let c = 0; c < targets; c++) floats[to + c] = floats[from + c]!
      floats[at.weight + row + r] = spec.weighted ? floats[at.trainWeight + sample]! : 1
    }
  }
}

/** What is to be added to the arena's row of a sample of this rank's shard to have its position in the batch. */
export function firstRow({ ownFirst, shardRows }: Plan, shard: number, first: number, full: number): number {
  return (ownFirst + shard) * shardRows + first - shard * full
}

function augmenterOf({ at, spec }: Plan, { floats }: Arena, augment: Augment, seed: number): Augmenter {
  const { trainX: x, trainY: y } = at
  const { inputs, targets, weighted } = spec
  return new Augmenter(augment, seed, { x, y, weight: weighted ? at.trainWeight : -1, inputs, targets }, floats)
}
