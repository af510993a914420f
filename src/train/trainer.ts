/** The trainer: what users hold. Everything long runs in the crew; this only prepares, observes and keeps. */
import { Spare } from '../arena/arena.ts'
import { parseConfig } from '../config/schema.ts'
import type { Config, ResolvedConfig } from '../config/schema.ts'
import { Crew } from '../crew/crew.ts'
import type { Ranks } from '../crew/ranks.ts'
import type { Workforce } from '../crew/task.ts'
import type { Dataset } from '../data/dataset.ts'
import { isStream } from '../data/stream.ts'
import type { RowStream } from '../data/stream.ts'
import { applyClassWeight, weighClasses } from '../data/tensor.ts'
import type { NumberArrayLike } from '../data/tensor.ts'
import type { Transform } from '../data/transform.ts'
import { describe, TrainingError, UserError } from '../errors.ts'
import { decideStateLength } from '../gradient/decide.ts'
import { DetectorField } from '../gradient/detector.ts'
import { isCertain } from '../gradient/before.ts'
import { explain, readDecision } from '../gradient/explain.ts'
import type { HealthCode, HealthVerdict } from '../gradient/verdict.ts'
import { matchTensors } from '../interop/match.ts'
import type { MatchOptions } from '../interop/match.ts'
import { isForeign, isOnnx, isSafetensors } from '../interop/kinds.ts'
import { readSafetensors } from '../interop/safetensors.ts'
import { compileFor, resolveKernels } from '../kernels/select.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { confusableClasses, readConfusion } from '../model/metrics/confusion.ts'
import type { ConfusionMatrix } from '../model/metrics/confusion.ts'
import { loadOwn, refuseForeignModules } from '../model/own.ts'
import type { MetricConfig } from '../model/config.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { parseFaults } from '../plan/faults.ts'
import { compilePlan } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { Action } from '../remedy/action.ts'
import { agreeAtStart, anyRank } from './agree.ts'
import { adoptOptimizer } from './adopt.ts'
import type { FitOptions } from './callbacks.ts'
import { writeAtomically, writeCheckpoint } from './checkpoint.ts'
import type { Checkpoint, Identity } from './checkpoint.ts'
import { saveOnnx, saveSafetensors } from './exchange.ts'
import type { SaveOptions } from './exchange.ts'
import { Feed } from './feed.ts'
import { newHistory, pastEpochs } from './history.ts'
import type { History, PastEpochs, StopReason } from './history.ts'
import { nullLoss } from './null-loss.ts'
import { Keeper } from './keeper.ts'
import { Monitor } from './monitor.ts'
import { readForeign } from './networks.ts'
import { Pause } from './pause.ts'
import { preflight } from './preflight.ts'
import { carryOver } from './carry.ts'
import { divided } from './division.ts'
import { codeOf, Repair } from './repair.ts'
import type { Subject } from './subject.ts'
import {
  checkAlone,
  checkSharded,
  checkData,
  checkRepairable,
  checkRows,
  expectDataset,
  evaluationSpec,
  mostWorkers,
  resolveTask,
  resolveWorkers,
  runSettings,
  trainingSpec,
} from './prepare.ts'
import type { Task } from './prepare.ts'
import { readNewest } from './rotation.ts'
import { startRun } from './run.ts'
import type { RunObserver } from './run.ts'
import { Session } from './session.ts'
import type { Unfinished } from './session.ts'
import { Reason, State } from './state.ts'
import { chromeTrace, traceOf } from './tracer.ts'
import { checkWeights, freshSlots, hashWeights, initialWeights, setParameters } from './weights.ts'
import type { Weights } from './weights.ts'

/** Events of a trace per worker: hundreds of steps of a small network. */
const TRACE_EVENTS = 20_000

/** A model with its weights; `targets` columns of the data it was made for. */
interface Built {
  readonly model: Model
  readonly targets: number
  readonly classNames: readonly string[] | undefined
  weights: Weights
  /** Updates since the optimizer's state was new: Adam's t. */
  updates: number
}

export interface TrainerOptions {
  /**
   * Threads to share with other trainers (whoever made them closes them), or an `InlineCrew`: none at all.
   * Default: the trainer enlists its own.
   */
  readonly crew?: Workforce | undefined
  /** The job's ranks, to train together with them: `await Ranks.join()`. Default: this process alone. */
  readonly ranks?: Ranks | undefined
}

