/** Turns the records of a run into history, callbacks and progress. Lives on the host; no step waits for it. */
import { Decision } from '../gradient/decide.ts'
import { Verdict } from '../gradient/detector.ts'
import { readVerdict } from '../gradient/health.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Plan } from '../plan/plan.ts'
import { Again } from './again.ts'
import { createWitness, eventOf, MAX_EVENTS, withSecondLook } from './events.ts'
import type { HealthEvent } from './events.ts'
import { STEP_NUMBERS } from './history.ts'
import type { History, Logs } from './history.ts'
import { valueKeys } from './keys.ts'
import type { Listeners } from './listeners.ts'
import { Field, Kind } from './record.ts'
import type { Casualty } from './recovery.ts'
import { FRAME_FIELDS } from '../plan/lengths.ts'

const verdictNames = Object.fromEntries(Object.entries(Verdict).map(([name, code]) => [code, name]))

/** Of a step's numbers, those that reports follow. */
const FOLLOWED = STEP_NUMBERS.slice(0, 4)
/** Places of what is known of the last step: after the history's numbers its epoch, and when it was done. */
const EPOCH = STEP_NUMBERS.length
const MILLIS = EPOCH + 1

/** A sampled step's numbers of a layer, by name, from those of its frame. */
const PROFILES: readonly (readonly [name: string, of: (d: Float64Array, at: number) => number])[] = [
  ['layerGradNorm', (d, at) => d[at]!],
  ['weightNorm', (d, at) => d[at + 1]!],
  ['layerUpdate', (d, at) => d[at + 2]! / d[at + 1]!],
  ['activation', (d, at) => d[at + 3]!],
  ['backSignal', (d, at) => d[at + 4]!],
  ['active', (d, at) => d[at + 5]!],
  ['saturated', (d, at) => d[at + 6]!],
]

interface Limits {
  readonly epochs: number
  readonly maxSteps: number
  /** Infinity where it is not known. */
  readonly stepsPerEpoch: number
  readonly done: number
}

/** Applied, healthy, and computed once. */
const isOrdinary = (d: Float64Array, at: number): boolean =>
  d[at + Field.decision] === Decision.apply &&
  d[at + Field.verdict] === Verdict.healthy &&
  d[at + Field.again] !== Again.different

export class Monitor {
  readonly history: History
  /** Values of the last finished epoch. */
  logs: Logs = {}
  readonly #keys: readonly string[]
  #layers: readonly string[]
  #profile = new Float64Array()
  readonly #listeners: Listeners
  #epochs: number
  readonly #totalSteps: number
  readonly #started = performance.now()
  #stepsPerEpoch: number
  #batchSize: number
  #samples = 0
  /** Of the last step. One array: an ordinary step leaves no garbage. */
  readonly #last = new Float64Array(MILLIS + 1).fill(NaN)
  #epochBegun = -1
  #lastEvent: HealthEvent | undefined
  readonly #witness = createWitness()

