/** The trainer: what users hold. Everything long runs in the crew; this only prepares, observes and keeps. */
import { parseConfig } from '../config/schema.ts'
import type { Config, Immutable, ResolvedConfig } from '../config/schema.ts'
import { Crew } from '../crew/crew.ts'
import type { Ranks } from '../crew/ranks.ts'
import type { Workforce } from '../crew/task.ts'
import type { Dataset } from '../data/dataset.ts'
import { isStream, rowsOfWindow } from '../data/stream.ts'
import type { RowStream } from '../data/stream.ts'
import type { NumberArrayLike } from '../data/tensor.ts'
import type { Transform } from '../data/transform.ts'
import { UserError } from '../errors.ts'
import type { HealthVerdict } from '../gradient/verdict.ts'
import { matchTensors } from '../interop/match.ts'
import type { MatchOptions } from '../interop/match.ts'
import { isForeign, isOnnx, isSafetensors } from '../interop/kinds.ts'
import { readSafetensors } from '../interop/safetensors.ts'
import { compileFor, resolveKernels } from '../kernels/select.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { ConfusionMatrix } from '../model/metrics/confusion.ts'
import { loadOwn, refuseForeignModules } from '../model/own.ts'
import { buildModel } from '../model/build.ts'
import type { Model } from '../model/build.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Plan } from '../plan/plan.ts'
import { adoptOptimizer } from './adopt.ts'
import type { FitOptions, StreamOptions } from './callbacks.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { Desk } from './desk.ts'
import type { Built } from './desk.ts'
import { saveOnnx, saveSafetensors } from './exchange.ts'
import type { SaveOptions } from './exchange.ts'
import { Feed } from './feed.ts'
import { fit } from './fit.ts'
import { confusion, evaluate, forward } from './measure.ts'
import { newHistory } from './history.ts'
import type { History } from './history.ts'
import { readForeign } from './networks.ts'
import { divided } from './division.ts'
import { checkData, checkRows, checkSharded } from './checks.ts'
import { checkFit } from './fit-options.ts'
import { mostWorkers, resolveTask, resolveWorkers, trainingSpec } from './prepare.ts'
import { afterClosing } from './root.ts'
import { readNewest } from './rotation.ts'
import { checkWeights, freshSlots, hashWeights, setParameters } from './weights.ts'

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
  readonly #desk: Desk
  /** What was wrong with newer checkpoints, where `load` had to take an older one. */
  passedOver: readonly string[] = []
  #busy = false

  private constructor(desk: Desk) {
    this.#desk = desk
  }

  /** @throws UserError naming every field that is wrong */
  static async create(config: Immutable<Config>, options: TrainerOptions = {}): Promise<Trainer> {
    const resolved = parseConfig(config)
    await loadOwn(resolved.model, resolved.loss)
    // A thread takes longer to come than all that is done before it is needed.
    const crew = options.crew ? undefined : new Crew(mostWorkers(resolved), 1)
    try {
      const kernels = resolveKernels(resolved.kernels, resolved.blas)
      const hands = { own: crew, lent: options.crew, ranks: options.ranks }
      return new Trainer(new Desk(resolved, kernels, compileFor(kernels), hands))
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
  static async load(
    path: string,
    overrides: Immutable<Partial<Config>> = {},
    options: TrainerOptions = {},
  ): Promise<Trainer> {
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
    const classNames = target?.kind === 'numbers' ? undefined : target?.classes
    trainer.#desk.built = { model, targets, classNames, weights, updates }
    if (file.state) trainer.#desk.unfinished = { ...file, state: file.state }
    return trainer
  }

  /** With every default filled in; a repair leaves what it changed here. */
  get config(): ResolvedConfig {
    return this.#desk.config
  }

  /** Which kernels run, and why these. */
  get kernels(): KernelChoice {
    return this.#desk.kernels
  }

  /** How raw data became rows of numbers; saved with the model. */
  get transform(): Transform | undefined {
    return this.#desk.transform
  }

  set transform(transform: Transform | undefined) {
    this.#desk.transform = transform
  }

  /** Set in a callback to end the fit: after the epoch in `onEpochEnd`, else at the next step boundary. */
  get stopTraining(): boolean {
    return this.#desk.stopTraining
  }

  set stopTraining(stop: boolean) {
    this.#desk.stopTraining = stop
  }

  /** Layers, shapes and parameters; `undefined` before the first data is seen. */
  get model(): Model | undefined {
    return this.#desk.built?.model
  }

  /**
   * Of the last fit, which may be under way, or have failed: `stopped` is `'failed'` then, and what a fit would return as
   * well is here. `undefined` before the first.
   */
  get history(): History | undefined {
    return this.#desk.history
  }

  /** Whether a run was interrupted, and `fit` would go on with it. */
  get resumable(): boolean {
    return this.#desk.unfinished !== undefined
  }

  /**
   * Trains. Gradients are computed by the crew; the host's event loop stays free.
   * @param data in memory, or a stream of rows, that need not fit there: an async iterable of `{ x, y }`, of one row or
   * several, or a function that opens one for each epoch. It is read one window (`bufferRows`) ahead.
   * @throws UserError when data and model do not fit; TrainingError when the run stops for its health; whatever a callback
   * throws. Once steps were taken they are kept, weights and `history`, and a further `fit` goes on after them. What fails
   * after the first error, as writing the last checkpoint may, is attached to it as `suppressed`.
   */
  async fit(data: Dataset | RowStream, options: FitOptions = {}): Promise<History> {
    return this.#exclusively(async () => {
      checkFit(data, options)
      options.signal?.throwIfAborted()
      if (!isStream(data)) return fit(this.#desk, data, options)
      const feed = await Feed.open(
        data,
        this.config,
        {
          ...options,
          epochs: options.epochs ?? this.config.epochs,
          ranked: this.#desk.ranks !== undefined,
          state: this.#desk.unfinished?.state,
        },
        () => this.#desk.closed || options.signal?.aborted === true,
      )
      options.signal?.throwIfAborted()
      if (!feed) throw new Error('closed while it waited for the stream')
      try {
        return await fit(this.#desk, feed.first, options, feed)
      } catch (error) {
        throw await afterClosing(error, feed.close())
      } finally {
        void feed.close()
      }
    })
  }

  /**
   * What can be known before the first step: one step on a sample is taken on the calling thread and thrown away.
   * `fit` does this by itself for a new model; see `health.check`.
   * @returns verdicts with step -1, faults first; none where nothing stands out
   */
  async check(data: Dataset): Promise<HealthVerdict[]> {
    return this.#exclusively(async () => {
      const built = await this.#desk.build(data)
      const task = resolveTask(this.config, built.model, data)
      checkData(data, built.model, task, 'training data')
      return this.#desk.preflight(task, data)
    })
  }

  /**
   * @param data in memory, or a stream of rows as `fit` takes it, of which `bufferRows` lie in memory at a time
   * @returns loss and metrics over all rows: the same bits for a stream as for its rows in memory
   */
  async evaluate(data: Dataset | RowStream, options: StreamOptions = {}): Promise<Record<string, number>> {
    return this.#exclusively(() => evaluate(this.#desk, data, options))
  }

  /**
   * How often each class was taken for each. Its diagonal is what `acc` counts. Data as `evaluate` takes it.
   * @returns undefined for a model that does not choose one class of at most 1,024: of numbers, or of several
   * yes-or-no answers
   */
  async confusion(data: Dataset | RowStream, options: StreamOptions = {}): Promise<ConfusionMatrix | undefined> {
    return this.#exclusively(() => confusion(this.#desk, data, options))
  }

  /**
   * @param x rows x features, nested or flat and row-major
   * @returns rows x outputs, row-major: probabilities for the cross-entropies, else the outputs as they are
   */
  async predict(
    x: readonly (readonly number[])[] | readonly NumberArrayLike[] | NumberArrayLike,
  ): Promise<Float32Array> {
    return this.#exclusively(async () => {
      const built = this.#desk.trained('predict with')
      const data = checkRows(x, built.model.inputs, built.targets)
      const { plan, arena } = await forward(this.#desk, built, data, true)
      const { outputs } = plan.at
      return arena.floats.slice(outputs, outputs + data.rows * built.model.outputs)
    })
  }

  /**
   * Writes the model (and, after an interrupted run, the place to go on from), atomically. A path that ends with
   * `.safetensors` gets weights and config in that format, which other tools read; `layout: 'pytorch'` names and turns
   * them as a `state_dict` has them, `names` (`{ lstm_1: 'rnn.l0', lstm_2: 'rnn.l1' }`) calls layers as there. One that ends
   * with `.onnx` gets a graph that gives what `predict` gives.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    this.#resting('save')
    this.#desk.writers++
    try {
      await this.#write(path, options)
    } finally {
      this.#desk.writers--
    }
  }

  async #write(path: string, options: SaveOptions): Promise<void> {
    const { model, weights, updates } = this.#desk.trained('save')
    if (options.names && !isSafetensors(path))
      throw new UserError(
        `${path}: expected a name that ends with .safetensors, where layers can be called by \`names\`.`,
      )
    if (isOnnx(path)) {
      const { loss } = resolveTask(this.config, model, this.#desk.trained('save'))
      return saveOnnx(path, model, weights, loss, this.#desk.trained('save').targets)
    }
    if (isSafetensors(path)) return saveSafetensors(path, this.#desk.identity(), model, weights, options)
    checkSharded(this.config, this.#desk.ranks?.rank ?? 0, true)
    const { state = null, best = null, trainRows = 0, history = newHistory() } = this.#desk.unfinished ?? {}
    await writeCheckpoint(path, { ...this.#desk.identity(), weights, updates, state, best, trainRows, history })
  }

  /** SHA-256 (hex) of all parameters. */
  weightsHash(): string {
    const { model, weights } = this.#resting('hash')
    return hashWeights(model, weights)
  }

  /** Parameters by name, copied. */
  getWeights(): Record<string, Float32Array> {
    const { model, weights } = this.#resting('read')
    return Object.fromEntries(model.parameters.map((spec, i) => [spec.name, weights.parameters[i]!.slice()]))
  }

  /** Replaces parameters by name; those not named stay. @throws UserError for an unknown name or a wrong length */
  setWeights(values: Readonly<Record<string, Float32Array>>): void {
    const built = this.#resting('replace')
    built.weights = setParameters(built.model, built.weights, values)
  }

  /**
   * Replaces all parameters by those of a safetensors file of any tool: by our names, by PyTorch's (`dense_1.weight`),
   * by `names` (`{ dense_1: 'fc1' }`), else in the order of the modules. Kernels are turned where the file has them turned.
   * The optimizer's state begins anew.
   * @throws UserError when the file is damaged, or naming both shapes of what does not fit; then nothing is changed
   */
  async loadWeights(path: string, options: MatchOptions = {}): Promise<void> {
    const built = this.#resting('load weights into')
    const { tensors } = await readSafetensors(path)
    const parameters = matchTensors(built.model.parameters, tensors, options, path)
    built.weights = { parameters, slots: freshSlots(parameters, this.config.optimizer) }
    built.updates = 0
    this.#desk.unfinished = undefined
  }

  /** Makes the model for data of this shape, with its initial weights, if there is none yet. */
  async build(data: Pick<Dataset, 'features' | 'targets' | 'classNames'>): Promise<void> {
    await this.#desk.build(data)
  }

  /**
   * Compiles the plan that `fit` would run, without running it.
   * @param validation `'stream'`: a window of it, the most that lies in memory
   * @param stream where `data` is but some rows of a stream, of which windows lie in memory
   */
  plan(data: Dataset, validation?: Pick<Dataset, 'rows'> | 'stream', stream?: Pick<StreamOptions, 'bufferRows'>): Plan {
    const model = buildModel(this.config.model, data.features)
    const task = resolveTask(this.config, model, data)
    checkData(data, model, task, 'training data')
    const windowOf = (batchSize: number) => ({ rows: rowsOfWindow(data, { ...stream, batchSize }) })
    const { batchSize } = this.config
    const given = stream ? { ...data, ...windowOf(batchSize === 'full' ? data.rows : batchSize) } : data
    const specOf = (held?: Pick<Dataset, 'rows'>) => trainingSpec(this.config, task, given, held, this.config.epochs)
    const held = validation === 'stream' ? windowOf(compilePlan(specOf({ rows: 1 })).evaluationRows) : validation
    const plan = compilePlan(specOf(held))
    const spec = { ...plan.spec, workers: resolveWorkers(this.config, plan) }
    return compilePlan(divided(spec, this.kernels, this.#desk.module))
  }

  /** Whether a fit rests, or would. */
  get paused(): boolean {
    return this.#desk.pause.wanted
  }

  /**
   * Lets the fit rest at its next step boundary, within about a tenth of a second, until `resume`: its threads sleep. The
   * steps after it have the bits that they would have had.
   * @throws UserError in a job of several ranks, where the others would wait
   */
  pause(): void {
    if (this.#desk.ranks)
      throw new UserError('Expected one process to pause, got a rank: the others would wait for it.')
    this.#desk.pause.begin()
  }

  /** Goes on after `pause`, with the next step. */
  resume(): void {
    this.#desk.pause.end()
  }

  /** Ends the trainer's threads. */
  async close(): Promise<void> {
    await this.#desk.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#desk.closed) throw new UserError('Expected an open trainer, but it was closed.')
    if (this.#busy)
      throw new UserError('Expected one call at a time, but this trainer is busy. Await the call before it.')
    this.#busy = true
    try {
      return await work()
    } catch (error) {
      if (!this.#desk.closed || error instanceof UserError) throw error
      throw new UserError('The trainer was closed while it was at work.', { cause: error })
    } finally {
      this.#busy = false
    }
  }

  /** The network between two calls. @throws UserError where there is none, or a call is at work, which has newer weights */
  #resting(verb: string): Built {
    if (!this.#busy) return this.#desk.trained(verb)
    throw new UserError(
      `Expected no call at work on the trainer to ${verb} its model, but there is one, whose weights are not here yet. ` +
        'Await it; what an epoch ends with is in the files of `checkpoint: { directory }`.',
    )
  }
}