export class Trainer implements AsyncDisposable {
  #config: ResolvedConfig
  /** Which kernels run, and why these. */
  readonly kernels: KernelChoice
  /** How raw data became rows of numbers; saved with the model. */
  transform: Transform | undefined
  /** Set in a callback to end the fit: after the epoch in `onEpochEnd`, else at the next step boundary. */
  stopTraining = false
  /** What was wrong with newer checkpoints, where `load` had to take an older one. */
  passedOver: readonly string[] = []
  readonly #module: WebAssembly.Module | null
  readonly #sharedCrew: Workforce | undefined
  readonly #ranks: Ranks | undefined
  #ownCrew: Crew | undefined
  #built: Built | undefined
  #unfinished: Unfinished | undefined
  readonly #spare = new Spare()
  #busy = false
  #closed = false
  readonly #pause = new Pause()

  private constructor(
    config: ResolvedConfig,
    kernels: KernelChoice,
    module: WebAssembly.Module | null,
    ownCrew: Crew | undefined,
    { crew, ranks }: TrainerOptions,
  ) {
    this.#config = config
    this.kernels = kernels
    this.#module = module
    this.#ownCrew = ownCrew
    this.#sharedCrew = crew
    this.#ranks = ranks
    if (ranks) ranks.stallSeconds = config.recovery.stallSeconds
  }

  /** @throws UserError naming every field that is wrong */
  static async create(config: Config, options: TrainerOptions = {}): Promise<Trainer> {
    const resolved = parseConfig(config)
    await loadOwn(resolved.model, resolved.loss)
    // A thread takes longer to come than all that is done before it is needed.
    const crew = options.crew ? undefined : new Crew(mostWorkers(resolved), 1)
    try {
      const kernels = resolveKernels(resolved.kernels, resolved.blas)
      return new Trainer(resolved, kernels, await compileFor(kernels), crew, options)
    } catch (error) {
      await crew?.close()
      throw error
    }
  }

  /**
   * Reads a model or checkpoint file, or a model saved as safetensors, an ONNX graph, or a model.json of TensorFlow.js.
   * After loading a checkpoint of an interrupted run, `fit` with the same data goes on at the exact step. Where `last.ckpt`
   * is damaged, the one before it is read: `passedOver` tells.
   * @param overrides fields of the config to change: workers, epochs, ..
   * @throws UserError when the file is missing, damaged or newer, or does not fit the overridden config
   */
  static async load(path: string, overrides: Partial<Config> = {}, options: TrainerOptions = {}): Promise<Trainer> {
    const found = isForeign(path) ? undefined : await readNewest(path)
    const read = found?.checkpoint ?? (await readForeign(path))
    // Whatever a stranger's file says is refused by its name.
    const config = parseConfig(read.config, path)
    if (!overrides.model) refuseForeignModules(path, config.model, config.loss)
    const trainer = await Trainer.create({ ...config, ...overrides }, options)
    trainer.passedOver = found?.passedOver ?? []
    const file = adoptOptimizer({ ...read, config }, trainer.config.optimizer)
    const { inputs, targets, weights, updates } = file
    const model = buildModel(trainer.config.model, inputs)
    checkWeights(model, file.names, weights, path)
    trainer.transform = (file.transform ?? undefined) as Transform | undefined
    const target = trainer.transform?.target
    const classNames = target?.kind === 'classes' ? target.classes : undefined
    trainer.#built = { model, targets, classNames, weights, updates }
    if (file.state) trainer.#unfinished = { ...file, state: file.state }
    return trainer
  }

  /** With every default filled in; a repair leaves what it changed here. */
  get config(): ResolvedConfig {
    return this.#config
  }

  /** Layers, shapes and parameters; `undefined` before the first data is seen. */
  get model(): Model | undefined {
    return this.#built?.model
  }

  /** Whether a run was interrupted, and `fit` would go on with it. */
  get resumable(): boolean {
    return this.#unfinished !== undefined
  }

