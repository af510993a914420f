/**
 * Repair: from a verdict to a network that trains. The remedies are pure (src/remedy); this keeps the run's log of them
 * and the states it was well in, takes the remedies in the order of the ladder, and takes back what made things worse.
 *
 * Everything is decided from numbers that are the same for any number of workers, so the same config and seed give the
 * same repairs. It ends: each remedy has a number of uses, each action is one use, and no run begins anew once it has
 * taken as many steps as were asked for.
 */
import { Verdict } from '../gradient/detector.ts'
import type { HealthCode, HealthVerdict } from '../gradient/verdict.ts'
import { settle } from '../remedy/action.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Patient } from '../remedy/patient.ts'
import type { Treatment } from '../remedy/remedy.ts'
import { faultsOf, harmfulSymptoms, isUnexplained, standstills } from './complaints.ts'
import type { Gate } from './complaints.ts'
import { CALM, explained, GoodStates, isWell, RECENT } from './good-states.ts'
import type { GoodState } from './good-states.ts'
import { firstUpdate } from './preflight.ts'
import { Remedies } from './remedies.ts'
import type { Chosen, Complaint, RepairContext } from './remedies.ts'
import type { Session } from './session.ts'
import { State } from './state.ts'
import { operate, patientOf } from './subject.ts'
import type { Subject } from './subject.ts'
import { MOST_ENTRANTS, positionOf, Tournament, TRIAL_STEPS } from './tournament.ts'
import type { Position } from './tournament.ts'
import { treatAnew, treatBefore } from './treat-before.ts'
import type { Treated } from './treat-before.ts'

/** How the run goes on. */
export interface Next {
  readonly subject: Subject
  /** `resume`: as it was there, to the bit. */
  readonly then: Treatment['then'] | 'resume'
  /** Whence: not told, from where it stands. */
  readonly from?: Position | undefined
  /** Steps after which the host is asked. */
  readonly steps?: number | undefined
}

/** The state before an action, to go back to, and what it explained. */
interface Judged {
  readonly subject: Subject
  readonly start: Patient
  readonly explained: number
  /** With what was done for the sake of it. */
  readonly actions: readonly Action[]
  /** Batch before which it is judged. */
  readonly due: number
}

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Steps after which a remedy is judged. */
const JUDGED_AFTER = 64
/** Loss of explained share from which a remedy made things worse. */
const WORSE = 0.2
/** Share of the steps after which a run that was begun anew is looked at again, the steps that are enough, and the explained share. */
const AGAIN_AFTER = 0.2
const LONG = 1024
const ENOUGH = 0.5

/** What is asked of where nothing else is wrong. */
const SLOW: Complaint = { code: 'STALLED', layer: undefined }

export class Repair {
  readonly #context: RepairContext
  readonly #remedies: Remedies
  readonly #good = new GoodStates()
  #subject: Subject
  /** As the run began, under the settings of now. */
  #start: Patient
  /** Verdicts that were looked at. */
  #seen: number
  /** Batch of the last gate. */
  #lastGate = 0
  /** The remedy to come, or those to be tried. */
  #chosen: readonly Chosen[] = []
  /** Those that are chosen would begin anew a run that may go on as it is. */
  #isSecondLook = false
  /** Whether it is still to be asked if something held it back from the start. */
  #asksOfBeginning: boolean
  /** What the run was begun anew for, until it was looked at again. */
  #mended: Complaint | undefined
  #tournament: Tournament | null = null
  #trialEnds = 0
  #trialIsOver = false
  #trialIsSound = true
  /** Batch with which the training began, or began anew. */
  #began = 0
  /** Batch from which on the steps are those of what runs now. */
  #since = 0
  #before: Judged | null = null
  #takesBack = false

  constructor(context: RepairContext, subject: Subject) {
    this.#context = context
    this.#subject = subject
    this.#start = patientOf(subject, context.task)
    this.#remedies = new Remedies(context)
    this.#seen = context.history.health.length
    this.#asksOfBeginning = context.history.steps.length === 0
    // Of a run that goes on: what it went on with was kept.
    for (const action of context.history.actions) if (action.outcome === 'pending') settle(action, 'kept')
  }

  // ---- before the first step ----

