/** What repair is asked to mend at a gate: faults that were raised, and what keeps a training from learning. */
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Complaint } from './remedies.ts'

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Steps after which so much should have been explained. */
const EXPECTED: readonly (readonly [steps: number, explained: number])[] = [
  [64, 0.02],
  [128, 0.1],
  [256, 0.5],
]
const OUT_OF_SCALE: ReadonlySet<string> = new Set(['INPUT_SCALE', 'TARGET_SCALE', 'LR_IMPLAUSIBLE', 'SATURATED'])

export interface Gate {
  /** Of the run so far, and how many of them an earlier gate has seen. */
  readonly health: readonly HealthVerdict[]
  readonly seen: number
  /** Batches since the training began, or began anew, now and at the gate before. */
  readonly age: number
  readonly ageBefore: number
  readonly explained: number
}

export const faultsOf = ({ health, seen }: Gate): readonly HealthVerdict[] =>
  health.slice(seen).filter(({ severity }) => severity === 'fault')

/** What was out of scale before the first step, and keeps the training from learning. */
export const harmfulSymptoms = (gate: Gate): readonly Complaint[] =>
  isBehind(gate) ? gate.health.filter(({ step, code }) => step < 0 && OUT_OF_SCALE.has(code)) : []

/** Whether nothing but a standstill was seen: then it may be the rate that is too low. */
export const isUnexplained = ({ health }: Pick<Gate, 'health'>): boolean =>
  health.every(({ severity, code }) => severity === 'ok' || severity === 'info' || code === 'STALLED')

/** A warning that nothing is gained, which may be a plateau as well. */
export const standstills = (gate: Gate): readonly Complaint[] =>
  isBehind(gate) ? gate.health.filter(({ code }) => code === 'STALLED').slice(-1) : []

/** Asked once for each of those numbers of steps. */
function isBehind({ age, ageBefore, explained }: Gate): boolean {
  const due = EXPECTED.findLast(([steps]) => age >= steps && ageBefore < steps)
  return due !== undefined && explained <= due[1]
}
