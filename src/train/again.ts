/**
 * A second look: a batch that is about to be skipped (not finite, or a huge spike) is computed once more from its rows. The
 * same bits say that the numbers are like that; others say that the machine made a mistake, and then the second result
 * counts. Every piece is a function of what is in the arena, so the step of a healthy machine has the same bits twice.
 */
import { decideStateLength } from '../gradient/decide.ts'
import { State } from './state.ts'

/** Of the open batch: not looked at again; being computed again; what came of it. */
export const Again = { no: 0, open: 1, same: 2, different: 3 } as const

/** Before each decision, which moves the detector on. */
export function beforeDecision(s: Float64Array): void {
  s.copyWithin(State.healthBefore, State.health, State.health + decideStateLength)
}

/** Takes the decision back; the batch is to be computed again. */
export function lookAgain(s: Float64Array, loss: number, gradNorm: number): void {
  s.copyWithin(State.health, State.healthBefore, State.healthBefore + decideStateLength)
  s[State.again] = Again.open
  s[State.firstLoss] = loss
  s[State.firstGradNorm] = gradNorm
}

/** The batch was computed again, with these results. */
export function compareAgain(s: Float64Array, loss: number, gradNorm: number): void {
  // Of a NaN it is not told which.
  const isSame = Object.is(s[State.firstLoss], loss) && Object.is(s[State.firstGradNorm], gradNorm)
  s[State.again] = isSame ? Again.same : Again.different
}
