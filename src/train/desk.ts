/** What a trainer has between two calls, and every call works on: the network, its settings, and whom to work with. */
import { Spare } from '../arena/arena.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import type { Crew } from '../crew/crew.ts'
import type { Ranks } from '../crew/ranks.ts'
import type { Workforce } from '../crew/task.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Transform } from '../data/transform.ts'
import { UserError } from '../errors.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { modulesOf } from '../model/own.ts'
import type { Fault } from '../plan/faults.ts'
import { compilePlan } from '../plan/compile.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { Identity } from './checkpoint.ts'
import type { History } from './history.ts'
import { judgeOwn } from './own-gradients.ts'
import { Pause } from './pause.ts'
import { preflight } from './preflight.ts'
import { resolveWorkers, runSettings } from './prepare.ts'
import type { Task } from './prepare.ts'
import { startRun } from './run.ts'
import type { RunObserver } from './run.ts'
import type { Session, Unfinished } from './session.ts'
import type { Subject } from './subject.ts'
import { initialWeights } from './weights.ts'
import type { Weights } from './weights.ts'

/** A model with its weights; `targets` columns of the data it was made for. */
export interface Built {
  readonly model: Model
  readonly targets: number
  readonly classNames: readonly string[] | undefined
  weights: Weights
  /** Updates since the optimizer's state was new: Adam's t. */
  updates: number
}

/** What a network is made for. */
export type Columns = Pick<Dataset, 'features' | 'targets' | 'classNames'>

/** Who works: threads of the trainer's own, which it closes, or ones that are lent. */
export interface Hands {
  readonly own: Crew | undefined
  readonly lent: Workforce | undefined
  readonly ranks: Ranks | undefined
}

export class Desk {
  config: ResolvedConfig
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly ranks: Ranks | undefined
  readonly spare = new Spare()
  readonly pause = new Pause()
  /** How raw data became rows of numbers. */
  transform: Transform | undefined
  built: Built | undefined
  unfinished: Unfinished | undefined
  /** Of the last fit, which may have failed. */
  history: History | undefined
  stopTraining = false
  /** Files that are being written of `built.weights`, which change no number meanwhile. */
  writers = 0
  /** Aborted when the trainer is closed. */
  readonly closing = new AbortController()
  #hands: Hands

  constructor(config: ResolvedConfig, kernels: KernelChoice, module: WebAssembly.Module | null, hands: Hands) {
    this.config = config
    this.kernels = kernels
    this.module = module
    this.ranks = hands.ranks
    this.#hands = hands
    if (hands.ranks) hands.ranks.stallSeconds = config.recovery.stallSeconds
  }

  get closed(): boolean {
    return this.closing.signal.aborted
  }

  /** The network for such data, with its initial weights if there is none yet. */
  async build({ features, targets, classNames }: Columns): Promise<Built> {
    if (this.built) return this.built
    const model = buildModel(this.config.model, features)
    const weights = await initialWeights(model, this.config.optimizer, this.config.seed)
    return (this.built = { model, targets, classNames, weights, updates: 0 })
  }

  /** The network there is. @throws UserError where there is none */
  trained(verb: string): Built {
    if (this.built) return this.built
    throw new UserError(
      `Expected a trained or loaded model to ${verb}. Call \`fit\`, \`build\` or \`Trainer.load\` first.`,
    )
  }

  /** The weights from before a run that has newer ones: their memory, if nobody else reads them. */
  get spent(): Weights | undefined {
    return this.writers === 0 ? this.built?.weights : undefined
  }

  /** The network as a repair left it, under its settings. */
  become({ config, model, weights, updates }: Subject): Built {
    this.config = config
    return (this.built = { ...this.built!, model, weights, updates })
  }

  identity(): Identity {
    const { model, targets } = this.trained('save')
    return {
      config: this.config,
      inputs: model.inputs,
      targets,
      transform: this.transform ?? null,
      names: model.parameters.map((spec) => spec.name),
      kernels: this.kernels.name,
    }
  }

  /** @param steps of the run, where the config does not say */
  async preflight(task: Task, data: Dataset, steps?: number): Promise<HealthVerdict[]> {
    const { config, kernels, module, spare } = this
    const { model, weights } = this.trained('check')
    const verdicts = await preflight({ config, model, weights, task, data, kernels, module, steps, spare })
    if (!config.health.ownGradients || modulesOf(config.model, task.loss).length === 0) return verdicts
    return [...verdicts, ...judgeOwn(model, task.loss, data.targets)]
  }

  /** As many workers as suit the plan, where they are the trainer's own. */
  enlist(spec: PlanSpec): Workforce {
    const { own, lent } = this.#hands
    if (!own) return lent!
    own.workers = resolveWorkers(this.config, compilePlan(spec))
    return own
  }

  /** Runs a session to its end, or until `wantsEnd`, the signal or `stopTraining` says so. */
  async run(
    session: Session,
    crew: Workforce,
    limits: Parameters<typeof runSettings>[2] & { ranks?: Ranks | undefined },
    { signal, faults }: { signal?: AbortSignal | undefined; faults?: readonly Fault[] } = {},
    observer: RunObserver & { wantsEnd?: () => boolean } = {},
  ): Promise<void> {
    const { plan, arena } = session
    const { config, kernels, module } = this
    const settings = runSettings(config, plan, limits)
    const { recovery } = config
    const stopped = () => this.stopTraining || signal?.aborted === true || observer.wantsEnd?.() === true
    const run = { plan, arena, crew, settings, kernels, module, recovery, faults, ranks: limits.ranks }
    await startRun(run, observer, stopped, signal)
  }

  async close(): Promise<void> {
    this.closing.abort()
    this.pause.end()
    await this.#hands.own?.close()
    this.spare.drop()
    this.#hands = { own: undefined, lent: undefined, ranks: undefined }
  }
}
