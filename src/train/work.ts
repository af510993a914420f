/** A worker's part in a run: claim a piece, run it, and whoever finishes a phase last goes on with the program. */
import { openArena } from '../arena/arena.ts'
import type { Arena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { Failed, RunTask } from '../crew/task.ts'
import { describe } from '../errors.ts'
import { createKernels, strictBeside } from '../kernels/select.ts'
import { scratchOf } from '../plan/addresses.ts'
import { OwnFailed } from '../model/own.ts'
import { compilePlan } from '../plan/compile.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import { Post } from './post.ts'
import { Program } from './program.ts'
import { Saboteur } from './sabotage.ts'
import { Sequencer } from './sequencer.ts'
import { Tracer } from './tracer.ts'

/** What a worker does: a piece; the sequential part between two phases; wait until the sequence is not `seen`. */
export interface Parts {
  run(phase: Phase, piece: number): void
  advance(): void
  rest(seen: number): void
}

/** @returns nothing when the run is over; the error, where one ended it */
export function work(task: RunTask): Failed | undefined {
  const arena = openArena(task.memory)
  const plan = compilePlan(task.spec)
  const control = new Control(arena.words, plan.at.control, task.spins)
  try {
    workOff(task, arena, plan, control)
    return undefined
  } catch (error) {
    // Nobody may wait for a piece that will not be finished.
    control.settle(Status.aborted)
    return { error: sendable(error), layer: error instanceof OwnFailed ? error.layer : undefined }
  } finally {
    new Post(plan, arena, task.worker).leave()
  }
}

/** An error as it can go from thread to thread: without a cause that cannot, such as an object with functions. */
function sendable(error: unknown): unknown {
  try {
    return structuredClone(error) && error
  } catch {
    return new Error(error instanceof Error ? error.message : describe(error))
  }
}

function workOff(task: RunTask, arena: Arena, plan: Plan, control: Control): void {
  const { worker, settings, spec, faults } = task
  const saboteur = faults.length > 0 ? new Saboteur(worker, faults, plan, control, arena) : null
  const program = programOf(task, plan, arena)
  const sequencer = new Sequencer(plan, settings, control, arena, program)
  const post = new Post(plan, arena, worker)
  let parts: Parts = {
    run: (phase, piece) => program.run(phase, piece),
    advance: () => sequencer.advance(),
    rest: (seen) => {
      // An exchange is the MPI thread's, which may have no core but this worker's.
      if (worker < control.active()) control.awaitChange(seen, control.phase() !== Phase.exchange)
      else control.park(worker)
    },
  }
  if (spec.traceEvents > 0) parts = new Tracer(plan, arena, worker).watch(parts, () => program.stage)
  if (saboteur) parts = saboteur.spoil(parts)

  post.rest()
  for (;;) {
    // Read before claiming: if the phase changes after a failed claim, awaitChange returns at once.
    const seen = control.sequence()
    const wanted = worker < control.active()
    for (let piece = wanted ? control.claim(worker) : -1; piece >= 0; piece = control.claim(worker)) {
      const phase = control.phase() as Phase
      post.begin(phase, program.stage, piece)
      parts.run(phase, piece)
      if (!control.finish()) continue
      post.decide()
      parts.advance()
      if (worker >= control.active()) break
    }
    const status = control.status()
    if (status === Status.ended || status === Status.aborted) return
    post.rest()
    parts.rest(seen)
  }
}

/** The program as a worker's task wants it. */
export function programOf({ kernels: choice, module, memory, settings, worker }: RunTask, plan: Plan, arena: Arena) {
  const { kernels: scratch } = scratchOf(plan, worker)
  const kernels = createKernels(choice, module, memory, scratch)
  return new Program(plan, kernels, arena, settings, worker, strictBeside(choice, memory, scratch))
}
