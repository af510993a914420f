/** The pieces that change weights: the optimizer's rule, what a sampled step wants to know of it, and bounds on weights. */
import type { Arena } from '../arena/arena.ts'
import type { Kernels, Pointer } from '../kernels/kernels.ts'
import { matrixOf } from '../model/shape.ts'
import { applyUpdate } from '../optim/optimizers.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import type { Placement } from '../plan/parameters.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { learnedOf } from '../plan/watch.ts'
import { boundNorms } from './regularize.ts'
import { MEASURED_EVERY, measure, Sample } from './sampled.ts'
import type { Measured } from './sampled.ts'
import { State } from './state.ts'

export class Update {
  readonly #plan: Plan
  readonly #k: Kernels
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #settings: RunSettings
  readonly #temporary: Pointer
  readonly #bounded: readonly Placement[]
  readonly #columns: Float64Array
  /** Filled anew for each run of parameters. */
  readonly #measured: Measured = { first: 0, blocks: 0, length: 0, rest: 0 }

  /** @param temporary room for a run of parameters, this worker's own */
  constructor(plan: Plan, kernels: Kernels, { floats, doubles }: Arena, settings: RunSettings, temporary: Pointer) {
    this.#plan = plan
    this.#k = kernels
    this.#floats = floats
    this.#doubles = doubles
    this.#settings = settings
    this.#temporary = temporary
    this.#bounded = learnedOf(plan.placements).filter(({ spec }) => spec.constraint)
    this.#columns = new Float64Array(Math.max(0, ...this.#bounded.map(({ spec }) => matrixOf(spec.shape)[1])))
  }

  #state(word: number): number {
    return this.#doubles[this.#plan.at.state + word]!
  }

  /** The optimizer's rule on a run of parameters, clip coefficient and division by the weight folded in. */
  run(run: number): void {
    const before = this.#state(State.comparable)
    const sample = this.#state(State.sampled)
    if (before !== Sample.none) this.#compare(run, before)
    if (sample !== Sample.none) this.#sampledUpdate(run, sample)
    else this.#apply(run)
  }

  /** The statistics take the values that their layers worked out in this step. */
  follow(): void {
    const { at, placements } = this.#plan
    const { learned, followed } = placements
    this.#k.copy(followed - learned, at.next, at.parameters + learned)
  }

  /** The update, and of the measured weights the squares of what it left and of what it changed. */
  #sampledUpdate(piece: number, sample: number): void {
    const { at, watch } = this.#plan
    const m = this.#measured
    const first = watch.firstSegment[piece]!
    const end = watch.firstSegment[piece + 1]!
    const kept = this.#temporary - piece * UPDATE_PIECE
    for (let i = first; i < end; i++) {
      const { offset, count } = watch.segments[i]!
      measure(sample, count, m)
      const from = at.parameters + offset + m.first
      this.#k.copyRows(m.blocks, m.length, from, MEASURED_EVERY, kept + offset)
      if (m.rest > 0) this.#k.copy(m.rest, from + m.blocks * MEASURED_EVERY, kept + offset + m.blocks * m.length)
    }
    this.#apply(piece)
    for (let i = first; i < end; i++) {
      const { offset, count } = watch.segments[i]!
      this.#doubles[at.segments + 2 * i] = this.#squares(offset, count, sample)
      const from = at.parameters + offset + m.first
      let changed = this.#k.sumSquaredChanges(m.blocks, m.length, from, MEASURED_EVERY, kept + offset)
      if (m.rest > 0) {
        const restAt = from + m.blocks * MEASURED_EVERY
        changed += this.#k.sumSquaredChanges(1, m.rest, restAt, 0, kept + offset + m.blocks * m.length)
      }
      this.#doubles[at.segments + 2 * i + 1] = changed
    }
  }

  /** Of the measured weights of a run: which they are is left in `#measured`. */
  #squares(offset: number, count: number, sample: number): number {
    const m = this.#measured
    measure(sample, count, m)
    const from = this.#plan.at.parameters + offset + m.first
    const sum = this.#k.sumSquares(m.blocks, m.length, from, MEASURED_EVERY)
    return m.rest > 0 ? sum + this.#k.sumSquares(1, m.rest, from + m.blocks * MEASURED_EVERY, 0) : sum
  }

  /** Whether the weights that the last, sampled update measured are those that it left. */
  #compare(piece: number, sample: number): void {
    const { at, watch } = this.#plan
    let differing = -1
    for (let i = watch.firstSegment[piece]!; i < watch.firstSegment[piece + 1]!; i++) {
      const { offset, count, layer } = watch.segments[i]!
      if (this.#squares(offset, count, sample) !== this.#doubles[at.segments + 2 * i]) differing = layer
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
  rehearse(): boolean {
    const { at, placements, firstPiece, endPiece } = this.#plan
    const vectors = [at.parameters, ...at.slots]
    for (let piece = firstPiece; piece < endPiece; piece++) {
      const start = piece * UPDATE_PIECE
      const count = Math.min(UPDATE_PIECE, placements.learned - start)
      vectors.forEach((v, i) => this.#k.copy(count, v + start, at.rehearsal + i * UPDATE_PIECE))
      this.#apply(piece)
      let finite = Number.isFinite(this.#doubles[at.largest + piece]!)
      for (const v of at.slots) finite &&= Number.isFinite(this.#k.sumSquares(1, count, v + start, 0))
      vectors.forEach((v, i) => this.#k.copy(count, at.rehearsal + i * UPDATE_PIECE, v + start))
      if (!finite) return false
    }
    return true
  }

  /** After an update, by whoever ends the step: weights with a bound to their norm are brought within it. */
  constrain(): void {
    const { at, watch } = this.#plan
    for (let b = 0; b < this.#bounded.length; b++) {
      const { offset, size, spec } = this.#bounded[b]!
      const [rows, cols] = matrixOf(spec.shape)
      boundNorms(this.#floats, at.parameters + offset, rows, cols, spec.constraint!.maxValue, this.#columns)
      const sample = this.#state(State.sampled)
      if (sample === Sample.none) continue
      // What the sampled update said of these weights is no longer so.
      for (let i = 0; i < watch.segments.length; i++) {
        const { offset: start, count } = watch.segments[i]!
        if (start < offset || start >= offset + size) continue
        this.#doubles[at.segments + 2 * i] = this.#squares(start, count, sample)
      }
    }
  }
}
