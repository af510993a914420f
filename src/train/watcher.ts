/** The detector in the sequential part: gathers a step's signals from the arena, has them judged, and records what there is. */
import type { Arena } from '../arena/arena.ts'
import type { Control } from '../arena/control.ts'
import { Decision, DecisionField } from '../gradient/decide.ts'
import { DetectorField } from '../gradient/detector.ts'
import { HealthField, healthStateLength, observeHealth } from '../gradient/health.ts'
import type { StepSignals } from '../gradient/health.ts'
import { isSampled } from '../gradient/thresholds.ts'
import { endLane, pieces } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { SIGNAL_FIELDS } from '../plan/watch.ts'
import { Again } from './again.ts'
import { gatherSignals } from './observe.ts'
import { writeFrame, writeVerdicts } from './record.ts'
import { measure, Sample, sampleOf, shareMeasured } from './sampled.ts'
import type { Measured } from './sampled.ts'
import { State } from './state.ts'

export class Watcher {
  readonly #plan: Plan
  readonly #on: boolean
  readonly #control: Control
  readonly #doubles: Float64Array
  readonly #state: Float64Array
  readonly #health: Float64Array
  readonly #signals: StepSignals
  readonly #measured: Measured = { first: 0, blocks: 0, length: 0, rest: 0 }