  /** @param limits of the run; `done` steps were taken before it was interrupted */
  constructor(plan: Plan, history: History, listeners: Listeners, limits: Limits) {
    this.#keys = valueKeys(plan.metrics, plan.spec.evaluationRows > 0)
    this.#layers = []
    this.history = history
    this.#stepsPerEpoch = limits.stepsPerEpoch
    this.#epochs = limits.epochs
    this.#batchSize = plan.spec.batchSize
    this.follow(plan, limits.epochs)
    this.#listeners = listeners
    const steps = Math.min(limits.maxSteps, limits.epochs * this.#stepsPerEpoch)
    this.#totalSteps = Math.max(1, steps - limits.done)
  }

  /** Whether somebody has a say after an epoch: the run waits for them, and for nobody else. */
  get gates(): boolean {
    return this.#listeners.has('onEpochEnd')
  }

  /** Goes on with a network whose layers may be others, and with batches of another size. */
  follow(plan: Plan, epochs: number): void {
    const { batchSize, trainRows } = plan.spec
    if (batchSize !== this.#batchSize) this.#stepsPerEpoch = Math.ceil(trainRows / batchSize)
    this.#batchSize = batchSize
    this.#epochs = epochs
    this.#layers = plan.watch.layers.map(({ name }) => name)
    this.#profile = new Float64Array(this.#layers.length)
    this.history.signals.setLayers(this.#layers)
  }

  record(doubles: Float64Array, at: number): void | Promise<void> {
    switch (doubles[at + Field.kind]) {
      case Kind.step:
        return this.#step(doubles, at)
      case Kind.frame:
        return this.#frame(doubles, at)
      case Kind.verdict:
        return this.tell(readVerdict(doubles, at + Field.values, doubles[at + Field.batch]!, this.#layers))
      default:
        return this.#epoch(doubles, at)
    }
  }

  /** A sampled step's numbers per layer. */
  #frame(d: Float64Array, at: number): void {
    for (const [name, of] of PROFILES) {
      for (let layer = 0; layer < this.#profile.length; layer++) {
        this.#profile[layer] = of(d, at + Field.values + layer * FRAME_FIELDS)
      }
      this.history.signals.profile(d[at + Field.batch]!, name, this.#profile)
    }
  }

  /** Keeps a verdict, and tells of it. */
  async tell(verdict: HealthVerdict): Promise<void> {
    this.history.health.push(verdict)
    await this.#listeners.call('onVerdict', verdict)
    const event = eventOf(verdict)
    if (!event) return
    this.#keep(event)
    await this.#listeners.call('onHealthEvent', event)
  }

  #keep(event: HealthEvent): void {
    this.#lastEvent = event
    if (this.history.events.length < MAX_EVENTS) this.history.events.push(event)
  }

  async casualty(casualty: Casualty): Promise<void> {
    this.history.casualties.push(casualty)
    await this.#listeners.call('onCasualty', casualty)
  }

  tick(): void {
    if (!this.#listeners.wantsProgress || this.history.steps.length === 0) return
    const { steps, skipped } = this.history
    const [loss, gradNorm, gradNormAfterClip, learningRate, , verdict, epoch] = this.#last
    const { seconds, samplesPerSecond } = this.speed()
    this.#listeners.progress({
      epoch: epoch!,
      epochs: this.#epochs,
      step: steps.length,
      stepsPerEpoch: this.#stepsPerEpoch,
      totalSteps: this.#totalSteps,
      loss: loss!,
      gradNorm: gradNorm!,
      gradNormAfterClip: gradNormAfterClip!,
      learningRate: learningRate!,
      health: verdictNames[verdict!]!,
      skipped,
      lastEvent: this.#lastEvent,
      logs: this.logs,
      samplesPerSecond,
      secondsElapsed: seconds,
      secondsLeft: (seconds / steps.length) * Math.max(0, this.#totalSteps - steps.length),
    })
  }

  speed(): { seconds: number; samplesPerSecond: number } {
    const seconds = (performance.now() - this.#started) / 1000
    return { seconds, samplesPerSecond: this.#samples / seconds }
  }

  /** Keeps the step's numbers, and what was wrong with it. */
  #step(d: Float64Array, at: number): void | Promise<void> {
    const { history } = this
    const last = this.#last
    last[0] = d[at + Field.loss]!
    last[1] = d[at + Field.gradNorm]!
    last[2] = d[at + Field.gradNormAfterClip]!
    last[3] = d[at + Field.learningRate]!
    last[4] = 1000 * (d[at + Field.millis]! - last[MILLIS]!)
    last[5] = d[at + Field.verdict]!
    last[EPOCH] = d[at + Field.epoch]!
    last[MILLIS] = d[at + Field.millis]!
    this.#samples += d[at + Field.rows]!
    history.stepsExecuted++
    history.signals.numbers(d[at + Field.batch]!, FOLLOWED, last)
    const event = isOrdinary(d, at) ? undefined : this.#look(d, at)
    history.steps.push(last)
    if (!this.#listeners.some) return
    return this.#tellOfStep(event, d[at + Field.cursor]! / this.#batchSize, {
      epoch: last[EPOCH],
      loss: last[0],
      gradNorm: last[1],
      gradNormAfterClip: last[2],
      learningRate: last[3],
      verdict: last[5],
      size: d[at + Field.rows]!,
    })
  }

  #look(d: Float64Array, at: number): HealthEvent | undefined {
    const numbers = {
      step: d[at + Field.batch]!,
      loss: d[at + Field.loss]!,
      gradNorm: d[at + Field.gradNorm]!,
      gradNormAfterClip: d[at + Field.gradNormAfterClip]!,
      verdict: d[at + Field.verdict]!,
      decision: d[at + Field.decision]!,
      z: d[at + Field.z]!,
    }
    if (numbers.decision !== Decision.apply) this.history.skipped++
    const event = withSecondLook(this.#witness(numbers, this.history.steps.gradNorm), numbers, {
      again: d[at + Field.again]!,
      firstLoss: d[at + Field.firstLoss]!,
      firstGradNorm: d[at + Field.firstGradNorm]!,
      strictLoss: d[at + Field.strictLoss]!,
      strictGradNorm: d[at + Field.strictGradNorm]!,
    })
    if (event) this.#keep(event)
    return event
  }

  async #tellOfStep(event: HealthEvent | undefined, batch: number, logs: Logs): Promise<void> {
    const epoch = logs.epoch!
    if (this.#epochBegun !== epoch) {
      this.#epochBegun = epoch
      await this.#listeners.call('onEpochBegin', epoch, {})
    }
    await this.#listeners.call('onBatchEnd', batch, logs)
    if (event) await this.#listeners.call('onHealthEvent', event)
  }

  async #epoch(d: Float64Array, at: number): Promise<void> {
    const epoch = d[at + Field.epoch]!
    this.logs = Object.fromEntries(this.#keys.map((key, i) => [key, d[at + Field.values + i]!]))
    this.history.epoch.push(epoch)
    for (const key of this.#keys) (this.history.history[key] ??= []).push(this.logs[key]!)
    await this.#listeners.call('onEpochEnd', epoch, this.logs)
  }
}
