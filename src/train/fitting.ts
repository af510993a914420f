/** A fit from its first step to its last: it prepares, then runs, rests, repairs and runs on until it is over. */
import type { Workforce } from '../crew/task.ts'
import type { Dataset } from '../data/dataset.ts'
import { isStream } from '../data/stream.ts'
import { TrainingError, UserError } from '../errors.ts'
import { isCertain } from '../gradient/before.ts'
import { decideStateLength } from '../gradient/decide.ts'
import { DetectorField } from '../gradient/detector.ts'
import { explain, readDecision } from '../gradient/explain.ts'
import type { HealthCode, HealthVerdict } from '../gradient/verdict.ts'
import { checkPlaces, parseFaults } from '../plan/faults.ts'
import type { Fault } from '../plan/faults.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { Action } from '../remedy/action.ts'
import { agreeAtStart, anyRank } from './agree.ts'
import type { FitOptions } from './callbacks.ts'
import { carryOver } from './carry.ts'
import { writeAtomically } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Desk } from './desk.ts'
import { divided } from './division.ts'
import { attachExaminer } from './examiner.ts'
import type { Examiner } from './examiner.ts'
import type { Feed } from './feed.ts'
import { newHistory, pastEpochs } from './history.ts'
import type { History, PastEpochs, StopReason } from './history.ts'
import { Keeper } from './keeper.ts'
import { Listeners } from './listeners.ts'
import { Monitor } from './monitor.ts'
import { nullLoss } from './null-loss.ts'
import { checkAlone, checkRepairable, checkSharded } from './checks.ts'
import { batchSizeOf, trainingSpec } from './prepare.ts'
import type { Task } from './prepare.ts'
import { codeOf, Repair } from './repair.ts'
import type { Next } from './repair.ts'
import type { RepairContext } from './remedies.ts'
import { Root } from './root.ts'
import { Rows } from './rows.ts'
import { Session } from './session.ts'
import { Reason, State } from './state.ts'
import type { Subject } from './subject.ts'
import { chromeTrace, traceOf } from './tracer.ts'
import type { Weights } from './weights.ts'

/** Events of a trace per worker: hundreds of steps of a small network. */
const TRACE_EVENTS = 20_000

/** What a fit is given beside the rows that it begins with. */
export interface Sources {
  readonly feed: Feed | undefined
  /** The rows, or how many of a stream lie in the arena. */
  readonly validation: Pick<Dataset, 'rows'> | undefined
  readonly examiner?: Examiner
}

type Numbers = [number, number, number]

type Limits = Parameters<Desk['run']>[2]

export class Fit {
  readonly #desk: Desk
  readonly #task: Task
  readonly #rows: Rows
  readonly #options: FitOptions
  readonly #feed: Feed | undefined
  readonly #examiner: Examiner | undefined
  readonly #validation: Sources['validation']
  readonly #limits: { readonly epochs: number; readonly maxSteps: number }
  readonly #crew: Workforce
  /** The plan it begins with: a repair may make another network. */
  readonly #plan: Plan
  readonly #history: History
  readonly #monitor: Monitor
  readonly #listeners: Listeners
  /** Ends the fit at its next step boundary; what was trained is kept. */
  readonly #root = new Root()
  readonly #keeper: Keeper | undefined
  readonly #steps: number
  readonly #faults: readonly Fault[]
  /** A bit for each that came. */
  #fired = 0
  #run: Limits
  #repair: Repair | undefined
  #context: RepairContext | undefined
  #session!: Session