  async beforeTraining(found: readonly HealthVerdict[]): Promise<Treated> {
    const treated = await treatBefore(this.#remedies, this.#subject, this.#context.task, found)
    if (treated.subject !== this.#subject) this.#mended = complaintOf(this.#context.history.actions)
    this.#subject = treated.subject
    this.#start = patientOf(treated.subject, this.#context.task)
    this.#seen = this.#context.history.health.length
    return treated
  }

  // ---- while it trains ----

  /** Whether the run shall end at this step, for a remedy. */
  get wantsEnd(): boolean {
    return this.#chosen.length > 0 || this.#takesBack || this.#trialIsOver
  }

  /** Whether what runs is a trial, or about to end for a remedy: nothing to go on from later. */
  get isUnsettled(): boolean {
    return this.#tournament !== null || this.wantsEnd
  }

  /** The run waits: looks at what was raised, judges the last remedy, keeps a state that is well. */
  async atGate(session: Session): Promise<void> {
    const batch = session.state[State.batch]!
    // At other gates, which who listens decides, nothing may change.
    if (this.wantsEnd || session.state[State.asked] !== batch + 1) return
    const { health } = this.#context.history
    const gate = {
      health,
      seen: this.#seen,
      age: batch - this.#began,
      ageBefore: this.#lastGate - this.#began,
      explained: explained(this.#context),
    }
    const raised = faultsOf(gate)
    this.#seen = health.length
    this.#lastGate = batch
    if (this.#tournament) {
      this.#trialIsSound = raised.length === 0
      this.#trialIsOver = !this.#trialIsSound || batch >= this.#trialEnds
      return
    }
    await this.#judge(batch)
    if (this.#takesBack) return
    const [symptoms, stills] = [await this.#stillThere(harmfulSymptoms(gate)), standstills(gate)]
    if (raised.length > 0) this.#chosen = await this.#chooseNow(session, raised)
    // What was wrong from the beginning is no better where a little was learnt.
    else if (symptoms.length > 0) this.#chosen = await this.#chooseNow(session, symptoms, null)
    else if (stills.length > 0) this.#chosen = await this.#chooseFrom(session, ladders.still, stills, null)
    else if (gate.age >= this.#secondLook) await this.#look(session, gate)
    if (this.#chosen.length > 0) return
    if (batch >= this.#since + CALM && isWell(batch, this.#context)) {
      this.#good.keep(patientOf(await this.#now(session), this.#context.task), this.#context)
    }
  }

  /** @param stopped the verdict for which the run ended by itself, if it did */
  async afterRun(session: Session, stopped: HealthCode | undefined): Promise<Next | null> {
    const batch = session.state[State.batch]!
    this.#since = batch
    // What was said of this run does not count against the one that comes next.
    this.#seen = this.#context.history.health.length
    if (this.#tournament) return this.#afterTrial(session, this.#tournament, stopped)
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
    const [chosen, ...others] = this.#chosen
    if (!chosen) return null
    this.#chosen = []
    // What comes next builds on it.
    await this.#settleLast()
    const { history } = this.#context
    const losses = history.steps.loss.slice(-CALM)
    const now = { subject: await this.#now(session), start: this.#start, explained: explained(this.#context), losses }
    if (others.length > 0 || this.#isSecondLook) {
      const base = { ...now, position: positionOf(session, history), batch }
      const age = this.#isSecondLook ? batch - this.#began : undefined
      this.#isSecondLook = false
      this.#tournament = new Tournament(base, [chosen, ...others], age)
      return this.#beginTrial(this.#tournament, batch)
    }
    const action = await this.#remedies.log(chosen, batch - 1, 'pending')
    const next = this.#treat(chosen, this.#start)
    if (next.then === 'continue') {
      this.#before = { ...now, actions: [action], due: batch + JUDGED_AFTER }
      return next
    }
    // What it was begun with may have been wrong in another way as well.
    const { subject, actions } = await treatAnew(this.#remedies, next.subject, this.#context.task, batch - 1)
    this.#subject = subject
    this.#start = patientOf(subject, this.#context.task)
    // It is given the time that the other had.
    const due = batch + Math.max(JUDGED_AFTER, batch - this.#began)
    this.#before = { ...now, actions: [action, ...actions], due }
    this.#beginAnew(batch, chosen)
    return { ...next, subject }
  }

  #treat({ treatment: { patient, then } }: Chosen, was: Patient): Next {
    const { optimizer, schedule, clip, gradient, brokenRows } = patient
    this.#subject = operate(this.#subject, patient)
    this.#start = then === 'restart' ? patient : { ...was, optimizer, schedule, clip, gradient, brokenRows }
    return { subject: this.#subject, then }
  }

  #beginAnew(batch: number, { verdict }: Chosen): void {
    this.#good.forget()
    this.#began = batch
    this.#mended = verdict
  }

  // ---- several remedies, one after the other ----

  #beginTrial({ base, current, steps }: Tournament, batch: number): Next {
    this.#trialEnds = batch + steps
    this.#trialIsOver = false
    this.#trialIsSound = true
    this.#subject = base.subject
    return { ...this.#treat(current!, base.start), from: base.position, steps }
  }

  async #afterTrial(session: Session, tournament: Tournament, stopped: HealthCode | undefined): Promise<Next> {
    const batch = session.state[State.batch]!
    tournament.end({
      subject: await this.#now(session),
      start: this.#start,
      position: positionOf(session, this.#context.history),
      explained: explained(this.#context, Math.max(1, batch - this.#trialEnds + tournament.steps)),
      losses: this.#context.history.steps.loss.slice(-CALM),
      isSound: this.#trialIsSound && stopped === undefined,
    })
    if (tournament.current) return this.#beginTrial(tournament, batch)
    const { base, winner, results, steps } = tournament
    this.#tournament = null
    this.#trialIsOver = false
    for (const { chosen, explained } of results) {
      if (!chosen) continue
      const action = await this.#remedies.log(chosen, base.batch - 1, chosen === winner.chosen ? 'pending' : 'tried')
      action.gain = explained - base.explained
      if (chosen === winner.chosen) this.#before = { ...base, actions: [action], due: batch + RECENT }
    }
    this.#subject = winner.subject
    this.#start = winner.start
    if (!winner.chosen) this.#began = batch - steps
    else if (winner.chosen.treatment.then === 'restart') this.#beginAnew(batch - steps, winner.chosen)
    if (results[0]!.chosen === null) this.#mended = undefined
    return { subject: winner.subject, then: 'resume', from: winner.position }
  }

  // ---- judging ----

  /**
   * Nothing more will be seen of the last remedy: it stays.
   *
   * @returns what becomes of a run that ended in the middle of trials, or before a remedy: as if none had begun it is where
   * they were asked for, with the weights it was last well with. A cause that is still there will be seen again.
   */
  async finish(session: Session): Promise<Next | null> {
    await this.#settleLast()
    const base = this.#tournament?.base
    if (!base && this.#chosen.length === 0) return null
    const subject = base?.subject ?? (await this.#now(session))
    // A second look is no complaint.
    const then = this.#isSecondLook || this.#tournament?.results[0]?.chosen === null ? 'resume' : 'continue'
    const { best } = this.#good
    const isHurt = then === 'continue' && best
    const patient = isHurt && { ...patientOf(subject, this.#context.task), ...networkOf(best.patient) }
    return { subject: patient ? operate(subject, patient) : subject, then, from: base?.position }
  }

  async #settleLast(): Promise<void> {
    const before = this.#before
    this.#before = null
    if (before) await this.#settle(before, 'kept')
  }

  async #judge(batch: number): Promise<void> {
    const before = this.#before
    if (!before || batch < before.due) return
    const isWorse = this.#gainSince(before) < -WORSE
    await this.#settle(before, isWorse ? 'reverted' : 'kept')
    if (isWorse) this.#takesBack = true
    else this.#before = null
  }

  #gainSince = ({ explained: was }: Judged): number => explained(this.#context) - was

  async #settle(judged: Judged, outcome: 'kept' | 'reverted'): Promise<void> {
    const gain = this.#gainSince(judged)
    for (const action of judged.actions) {
      settle(action, outcome, gain)
      await this.#context.tellOutcome(action)
    }
  }

  /** Batches that what was begun anew is given first. */
  get #secondLook(): number {
    return Math.max(CALM, Math.min(LONG, AGAIN_AFTER * this.#context.steps))
  }

  /** Of what was seen before the first step that which is so at the beginning of now. */
  async #stillThere(symptoms: readonly Complaint[]): Promise<readonly Complaint[]> {
    if (symptoms.length === 0) return symptoms
    const found = await this.#remedies.check(operate(this.#subject, this.#start))
    return symptoms.filter(({ code }) => found.some((verdict) => verdict.code === code))
  }

  /** By now something should have been learnt: did something hold it back from the start? Asked once. */
  async #look(session: Session, gate: Gate): Promise<void> {
    const asks = this.#asksOfBeginning && gate.explained < ENOUGH && isUnexplained(gate)
    this.#asksOfBeginning = false
    if (asks) this.#chosen = await this.#chooseFrom(session, ladders.still, [SLOW], null)
    if (this.#chosen.length === 0 && this.#mended) await this.#lookAgain(session, this.#mended, gate.age)
  }

  /** Nothing is wrong any more: would it get further if it began in yet another way? Asked once. */
  async #lookAgain(session: Session, mended: Complaint, age: number): Promise<void> {
    this.#mended = undefined
    if (!(explained(this.#context) < ENOUGH)) return
    const found = await this.#chooseFrom(session, { [mended.code]: ladders.again }, [mended], null)
    this.#chosen = found.filter((_, i) => this.#hasTimeFor((i + 1) * age, session))
    this.#isSecondLook = this.#chosen.length > 0
  }

  async #chooseNow(
    session: Session,
    verdicts: readonly Complaint[],
    best = this.#good.best ?? null,
  ): Promise<readonly Chosen[]> {
    const found = await this.#chooseFrom(session, best ? ladders.running : ladders.early, verdicts, best)
    return this.#mayTry(session, found) ? found : found.slice(0, 1)
  }

  async #chooseFrom(
    session: Session,
    ladder: ladders.Ladder,
    verdicts: readonly Complaint[],
    best: GoodState | null,
  ): Promise<readonly Chosen[]> {
    const now = patientOf(await this.#now(session), this.#context.task)
    const healthy: Patient | null = best ? { ...now, ...networkOf(best.patient) } : null
    const patients = { now, healthy, start: this.#start }
    const first = await firstUpdate(this.#remedies.preflightOf(operate(this.#subject, this.#start)))
    return this.#remedies.choose(
      ladder,
      verdicts,
      (verdict, remedy) => ({
        ...this.#remedies.case(verdict, remedy, patients, best),
        firstUpdate: first,
        age: session.state[State.batch]! - this.#began,
        scheduled: this.#scheduled(session),
      }),
      MOST_ENTRANTS,
    )
  }

  /** Whether there is time left for trials of remedies. */
  #mayTry(session: Session, entrants: readonly Chosen[]): boolean {
    const { steps } = this.#context
    const beginsAnew = entrants.some(({ treatment }) => treatment.then === 'restart')
    const left = beginsAnew ? steps : steps - session.state[State.step]!
    return left >= 2 * TRIAL_STEPS && this.#hasTimeFor(entrants.length * TRIAL_STEPS, session, left)
  }

  /** All that a run takes is at most twice what was asked for. */
  #hasTimeFor(trials: number, { state }: Session, left = this.#context.steps - state[State.step]!): boolean {
    const { history, steps } = this.#context
    return history.stepsExecuted + left + trials <= 2 * steps
  }

  #scheduled({ state }: Session): number {
    return state[State.learningRate]! / this.#subject.config.optimizer.learningRate
  }

  async #now(session: Session): Promise<Subject> {
    const { weights, updates } = await session.capture()
    return { ...this.#subject, weights, updates }
  }
}

/** The code of the verdict that ended a run. */
export function codeOf(verdict: number): HealthCode {
  const found = Object.entries(Verdict).find(([, code]) => code === verdict)
  return (found?.[0] ?? 'GRAD_SPIKE') === 'healthy' ? 'GRAD_SPIKE' : (found![0] as HealthCode)
}

/** What the last remedy that was kept was for. */
function complaintOf(actions: readonly Action[]): Complaint {
  const { verdict, layer } = actions.findLast(({ outcome }) => outcome === 'kept')!
  return { code: verdict, layer }
}

const networkOf = ({ model, tensors, updates }: Patient) => ({ model, tensors, updates })
