/** A worker's part in a run: claim a piece, run it, and whoever finishes a phase last goes on with the program. */
import { openArena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { RunTask } from '../crew/task.ts'
import { createKernels } from '../kernels/select.ts'
import { compilePlan, scratchOf } from '../plan/plan.ts'
import type { Phase } from '../plan/plan.ts'
import { Program } from './program.ts'
import { Sequencer } from './sequencer.ts'
import { Tracer } from './tracer.ts'

export function work(task: RunTask): void {
  const arena = openArena(task.memory)
  const plan = compilePlan(task.spec)
  const control = new Control(arena.words, plan.at.control, task.spins)
  const kernels = createKernels(task.kernels, task.module, task.memory, scratchOf(plan, task.worker).kernels)
  const program = new Program(plan, kernels, arena, task.settings, task.worker)
  const sequencer = new Sequencer(plan, task.settings, control, arena, program)
  const tracer = task.spec.traceEvents > 0 ? new Tracer(plan, arena, task.worker) : null
  const run = (phase: Phase, piece: number) => {
    if (tracer) tracer.piece(phase, program.stage, piece, () => program.run(phase, piece))
    else program.run(phase, piece)
  }
  const rest = (seen: number) => {
    if (task.worker < control.active()) control.awaitChange(seen)
    else control.park(task.worker)
  }
  try {
    for (;;) {
      // Read before claiming: if the phase changes after a failed claim, awaitChange returns at once.
      const seen = control.sequence()
      const wanted = task.worker < control.active()
      for (let piece = wanted ? control.claim() : -1; piece >= 0; piece = control.claim()) {
        run(control.phase() as Phase, piece)
        if (!control.finish()) continue
        if (tracer) tracer.decide(() => sequencer.advance())
        else sequencer.advance()
        if (task.worker >= control.active()) break
      }
      const status = control.status()
      if (status === Status.ended || status === Status.aborted) return
      if (tracer) tracer.wait(() => rest(seen))
      else rest(seen)
    }
  } catch (error) {
    // Nobody may wait for a piece that will not be finished.
    control.settle(Status.aborted)
    throw error
  }
}
