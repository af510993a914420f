/**
 * Repair: from a verdict to a network that trains. The remedies are pure (src/remedy); this keeps the run's log of them
 * and the states it was well in, takes the remedies in the order of the ladder, and takes back what made things worse.
 *
 * Everything is decided from numbers that are the same for any number of workers, so the same config and seed give the
 * same repairs. It ends: each remedy has a number of uses, each action is one use, and no run begins anew once it has
 * taken as many steps as were asked for.
 */
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { Verdict } from '../gradient/detector.ts'
import type { HealthCode, HealthVerdict, Severity } from '../gradient/verdict.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { actionText } from '../remedy/action.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Patient } from '../remedy/patient.ts'
import type { Case, DataScale, Remedy, Treatment } from '../remedy/remedy.ts'
import type { History } from './history.ts'
import { asTaken, firstUpdate, preflight, sampleOf } from './preflight.ts'
import type { Task } from './prepare.ts'
import type { Session } from './session.ts'
import { State } from './state.ts'
import { dataScale, operate, patientOf } from './subject.ts'
import type { Subject } from './subject.ts'

export interface RepairContext {
  readonly task: Task
  readonly data: Dataset
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly history: History
  /** Loss of the best constant answer. */
  readonly nullLoss: number
  /** Steps that were asked for. */
  readonly steps: number
  /** Told of each action. */
  tell(action: Action): Promise<void>
}

/** What was treated: verdicts are those of the last check. */
export interface Treated {
  readonly subject: Subject
  readonly left: HealthVerdict[]
}

/** How the run goes on. */
export interface Next {
  readonly subject: Subject
  readonly then: Treatment['then']
}

/** A state that the run was well in. */
interface Snapshot {
  readonly patient: Patient
  /** Means over the last steps. */
  readonly explained: number
  readonly rate: number
  readonly gradNorm: number
}

/** The state before an action, to go back to, and what it explained. */
interface Judged {
  readonly subject: Subject
  readonly start: Patient
  readonly explained: number
  readonly action: Action
}

interface Chosen {
  readonly verdict: Pick<HealthVerdict, 'code' | 'layer'>
  readonly remedy: Remedy
  readonly treatment: Treatment
}

/** Symptoms that are treated too once something had to be done: what is changed shall be right. */
const ALSO: ReadonlySet<string> = new Set([
  'SHATTERED',
  'GRAD_VANISHING',
  'SIGNAL_OVERSCALE',
  'SIGNAL_COLLAPSE',
  'SATURATED',
])
// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Steps after which a remedy is judged, that a mean is taken over, and without a verdict before a state counts as well. */
const JUDGED_AFTER = 64
const RECENT = 16
const CALM = 32
const SNAPSHOTS = 2
/** Explained share from which there is something to keep, and loss of it from which a remedy made things worse. */
const LEARNT = 0.1
const WORSE = 0.2
const NOTHING = 0.02
const OUT_OF_SCALE: ReadonlySet<string> = new Set(['INPUT_SCALE', 'TARGET_SCALE', 'LR_IMPLAUSIBLE'])

const isFault = (severity: Severity) => severity === 'fault' || severity === 'fatal'

export class Repair {
  readonly #context: RepairContext
  readonly #scale: DataScale
  readonly #sample: Dataset
  #subject: Subject
  /** As the run began, under the settings of now. */
  #start: Patient
  #snapshots: Snapshot[] = []
  /** Verdicts that were looked at. */
  #seen: number
  #chosen: Chosen | null = null
  /** Batch with which the training began, or began anew. */
  #began = 0
  #before: Judged | null = null
  #takesBack = false

  constructor(context: RepairContext, subject: Subject) {
    this.#context = context
    this.#subject = subject
    this.#start = patientOf(subject, context.task)
    this.#sample = sampleOf(context.data)
    this.#scale = dataScale(context.data, context.task)
    this.#seen = context.history.health.length
  }

  // ---- before the first step ----

