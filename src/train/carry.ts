/** From one segment of a run to the next: which words of the sequencer's state a remedy leaves. */
import { decideStateLength, resetDecide } from '../gradient/decide.ts'
import { afterRemedy, healthStateLength } from '../gradient/health.ts'
import { STATE_DOUBLES } from '../plan/plan.ts'
import type { Session } from './session.ts'
import { Reason, State } from './state.ts'
import { forgetPassing } from './snapshot.ts'

/** Steps by which the detector's silence after a remedy is shorter: what did not help has to be seen soon. */
const HURRY = 48

/** Words of a run that begins anew: the batches are counted on, so that every step has a number of its own. */
const COUNTED = [State.batch, State.skipped] as const

/**
 * `continue`: the position, the epoch's sums, schedule and plateau go on; `restart`: everything begins anew but the count
 * of batches. The detector's baselines start anew in both: the network is another one.
 */
export function carryOver(from: Session, to: Session, then: 'continue' | 'restart', updates: number): void {
  const [before, after] = [from.state, to.state]
  const { sumsAt, watch } = to.plan
  if (then === 'continue') {
    after.set(before.subarray(0, STATE_DOUBLES), 0)
    after.set(before.subarray(sumsAt.batch, from.plan.sumsAt.health), sumsAt.batch)
  } else {
    for (const word of COUNTED) after[word] = before[word]!
  }
  after[State.updates] = updates
  after[State.reason] = Reason.none
  forgetPassing(after)
  after[State.records] = 0
  // What is best so far lies in the arena that is gone.
  after[State.hasBest] = 0
  resetDecide(after.subarray(State.health, State.health + decideStateLength))
  const health = after.subarray(sumsAt.health, sumsAt.health + healthStateLength(watch.layers.length, to.plan.lanes))
  // A beginning is judged like any other.
  if (then === 'continue') afterRemedy(health, after[State.batch]! - HURRY)
}
