/** Faults known before a first step: each remedy is tried, the check repeated, and what did not help taken back. */
import type { HealthVerdict, Severity } from '../gradient/verdict.ts'
import type { Action } from '../remedy/action.ts'
import * as ladders from '../remedy/ladder.ts'
import type { Remedies } from './remedies.ts'
import { operate, patientOf } from './subject.ts'
import type { Subject } from './subject.ts'
import type { Task } from './prepare.ts'

/** Symptoms that are treated too once something had to be done: what is changed shall be right. */
const ALSO: ReadonlySet<string> = new Set([
  'SHATTERED',
  'GRAD_VANISHING',
  'SIGNAL_OVERSCALE',
  'SIGNAL_COLLAPSE',
  'SATURATED',
])

/** What was treated: verdicts are those of the last check. */
export interface Treated {
  readonly subject: Subject
  readonly left: HealthVerdict[]
  /** Those that helped. */
  readonly actions: readonly Action[]
}

/** Nothing is seen later of what is done here. */
const BEFORE = { step: -1, outcome: 'kept' } as const

const isFault = (severity: Severity) => severity === 'fault' || severity === 'fatal'

export async function treatBefore(
  remedies: Remedies,
  subject: Subject,
  task: Task,
  found: readonly HealthVerdict[],
): Promise<Treated> {
  const untreated = { subject, left: [...found], actions: [] }
  const treated = await treatAll(remedies, untreated, task, ({ severity }) => isFault(severity), BEFORE)
  if (treated === untreated) return untreated
  return treatAll(remedies, treated, task, isToBeRight, BEFORE)
}

/** Of a run that begins anew at this step, for whatever reason. */
export async function treatAnew(remedies: Remedies, subject: Subject, task: Task, step: number): Promise<Treated> {
  return treatAll(remedies, { subject, left: await remedies.check(subject), actions: [] }, task, isToBeRight, {
    step,
    outcome: 'pending',
  })
}

const isToBeRight = ({ severity, code }: HealthVerdict) => isFault(severity) || (severity === 'warn' && ALSO.has(code))

async function treatAll(
  remedies: Remedies,
  given: Treated,
  task: Task,
  calls: (verdict: HealthVerdict) => boolean,
  { step, outcome }: Pick<Action, 'step' | 'outcome'>,
): Promise<Treated> {
  let treated = given
  for (;;) {
    const { subject, left, actions } = treated
    const now = patientOf(subject, task)
    const patients = { now, healthy: null, start: now }
    const [chosen] = await remedies.choose(ladders.before, left.filter(calls), (verdict, remedy) =>
      remedies.case(verdict, remedy, patients, null),
    )
    if (!chosen) return treated
    const after = operate(subject, chosen.treatment.patient)
    const verdicts = await remedies.check(after)
    const helped = isBetter(left.filter(calls), verdicts.filter(calls), chosen.verdict)
    const action = await remedies.log(chosen, step, helped ? outcome : 'reverted')
    if (helped) treated = { subject: after, left: verdicts, actions: [...actions, action] }
  }
}

/** Whether what was complained of is gone, and nothing new came in its place but less than there was. */
function isBetter(
  before: readonly HealthVerdict[],
  after: readonly HealthVerdict[],
  { code }: Pick<HealthVerdict, 'code'>,
): boolean {
  const known = new Set(before.map((verdict) => verdict.code))
  const isLess = after.length < before.length
  const isBorne = (verdict: HealthVerdict) => known.has(verdict.code) || (isLess && !isFault(verdict.severity))
  return after.every((verdict) => verdict.code !== code && isBorne(verdict))
}
