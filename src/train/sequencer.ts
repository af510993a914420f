/**
 * The sequential part between two phases: which phase comes next, the step's decision, the ends of epochs and runs.
 *
 * It is a program, not a place: whichever worker finishes a phase last runs `advance`, so no step waits for the host;
 * the host runs `resume` when the run was gated. Everything it knows lies in the arena, and at any time one thread
 * at most is in here (the one that closed the phase, or the host while the gate is shut).
 */
import type { Arena } from '../arena/arena.ts'
import { Status } from '../arena/control.ts'
import type { Control } from '../arena/control.ts'
import { Decision, DecisionField } from '../gradient/decide.ts'
import { faultRaised } from '../gradient/health.ts'
import { pieces } from '../plan/pieces.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { Program } from './program.ts'
import { Kind as Exchanged } from './ranks.ts'
import type { Agreement } from './ranks.ts'
import { copyParameters, judgeProgress, writeValues } from './progress.ts'
import { Kind, RECORDS_PER_STEP, writeRecord } from './record.ts'
import type { RunSettings } from '../plan/settings.ts'
import { learnedOf } from '../plan/watch.ts'
import { fullRows, ownRows, rowsOfShard } from '../plan/shards.ts'
import { meetingBefore } from '../plan/stages.ts'
import { StepDecision } from './decision.ts'
import { Evaluation } from './evaluation.ts'
import { closeSnapshot } from './snapshot.ts'
import { Again, isLook, looksAgain, turnOf } from './again.ts'
import { Reason, State } from './state.ts'
import { Sums } from './sums.ts'
import { tune } from './tuner.ts'
import { Watcher } from './watcher.ts'

/** In repair: batches from one look of the host to the next. */
const ASKED_EVERY = 32

export class Sequencer {
  readonly #plan: Plan
  readonly #settings: RunSettings
  readonly #control: Control
  readonly #arena: Arena
  readonly #doubles: Float64Array
  readonly #floats: Float32Array
  readonly #state: Float64Array
  readonly #verdicts: Float64Array
  readonly #tuning: Float64Array
  /** Tensors that are learned. */
  readonly #learned: number
  readonly #watcher: Watcher | null
  readonly #sums: Sums
  readonly #decision: StepDecision
  readonly #evaluation: Evaluation
  /** `null` on the host, which opens phases and never works in one. */
  readonly #program: Program | null

  /** Of the MPI thread, which decides what all ranks must agree on and opens phases it does not work in. */
  readonly #agreement: Agreement | null

  constructor(
    plan: Plan,
    settings: RunSettings,
    control: Control,
    arena: Arena,
    program: Program | null,
    agreement: Agreement | null = null,
  ) {
    this.#plan = plan
    this.#settings = settings
    this.#control = control
    this.#arena = arena
    this.#doubles = arena.doubles
    this.#floats = arena.floats
    this.#state = arena.doubles.subarray(plan.at.state)
    this.#verdicts = this.#state.subarray(plan.sumsAt.health)
    this.#tuning = arena.doubles.subarray(plan.at.tuning)
    this.#program = program
    this.#agreement = agreement
    this.#learned = learnedOf(plan.placements).length
    this.#sums = new Sums(plan, arena)
    this.#decision = new StepDecision(plan, settings, arena, this.#sums)
    this.#evaluation = new Evaluation(plan, arena, this.#sums)
    this.#watcher = plan.spec.optimizer ? new Watcher(plan, settings, control, arena) : null
  }

