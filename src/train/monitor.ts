/** Turns the records of a run into history, callbacks and progress. Lives on the host; no step waits for it. */
import { Decision } from '../gradient/decide.ts'
import { Verdict } from '../gradient/detector.ts'
import { readVerdict } from '../gradient/health.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Plan } from '../plan/plan.ts'
import type { Callbacks, FitOptions, Progress } from './callbacks.ts'
import { createWitness, eventOf, MAX_EVENTS, withSecondLook } from './events.ts'
import type { HealthEvent } from './events.ts'
import type { History, Logs } from './history.ts'
import { valueKeys } from './keys.ts'
import { Field, Kind } from './record.ts'
import type { Casualty } from './recovery.ts'
import { FRAME_FIELDS } from '../plan/plan.ts'

const verdictNames = Object.fromEntries(Object.entries(Verdict).map(([name, code]) => [code, name]))

interface Limits {
  readonly epochs: number
  readonly maxSteps: number
  readonly done: number
}

export class Monitor {
  readonly history: History
  readonly callbacks: readonly Callbacks[]
  /** Values of the last finished epoch. */
  logs: Logs = {}
  readonly #keys: readonly string[]
  #layers: readonly string[]
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #epochs: number
  readonly #totalSteps: number
  readonly #started = performance.now()
  readonly #stepsPerEpoch: number
  #samples = 0
  #last: Logs = {}
  #epochBegun = -1
  #millis = NaN
  #lastEvent: HealthEvent | undefined
  readonly #witness = createWitness()

