/** What was wrong, and what was done about it: kept in the history, told to callbacks, written to the log. */
import { Decision, skipWindow } from '../gradient/decide.ts'
import type { DecisionCode } from '../gradient/decide.ts'
import { Verdict } from '../gradient/detector.ts'
import { explain } from '../gradient/explain.ts'
import type { DecisionReport } from '../gradient/explain.ts'
import { Again } from './again.ts'
import type { HealthCode, HealthVerdict, Severity } from '../gradient/verdict.ts'

export interface HealthEvent {
  /** Number of the batch since the start of the run, skipped ones included; from 0. */
  readonly step: number
  readonly code: DecisionReport['verdict'] | HealthCode | 'MACHINE_FAULT'
  readonly severity: Severity
  /** What was done with the step's batch; `undefined` where the verdict is of more than this step. */
  readonly decision?: DecisionReport['decision'] | undefined
  readonly layer?: string | undefined
  /** One sentence for people: what was seen, and what was done. */
  readonly text: string
}

/** Events kept at the most: the first of a run say what happened. */
export const MAX_EVENTS = 10_000

const names = <T extends string>(codes: Readonly<Record<T, number>>) =>
  new Map(Object.entries(codes).map(([name, code]) => [code as number, name as T]))
const verdicts = names(Verdict)
const decisions = names(Decision)

export interface StepNumbers {
  readonly step: number
  readonly loss: number
  readonly gradNorm: number
  readonly gradNormAfterClip: number
  readonly verdict: number
  readonly decision: number
  readonly z: number
}

/** Makes the events of a run; steps that are as they should be may be left out. `recent`: the norms of the steps before this one. */
export function createWitness(): (numbers: StepNumbers, recent: Float32Array) => HealthEvent | undefined {
  const skips: number[] = []
  let inARow = 0
  return (numbers, recent) => {
    const { step, verdict, decision, gradNorm, gradNormAfterClip, loss, z } = numbers
    const applied = decision === Decision.apply
    if (applied) inARow = 0
    else inARow = skips.at(-1) === step - 1 ? inARow + 1 : 1
    if (!applied) skips.push(step)
    if (applied && verdict === Verdict.healthy) return undefined
    const report: DecisionReport = {
      decision: decisions.get(decision as DecisionCode)!,
      verdict: verdicts.get(verdict) ?? 'healthy',
      coefficient: gradNorm > 0 ? gradNormAfterClip / gradNorm : 1,
      loss,
      gradNormBeforeClip: gradNorm,
      gradNormAfterClip,
      medianNorm: median(recent.subarray(Math.max(0, recent.length - 64))),
      z,
      raised: true,
      skipsInARow: inARow,
      skipsInWindow: skips.filter((at) => at > step - skipWindow).length,
      numSkips: skips.length,
    }
    const severity = decision === Decision.stop ? 'fatal' : verdict === Verdict.GRAD_SPIKE ? 'warn' : 'fault'
    return { step, code: report.verdict, severity, decision: report.decision, text: explain(report, step) }
  }
}

export interface SecondLook {
  readonly again: number
  readonly firstLoss: number
  readonly firstGradNorm: number
  readonly strictLoss: number
  readonly strictGradNorm: number
}

/** What computing the batch again has shown: the numbers, the kernels, or the machine. */
export function withSecondLook(
  event: HealthEvent | undefined,
  { step, loss, gradNorm, decision }: StepNumbers,
  look: SecondLook,
): HealthEvent | undefined {
  const { again, firstLoss, firstGradNorm } = look
  if (again !== Again.different) return event && { ...event, text: event.text + sameBits(look) }
  return {
    step,
    code: 'MACHINE_FAULT',
    severity: 'fault',
    decision: decisions.get(decision as DecisionCode)!,
    text:
      `Step ${step} was computed again, with another result (loss ${firstLoss} and gradient norm ${firstGradNorm}, then ` +
      `${loss} and ${gradNorm}): it is the machine, not the numbers. The last result counts. Test its memory, and compare ` +
      '`--hash` with another run of the same seed.',
  }
}

function sameBits({ again, strictLoss, strictGradNorm }: SecondLook): string {
  switch (again) {
    case Again.same:
      return ' Computed again by other workers it has the same bits, and strict kernels agree: it is the numbers, not the machine.'
    case Again.alone:
      return (
        ' Computed again by the same worker, as there is no other, it has the same bits, and strict kernels agree: ' +
        'it is the numbers, not the machine.'
      )
    case Again.ranks:
      return ' Computed again by the same ranks it has the same bits, and strict kernels agree: it is the numbers, not a machine.'
    case Again.kernels:
      return (
        ` Computed again it has the same bits, but strict kernels find nothing wrong (loss ${strictLoss}, gradient norm ` +
        `${strictGradNorm}): it is the rounding of the kernels, or a fault of theirs. Try \`kernels: wasm-strict\`.`
      )
    default:
      return ''
  }
}

/** Verdicts that a step's own event tells already, together with what was decided. */
const OF_STEP: ReadonlySet<string> = new Set(Object.keys(Verdict))

/** The event of a verdict that is of more than one step, or `undefined`. */
export function eventOf({ step, code, severity, layer, sentence }: HealthVerdict): HealthEvent | undefined {
  return OF_STEP.has(code) ? undefined : { step, code, severity, layer, text: sentence }
}

function median(values: Float32Array): number {
  const sorted = values.filter(Number.isFinite).sort()
  return sorted[sorted.length >> 1] ?? NaN
}

const WORDS: Readonly<Partial<Record<HealthEvent['code'], string>>> = {
  healthy: 'healthy',
  GRAD_SPIKE: 'gradient spike',
  MACHINE_FAULT: 'the machine computed differently twice',
  NONFINITE_LOSS: 'loss not finite',
  NONFINITE_GRAD: 'gradient not finite',
  NONFINITE_PARAM: 'update would not be finite',
}

/** A few words for a line on a terminal: `gradient spike at step 412, batch skipped`. */
export function eventWords({ code, decision, step }: Pick<HealthEvent, 'code' | 'decision' | 'step'>): string {
  const words = WORDS[code] ?? code.toLowerCase().replaceAll('_', ' ')
  if (decision === undefined) return step < 0 ? words : `${words} at step ${step}`
  const done = { apply: 'clipped and applied', skip: 'batch skipped', stop: 'training stopped' }[decision]
  return `${words} at step ${step}, ${done}`
}