  /** After the last piece of a phase. */
  advance(): void {
    switch (this.#control.phase() as Phase) {
      case Phase.rows:
        return this.#afterRows()
      case Phase.gradient:
        return this.#afterGradient()
      case Phase.reduce:
        return this.#state[State.clipping] === 1 ? this.#afterClip() : this.#afterReduce()
      case Phase.update:
        return this.#afterUpdate()
      case Phase.evaluate:
        return this.#afterEvaluate()
      case Phase.combine:
        return this.#exchange(Exchanged.norms)
      case Phase.exchange:
        return this.#afterExchange()
      case Phase.snapshot:
        closeSnapshot(this.#plan, this.#control, this.#arena)
        return this.#proceed()
    }
  }

  /** Starts a run, or goes on after a gate; called by the host. */
  resume(): void {
    if (this.#state[State.evaluating] === 1) return this.#resumeEvaluation()
    if (this.#plan.spec.trainRows === 0) return this.#beginEvaluation()
    if (this.#state[State.ask] === 1) return this.#exchange(Exchanged.wishes)
    this.#proceed()
  }

  // ---- a step: rows, gradient (again for each micro-batch), reduce, decide, update, record ----

  #afterRows(): void {
    const s = this.#state
    const { stages } = this.#plan
    const stage = stages[s[State.stage]!]!
    if (stage.kind === 'block' && stage.loss) this.#sums.addShards()
    if (s[State.stage]! + 1 < stages.length) return this.#openStage(s[State.stage]! + 1)
    this.#open(Phase.gradient, pieces.gradient(this.#plan, s[State.first]!, s[State.rows]!))
  }

  #afterGradient(): void {
    const s = this.#state
    const first = s[State.first]! + s[State.full]!
    // The first shard is the fullest.
    if (first < rowsOfShard(this.#plan, s[State.batchRows]!, 0)) this.#openMicroBatch(first)
    else this.#open(Phase.reduce, pieces.reduce(this.#plan))
  }

  #afterReduce(): void {
    if (this.#ranks > 1) this.#exchange(Exchanged.gradients)
    else this.#decide()
  }

  #decide(): void {
    const decision = this.#decision.decide()
    if (this.#looksAgain()) return this.#openBatch()
    this.#decision.scale()
    if (decision !== Decision.apply) return this.#skip(decision)
    if (this.#settings.decide.clip.mode === 'adaptive') {
      this.#state[State.clipping] = 1
      return this.#open(Phase.reduce, this.#learned)
    }
    this.#decision.clip()
    this.#applyOrSkip()
  }

  /** A look wants every worker, those too that the run goes better without. */
  #looksAgain(): boolean {
    const s = this.#state
    const loss = s[State.loss]!
    const gradNorm = s[State.health + DecisionField.gradNormBeforeClip]!
    const control = this.#control
    const before = isLook(s[State.again]!)
    const now = looksAgain(s, loss, gradNorm, this.#program!.hasStrict, this.#ranks > 1 ? 'ranks' : control.enlisted())
    if (now && !before) {
      s[State.claimers] = control.active()
      control.setActive(control.enlisted())
    } else if (before && !now) control.setActive(s[State.claimers]!)
    return now
  }

  /** Every unit is within its bound. */
  #afterClip(): void {
    this.#state[State.clipping] = 0
    this.#decision.tellAfterClip(this.#sums.ofChunks(this.#plan.at.clipNorms, this.#learned))
    this.#applyOrSkip()
  }

  /** The update, unless it would leave the range of float32. */
  #applyOrSkip(): void {
    if (!this.#decision.mayOverflow || this.#isFinite()) return this.#openUpdate()
    this.#skip(this.#decision.refuse())
  }

  /** This batch never happened. */
  #skip(decision: number): void {
    const s = this.#state
    s[State.skipped]!++
    this.#watcher!.judge(this.#decision.perWeight)
    this.#record(Kind.step)
    this.#closeBatch()
    if (decision === Decision.stop) this.#end(Reason.unhealthy)
    else this.#proceed()
  }

  /** The update, and beside it the samples of the next batch: nobody reads this one's any more. */
  #openUpdate(): void {
    const s = this.#state
    const { gathersAhead, spec } = this.#plan
    const left = this.#rowsEnd - s[State.cursor]! - s[State.batchRows]!
    s[State.gathered] = gathersAhead ? ownRows(this.#plan, Math.min(spec.batchSize, left), 0) : 0
    this.#open(
      Phase.update,
      pieces.update(this.#plan) +
        pieces.follow(this.#plan) +
        pieces.gather(this.#plan, s[State.gathered]!) +
        this.#watcher!.begin(),
    )
  }

  #afterUpdate(): void {
    if (this.#ranks > 1) this.#exchange(Exchanged.weights)
    else this.#closeStep()
  }

  #closeStep(): void {
    const s = this.#state
    this.#program!.updates.constrain()
    const count = pieces.runs(this.#plan)
    let largest = 0
    for (let i = 0; i < count; i++) largest = Math.max(largest, this.#doubles[this.#plan.at.largest + i]!)
    s[State.largest] = largest
    s[State.updates]!++
    // Metrics of a batch count once its update did.
    const { sums, sumsAt } = this.#plan
    for (let i = 0; i < sums; i++) s[sumsAt.epoch + i]! += s[sumsAt.batch + i]!
    s[State.epochWeight]! += s[State.weightSum]!
    s[State.epochRows]! += s[State.batchRows]!
    this.#watcher!.judge(this.#decision.perWeight)
    this.#record(Kind.step)
    s[State.step]!++
    this.#closeBatch()
    this.#proceed()
  }

  #closeBatch(): void {
    const s = this.#state
    // Only whole batches are comparable.
    if (this.#settings.tune && s[State.batchRows] === this.#plan.spec.batchSize) {
      const workers = tune(this.#tuning, performance.timeOrigin + performance.now())
      if (workers > 0) this.#control.setActive(workers)
    }
    s[State.cursor]! += s[State.batchRows]!
    s[State.batch]!++
    s[State.again] = Again.no
    s[State.sinceSnapshot]!++
  }

  /** At a step boundary: the next batch, or what ends the epoch or the run. */
  #proceed(): void {
    const s = this.#state
    const left = this.#rowsEnd - s[State.cursor]!
    if (s[State.sinceSnapshot]! >= this.#plan.snapshotSteps) return this.#openSnapshot()
    if (this.#control.recordsWaiting() + RECORDS_PER_STEP > this.#plan.spec.ringRecords) return this.#gate()
    if (this.#settings.repair && !this.#catchesUp() && this.#asksHost()) return this.#gate()
    if (s[State.reason] === Reason.earlyStopping) return this.#end(Reason.earlyStopping)
    const moreCome = s[State.streamed] === 1 && s[State.lastWindow] === 0
    if (left <= 0 && !moreCome) return this.#beginEvaluation()
    if (s[State.epoch]! >= this.#settings.epochs) return this.#end(Reason.completed)
    if (s[State.step]! >= this.#settings.maxSteps) return this.#end(Reason.maxSteps)
    // Never before the last step that was told of.
    const stop = this.#ranks > 1 ? s[State.stop] === 1 : this.#control.stopRequested() && !this.#catchesUp()
    if (stop) return this.#end(Reason.requested)
    if (left <= 0) return this.#awaitWindow()
    s[State.batchRows] = Math.min(this.#plan.spec.batchSize, left)
    this.#openBatch()
  }

  /** The row of the epoch at which what lies in the arena ends. */
  get #rowsEnd(): number {
    return this.#state[State.streamed] === 1 ? this.#state[State.windowEnd]! : this.#plan.spec.trainRows
  }

  /** The host has the next window of the stream; see feed.ts. */
  #awaitWindow(): void {
    const s = this.#state
    s[State.windowStart] = s[State.windowEnd]!
    s[State.wanted] = 1
    this.#gate()
  }

  #openBatch(): void {
    const { at, sums, spec } = this.#plan
    this.#doubles.fill(0, at.shardSums, at.shardSums + spec.sharing.shards * (sums + 1))
    this.#openMicroBatch(0)
  }

  #openSnapshot(): void {
    this.#control.setCopying(true)
    this.#open(Phase.snapshot, pieces.snapshot(this.#plan))
  }

  /** Whether steps are done again that were done before a worker died. */
  #catchesUp(): boolean {
    return this.#state[State.records]! >>> 0 !== this.#control.recordsWritten()
  }

  /** In repair: whether the host has a say before this batch, once per batch. */
  #asksHost(): boolean {
    const s = this.#state
    const here = s[State.batch]! + 1
    if (s[State.asked] === here) return false
    const isDue = s[State.batch]! % ASKED_EVERY === 0 || s[State.batch] === s[State.askAt]
    if (!isDue && !faultRaised(this.#verdicts)) return false
    s[State.asked] = here
    return true
  }

  #openMicroBatch(first: number): void {
    const s = this.#state
    s[State.first] = first
    s[State.full] = fullRows(this.#plan, first)
    s[State.rows] = ownRows(this.#plan, s[State.batchRows]!, first)
    const isThere = s[State.gathered]! > 0 && s[State.gathered] === s[State.rows] && first === 0
    s[State.gathered] = 0
    this.#openStage(isThere ? 1 : 0)
  }

  #openStage(stage: number): void {
    this.#state[State.stage] = stage
    // The host, who has no program, opens none that anything lies before, unless this rank has no row of the batch.
    this.#program?.meet(stage)
    if (this.#ranks > 1 && meetingBefore(this.#plan.stages[stage]!)) return this.#exchange(Exchanged.moments)
    this.#enterStage()
  }

  #enterStage(): void {
    const s = this.#state
    this.#program?.join(s[State.stage]!)
    this.#open(Phase.rows, pieces.stage(this.#plan, s[State.stage]!, s[State.rows]!, s[State.first]!))
  }

  // ---- evaluation and the end of an epoch ----

  #beginEvaluation(): void {
    if (this.#evaluation.begin()) this.#evaluate()
    else this.#endEpoch()
  }

  /** The next rows, where there are some; or what comes after the last. */
  #evaluate(): void {
    if (this.#evaluation.awaitsRows) return this.#gate()
    const count = this.#evaluation.next()
    if (count > 0) return this.#open(Phase.evaluate, count)
    if (this.#plan.spec.trainRows > 0) return this.#endEpoch()
    this.#evaluation.writeValues(this.#plan.sumsAt.values)
    this.#end(Reason.completed)
  }

  /** The host was asked for rows. Where it has none, it wants the end. */
  #resumeEvaluation(): void {
    if (this.#evaluation.awaitsRows && this.#control.stopRequested()) this.#end(Reason.requested)
    else this.#evaluate()
  }

  #afterEvaluate(): void {
    this.#evaluation.closeBatch()
    this.#evaluate()
  }

  #endEpoch(): void {
    const s = this.#state
    const { metrics, spec, sums, sumsAt } = this.#plan
    writeValues(this.#plan, s, sumsAt.values, sumsAt.epoch, s[State.epochWeight]!, s[State.epochRows]!)
    if (spec.evaluationRows > 0) this.#evaluation.writeValues(sumsAt.values + 1 + metrics.length)
    this.#record(Kind.epoch)
    s[State.epoch]!++
    s[State.cursor] = 0
    s[State.windowStart] = s[State.windowEnd] = s[State.lastWindow] = 0
    s[State.epochWeight] = 0
    s[State.epochRows] = 0
    s.fill(0, sumsAt.epoch, sumsAt.epoch + sums)
    judgeProgress(this.#plan, this.#settings, s, this.#floats)
    if (!this.#settings.gateEpochs) return this.#proceed()
    s[State.ask] = this.#ranks > 1 ? 1 : 0
    if (this.#ranks > 1) this.#exchange(Exchanged.stateThenGate)
    else this.#gate()
  }

  // ---- doors ----

  #record(kind: number): void {
    writeRecord(this.#plan, this.#control, this.#doubles, this.#state, kind)
  }

  /** A phase of no pieces is over at once: there may be nothing to reduce, or no row of the batch here. */
  #open(phase: Phase, count: number): void {
    const outside = this.#program === null || this.#agreement !== null
    if (count > 0) return this.#control.open(phase, count, outside, turnOf(this.#state[State.again]!))
    this.#control.pass(phase)
    this.advance()
  }

  // ---- between ranks ----

  get #ranks(): number {
    return this.#plan.spec.sharing.ranks
  }

  #exchange(kind: number): void {
    this.#state[State.exchange] = kind
    this.#control.summon(Phase.exchange)
  }

  /** In the MPI thread. */
  #afterExchange(): void {
    const s = this.#state
    switch (s[State.exchange]) {
      case Exchanged.moments:
        return this.#enterStage()
      case Exchanged.gradients:
        this.#sums.addBatch()
        return this.#open(Phase.combine, pieces.update(this.#plan))
      case Exchanged.norms:
        return this.#decide()
      case Exchanged.weights:
        return this.#closeStep()
      case Exchanged.wishes:
        s[State.ask] = 0
        return this.#proceed()
      case Exchanged.stateThenGate:
        return this.#gate()
      case Exchanged.stateThenEnd:
        return this.#control.settle(Status.ended)
    }
  }

  /** Whether the update would leave every parameter finite, on all ranks. */
  #isFinite(): boolean {
    const own = this.#program!.updates.rehearse()
    return this.#agreement ? this.#agreement.all(own) : own
  }

  #gate(): void {
    this.#control.settle(Status.gated)
  }

  #end(reason: number): void {
    const s = this.#state
    s[State.reason] = reason
    const { earlyStopping } = this.#settings
    // A run that may go on must go on from its own weights.
    const over = reason !== Reason.requested && reason !== Reason.maxSteps
    if (earlyStopping?.restoreBestWeights && s[State.hasBest] === 1 && over) {
      copyParameters(this.#plan, this.#floats, this.#plan.at.best, this.#plan.at.parameters)
    }
    if (this.#ranks > 1) this.#exchange(Exchanged.stateThenEnd)
    else this.#control.settle(Status.ended)
  }
}
