/**
 * Repair: from a verdict to a network that trains. The remedies are pure (src/remedy); this keeps the run's log of them
 * and the states it was well in, takes the remedies in the order of the ladder, and takes back what made things worse.
 *
 * Everything is decided from numbers that are the same for any number of workers, so the same config and seed give the
 * same repairs. It ends: each remedy has a number of uses, each action is one use, and no run begins anew once it has
 * taken as many steps as were asked for.
 */
import { Verdict } from '../gradient/detector.ts'
import type { HealthCode, HealthVerdict, Severity } from '../gradient/verdict.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Patient } from '../remedy/patient.ts'
import type { Treatment } from '../remedy/remedy.ts'
import { explained, GoodStates, isWell } from './good-states.ts'
import { firstUpdate } from './preflight.ts'
import { Remedies } from './remedies.ts'
import type { Chosen, Complaint, RepairContext } from './remedies.ts'
import type { Session } from './session.ts'
import { State } from './state.ts'
import { operate, patientOf } from './subject.ts'
import type { Subject } from './subject.ts'

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

/** The state before an action, to go back to, and what it explained. */
interface Judged {
  readonly subject: Subject
  readonly start: Patient
  readonly explained: number
  readonly action: Action
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
/** Steps after which a remedy is judged. */
const JUDGED_AFTER = 64
/** Loss of explained share from which a remedy made things worse. */
const WORSE = 0.2
/** Explained share that is none. */
const NOTHING = 0.02
const OUT_OF_SCALE: ReadonlySet<string> = new Set(['INPUT_SCALE', 'TARGET_SCALE', 'LR_IMPLAUSIBLE'])

const isFault = (severity: Severity) => severity === 'fault' || severity === 'fatal'

export class Repair {
  readonly #context: RepairContext
  readonly #remedies: Remedies
  readonly #good = new GoodStates()
  #subject: Subject
  /** As the run began, under the settings of now. */
  #start: Patient
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
    this.#remedies = new Remedies(context)
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
      const chosen = await this.#remedies.choose(ladders.before, state.found.filter(calls), (verdict, remedy) =>
        this.#remedies.case(verdict, remedy, patients, null),
      )
      if (!chosen) return touched
      const treated = operate(this.#subject, chosen.treatment.patient)
      const after = await this.#remedies.check(treated)
      const helped = isBetter(state.found.filter(calls), after.filter(calls), chosen.verdict)
      await this.#remedies.log(chosen, -1, helped ? 'kept' : 'reverted')
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
    const batch = session.state[State.batch]!
    // At other gates, which who listens decides, nothing may change.
    if (this.wantsEnd || session.state[State.asked] !== batch + 1) return
    const { health } = this.#context.history
    const faults = [
      ...health.slice(this.#seen).filter(({ severity }) => severity === 'fault'),
      ...this.#harmfulSymptoms(batch),
    ]
    this.#seen = health.length
    this.#judge(batch)
    if (this.#takesBack) return
    if (faults.length > 0) this.#chosen = await this.#chooseNow(session, faults)
    else if (batch > 0 && isWell(batch, this.#context)) {
      this.#good.keep(patientOf(this.#now(session), this.#context.task), this.#context)
    }
  }

  /** What was out of scale before the first step, and has kept the training from learning anything. */
  #harmfulSymptoms(batch: number): readonly HealthVerdict[] {
    if (batch !== this.#began + JUDGED_AFTER || explained(this.#context) > NOTHING) return []
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
    const action = await this.#remedies.log(chosen, batch - 1, 'pending')
    this.#before = { subject: this.#now(session), start: this.#start, explained: explained(this.#context), action }
    const subject = operate(this.#subject, patient)
    const { optimizer, schedule, clip, gradient } = patient
    const start = then === 'restart' ? patient : { ...this.#start, optimizer, schedule, clip, gradient }
    this.#subject = subject
    this.#start = start
    if (then === 'restart') {
      this.#good.forget()
      this.#began = batch
    }
    return { subject, then }
  }

  /** Nothing more will be seen of the last remedy: it stays. */
  finish(): void {
    if (this.#before) this.#settle(this.#before, explained(this.#context))
    if (this.#before) this.#before.action.outcome = 'kept'
    this.#before = null
  }

  #judge(batch: number): void {
    const before = this.#before
    if (!before || batch < before.action.step + 1 + JUDGED_AFTER) return
    this.#settle(before, explained(this.#context))
    if (before.action.outcome === 'reverted') this.#takesBack = true
    else this.#before = null
  }

  #settle({ action, explained: was }: Judged, is: number): void {
    const gain = is - was
    action.gain = Number.isFinite(gain) ? gain : null
    action.outcome = gain < -WORSE ? 'reverted' : 'kept'
  }

  async #chooseNow(session: Session, verdicts: readonly Complaint[]): Promise<Chosen | null> {
    const { best } = this.#good
    const now = patientOf(this.#now(session), this.#context.task)
    const healthy: Patient | null = best ? { ...now, ...networkOf(best.patient) } : null
    const patients = { now, healthy, start: this.#start }
    const first = await firstUpdate(this.#remedies.preflightOf(operate(this.#subject, this.#start)))
    return this.#remedies.choose(healthy ? ladders.running : ladders.early, verdicts, (verdict, remedy) => ({
      ...this.#remedies.case(verdict, remedy, patients, best ?? null),
      firstUpdate: first,
      age: session.state[State.batch]! - this.#began,
      scheduled: this.#scheduled(session),
    }))
  }

  #scheduled({ state }: Session): number {
    return state[State.learningRate]! / this.#subject.config.optimizer.learningRate
  }

  // ---- both ----

  #become(subject: Subject): void {
    this.#subject = subject
    this.#start = patientOf(subject, this.#context.task)
  }

  #now(session: Session): Subject {
    const { weights, updates } = session.capture()
    return { ...this.#subject, weights, updates }
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

const networkOf = ({ model, tensors, updates }: Patient) => ({ model, tensors, updates })