  /** Faults known before the first step: each remedy is tried, the check repeated, and what did not help taken back. */
  async beforeTraining(found: readonly HealthVerdict[]): Promise<Treated> {
    const state = { found: [...found] }
    if (await this.#treatAll(state, ({ severity }) => isFault(severity))) {
      await this.#treatAll(state, (v) => isFault(v.severity) || (v.severity === 'warn' && ALSO.has(v.code)))
    }
    this.#seen = this.#context.history.health.length
    return { subject: this.#subject, left: state.found }
  }

  /** @returns whether something was kept */
  async #treatAll(state: { found: HealthVerdict[] }, calls: (verdict: HealthVerdict) => boolean): Promise<boolean> {
    let touched = false
    for (;;) {
      const patients = { now: this.#start, healthy: null, start: this.#start }
      const chosen = await this.#choose(ladders.before, state.found.filter(calls), (verdict, remedy) =>
        this.#case(verdict, remedy, patients, null),
      )
      if (!chosen) return touched
      const treated = operate(this.#subject, chosen.treatment.patient)
      const after = await this.#check(treated)
      const helped = isBetter(state.found.filter(calls), after.filter(calls), chosen.verdict)
      await this.#log(chosen, -1, helped ? 'kept' : 'reverted')
      if (!helped) continue
      touched = true
      state.found = after
      this.#become(treated)
    }
  }

  // ---- while it trains ----

  /** Whether the run shall end at this step, for a remedy. */
  get wantsEnd(): boolean {
    return this.#chosen !== null || this.#takesBack
  }

  /** The run waits: looks at what was raised, judges the last remedy, keeps a state that is well. */
  async atGate(session: Session): Promise<void> {
    if (this.wantsEnd) return
    const { health } = this.#context.history
    const batch = session.state[State.batch]!
    const faults = [
      ...health.slice(this.#seen).filter(({ severity }) => severity === 'fault'),
      ...this.#harmfulSymptoms(batch),
    ]
    this.#seen = health.length
    this.#judge(batch)
    if (this.#takesBack) return
    if (faults.length > 0) this.#chosen = await this.#chooseNow(session, faults)
    else if (batch > 0 && this.#isWell(batch)) this.#keep(session)
  }

  /** What was out of scale before the first step, and has kept the training from learning anything. */
  #harmfulSymptoms(batch: number): readonly HealthVerdict[] {
    if (batch !== this.#began + JUDGED_AFTER || this.#explained() > NOTHING) return []
    return this.#context.history.health.filter(({ step, code }) => step < 0 && OUT_OF_SCALE.has(code))
  }

  /** @param stopped the verdict for which the run ended by itself, if it did */
  async afterRun(session: Session, stopped: HealthCode | undefined): Promise<Next | null> {
    if (!this.wantsEnd && stopped) {
      this.#chosen = await this.#chooseNow(session, [{ code: stopped, layer: undefined }])
    }
    const before = this.#before
    if (this.#takesBack && before) {
      this.#takesBack = false
      this.#before = null
      this.#subject = before.subject
      this.#start = before.start
      return { subject: before.subject, then: 'continue' }
    }
    const chosen = this.#chosen
    if (!chosen) return null
    this.#chosen = null
    // What comes next builds on it.
    this.finish()
    const { patient, then } = chosen.treatment
    const batch = session.state[State.batch]!
    const action = await this.#log(chosen, batch - 1, 'pending')
    this.#before = { subject: this.#now(session), start: this.#start, explained: this.#explained(), action }
    const subject = operate(this.#subject, patient)
    const { optimizer, schedule, clip, gradient } = patient
    const start = then === 'restart' ? patient : { ...this.#start, optimizer, schedule, clip, gradient }
    this.#subject = subject
    this.#start = start
    if (then === 'restart') {
      this.#snapshots = []
      this.#began = batch
    }
    return { subject, then }
  }

  /** Nothing more will be seen of the last remedy: it stays. */
  finish(): void {
    if (this.#before) this.#settle(this.#before, this.#explained())
    if (this.#before) this.#before.action.outcome = 'kept'
    this.#before = null
  }

  #judge(batch: number): void {
    const before = this.#before
    if (!before || batch < before.action.step + 1 + JUDGED_AFTER) return
    const explained = this.#explained()
    this.#settle(before, explained)
    if (before.action.outcome === 'reverted') this.#takesBack = true
    else this.#before = null
  }

  #settle({ action, explained: was }: Judged, is: number): void {
    const gain = is - was
    action.gain = Number.isFinite(gain) ? gain : null
    action.outcome = gain < -WORSE ? 'reverted' : 'kept'
  }

  /** Mean explained share of the last steps, held to [-1, 1]; NaN where nothing is known. */
  #explained(): number {
    const { nullLoss, history } = this.#context
    const losses = history.steps.loss.slice(-RECENT)
    const mean = losses.reduce((sum, loss) => sum + (Number.isFinite(loss) ? loss : Infinity), 0) / losses.length
    return Math.max(-1, 1 - mean / nullLoss)
  }

  #isWell(batch: number): boolean {
    const { health, steps } = this.#context.history
    const last = health.findLast(({ severity }) => severity !== 'ok' && severity !== 'info')
    return steps.length >= RECENT && (!last || last.step < batch - CALM) && Number.isFinite(this.#explained())
  }

  #keep(session: Session): void {
    const { steps } = this.#context.history
    const patient = patientOf(this.#now(session), this.#context.task)
    const rate = steps.learningRate.at(-1)!
    this.#snapshots.push({ patient, explained: this.#explained(), rate, gradNorm: median(steps.gradNorm.slice(-CALM)) })
    if (this.#snapshots.length > SNAPSHOTS) this.#snapshots.shift()
  }

  async #chooseNow(
    session: Session,
    verdicts: readonly Pick<HealthVerdict, 'code' | 'layer'>[],
  ): Promise<Chosen | null> {
    const best = this.#snapshots
      .filter(({ explained }) => explained > LEARNT)
      .toSorted((a, b) => b.explained - a.explained)[0]
    const now = patientOf(this.#now(session), this.#context.task)
    const healthy: Patient | null = best ? { ...now, ...pick(best.patient) } : null
    const patients = { now, healthy, start: this.#start }
    const first = await firstUpdate(this.#preflightOf(operate(this.#subject, this.#start)))
    return this.#choose(healthy ? ladders.running : ladders.early, verdicts, (verdict, remedy) => ({
      ...this.#case(verdict, remedy, patients, best ?? null),
      firstUpdate: first,
      age: session.state[State.batch]! - this.#began,
      scheduled: this.#scheduled(session),
    }))
  }

  #scheduled({ state }: Session): number {
    return state[State.learningRate]! / this.#subject.config.optimizer.learningRate
  }

  // ---- both ----

  /** The first remedy that is left and has something to do, for the first verdict that has one. */
  async #choose(
    ladder: ladders.Ladder,
    verdicts: readonly Pick<HealthVerdict, 'code' | 'layer'>[],
    caseOf: (verdict: Pick<HealthVerdict, 'code' | 'layer'>, remedy: Remedy) => Case,
  ): Promise<Chosen | null> {
    const { history, steps } = this.#context
    const mayRestart = history.stepsExecuted <= steps
    for (const verdict of verdicts) {
      for (const remedy of ladders.left(ladder, verdict.code, history.actions)) {
        const treatment = await remedy.treat(caseOf(verdict, remedy))
        if (treatment && (treatment.then === 'continue' || mayRestart)) return { verdict, remedy, treatment }
      }
    }
    return null
  }

  #case(
    { code, layer }: Pick<HealthVerdict, 'code' | 'layer'>,
    remedy: Remedy,
    patients: Pick<Case, 'now' | 'healthy' | 'start'>,
    snapshot: Snapshot | null,
  ): Case {
    const { kernels, module, history } = this.#context
    const { model } = patients.now
    const { x, rows } = asTaken({ config: { model } as ResolvedConfig, data: this.#sample }).data
    const recent = (values: Float32Array) => median(values.slice(-CALM))
    return {
      ...patients,
      complaint: { code, layer },
      tries: this.#tries(remedy),
      data: this.#scale,
      calibration: { rows, x, kernels, module },
      age: 0,
      scheduled: 1,
      firstUpdate: NaN,
      gradNorm: snapshot?.gradNorm ?? recent(history.steps.gradNorm),
      gradNormAfterClip: recent(history.steps.gradNormAfterClip),
      healthyRate: snapshot?.rate ?? NaN,
    }
  }

  #become(subject: Subject): void {
    this.#subject = subject
    this.#start = patientOf(subject, this.#context.task)
  }

  #now(session: Session): Subject {
    const { weights, updates } = session.capture()
    return { ...this.#subject, weights, updates }
  }

  #tries({ name }: Remedy): number {
    return ladders.uses(name, this.#context.history.actions)
  }

  #preflightOf({ config, model, weights }: Subject) {
    const { task, data, kernels, module } = this.#context
    return { config, model, weights, task, data, kernels, module }
  }

  #check(subject: Subject): Promise<HealthVerdict[]> {
    return preflight(this.#preflightOf(subject))
  }

  async #log({ verdict, remedy, treatment }: Chosen, step: number, outcome: Action['outcome']): Promise<Action> {
    const { code, layer } = verdict
    const told = { step, verdict: code, remedy: remedy.name, layer, changes: treatment.changes, outcome }
    const action: Action = { ...told, text: actionText(told), gain: null }
    this.#context.history.actions.push(action)
    await this.#context.tell(action)
    return action
  }
}

/** The code of the verdict that ended a run. */
export function codeOf(verdict: number): HealthCode {
  const found = Object.entries(Verdict).find(([, code]) => code === verdict)
  return (found?.[0] ?? 'GRAD_SPIKE') === 'healthy' ? 'GRAD_SPIKE' : (found![0] as HealthCode)
}

/** Whether what was complained of is gone, and nothing new came in its place. */
function isBetter(
  before: readonly HealthVerdict[],
  after: readonly HealthVerdict[],
  { code }: Pick<HealthVerdict, 'code'>,
): boolean {
  const known = new Set(before.map((verdict) => verdict.code))
  return after.every((verdict) => verdict.code !== code && known.has(verdict.code))
}

const pick = ({ model, tensors, updates }: Patient) => ({ model, tensors, updates })

function median(values: Float32Array): number {
  const sorted = values.filter(Number.isFinite).sort()
  return sorted[sorted.length >> 1] ?? NaN
}
