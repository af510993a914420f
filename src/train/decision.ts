/**
 * The decision of a step as the sequential part takes it: from the sums that the pieces left, through src/gradient, to the
 * words by which the update goes. Numbers in the arena to numbers in the arena: which phase comes next is the sequencer's.
 */
import type { Arena } from '../arena/arena.ts'
import { clipCoefficient, exponentOf } from '../gradient/coefficient.ts'
import { DecisionField, decide, decideStateLength, skipNonFiniteUpdate } from '../gradient/decide.ts'
import type { DecisionCode } from '../gradient/decide.ts'
import { plateauFactor, plateauStateLength } from '../optim/plateau.ts'
import { learningRate } from '../optim/schedules.ts'
import { pieces } from '../plan/pieces.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { beforeDecision } from './again.ts'
import { State } from './state.ts'
import type { Sums } from './sums.ts'

export class StepDecision {
  readonly #plan: Plan
  readonly #settings: RunSettings
  readonly #doubles: Float64Array
  readonly #state: Float64Array
  readonly #health: Float64Array
  readonly #plateau: Float64Array
  readonly #sums: Sums
  /** Of the norm that the clip goes by. */
  readonly #exponent: number

  constructor(plan: Plan, settings: RunSettings, arena: Arena, sums: Sums) {
    this.#plan = plan
    this.#settings = settings
    this.#doubles = arena.doubles
    this.#state = arena.doubles.subarray(plan.at.state)
    this.#health = this.#state.subarray(State.health, State.health + decideStateLength)
    this.#plateau = this.#state.subarray(State.plateau, State.plateau + plateauStateLength)
    this.#sums = sums
    this.#exponent = exponentOf(settings.decide.clip)
  }

  /** 1 over the batch's weight; 0 of none: a batch of weight 0 asks for nothing, its gradient is exactly 0 and stays it. */
  get perWeight(): number {
    const weight = this.#state[State.weightSum]!
    return weight > 0 ? 1 / weight : 0
  }

  /** Loss, rate and norm of the open batch, and what they say. The detector moves on. */
  decide(): DecisionCode {
    const s = this.#state
    const { decide: options, schedule, learningRate: base, epochs, stepsPerEpoch } = this.#settings
    const { perWeight } = this
    const loss = s[this.#plan.sumsAt.batch]! * perWeight
    const gradNorm = Math.sqrt(this.#sums.ofLayers()) * perWeight
    const totalSteps = Math.min(this.#settings.maxSteps, epochs * stepsPerEpoch)
    const rate = learningRate(schedule, base, s[State.step]!, stepsPerEpoch, totalSteps)
    s[State.loss] = loss
    s[State.learningRate] = rate * plateauFactor(this.#plateau)

    beforeDecision(s)
    const clipNorm = this.#exponent === 2 ? gradNorm : this.#sums.ofPowers(this.#exponent) * perWeight
    return decide(this.#health, options, loss, gradNorm, clipNorm)
  }

  /** What the update multiplies each gradient by, and the bounds of what it gets. */
  scale(): void {
    const s = this.#state
    const { clip } = this.#settings.decide
    s[State.scale] = this.#health[DecisionField.coefficient]! * this.perWeight
    s[State.clipValue] = clip.mode === 'value' ? clip.value : Infinity
  }

  /** Where parts are cut by themselves: each layer's factor, and the norm that is left. Units are cut by pieces instead. */
  clip(): void {
    const { clip } = this.#settings.decide
    if (clip.mode === 'value')
      this.tellAfterClip(this.#sums.ofChunks(this.#plan.at.clipNorms, pieces.norms(this.#plan)))
    else if (clip.mode === 'layerNorm') this.tellAfterClip(this.#clipLayers(clip.maxNorm))
  }

  /** @param squares of the mean gradient as it is now */
  tellAfterClip(squares: number): void {
    this.#health[DecisionField.gradNormAfterClip] = Math.sqrt(squares)
  }

  /** @returns what is left of the squares of the mean gradient */
  #clipLayers(maxNorm: number): number {
    const { at, watch } = this.#plan
    const { perWeight } = this
    let sum = 0
    for (let layer = 0; layer < watch.layers.length; layer++) {
      const norm = Math.sqrt(this.#doubles[at.layerSquares + layer]!) * perWeight
      const own = this.#exponent === 2 ? norm : this.#doubles[at.layerScales + layer]! * perWeight
      const coefficient = clipCoefficient(own, maxNorm)
      this.#doubles[at.layerScales + layer] = coefficient
      sum += (norm * coefficient) ** 2
    }
    return sum
  }

  /**
   * Whether the update could leave the float32 range. Below these bounds no rule can: their steps are at most the
   * gradient (or a ratio of gradients) times the rate over epsilon. Above them the update is rehearsed first.
   */
  get mayOverflow(): boolean {
    const s = this.#state
    const gradNorm = this.#health[DecisionField.gradNormBeforeClip]!
    return !(gradNorm < 1e15 && s[State.largest]! < 1e30 && s[State.learningRate]! < 1e3 && s[State.updates]! > 0)
  }

  /** Takes back the decision to apply: the update would not be finite. */
  refuse(): DecisionCode {
    return skipNonFiniteUpdate(this.#health, this.#settings.decide)
  }
}
