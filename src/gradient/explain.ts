/** What a decision means, for people: read from the flat state outside the step, and said in one sentence. */
import { Decision, DecisionField, skipWindow } from './decide.ts'
import type { DecisionName } from './decide.ts'
import { DetectorField, Verdict } from './detector.ts'
import type { VerdictName } from './detector.ts'

/** A step's decision with the evidence for it. Norms are of the mean gradient. */
export interface DecisionReport {
  readonly decision: DecisionName
  readonly verdict: VerdictName
  readonly coefficient: number
  readonly loss: number
  readonly gradNormBeforeClip: number
  readonly gradNormAfterClip: number
  /** exp of the median log norm of the last 64 steps; 0 while there are fewer than 16. */
  readonly medianNorm: number
  readonly z: number
  /** Whether this step raises a new spike alarm (at most one per 64 steps). */
  readonly raised: boolean
  readonly skipsInARow: number
  readonly skipsInWindow: number
  readonly numSkips: number
}

export function readDecision(state: Float64Array): DecisionReport {
  return {
    decision: nameOf(Decision, state[DecisionField.decision]!),
    verdict: nameOf(Verdict, state[DetectorField.verdict]!),
    coefficient: state[DecisionField.coefficient]!,
    loss: state[DecisionField.loss]!,
    gradNormBeforeClip: state[DecisionField.gradNormBeforeClip]!,
    gradNormAfterClip: state[DecisionField.gradNormAfterClip]!,
    medianNorm: state[DetectorField.medianNorm]!,
    z: state[DetectorField.z]!,
    raised: state[DetectorField.raised] === 1,
    skipsInARow: state[DecisionField.skipsInARow]!,
    skipsInWindow: state[DecisionField.skipsInWindow]!,
    numSkips: state[DecisionField.numSkips]!,
  }
}

/**
 * One sentence, or two where there is advice, on a step's decision. `where` narrows it down if that is known ("layer dense_2, samples 96-127").
 */
export function explain(report: DecisionReport, step: number, where?: string): string {
  const at = `at step ${step}${where === undefined ? '' : ` (${where})`}`
  return `${cause(report, at)}${effect(report)}`
}

function cause(report: DecisionReport, at: string): string {
  switch (report.verdict) {
    case 'healthy':
      return `Gradient norm ${figure(report.gradNormBeforeClip)} ${at} is healthy`
    case 'GRAD_SPIKE': {
      const times = report.gradNormBeforeClip / report.medianNorm
      return `Gradient norm ${figure(report.gradNormBeforeClip)} ${at} is ${figure(times)} times its recent median ${figure(report.medianNorm)}`
    }
    case 'NONFINITE_LOSS':
      return `Loss is not finite (${report.loss}) ${at}`
    case 'NONFINITE_GRAD':
      return `Gradient is not finite (norm ${report.gradNormBeforeClip}) ${at}`
    case 'NONFINITE_PARAM':
      return `The update ${at} would leave parameters that are not finite`
  }
}

function effect(report: DecisionReport): string {
  switch (report.decision) {
    case 'apply':
      if (Number.isNaN(report.gradNormAfterClip)) return '; its elements were clamped.'
      return report.coefficient < 1
        ? `; it was clipped to ${figure(report.gradNormAfterClip)}.`
        : '; it was applied as it is.'
    case 'skip':
      return '; the batch was skipped, weights were not updated.'
    case 'stop':
      return (
        `; training stopped after ${report.skipsInARow} skipped steps in a row, ${report.skipsInWindow} in the last ` +
        `${skipWindow}, weights were not updated. Lower the learning rate, or look for bad numbers in the data.`
      )
  }
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function nameOf<Name extends string>(codes: Readonly<Record<Name, number>>, code: number): Name {
  const names = Object.keys(codes) as Name[]
  const name = names.find((candidate) => codes[candidate] === code)
  if (name === undefined) throw new Error(`internal: no name for code ${code}`)
  return name
}
