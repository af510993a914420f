/** From one segment of a run to the next: which words of the sequencer's state a remedy leaves. */
import { decideStateLength, resetDecide } from '../gradient/decide.ts'
import { afterRemedy, healthStateLength } from '../gradient/health.ts'
import { STATE_DOUBLES } from '../plan/lengths.ts'
import type { Next } from './repair.ts'
import type { Session } from './session.ts'
import { Reason, State } from './state.ts'
import { forgetPassing } from './snapshot.ts'

/** Steps by which the detector's silence after a remedy is shorter: what did not help has to be seen soon. */
const HURRY = 48

/** The batches are counted on whatever comes, so that every step has a number of its own. */
const COUNTED = [State.batch, State.skipped] as const

/**
 * `continue`: the position, the epoch's sums, schedule and plateau go on; `restart`: everything begins anew but the count
 * of batches. The detector's baselines start anew in both: the network is another one. `resume`: all goes on.
 */
export function carryOver(last: Session, to: Session, { subject: { updates }, then, from, steps }: Next): void {
  const { plan, state: before } = from ?? last
  const after = to.state
  const { sumsAt, watch } = to.plan
  if (then === 'resume') {
    after.set(before)
  } else if (then === 'continue') {
    after.set(before.subarray(0, STATE_DOUBLES), 0)
    after.set(before.subarray(sumsAt.batch, plan.sumsAt.health), sumsAt.batch)
  }
  for (const word of COUNTED) after[word] = last.state[word]!
  after[State.updates] = updates
  after[State.reason] = Reason.none
  after[State.askAt] = steps === undefined ? 0 : after[State.batch]! + steps
  forgetPassing(after)
  after[State.records] = 0
  // What is best so far lies in the arena that is gone.
  after[State.hasBest] = 0
  if (then === 'resume') return
  resetDecide(after.subarray(State.health, State.health + decideStateLength))
  const health = after.subarray(sumsAt.health, sumsAt.health + healthStateLength(watch.layers.length, to.plan.lanes))
  // A beginning is judged like any other.
  if (then === 'continue') afterRemedy(health, after[State.batch]! - HURRY)
}