  /**
   * Trains. Gradients are computed by the crew; the host's event loop stays free.
   * @param data in memory, or a stream of rows, that need not fit there: an async iterable of `{ x, y }`, of one row or
   * several, or a function that opens one for each epoch. It is read one window (`bufferRows`) ahead.
   * @throws UserError when data and model do not fit; TrainingError when the run stops for its health
   */
  async fit(data: Dataset | RowStream, options: FitOptions = {}): Promise<History> {
    return this.#exclusively(async () => {
      options.signal?.throwIfAborted()
      checkFit(data, options)
      if (!isStream(data)) return this.#fit(data, options)
      const feed = await Feed.open(
        data,
        this.config,
        {
          ...options,
          epochs: options.epochs ?? this.config.epochs,
          ranked: this.#ranks !== undefined,
          state: this.#unfinished?.state,
        },
        () => this.#closed || options.signal?.aborted === true,
      )
      options.signal?.throwIfAborted()
      if (!feed) throw new Error('closed while it waited for the stream')
      try {
        return await this.#fit(feed.first, options, feed)
      } finally {
        feed.close()
      }
    })
  }

  /** @param feed where `data` is but the first window of a stream */
  async #fit(data: Dataset, options: FitOptions, feed?: Feed): Promise<History> {
    const { validationData: validation } = options
    let built = await this.#build(data)
    const task = resolveTask(this.config, built.model, data)
    if (validation) checkData(validation, built.model, task, 'validation data')
    const { classWeight } = this.config
    const weigh = (rows: Dataset, by = feed ? weighClasses : applyClassWeight) => {
      checkData(rows, built.model, task, 'training data')
      return classWeight ? by(rows, classWeight) : rows
    }
    const weighted = weigh(data)
    if (feed) feed.prepare = weigh

    const limits = { epochs: options.epochs ?? this.config.epochs, maxSteps: this.config.maxSteps ?? Infinity }
    const events = options.trace ? TRACE_EVENTS : 0
    // Of a stream there is room for a window.
    const shape = { ...weighted, rows: feed?.rows ?? weighted.rows }
    const bare = () => trainingSpec(this.config, task, shape, validation, limits.epochs, events, this.#ranks)
    const crew = this.#enlist(bare())
    const workers = crew.workers + (this.#ranks ? 1 : 0)
    const specNow = () => divided({ ...bare(), workers }, this.kernels, this.#module)
    const begun = compilePlan(specNow())
    const open = async () => {
      const opened = await Session.open(specNow(), built.weights, feed ? undefined : weighted, validation, this.#spare)
      feed?.attach(opened)
      return opened
    }
    const stepsPerEpoch = feed?.stepsPerEpoch ?? Math.ceil(begun.spec.trainRows / begun.spec.batchSize)
    const steps = Math.min(limits.maxSteps, limits.epochs * stepsPerEpoch)
    const history = newHistory(this.#unfinished?.history, steps < Infinity ? steps : 0, options.signals)
    const monitor = new Monitor(begun, history, options, {
      ...limits,
      stepsPerEpoch,
      done: this.#unfinished?.state[State.step] ?? 0,
    })
    const keeper =
      options.checkpoint && new Keeper(begun, options.checkpoint, history, parseFaults(options.inject ?? []))
    const capture = (): Checkpoint => ({ ...this.#identity(), ...session.capture(), history: pastEpochs(history) })
    if (this.#ranks) await agreeAtStart(this.#ranks, this, { data: weighted, validation, unfinished: this.#unfinished })
    else checkAlone(this.config)
    checkSharded(this.config, this.#ranks?.rank ?? 0, keeper !== undefined)
    this.stopTraining = false
    await monitor.call('onTrainBegin', {})
    const run = {
      ...limits,
      stepsPerEpoch: feed?.stepsPerEpoch,
      nullLoss: nullLoss(weighted, task.loss, built.model.outputs),
      // At a gate all ranks give each other their part of the optimizer's state.
      gateEpochs: await anyRank(this.#ranks, keeper !== undefined || monitor.gates),
      ranks: this.#ranks,
    }
    const repair = this.#repairs(built, task, weighted, monitor, run.nullLoss, steps)
    // The check before the first step has its place in what will be the run's.
    this.#spare.reserve(begun.layout)
    if (!this.#unfinished) {
      const subject = await this.#checkFirst(built, task, weighted, monitor, repair)
      if (subject) built = this.#become(subject)
    }
    let session = await open()
    monitor.follow(session.plan)
    session.state[State.updates] = built.updates
    if (this.#unfinished) session.restore(this.#unfinished)
    feed?.attach(session)
    const isOver = () => this.stopTraining || options.signal?.aborted === true || feed?.error !== undefined
    for (;;) {
      // Once it was seen the run ends for it, although the pause may be over by then.
      let rests = false
      await this.#run(session, crew, run, options, {
        casualty: (casualty) => monitor.casualty(casualty),
        record: (doubles, at) => monitor.record(doubles, at),
        tick: () => monitor.tick(),
        gate: async () => {
          await keeper?.afterEpoch(monitor.logs, capture)
          await repair?.atGate(session)
          await feed?.fill(session, () => isOver() || this.paused || this.#closed)
        },
        wantsEnd: () => {
          rests ||= this.paused
          return rests || repair?.wantsEnd === true || feed?.error !== undefined
        },
      })
      if (isOver()) break
      if (rests && session.state[State.reason] === Reason.requested) {
        await this.#pause.over(options.signal)
        if (this.#closed) throw new Error('closed while it was paused')
        if (options.signal?.aborted) break
        const held = { ...session.capture(), history: pastEpochs(history) }
        const putWindow = feed?.hold(session)
        built.weights = held.weights
        this.#spare.keep(session)
        session = await open()
        monitor.follow(session.plan)
        session.restore({ ...held, state: held.state! })
        putWindow?.(session)
        continue
      }
      const next = await repair?.afterRun(session, stopCode(session))
      if (!next) break
      const before = session
      built = this.#become(next.subject)
      session = await open()
      monitor.follow(session.plan)
      carryOver(before, session, next)
      if (next.then === 'restart') takeUpEpochs(history, { epoch: [], history: {} })
      else if (next.from) takeUpEpochs(history, next.from.epochs)
    }
    await repair?.finish()

    const end = capture()
    const { plan, state } = session
    const reason = state[State.reason]!
    built.weights = end.weights
    built.updates = end.updates
    Object.assign(history, monitor.speed(), session.tuning(crew.workers), { stopped: this.#endOf(reason) })
    const over = history.stopped === 'completed' || history.stopped === 'earlyStopping'
    this.#unfinished = over ? undefined : { ...end, state: end.state! }
    // A finished run goes on from its last checkpoint when more epochs are asked for. Where it ended with the best
    // epoch's weights, the checkpoint of its last epoch is the one to go on from, and stays.
    if (!(over && plan.spec.keepBest)) await keeper?.atEnd(end)
    else await keeper?.settled()
    if (options.trace) await writeAtomically(options.trace, [Buffer.from(chromeTrace(traceOf(plan, session.arena)))])
    if (reason === Reason.unhealthy) throw unhealthy(session)
    if (feed?.error) {
      const { message } = feed.error
      throw new UserError(
        `${message} The ${state[State.step]} steps before are kept: with the stream mended, \`fit\` goes on after them.`,
        { cause: feed.error },
      )
    }
    this.#spare.keep(session)
    await monitor.call('onTrainEnd', monitor.logs)
    return history
  }

  /**
   * What can be known before the first step: one step on a sample is taken on the calling thread and thrown away.
   * `fit` does this by itself for a new model; see `health.check`.
   * @returns verdicts with step -1, faults first; none where nothing stands out
   */
  async check(data: Dataset): Promise<HealthVerdict[]> {
    return this.#exclusively(async () => {
      const built = await this.#build(data)
      const task = resolveTask(this.config, built.model, data)
      checkData(data, built.model, task, 'training data')
      return this.#preflight(built, task, data)
    })
  }

  /** @returns loss and metrics over all rows */
  async evaluate(data: Dataset): Promise<Record<string, number>> {
    return this.#exclusively(async () => {
      const built = await this.#build(data)
      checkData(data, built.model, resolveTask(this.config, built.model, data), 'data')
      const { plan, state } = await this.#forward(built, data, false)
      const keys = ['loss', ...plan.metrics.map((metric) => metric.key)]
      return Object.fromEntries(keys.map((key, i) => [key, state[plan.sumsAt.values + i]!]))
    })
  }

  /**
   * How often each class was taken for each. Its diagonal is what `acc` counts.
   * @returns undefined for a model that does not choose one class of at most 1,024: of numbers, or of several
   * yes-or-no answers
   */
  async confusion(data: Dataset): Promise<ConfusionMatrix | undefined> {
    return this.#exclusively(async () => {
      const built = await this.#build(data)
      const task = resolveTask(this.config, built.model, data)
      checkData(data, built.model, task, 'data')
      const classes = confusableClasses(task.loss, built.model.outputs, data.targets)
      if (classes === 0) return undefined
      const { plan, state } = await this.#forward(built, data, false, [{ type: 'confusion' }])
      return readConfusion(state, plan.sumsAt.evaluation + 1, classes, data.classNames ?? built.classNames)
    })
  }

  /**
   * @param x rows x features, nested or flat and row-major
   * @returns rows x outputs, row-major: probabilities for the cross-entropies, else the outputs as they are
   */
  async predict(
    x: readonly (readonly number[])[] | readonly NumberArrayLike[] | NumberArrayLike,
  ): Promise<Float32Array> {
    return this.#exclusively(async () => {
      const built = this.#trained('predict with')
      const data = checkRows(x, built.model.inputs, built.targets)
      const { plan, arena } = await this.#forward(built, data, true)
      const { outputs } = plan.at
      return arena.floats.slice(outputs, outputs + data.rows * built.model.outputs)
    })
  }

  /**
   * Writes the model (and, after an interrupted run, the place to go on from), atomically. A path that ends with
   * `.safetensors` gets weights and config in that format, which other tools read; `layout: 'pytorch'` names and turns
   * them as a `state_dict` has them, `names` (`{ lstm_1: 'rnn.l0', lstm_2: 'rnn.l1' }`) calls layers as there. One that ends with `.onnx` gets a graph that gives what `predict` gives.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    const { model, weights, updates } = this.#trained('save')
    if (options.names && !isSafetensors(path))
      throw new UserError(
        `${path}: expected a name that ends with .safetensors, where layers can be called by \`names\`.`,
      )
    if (isOnnx(path)) {
      const { loss } = resolveTask(this.config, model, this.#trained('save'))
      return saveOnnx(path, model, weights, loss, this.#trained('save').targets)
    }
    if (isSafetensors(path)) return saveSafetensors(path, this.#identity(), model, weights, options)
    checkSharded(this.config, this.#ranks?.rank ?? 0, true)
    const { state = null, best = null, trainRows = 0, history = newHistory() } = this.#unfinished ?? {}
    await writeCheckpoint(path, { ...this.#identity(), weights, updates, state, best, trainRows, history })
  }

  /** SHA-256 (hex) of all parameters. */
  weightsHash(): string {
    const { model, weights } = this.#trained('hash')
    return hashWeights(model, weights)
  }

  /** Parameters by name, copied. */
  getWeights(): Record<string, Float32Array> {
    const { model, weights } = this.#trained('read')
    return Object.fromEntries(model.parameters.map((spec, i) => [spec.name, weights.parameters[i]!.slice()]))
  }

  /** Replaces parameters by name; those not named stay. @throws UserError for an unknown name or a wrong length */
  setWeights(values: Readonly<Record<string, Float32Array>>): void {
    const { model, weights } = this.#trained('replace')
    setParameters(model, weights, values)
  }

  /**
   * Replaces all parameters by those of a safetensors file of any tool: by our names, by PyTorch's (`dense_1.weight`),
   * by `names` (`{ dense_1: 'fc1' }`), else in the order of the modules. Kernels are turned where the file has them turned.
   * The optimizer's state begins anew.
   * @throws UserError when the file is damaged, or naming both shapes of what does not fit; then nothing is changed
   */
  async loadWeights(path: string, options: MatchOptions = {}): Promise<void> {
    const built = this.#trained('load weights into')
    const { tensors } = await readSafetensors(path)
    const parameters = matchTensors(built.model.parameters, tensors, options, path)
    built.weights = { parameters, slots: freshSlots(parameters, this.config.optimizer) }
    built.updates = 0
    this.#unfinished = undefined
  }

  /** Makes the model for data of this shape, with its initial weights, if there is none yet. */
  async build(data: Pick<Dataset, 'features' | 'targets' | 'classNames'>): Promise<void> {
    await this.#build(data)
  }

  /** Compiles the plan that `fit` would run, without running it. */
  plan(data: Dataset, validation?: Dataset): Plan {
    const model = buildModel(this.config.model, data.features)
    const task = resolveTask(this.config, model, data)
    checkData(data, model, task, 'training data')
    const plan = compilePlan(trainingSpec(this.config, task, data, validation, this.config.epochs))
    const spec = { ...plan.spec, workers: resolveWorkers(this.config, plan) }
    return compilePlan(divided(spec, this.kernels, this.#module))
  }

  /** Whether a fit rests, or would. */
  get paused(): boolean {
    return this.#pause.wanted
  }

  /**
   * Lets the fit rest at its next step boundary, within about a tenth of a second, until `resume`: its threads sleep. The
   * steps after it have the bits that they would have had.
   * @throws UserError in a job of several ranks, where the others would wait
   */
  pause(): void {
    if (this.#ranks) throw new UserError('Expected one process to pause, got a rank: the others would wait for it.')
    this.#pause.begin()
  }

  /** Goes on after `pause`, with the next step. */
  resume(): void {
    this.#pause.end()
  }

  /** Ends the trainer's threads. */
  async close(): Promise<void> {
    this.#closed = true
    this.resume()
    await this.#ownCrew?.close()
    this.#spare.drop()
    this.#ownCrew = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new UserError('Expected an open trainer, but it was closed.')
    if (this.#busy)
      throw new UserError('Expected one call at a time, but this trainer is busy. Await the call before it.')
    this.#busy = true
    try {
      return await work()
    } catch (error) {
      if (!this.#closed || error instanceof UserError) throw error
      throw new UserError('The trainer was closed while it was at work.', { cause: error })
    } finally {
      this.#busy = false
    }
  }

  async #build(data: Pick<Dataset, 'features' | 'targets' | 'classNames'>): Promise<Built> {
    if (this.#built) return this.#built
    const { features, targets, classNames } = data
    const model = buildModel(this.config.model, features)
    const weights = await initialWeights(model, this.config.optimizer, this.config.seed)
    return (this.#built = { model, targets, classNames, weights, updates: 0 })
  }

  #preflight({ model, weights }: Built, task: Task, data: Dataset): Promise<HealthVerdict[]> {
    const { config, kernels } = this
    return preflight({ config, model, weights, task, data, kernels, module: this.#module, spare: this.#spare })
  }

  #repairs(
    built: Built,
    task: Task,
    data: Dataset,
    monitor: Monitor,
    nullLoss: number,
    steps: number,
  ): Repair | undefined {
    const { config, kernels } = this
    if (config.health.mode !== 'repair') return undefined
    checkRepairable(config, this.#ranks !== undefined)
    const { history } = monitor
    const tell = (action: Action) => monitor.call('onAction', action)
    return new Repair(
      { task, data, kernels, module: this.#module, history, nullLoss, steps, tell },
      { ...built, config },
    )
  }

  #become({ config, model, weights, updates }: Subject): Built {
    this.#config = config
    return (this.#built = { ...this.#built!, model, weights, updates })
  }

  /**
   * @returns the network as repair left it, where it had to
   * @throws TrainingError for a fault without a doubt, unless it could be mended or the config says otherwise
   */
  async #checkFirst(
    built: Built,
    task: Task,
    data: Dataset,
    monitor: Monitor,
    repair: Repair | undefined,
  ): Promise<Subject | undefined> {
    const { mode, check } = this.config.health
    if (mode === 'off' || check === 'off' || built.updates > 0) return undefined
    const verdicts = await this.#preflight(built, task, data)
    for (const verdict of verdicts) await monitor.tell(verdict)
    const treated = await repair?.beforeTraining(verdicts)
    const certain = (treated?.left ?? verdicts).find(isCertain)
    if (certain && check === 'stop' && mode !== 'observe') {
      throw new TrainingError(
        `${certain.sentence} Try: ${certain.remedies.join('; ')}. ` +
          "Nothing was trained. (`health: { check: 'warn' }` trains all the same.)",
      )
    }
    return treated?.subject.config === this.config ? undefined : treated?.subject
  }

  #trained(verb: string): Built {
    if (this.#built) return this.#built
    throw new UserError(
      `Expected a trained or loaded model to ${verb}. Call \`fit\`, \`build\` or \`Trainer.load\` first.`,
    )
  }

  #enlist(spec: PlanSpec): Workforce {
    if (!this.#ownCrew) return this.#sharedCrew!
    this.#ownCrew.workers = resolveWorkers(this.config, compilePlan(spec))
    return this.#ownCrew
  }

  async #forward(built: Built, data: Dataset, keepOutputs: boolean, metrics?: MetricConfig[]): Promise<Session> {
    const usual = resolveTask(this.config, built.model, built)
    const task = { ...usual, metrics: metrics ?? usual.metrics }
    const spec = evaluationSpec(this.config, task, data, keepOutputs)
    const crew = this.#enlist(spec)
    const given = { ...spec, workers: crew.workers }
    const session = await Session.open(given, built.weights, undefined, data, this.#spare)
    await this.#run(session, crew, { epochs: 1, maxSteps: Infinity, gateEpochs: false })
    // The caller reads what it wants before anybody else has the trainer.
    this.#spare.keep(session)
    return session
  }

  async #run(
    session: Session,
    crew: Workforce,
    limits: Parameters<typeof runSettings>[2] & { ranks?: Ranks | undefined },
    { signal, inject = [] }: Pick<FitOptions, 'signal' | 'inject'> = {},
    observer: RunObserver & { wantsEnd?: () => boolean } = {},
  ): Promise<void> {
    const { plan, arena } = session
    const settings = runSettings(this.config, plan, limits)
    const { recovery } = this.config
    const faults = parseFaults(inject)
    const { kernels } = this
    const run = { plan, arena, crew, settings, kernels, module: this.#module, recovery, faults, ranks: limits.ranks }
    const stopped = () => this.stopTraining || signal?.aborted === true || observer.wantsEnd?.() === true
    await startRun(run, observer, stopped, signal)
  }

  #identity(): Identity {
    const { model, targets } = this.#trained('save')
    return {
      config: this.config,
      inputs: model.inputs,
      targets,
      transform: this.transform ?? null,
      names: model.parameters.map((spec) => spec.name),
      kernels: this.kernels.name,
    }
  }

  #endOf(reason: number): StopReason {
    if (reason === Reason.maxSteps) return 'maxSteps'
    if (reason === Reason.earlyStopping) return 'earlyStopping'
    if (reason === Reason.requested) return this.stopTraining ? 'stopTraining' : 'aborted'
    return 'completed'
  }
}

function checkFit(data: unknown, { validationData, epochs, bufferRows, stepsPerEpoch }: FitOptions): void {
  if (!isStream(data)) {
    expectDataset(data, 'training data')
    for (const [name, value] of Object.entries({ bufferRows, stepsPerEpoch })) {
      if (value !== undefined)
        throw new UserError(`Expected a stream for \`${name}\`, got data in memory. Leave it out.`)
    }
  }
  if (validationData !== undefined) expectDataset(validationData, 'validation data')
  if (epochs === undefined || (Number.isSafeInteger(epochs) && epochs >= 1)) return
  throw new UserError(`Expected \`epochs\` to be an integer >= 1, got ${describe(epochs)}.`)
}

/** The verdict for which a run ended by itself, if it did. */
function stopCode({ state }: Session): HealthCode | undefined {
  if (state[State.reason] !== Reason.unhealthy) return undefined
  return codeOf(state[State.health + DetectorField.verdict]!)
}

/** Epochs of a beginning that was given up, or of a trial, are no part of the training. */
function takeUpEpochs({ epoch, history }: History, from: PastEpochs): void {
  epoch.splice(0, Infinity, ...from.epoch)
  for (const [key, values] of Object.entries(history)) values.splice(0, Infinity, ...(from.history[key] ?? []))
}

/** The run stopped because too many batches had to be skipped: says what was seen, and what to do. */
function unhealthy(session: Session): TrainingError {
  const { state } = session
  const report = readDecision(state.subarray(State.health, State.health + decideStateLength))
  const parameter = report.verdict === 'NONFINITE_GRAD' ? session.nonFiniteParameter() : undefined
  const step = state[State.batch]! - 1
  return new TrainingError(explain(report, step, parameter && `gradient of ${parameter}`), { step, layer: parameter })
}
