/**
 * The run as it was at the end of a step not long ago, kept in the arena: the sequencer's state, the parameters and the
 * optimizer's state. Every later step follows from these alone, with the same bits; so when a worker dies, wherever that
 * is and whatever it leaves half written, the run is set back to here and the steps since are done again.
 *
 * Instead of a journal of every update: that costs each step a copy of what it changes; this costs one copy every
 * `plan.snapshotSteps` steps, and nothing that a piece does needs to be repeatable in itself.
 */
import type { Arena } from '../arena/arena.ts'
import type { Control } from '../arena/control.ts'
import type { Plan } from '../plan/plan.ts'
import { State } from './state.ts'

/** At a step boundary, by whoever runs the sequential part, or by the host before the run. */
export function takeSnapshot(plan: Plan, control: Control, arena: Arena): void {
  const { at, stateLength, placements } = plan
  const { doubles, floats } = arena
  control.whileCopying(() => {
    doubles[at.state + State.sinceSnapshot] = 0
    doubles.copyWithin(at.snapshotState, at.state, at.state + stateLength)
    if (at.snapshot < 0) return
    vectors(plan).forEach((vector, i) => {
      floats.copyWithin(at.snapshot + i * placements.total, vector, vector + placements.total)
    })
  })
}

/** By the host, when nobody works. */
export function restoreSnapshot(plan: Plan, control: Control, arena: Arena): void {
  // Died while copying: the copy is torn, and what was copied is still there.
  if (control.isCopying()) takeSnapshot(plan, control, arena)
  const { at, stateLength, placements } = plan
  const { doubles, floats } = arena
  doubles.copyWithin(at.state, at.snapshotState, at.snapshotState + stateLength)
  if (at.snapshot >= 0) {
    vectors(plan).forEach((vector, i) => {
      const from = at.snapshot + i * placements.total
      floats.copyWithin(vector, from, from + placements.total)
    })
  }
  forgetPassing(doubles.subarray(at.state, at.state + stateLength))
}

/** What the state says of things outside it that are not there any more: samples gathered ahead, squares of weights. */
export function forgetPassing(state: Float64Array): void {
  state[State.gathered] = 0
  state[State.comparable] = 0
}

const vectors = ({ at }: Plan): number[] => [at.parameters, ...at.slots]