  /** @param limits of the run; `done` steps were taken before it was interrupted */
  constructor(plan: Plan, history: History, options: FitOptions, limits: Limits) {
    this.#keys = valueKeys(plan.metrics, plan.spec.evaluationRows > 0)
    this.#layers = []
    this.history = history
    this.follow(plan)
    this.callbacks = [options.callbacks ?? []].flat() as readonly Callbacks[]
    this.#onProgress = options.onProgress
    this.#epochs = limits.epochs
    this.#stepsPerEpoch = Math.ceil(plan.spec.trainRows / plan.spec.batchSize)
    const steps = Math.min(limits.maxSteps, limits.epochs * this.#stepsPerEpoch)
    this.#totalSteps = Math.max(1, steps - limits.done)
  }

  /** Whether somebody may have a say after an epoch: the run waits for them. */
  get gates(): boolean {
    return this.callbacks.length > 0
  }

  /** Goes on with a network whose layers may be others. */
  follow(plan: Plan): void {
    this.#layers = plan.watch.layers.map(({ name }) => name)
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
    const { signals } = this.history
    const value = (layer: number, field: number) => d[at + Field.values + layer * FRAME_FIELDS + field]!
    const tell = (name: string, of: (layer: number) => number) =>
      signals.profile(
        d[at + Field.batch]!,
        name,
        Float64Array.from(this.#layers, (_, layer) => of(layer)),
      )
    tell('layerGradNorm', (layer) => value(layer, 0))
    tell('weightNorm', (layer) => value(layer, 1))
    tell('layerUpdate', (layer) => value(layer, 2) / value(layer, 1))
    tell('activation', (layer) => value(layer, 3))
    tell('backSignal', (layer) => value(layer, 4))
    tell('active', (layer) => value(layer, 5))
    tell('saturated', (layer) => value(layer, 6))
  }

  /** Keeps a verdict, and tells of it. */
  async tell(verdict: HealthVerdict): Promise<void> {
    this.history.health.push(verdict)
    await this.call('onVerdict', verdict)
    const event = eventOf(verdict)
    if (!event) return
    this.#keep(event)
    await this.call('onHealthEvent', event)
  }

  #keep(event: HealthEvent): void {
    this.#lastEvent = event
    if (this.history.events.length < MAX_EVENTS) this.history.events.push(event)
  }

  async casualty(casualty: Casualty): Promise<void> {
    this.history.casualties.push(casualty)
    await this.call('onCasualty', casualty)
  }

  tick(): void {
    if (!this.#onProgress || this.history.steps.length === 0) return
    const { steps, skipped } = this.history
    const { epoch, loss, gradNorm, gradNormAfterClip, learningRate, verdict } = this.#last
    const { seconds, samplesPerSecond } = this.speed()
    this.#onProgress({
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

  async call<K extends keyof Callbacks>(name: K, ...args: Parameters<NonNullable<Callbacks[K]>>): Promise<void> {
    for (const callbacks of this.callbacks) {
      await (callbacks[name] as ((...a: typeof args) => void | Promise<void>) | undefined)?.apply(callbacks, args)
    }
  }

  #step(d: Float64Array, at: number): void | Promise<void> {
    const [loss, gradNorm, after] = [d[at + Field.loss]!, d[at + Field.gradNorm]!, d[at + Field.gradNormAfterClip]!]
    const [learningRate, verdict] = [d[at + Field.learningRate]!, d[at + Field.verdict]!]
    const epoch = d[at + Field.epoch]!
    this.#samples += d[at + Field.rows]!
    this.history.stepsExecuted++
    if (d[at + Field.decision] !== Decision.apply) this.history.skipped++
    const millis = d[at + Field.millis]!
    const event = this.#look(d, at, loss, gradNorm, after)
    this.history.steps.push(loss, gradNorm, after, learningRate, (millis - this.#millis) * 1000, verdict)
    this.#millis = millis
    this.#last = { epoch, loss, gradNorm, gradNormAfterClip: after, learningRate, verdict }
    if (this.callbacks.length === 0) return
    return this.#tellOfStep(event, epoch, d[at + Field.batch]! % this.#stepsPerEpoch, {
      ...this.#last,
      size: d[at + Field.rows]!,
    })
  }

  /** Keeps the step's numbers, and what was wrong with it. */
  #look(d: Float64Array, at: number, loss: number, gradNorm: number, after: number): HealthEvent | undefined {
    const { signals, steps } = this.history
    const [step, learningRate] = [d[at + Field.batch]!, d[at + Field.learningRate]!]
    signals.step(step, 'loss', loss)
    signals.step(step, 'gradNorm', gradNorm)
    signals.step(step, 'gradNormAfterClip', after)
    signals.step(step, 'learningRate', learningRate)
    const [verdict, decision, z] = [d[at + Field.verdict]!, d[at + Field.decision]!, d[at + Field.z]!]
    const numbers = { step, loss, gradNorm, gradNormAfterClip: after, verdict, decision, z }
    const seen = this.#witness(numbers, steps.gradNorm)
    const event = withSecondLook(seen, numbers, {
      again: d[at + Field.again]!,
      firstLoss: d[at + Field.firstLoss]!,
      firstGradNorm: d[at + Field.firstGradNorm]!,
      strictLoss: d[at + Field.strictLoss]!,
      strictGradNorm: d[at + Field.strictGradNorm]!,
    })
    if (event) this.#keep(event)
    return event
  }

  async #tellOfStep(event: HealthEvent | undefined, epoch: number, batch: number, logs: Logs): Promise<void> {
    if (this.#epochBegun !== epoch) {
      this.#epochBegun = epoch
      await this.call('onEpochBegin', epoch, {})
    }
    await this.call('onBatchEnd', batch, logs)
    if (event) await this.call('onHealthEvent', event)
  }

  async #epoch(d: Float64Array, at: number): Promise<void> {
    const epoch = d[at + Field.epoch]!
    this.logs = Object.fromEntries(this.#keys.map((key, i) => [key, d[at + Field.values + i]!]))
    this.history.epoch.push(epoch)
    for (const key of this.#keys) (this.history.history[key] ??= []).push(this.logs[key]!)
    await this.call('onEpochEnd', epoch, this.logs)
  }
}
