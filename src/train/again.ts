/**
 * A second look. A batch that spikes or is not finite is computed again from its rows, before anything is done about it:
 *
 *   strict   with the strict kernels (multiply, then add; no native library), where the run's own are others
 *   second   with the run's kernels, each piece dealt to one worker
 *   third    the same, each piece dealt to the next worker: so at least one of the two was not who computed it first
 *
 * Every piece is a function of what is in the arena, so a healthy machine gives the same bits (of loss and gradient norm)
 * three times. Other bits are the machine's doing, and then the last result counts. With the same bits it is the numbers
 * that are so, unless the strict kernels find nothing wrong: then it is the rounding of the run's kernels, or a fault of
 * theirs. The strict result decides nothing but that sentence: a run has the bits of its own kernels.
 *
 * One worker alone has nobody to compare with: it looks a second time, and that is said. So do several ranks, each at its
 * own rows: they decide from the same sums, and not every rank need have another worker. The sums between two phases are
 * made by whoever finishes last.
 */
import { decideStateLength } from '../gradient/decide.ts'
import { DetectorField, Verdict } from '../gradient/detector.ts'
import { State } from './state.ts'

/** Of the open batch: not looked at again; the look that is open; what came of them (`alone`: the same, by one worker; `ranks`: by each rank). */
export const Again = {
  no: 0,
  strict: 1,
  second: 2,
  third: 3,
  same: 4,
  alone: 5,
  different: 6,
  kernels: 7,
  ranks: 8,
} as const
type Look = typeof Again.strict | typeof Again.second | typeof Again.third

export const isLook = (again: number): again is Look => again >= Again.strict && again <= Again.third

/** How many workers on a piece is dealt in a look, -1 where whoever is free takes it: see `Control.open`. */
export const turnOf = (again: number): number => (isLook(again) ? Number(again === Again.third) : -1)

/** Before each decision, which moves the detector on. */
export function beforeDecision(s: Float64Array): void {
  if (isLook(s[State.again]!)) s.copyWithin(State.health, State.healthBefore, State.healthBefore + decideStateLength)
  else s.copyWithin(State.healthBefore, State.health, State.health + decideStateLength)
}

/**
 * After each decision: whether the batch is to be computed once more. Else the decision stands, and `again` says why.
 * @param strict whether the run's kernels are others than the strict ones
 * @param by how many workers look, or that ranks do: all of them come to the same answer here
 */
export function looksAgain(
  s: Float64Array,
  loss: number,
  gradNorm: number,
  strict: boolean,
  by: number | 'ranks',
): boolean {
  const verdict = s[State.health + DetectorField.verdict]!
  switch (s[State.again]) {
    case Again.no:
      if (verdict === Verdict.healthy) return false
      s[State.firstLoss] = loss
      s[State.firstGradNorm] = gradNorm
      s[State.strictVerdict] = verdict
      s[State.again] = strict ? Again.strict : Again.second
      return true
    case Again.strict:
      s[State.strictLoss] = loss
      s[State.strictGradNorm] = gradNorm
      s[State.strictVerdict] = verdict
      s[State.again] = Again.second
      return true
    case Again.second:
    case Again.third:
      return compare(s, loss, gradNorm, by)
  }
  throw new Error(`internal: a decision in state ${s[State.again]} of the second look`)
}

function compare(s: Float64Array, loss: number, gradNorm: number, by: number | 'ranks'): boolean {
  // Of a NaN it is not told which.
  const isSame = Object.is(s[State.firstLoss], loss) && Object.is(s[State.firstGradNorm], gradNorm)
  const others = by !== 'ranks' && by > 1
  const more = isSame && others && s[State.again] === Again.second
  const numbers = by === 'ranks' ? Again.ranks : others ? Again.same : Again.alone
  const same = s[State.strictVerdict] === Verdict.healthy ? Again.kernels : numbers
  s[State.again] = more ? Again.third : isSame ? same : Again.different
  return more
}
