/** What repair is asked to mend at a gate: faults that were raised, and what keeps a training from learning. */
import type { HealthVerdict } from '../gradient/verdict.ts'
import type { Complaint } from './remedies.ts'

// These numbers are of the tune split and its practice cases: node bench/health/practice.ts.
/** Steps after which something should have been learnt. */
const SOON = 64
/** Explained share that is none. */
const NOTHING = 0.02
const OUT_OF_SCALE: ReadonlySet<string> = new Set(['INPUT_SCALE', 'TARGET_SCALE', 'LR_IMPLAUSIBLE'])

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

/** What was out of scale before the first step, and has kept the training from learning anything. */
export function harmfulSymptoms(gate: Gate): readonly Complaint[] {
  if (!isFirstLook(gate) || gate.explained > NOTHING) return []
  return gate.health.filter(({ step, code }) => step < 0 && OUT_OF_SCALE.has(code))
}

const isFirstLook = ({ age, ageBefore }: Gate): boolean => age >= SOON && ageBefore < SOON
