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
import { copyInSlices } from '../arena/turns.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import type { Plan } from '../plan/plan.ts'
import { State } from './state.ts'

/** By the host, when nobody works. */
export async function takeSnapshot(plan: Plan, control: Control, arena: Arena): Promise<void> {
  control.setCopying(true)
  await eachCopied(plan, (vector, copy, length) => copyWithin(arena, copy, vector, length))
  closeSnapshot(plan, control, arena)
}

/** A piece of the snapshot phase, which lies between two steps: until it is closed, what is copied stays as it is. */
export function copyRun(plan: Plan, kernels: Kernels, piece: number): void {
  const { at, placements } = plan
  const start = piece * UPDATE_PIECE
  const count = Math.min(UPDATE_PIECE, placements.total - start)
  vectors(plan).forEach((vector, i) => {
    kernels.copy(count, vector + start, at.snapshot + i * placements.total + start)
  })
}

/** After the last piece: the state, and the snapshot is the one that counts. */
export function closeSnapshot({ at, stateLength }: Plan, control: Control, { doubles }: Arena): void {
  doubles[at.state + State.sinceSnapshot] = 0
  doubles.copyWithin(at.snapshotState, at.state, at.state + stateLength)
  control.setCopying(false)
}

/** By the host, when nobody works. */
export async function restoreSnapshot(plan: Plan, control: Control, arena: Arena): Promise<void> {
  // Died while copying: the copy is torn, and what was copied is still there.
  if (control.isCopying()) await takeSnapshot(plan, control, arena)
  const { at, stateLength } = plan
  const { doubles } = arena
  doubles.copyWithin(at.state, at.snapshotState, at.snapshotState + stateLength)
  await eachCopied(plan, (vector, copy, length) => copyWithin(arena, vector, copy, length))
  forgetPassing(doubles.subarray(at.state, at.state + stateLength))
}

/** What the state says of things outside it that are not there any more: samples gathered ahead, squares of weights. */
export function forgetPassing(state: Float64Array): void {
  state[State.gathered] = 0
  state[State.comparable] = 0
}

/** What is copied, and its copy, one after the other; nothing where none is kept. */
async function eachCopied(
  plan: Plan,
  visit: (vector: number, copy: number, length: number) => Promise<void>,
): Promise<void> {
  const { at, placements } = plan
  if (at.snapshot < 0) return
  for (const [i, vector] of vectors(plan).entries()) {
    await visit(vector, at.snapshot + i * placements.total, placements.total)
  }
}

const copyWithin = ({ floats }: Arena, into: number, from: number, length: number): Promise<void> =>
  copyInSlices(floats, into, floats.subarray(from, from + length))

const vectors = ({ at }: Plan): number[] => [at.parameters, ...at.slots]