  constructor(desk: Desk, task: Task, data: Dataset, options: FitOptions, { feed, examiner, validation }: Sources) {
    this.#desk = desk
    this.#task = task
    this.#rows = new Rows(data)
    this.#options = options
    this.#feed = feed
    this.#examiner = examiner
    this.#validation = validation
    const { config, unfinished } = desk
    this.#limits = { epochs: options.epochs ?? config.epochs, maxSteps: config.maxSteps ?? Infinity }
    this.#crew = desk.enlist(this.#spec())
    const plan = compilePlan(this.#dividedSpec())
    this.#plan = plan
    const stepsPerEpoch = feed?.stepsPerEpoch ?? Math.ceil(plan.spec.trainRows / plan.spec.batchSize)
    this.#steps = Math.min(this.#limits.maxSteps, this.#limits.epochs * stepsPerEpoch)
    const expected = this.#steps < Infinity ? this.#steps : 0
    const history = newHistory(unfinished?.history, expected, options.signals)
    this.#history = desk.history = history
    this.#listeners = new Listeners(options, this.#root, config.recovery.stallSeconds)
    const done = unfinished?.state[State.step] ?? 0
    this.#monitor = new Monitor(plan, history, this.#listeners, { ...this.#limits, stepsPerEpoch, done })
    const { checkpoint, inject = [] } = options
    this.#faults = parseFaults(inject)
    checkPlaces(this.#faults, {
      workers: this.#crew.workers,
      // A repair may begin anew.
      batches: config.health.mode === 'repair' ? Infinity : this.#limits.epochs * stepsPerEpoch,
      evaluates: plan.spec.evaluationRows > 0,
      savesCheckpoints: checkpoint !== undefined,
    })
    this.#keeper = checkpoint && new Keeper(plan, checkpoint, history, this.#faults)
    this.#run = {
      ...this.#limits,
      stepsPerEpoch: feed?.stepsPerEpoch,
      nullLoss: this.#nullLossOf(this.#data),
      gateEpochs: false,
    }
  }

  /** Up to the first step: what all ranks agree on, what is wrong with the network, and the arena with all in it. */
  async begin(): Promise<void> {
    const { ranks, config, unfinished } = this.#desk
    const [keeper, monitor] = [this.#keeper, this.#monitor]
    const start = { data: this.#data, validation: this.#heldOut, unfinished }
    if (ranks) await agreeAtStart(ranks, this.#desk, start)
    else checkAlone(config)
    checkSharded(config, ranks?.rank ?? 0, keeper !== undefined)
    this.#desk.stopTraining = false
    await this.#listeners.call('onTrainBegin', {})
    this.#root.check()
    // At a gate all ranks give each other their part of the optimizer's state.
    const gateEpochs = await anyRank(ranks, keeper !== undefined || monitor.gates)
    this.#run = { ...this.#run, gateEpochs, ranks }
    this.#repair = this.#repairs()
    // The check before the first step has its place in what will be the run's.
    this.#desk.spare.reserve(this.#plan.layout)
    if (!unfinished) await this.#checkFirst()
    this.#root.check()
    await this.#open()
    const { state } = this.#session
    state[State.updates] = this.#desk.built!.updates
    if (unfinished) this.#session.restore(unfinished)
    this.#feed?.attach(this.#session)
    attachExaminer(this.#session, this.#examiner)
  }

  /** Run after run, each to its end: the training's, a pause's, or one for which repair has a remedy. */
  async train(): Promise<void> {
    const { signal } = this.#options
    for (;;) {
      const rested = await this.#runOnce()
      if (this.#isOver()) break
      if (rested) {
        await this.#desk.pause.over(signal)
        if (this.#desk.closed) throw new Error('closed while it was paused')
        if (signal?.aborted) break
        await this.#wake()
        continue
      }
      const next = await this.#repair?.afterRun(this.#session, stopCode(this.#session))
      if (!next) break
      await this.#goOn(next)
    }
    const back = await this.#repair?.finish(this.#session)
    if (!back) return
    const reason = this.#session.state[State.reason]!
    await this.#goOn(back)
    this.#session.state[State.reason] = reason
  }

  /** Callbacks are waited for no longer than they may take. */
  hurry(why: string): void {
    this.#listeners.hurry(why)
  }

  close(): void {
    this.#listeners.close()
  }

  /** Once no file is being written any more. @throws the root of it */
  async fail(error: unknown): Promise<never> {
    this.#history.stopped = 'failed'
    this.#root.keep(error)
    await this.#keeper?.settled().catch((later: unknown) => this.#root.keep(later))
    this.#root.check()
    throw error
  }

  /** What is left of it: weights, history, checkpoint, trace; or the reason why it is not what was asked for. */
  async end(): Promise<History> {
    const [desk, session, history, keeper] = [this.#desk, this.#session, this.#history, this.#keeper]
    const { plan, state } = session
    const end = await this.#capture(desk.spent)
    const reason = state[State.reason]!
    desk.built!.weights = end.weights
    desk.built!.updates = end.updates
    const why = this.#whyFailed(reason)
    if (why) this.#root.keep(why)
    const stopped = this.#root.isThere ? 'failed' : this.#endOf(reason)
    Object.assign(history, this.#monitor.speed(), session.tuning(this.#crew.workers), { stopped })
    const over = reason !== Reason.requested && reason !== Reason.maxSteps
    desk.unfinished = over ? undefined : { ...end, state: end.state! }
    // A finished run goes on from its last checkpoint when more epochs are asked for. Where it ended with the best
    // epoch's weights, the checkpoint of its last epoch is the one to go on from, and stays.
    if (!(over && plan.spec.keepBest)) await keeper?.atEnd(end)
    else await keeper?.settled()
    history.unfired = this.#unfired()
    const { trace } = this.#options
    if (trace) await writeAtomically(trace, [Buffer.from(chromeTrace(traceOf(plan, session.arena)))])
    this.#root.check()
    desk.spare.keep(session)
    await this.#listeners.call('onTrainEnd', this.#monitor.logs)
    this.#root.check()
    return history
  }

  /** @returns whether it ended for a pause */
  async #runOnce(): Promise<boolean> {
    const [session, monitor, feed, examiner] = [this.#session, this.#monitor, this.#feed, this.#examiner]
    const [desk, repair] = [this.#desk, this.#repair]
    const isOver = () => this.#isOver() || desk.pause.wanted || desk.closed
    // Once it was seen the run ends for it, although the pause may be over by then.
    let rests = false
    const { signal } = this.#options
    await desk.run(
      session,
      this.#crew,
      this.#run,
      { signal, faults: this.#faults },
      {
        casualty: (casualty) => monitor.casualty(casualty),
        record: (doubles, at) => monitor.record(doubles, at),
        tick: () => monitor.tick(),
        gate: async () => {
          try {
            await repair?.atGate(session)
            if (!repair?.isUnsettled) await this.#keeper?.afterEpoch(monitor.logs, () => this.#capture())
            await feed?.fill(session, isOver)
            await examiner?.fill(session, isOver)
          } catch (error) {
            this.#root.keep(error)
          }
        },
        wantsEnd: () => {
          rests ||= desk.pause.wanted
          return rests || repair?.wantsEnd === true || this.#hasFailed
        },
      },
    )
    this.#fired = session.fired
    return rests && session.state[State.reason] === Reason.requested
  }

  /** After a rest: the same place in a new run. */
  async #wake(): Promise<void> {
    const session = this.#session
    const held = { ...(await session.capture(this.#desk.spent)), history: pastEpochs(this.#history) }
    const putWindow = this.#feed?.hold(session)
    this.#desk.built!.weights = held.weights
    this.#desk.spare.keep(session)
    await this.#open()
    this.#session.restore({ ...held, state: held.state! })
    putWindow?.(this.#session)
    attachExaminer(this.#session, this.#examiner)
  }

  /** After a repair: with what it made of the network. */
  async #goOn(next: Next): Promise<void> {
    const before = this.#session
    const began = next.then === 'restart' ? undefined : (next.from ?? before).state
    this.#become(next.subject, began)
    await this.#open()
    carryOver(before, this.#session, next)
    if (next.then === 'restart') takeUpEpochs(this.#history, { epoch: [], history: {} })
    else if (next.from) takeUpEpochs(this.#history, next.from.epochs)
  }

  /**
   * The network and settings of a remedy: where batches have more rows, as many steps make more epochs.
   * @param state of the run that goes on, where it does not begin anew
   */
  #become(subject: Subject, state?: Float64Array): void {
    const desk = this.#desk
    const { batchSize } = desk.config
    desk.become(subject)
    if (subject.config.batchSize !== batchSize) {
      const [epoch, cursor, step] = [State.epoch, State.cursor, State.step].map((word) => state?.[word] ?? 0) as Numbers
      const { rows } = this.#data
      const size = batchSizeOf(subject.config, rows)
      const stepsPerEpoch = Math.ceil(rows / size)
      const left = Math.floor((cursor / size + this.#steps - step) / stepsPerEpoch)
      const epochs = epoch + Math.max(1, left)
      this.#run = { ...this.#run, epochs }
      desk.config = { ...subject.config, epochs }
    }
    this.#run = { ...this.#run, nullLoss: this.#nullLossOf(this.#data) }
    if (this.#context) this.#context.nullLoss = this.#run.nullLoss!
  }

  #nullLossOf(data: Dataset): number {
    return nullLoss(data, this.#task.loss, this.#desk.built!.model.outputs)
  }

  /** As the config says what becomes of those that are broken. */
  get #data(): Dataset {
    return this.#rows.of(this.#desk.config.health)
  }

  async #open(): Promise<void> {
    const { built, spare } = this.#desk
    const rows = this.#feed ? undefined : this.#data
    this.#session = await Session.open(this.#dividedSpec(), built!.weights, rows, this.#heldOut, spare)
    this.#session.fired = this.#fired
    this.#feed?.attach(this.#session)
    attachExaminer(this.#session, this.#examiner)
    this.#monitor.follow(this.#session.plan, this.#run.epochs)
  }

  #spec(): PlanSpec {
    const { config, ranks } = this.#desk
    const { trace } = this.#options
    // Of a stream there is room for a window.
    const shape = { ...this.#data, rows: this.#feed?.rows ?? this.#data.rows }
    const events = trace ? TRACE_EVENTS : 0
    return trainingSpec(config, this.#task, shape, this.#validation, this.#limits.epochs, events, ranks)
  }

  #dividedSpec(): PlanSpec {
    const { kernels, module, ranks } = this.#desk
    return divided({ ...this.#spec(), workers: this.#crew.workers + (ranks ? 1 : 0) }, kernels, module)
  }

  async #capture(into?: Weights): Promise<Checkpoint> {
    return { ...this.#desk.identity(), ...(await this.#session.capture(into)), history: pastEpochs(this.#history) }
  }

  /** Validation data that lies in memory. */
  get #heldOut(): Dataset | undefined {
    const { validationData } = this.#options
    return isStream(validationData) ? undefined : validationData
  }

  get #streamError(): UserError | undefined {
    return this.#feed?.error ?? this.#examiner?.error
  }

  get #hasFailed(): boolean {
    return this.#root.isThere || this.#streamError !== undefined
  }

  /** Why the run did not come to its end by itself, where that is an error. */
  #whyFailed(reason: number): Error | undefined {
    if (reason === Reason.unhealthy) return unhealthy(this.#session)
    const cause = this.#streamError
    if (!cause) return undefined
    const steps = this.#session.state[State.step]
    return new UserError(
      `${cause.message.replace(/(?<![.!?)])$/, '.')} The ${steps} steps before are kept: with the stream mended, \`fit\` goes on after them.`,
      { cause },
    )
  }

  #isOver(): boolean {
    return this.#desk.stopTraining || this.#options.signal?.aborted === true || this.#hasFailed
  }

  #repairs(): Repair | undefined {
    const { config, kernels, module, ranks, built } = this.#desk
    if (config.health.mode !== 'repair') return undefined
    checkRepairable(config, ranks !== undefined)
    const tell = (action: Action) => this.#listeners.call('onAction', action)
    const tellOutcome = (action: Action) => this.#listeners.call('onOutcome', action)
    const { history } = this.#monitor
    const nullLoss = this.#run.nullLoss!
    this.#context = {
      ...{ task: this.#task, rows: this.#rows, kernels, module, history, nullLoss, steps: this.#steps },
      ...{ tell, tellOutcome },
    }
    return new Repair(this.#context, { ...built!, config })
  }

  /** @throws TrainingError for a fault without a doubt, unless it could be mended or the config says otherwise */
  async #checkFirst(): Promise<void> {
    const { config, built } = this.#desk
    const { mode, check } = config.health
    if (mode === 'off' || check === 'off' || built!.updates > 0) return
    const found = await this.#desk.preflight(this.#task, this.#data, this.#steps)
    const stops = mode === 'warn' && check === 'stop'
    const verdicts = stops && !found.some(isCertain) ? found.map(saysWhyItGoesOn) : found
    for (const verdict of verdicts) await this.#monitor.tell(verdict)
    const treated = await this.#repair?.beforeTraining(verdicts)
    const certain = (treated?.left ?? verdicts).find(isCertain)
    if (certain && check === 'stop' && mode !== 'observe') {
      throw new TrainingError(
        `${certain.sentence} Try: ${certain.remedies.join('; ')}. ` +
          "Nothing was trained. (`health: { check: 'warn' }` trains all the same.)",
      )
    }
    if (treated && treated.subject.config !== config) this.#become(treated.subject)
  }

  /** Faults to order that never came. */
  #unfired(): string[] {
    const tears = this.#keeper?.tears ?? []
    const isLeft = (fault: Fault, i: number) =>
      fault.kind === 'torn-write' ? tears.includes(fault) : ((this.#fired >> i) & 1) === 0
    return this.#faults.filter(isLeft).map(({ text }) => text)
  }

  #endOf(reason: number): StopReason {
    if (reason === Reason.maxSteps) return 'maxSteps'
    if (reason === Reason.earlyStopping) return 'earlyStopping'
    if (reason === Reason.requested) return this.#desk.stopTraining ? 'stopTraining' : 'aborted'
    return 'completed'
  }
}

/** A fault that stops nothing, though faults may. */
function saysWhyItGoesOn(verdict: HealthVerdict): HealthVerdict {
  if (verdict.severity !== 'fault') return verdict
  const why = "It is trained all the same, since such a network may yet learn; `health: 'repair'` mends it first."
  return { ...verdict, sentence: `${verdict.sentence} ${why}` }
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
