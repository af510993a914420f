/** The trainer: what users hold. Everything long runs in the crew; this only prepares, observes and keeps. */
import { createArena } from '../arena/arena.ts'
import type { Arena } from '../arena/arena.ts'
import { parseConfig } from '../config/schema.ts'
import type { Config, ResolvedConfig } from '../config/schema.ts'
import { Crew } from '../crew/crew.ts'
import type { Dataset } from '../data/dataset.ts'
import { applyClassWeight, toDataset } from '../data/tensor.ts'
import type { NumberArrayLike } from '../data/tensor.ts'
import type { Transform } from '../data/transform.ts'
import { TrainingError, UserError } from '../errors.ts'
import { explain, readDecision } from '../gradient/explain.ts'
import { decideStateLength } from '../gradient/decide.ts'
import { resolveKernels } from '../kernels/select.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { compileKernels } from '../kernels/wasm.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { compilePlan } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { FitOptions } from './callbacks.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { History, StopReason } from './history.ts'
import { Keeper } from './keeper.ts'
import { loadData } from './load.ts'
import { Monitor, newHistory } from './monitor.ts'
import type { Task } from './prepare.ts'
import { batchSizeOf, checkData, evaluationSpec, resolveTask, resolveWorkers, runSettings, trainingSpec } from './prepare.ts'
import { startRun } from './run.ts'
import { Reason, State } from './state.ts'
import { checkWeights, hashWeights, initialWeights, readWeights, writeWeights } from './weights.ts'
import type { Weights } from './weights.ts'

interface Built {
  readonly model: Model
  readonly targets: number
  readonly classNames: readonly string[] | undefined
  weights: Weights
}

/** An interrupted run: the sequencer's state, and what has to be as it was to go on. */
interface Unfinished {
  readonly state: Float64Array
  readonly best: readonly Float32Array[] | null
  readonly trainRows: number
  readonly history: Checkpoint['history']
}

export class Trainer implements AsyncDisposable {
  readonly config: ResolvedConfig
  /** Which kernels run, and why these. */
  readonly kernels: KernelChoice
  /** How raw data became rows of numbers; saved with the model. */
  transform: Transform | undefined
  /** Set in a callback to end the fit: after the epoch in `onEpochEnd`, else at the next step boundary. */
  stopTraining = false
  #module: WebAssembly.Module | null | undefined
  #built: Built | undefined
  #unfinished: Unfinished | undefined
  #crew: Crew | undefined
  /** Updates since the optimizer's state was new. */
  #updates = 0
  #busy = false
  #closed = false

  private constructor(config: ResolvedConfig) {
    this.config = config
    this.kernels = resolveKernels(config.kernels)
  }

  /** @throws UserError naming every field that is wrong */
  static async create(config: Config): Promise<Trainer> {
    const trainer = new Trainer(parseConfig(config))
    const { name } = trainer.kernels
    trainer.#module = name === 'reference' || name === 'blas' ? null : await compileKernels(name)
    return trainer
  }

  /**
   * A model or checkpoint file. After loading a checkpoint of an interrupted run, `fit` with the same data goes on at
   * the exact step.
   * @param overrides fields of the config to change: workers, epochs, ...
   * @throws UserError when the file is missing, damaged, newer, or does not fit the overridden config
   */
  static async load(path: string, overrides: Partial<Config> = {}): Promise<Trainer> {
    const file = await readCheckpoint(path)
    const trainer = await Trainer.create({ ...(file.config as Config), ...overrides })
    const model = buildModel(trainer.config.model, file.inputs)
    checkWeights(model, file.names, file.weights, path)
    const transform = (file.transform ?? undefined) as Transform | undefined
    trainer.transform = transform
    trainer.#updates = file.updates
    trainer.#built = { model, targets: file.targets, classNames: classNamesOf(transform), weights: file.weights }
    if (file.state) {
      const { state, best, trainRows, history } = file
      trainer.#unfinished = { state, best, trainRows, history }
    }
    return trainer
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
   * @throws UserError when data and model do not fit; TrainingError when the run stops for its health
   */
  async fit(data: Dataset, options: FitOptions = {}): Promise<History> {
    return this.#exclusively(async () => {
      options.signal?.throwIfAborted()
      const epochs = options.epochs ?? this.config.epochs
      const maxSteps = this.config.maxSteps ?? Infinity
      const built = await this.#build(data)
      const weighted = this.config.classWeight ? applyClassWeight(data, this.config.classWeight) : data
      const task = resolveTask(this.config, built.model, data)
      checkData(data, built.model, task, 'training data')
      if (options.validationData) checkData(options.validationData, built.model, task, 'validation data')
      const batchSize = batchSizeOf(this.config, data.rows)
      const crew = this.#enlist(Math.ceil(batchSize / this.config.accumulationSteps))
      const { workers } = crew
      const plan = compilePlan(trainingSpec(this.config, task, weighted, options.validationData, { epochs, workers }))
      const arena = createArena(plan.layout)
      await loadData(arena, plan, weighted, options.validationData)
      writeWeights(plan, arena.floats, built.weights)
      const state = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
      const history = newHistory()
      this.#restore(plan, arena, state, history, data.rows)

      const monitor = new Monitor(plan, history, options, epochs, maxSteps, state[State.step]!)
      const keeper = options.checkpoint && new Keeper(plan, options.checkpoint, history)
      const gateEpochs = keeper !== undefined || monitor.callbacks.length > 0
      const settings = runSettings(this.config, plan, { epochs, maxSteps, gateEpochs })
      const capture = () => this.#capture(plan, arena, state, history, data.rows)

      this.stopTraining = false
      await monitor.call('onTrainBegin', {})
      const run = { plan, settings, arena, crew, kernels: this.kernels.name, module: this.#module ?? null }
      const { finished, stop } = startRun(run, {
        record: (doubles, at) => monitor.record(doubles, at),
        tick: () => {
          monitor.tick()
          if (this.stopTraining) stop()
        },
        gate: async () => {
          if (this.stopTraining) stop()
          await keeper?.afterEpoch(monitor.logs, capture)
        },
      })
      options.signal?.addEventListener('abort', stop, { once: true })
      try {
        await finished
      } finally {
        options.signal?.removeEventListener('abort', stop)
      }
      Object.assign(history, monitor.speed())
      built.weights = readWeights(plan, arena.floats)
      this.#updates = state[State.updates]!
      history.stopped = this.#endOf(state[State.reason]!)
      const file = capture()
      this.#unfinished =
        history.stopped === 'completed' || history.stopped === 'earlyStopping'
          ? undefined
          : { state: file.state!, best: file.best, trainRows: data.rows, history: file.history }
      await keeper?.atEnd(file)
      if (state[State.reason] === Reason.unhealthy) throw unhealthy(state)
      await monitor.call('onTrainEnd', monitor.logs)
      return history
    })
  }