  constructor(plan: Plan, settings: RunSettings, control: Control, arena: Arena) {
    const { at, sumsAt, watch } = plan
    const layers = watch.layers.length
    const column = () => new Float64Array(layers)
    this.#plan = plan
    this.#on = settings.watch
    this.#control = control
    this.#doubles = arena.doubles
    this.#state = arena.doubles.subarray(at.state)
    this.#health = this.#state.subarray(sumsAt.health, sumsAt.health + healthStateLength(layers, plan.lanes))
    this.#signals = {
      step: 0,
      loss: 0,
      nullLoss: settings.nullLoss,
      gradNorm: 0,
      z: 0,
      applied: false,
      verdict: 0,
      mistaken: false,
      firstLoss: NaN,
      firstGradNorm: NaN,
      learningRate: 0,
      lossVariance: NaN,
      parts: 0,
      partSquares: new Float64Array(plan.lanes),
      partRows: 0,
      wholeSquares: 0,
      diverged: false,
      sampled: false,
      layers,
      squares: column(),
      weights: column(),
      updates: column(),
      activations: column(),
      backSignals: column(),
      active: column(),
      silent: column(),
      silentSamples: column(),
      flat: column(),
    }
  }

  /** Before an update: whether it is sampled, and how many pieces that adds. */
  begin(): number {
    const sample = this.#on ? sampleOf(this.#state[State.batch]!) : Sample.none
    this.#state[State.sampled] = sample
    return sample === Sample.none ? 0 : this.#plan.watch.parts.length
  }

  /** After the update, or the decision not to make it. */
  judge(perWeight: number): void {
    if (!this.#on) return
    const s = this.#state
    const signals = this.#signals
    signals.step = s[State.batch]!
    signals.loss = s[State.loss]!
    signals.gradNorm = s[State.health + DecisionField.gradNormBeforeClip]!
    signals.z = s[State.health + DetectorField.z]!
    signals.verdict = s[State.health + DetectorField.verdict]!
    signals.mistaken = s[State.again] === Again.different
    if (signals.mistaken) {
      signals.firstLoss = s[State.firstLoss]!
      signals.firstGradNorm = s[State.firstGradNorm]!
    }
    signals.applied = s[State.health + DecisionField.decision] === Decision.apply
    signals.learningRate = s[State.learningRate]!
    signals.sampled = signals.applied && s[State.sampled] !== Sample.none
    this.#spread()
    signals.parts = 0
    if (isSampled(signals.step)) this.#readParts()
    if (signals.applied) this.#compareWeights()
    if (signals.sampled) this.#readSamples(perWeight)
    observeHealth(this.#health, signals)
    if (signals.sampled) writeFrame(this.#plan, this.#control, this.#doubles, s, signals)
    if (this.#health[HealthField.raisedCount]! > 0)
      writeVerdicts(this.#plan, this.#control, this.#doubles, s, this.#health, signals.step)
  }

  /** Variance of the batch's loss, from the row blocks' own. */
  #spread(): void {
    const { at, sums, lossRows: blockRows, spec } = this.#plan
    const signals = this.#signals
    const blocks = Math.floor(this.#state[State.rows]! / blockRows)
    signals.lossVariance = NaN
    // Where shards end in the middle of a block, blocks are not comparable.
    const uneven = spec.sharing.shards > 1 && this.#state[State.full]! % blockRows > 0
    if (spec.weighted || blocks < 2 || uneven) return
    let sum = 0
    let squares = 0
    for (let b = 0; b < blocks; b++) {
      const mean = this.#doubles[at.partials + b * sums]! / blockRows
      sum += mean
      squares += mean * mean
    }
    signals.lossVariance = Math.max(0, squares / blocks - (sum / blocks) * (sum / blocks)) / (blocks - 1)
  }

  /** Of the laned parameters. */
  #readParts(): void {
    const { at, lanes, placements, spec } = this.#plan
    const signals = this.#signals
    signals.parts = 0
    signals.partRows = 0
    if (spec.sharing.shards > 1 || placements.laned === 0 || lanes < 2 || !isSampled(signals.step)) return
    signals.parts = endLane(this.#plan, 0, this.#state[State.batchRows]!)
    signals.partSquares.fill(0)
    for (let piece = 0; piece < pieces.reduce(this.#plan); piece++) {
      for (let lane = 0; lane < signals.parts; lane++) {
        signals.partSquares[lane]! += this.#doubles[at.partSquares + piece * lanes + lane]!
      }
    }
    const { laneRows, tiles, watch } = this.#plan
    if (spec.weighted || this.#state[State.batchRows] !== signals.parts * laneRows) return
    signals.partRows = laneRows
    signals.wholeSquares = 0
    for (let i = 0; i < watch.laned.length; i++) signals.wholeSquares += this.#doubles[at.norms + tiles.length + i]!
  }

  #compareWeights(): void {
    const s = this.#state
    this.#signals.diverged = false
    if (s[State.comparable] !== Sample.none) {
      const { differing } = this.#plan.at
      for (let i = 0; i < pieces.runs(this.#plan); i++) {
        if (this.#doubles[differing + i]! >= 0) this.#signals.diverged = true
      }
    }
    s[State.comparable] = s[State.sampled]!
  }

  #readSamples(perWeight: number): void {
    const { at, watch } = this.#plan
    const d = this.#doubles
    const { layers, squares, weights, updates, activations, backSignals, active, silent, silentSamples, flat } =
      this.#signals
    gatherSignals(this.#plan, d)
    weights.fill(0)
    updates.fill(0)
    const sample = this.#state[State.sampled]!
    const measured = this.#measured
    for (let i = 0; i < watch.segments.length; i++) {
      const { layer, count } = watch.segments[i]!
      measure(sample, count, measured)
      const scale = shareMeasured(measured, count)
      weights[layer]! += scale * d[at.segments + 2 * i]!
      updates[layer]! += scale * d[at.segments + 2 * i + 1]!
    }
    for (let l = 0; l < layers; l++) {
      const from = at.signals + l * SIGNAL_FIELDS
      squares[l] = d[at.layerSquares + l]! * perWeight * perWeight
      weights[l] = Math.sqrt(weights[l]!)
      updates[l] = Math.sqrt(updates[l]!)
      activations[l] = d[from]!
      backSignals[l] = d[from + 1]!
      active[l] = d[from + 2]!
      silent[l] = d[from + 3]!
      silentSamples[l] = d[from + 4]!
      flat[l] = d[from + 5]!
    }
  }
}
