/** Faults known before the first step: each remedy is tried, the check repeated, and what did not help taken back. */
import type { HealthVerdict, Severity } from '../gradient/verdict.ts'
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
}

const isFault = (severity: Severity) => severity === 'fault' || severity === 'fatal'

export async function treatBefore(
  remedies: Remedies,
  subject: Subject,
  task: Task,
  found: readonly HealthVerdict[],
): Promise<Treated> {
  const untreated = { subject, left: [...found] }
  const treated = await treatAll(remedies, untreated, task, ({ severity }) => isFault(severity))
  if (treated === untreated) return untreated
  return treatAll(remedies, treated, task, (v) => isFault(v.severity) || (v.severity === 'warn' && ALSO.has(v.code)))
}

async function treatAll(
  remedies: Remedies,
  given: Treated,
  task: Task,
  calls: (verdict: HealthVerdict) => boolean,
): Promise<Treated> {
  let treated = given
  for (;;) {
    const { subject, left } = treated
    const now = patientOf(subject, task)
    const patients = { now, healthy: null, start: now }
    const [chosen] = await remedies.choose(ladders.before, left.filter(calls), (verdict, remedy) =>
      remedies.case(verdict, remedy, patients, null),
    )
    if (!chosen) return treated
    const after = operate(subject, chosen.treatment.patient)
    const verdicts = await remedies.check(after)
    const helped = isBetter(left.filter(calls), verdicts.filter(calls), chosen.verdict)
    await remedies.log(chosen, -1, helped ? 'kept' : 'reverted')
    if (helped) treated = { subject: after, left: verdicts }
  }
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