  /** @returns loss and metrics over all rows */
  async evaluate(data: Dataset): Promise<Record<string, number>> {
    return this.#exclusively(async () => {
      const built = await this.#build(data)
      const task = resolveTask(this.config, built.model, data)
      checkData(data, built.model, task, 'data')
      const { plan, arena } = await this.#forward(built, task, data, false)
      const at = plan.at.state + plan.sumsAt.values
      const keys = ['loss', ...plan.metrics.map((metric) => metric.key)]
      return Object.fromEntries(keys.map((key, i) => [key, arena.doubles[at + i]!]))
    })
  }

  /**
   * @param x rows x features, nested or flat and row-major
   * @returns rows x outputs, row-major: probabilities for the cross-entropies, else the outputs as they are
   */
  async predict(x: readonly (readonly number[])[] | readonly NumberArrayLike[] | NumberArrayLike): Promise<Float32Array> {
    return this.#exclusively(async () => {
      const built = this.#built
      if (!built) throw new UserError('Expected a trained or loaded model to predict with. Call `fit` or `Trainer.load` first.')
      const rows = Array.isArray(x) && typeof x[0] !== 'number' ? x.length : x.length / built.model.inputs
      if (!Number.isInteger(rows) || rows < 1) {
        throw new UserError(
          `Expected \`x\` of one or more rows of ${built.model.inputs} numbers, got ${x.length} numbers.`,
        )
      }
      const y = new Float32Array(rows)
      const data = toDataset({ x: x as Float32Array, y, features: built.model.inputs, nonFinite: 'allow' })
      if (data.features !== built.model.inputs) {
        throw new UserError(`Expected \`x\` of shape [rows, ${built.model.inputs}], got [${rows}, ${data.features}].`)
      }
      const task = resolveTask(this.config, built.model, built)
      const { plan, arena } = await this.#forward(built, task, data, true)
      const { outputs } = plan.at
      return Float32Array.from(arena.floats.subarray(outputs, outputs + rows * built.model.outputs))
    })
  }

  /** Writes the model (and, after an interrupted run, the place to go on from), atomically. */
  async save(path: string): Promise<void> {
    await writeCheckpoint(path, this.#file())
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
  async setWeights(values: Readonly<Record<string, Float32Array>>, data?: Dataset): Promise<void> {
    const { model, weights } = data ? await this.#build(data) : this.#trained('replace')
    for (const [name, value] of Object.entries(values)) {
      const i = model.parameters.findIndex((spec) => spec.name === name)
      const expected = weights.parameters[i]?.length
      if (value.length !== expected) {
        const names = model.parameters.map((spec) => spec.name).join(', ')
        throw new UserError(
          expected === undefined
            ? `Expected a parameter of ${names}, got \`${name}\`.`
            : `Expected ${expected} values for \`${name}\`, got ${value.length}.`,
        )
      }
      weights.parameters[i]!.set(value)
    }
  }

  /** Compiles the plan that `fit` would run, without running it. */
  plan(data: Dataset, validation?: Dataset): Plan {
    const model = buildModel(this.config.model, data.features)
    const task = resolveTask(this.config, model, data)
    const workers = resolveWorkers(this.config, batchSizeOf(this.config, data.rows))
    return compilePlan(trainingSpec(this.config, task, data, validation, { epochs: this.config.epochs, workers }))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#crew?.close()
    this.#crew = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new UserError('Expected an open trainer, but it was closed.')
    if (this.#busy) throw new UserError('Expected one call at a time: this trainer is busy. Await the call before it.')
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }

  async #build(data: Dataset): Promise<Built> {
    if (this.#built) return this.#built
    const model = buildModel(this.config.model, data.features)
    const weights = await initialWeights(model, this.config.optimizer, this.config.seed)
    return (this.#built = { model, targets: data.targets, classNames: data.classNames, weights })
  }

  #trained(verb: string): Built {
    if (!this.#built) throw new UserError(`Expected a trained or loaded model to ${verb} its weights.`)
    return this.#built
  }

  #enlist(microRows: number): Crew {
    return (this.#crew ??= new Crew(resolveWorkers(this.config, microRows)))
  }

  /** Puts an interrupted run's state back, or begins a new one. Adam's count of updates outlives a run. */
  #restore(plan: Plan, arena: Arena, state: Float64Array, history: History, trainRows: number): void {
    const unfinished = this.#unfinished
    if (!unfinished) {
      state[State.updates] = this.#updates
      return
    }
    if (unfinished.trainRows !== trainRows || unfinished.state.length !== state.length) {
      throw new UserError(
        `Expected the data of the interrupted run (${unfinished.trainRows} training rows, the same metrics and ` +
          `validation) to go on with it, got ${trainRows} rows. Give the same data, or start anew without --resume.`,
      )
    }
    state.set(unfinished.state)
    state[State.reason] = Reason.none
    if (unfinished.best && plan.spec.keepBest) {
      plan.placements.all.forEach(({ offset }, i) => arena.floats.set(unfinished.best![i]!, plan.at.best + offset))
    }
    history.epoch.push(...unfinished.history.epoch)
    for (const [key, values] of Object.entries(unfinished.history.history)) history.history[key] = [...values]
  }

  #capture(plan: Plan, arena: Arena, state: Float64Array, history: History, trainRows: number): Checkpoint {
    const bestOf = () =>
      plan.placements.all.map(({ offset, size }) =>
        Float32Array.from(arena.floats.subarray(plan.at.best + offset, plan.at.best + offset + size)),
      )
    return {
      ...this.#identity(),
      trainRows,
      weights: readWeights(plan, arena.floats),
      state: state.slice(),
      best: plan.spec.keepBest ? bestOf() : null,
      history: { epoch: history.epoch, history: history.history },
    }
  }

  #file(): Checkpoint {
    const { weights } = this.#trained('save')
    const { state = null, best = null, trainRows = 0, history = { epoch: [], history: {} } } = this.#unfinished ?? {}
    return { ...this.#identity(), trainRows, weights, state, best, history }
  }

  #identity(): Pick<Checkpoint, 'config' | 'inputs' | 'targets' | 'transform' | 'names' | 'kernels' | 'updates'> {
    const { model, targets } = this.#trained('save')
    return {
      config: this.config,
      inputs: model.inputs,
      targets,
      transform: this.transform ?? null,
      names: model.parameters.map((spec) => spec.name),
      kernels: this.kernels.name,
      updates: this.#updates,
    }
  }

  #endOf(reason: number): StopReason {
    switch (reason) {
      case Reason.maxSteps:
        return 'maxSteps'
      case Reason.earlyStopping:
        return 'earlyStopping'
      case Reason.requested:
        return this.stopTraining ? 'stopTraining' : 'aborted'
      default:
        return 'completed'
    }
  }

  /** One forward run over `data`. */
  async #forward(built: Built, task: Task, data: Dataset, keepOutputs: boolean): Promise<{ plan: Plan; arena: Arena }> {
    const crew = this.#enlist(data.rows)
    const plan = compilePlan(evaluationSpec(this.config, task, data, keepOutputs, crew.workers))
    const arena = createArena(plan.layout)
    await loadData(arena, plan, undefined, data)
    writeWeights(plan, arena.floats, built.weights)
    const settings = runSettings(this.config, plan, { epochs: 1, maxSteps: Infinity, gateEpochs: false })
    const { name } = this.kernels
    await startRun({ plan, settings, arena, crew, kernels: name, module: this.#module ?? null }).finished
    return { plan, arena }
  }
}

function classNamesOf(transform: Transform | undefined): readonly string[] | undefined {
  return transform?.target.kind === 'classes' ? transform.target.classes : undefined
}

/** The run stopped because too many batches had to be skipped: says what was seen, and what to do. */
function unhealthy(state: Float64Array): TrainingError {
  const report = readDecision(state.subarray(State.health, State.health + decideStateLength))
  return new TrainingError(explain(report, state[State.batch]! - 1))
}
