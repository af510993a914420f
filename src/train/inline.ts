/**
 * A crew of one that is no thread: the caller's own works a run off, phase by phase, with the bits any crew gives.
 * For small models inside a server, where starting threads takes longer than the work, and for whoever wants to look
 * (or reach) into the arena between two phases. Between slices of a few milliseconds the event loop breathes.
 */
import { setImmediate } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { openArena } from '../arena/arena.ts'
import type { Arena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { RunTask, Workforce } from '../crew/task.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Phase, Plan } from '../plan/plan.ts'
import { Post, takePost } from './post.ts'
import { Sequencer } from './sequencer.ts'
import { programOf } from './work.ts'

/** What a hook sees. It may change the arena: nobody else works while it runs. */
export interface View {
  readonly plan: Plan
  readonly arena: Arena
  /** The sequencer's words: see `State`. */
  readonly state: Float64Array
}

export interface Hooks {
  /** Before the first piece of a phase, and after its last one (before the sequential part that follows). */
  readonly before?: (phase: Phase, view: View) => void
  readonly after?: (phase: Phase, view: View) => void
}

const SLICE_MILLIS = 5

export class InlineCrew implements Workforce {
  readonly workers = 1
  readonly #hooks: Hooks

  constructor(hooks: Hooks = {}) {
    this.#hooks = hooks
  }

  async run(task: (worker: number) => RunTask, onFailure: () => void): Promise<void> {
    try {
      await workInline(task(0), this.#hooks)
    } catch (error) {
      onFailure()
      throw error
    }
  }

  async close(): Promise<void> {}
}

async function workInline(task: RunTask, { before, after }: Hooks): Promise<void> {
  const arena = openArena(task.memory)
  const plan = compilePlan(task.spec)
  const control = new Control(arena.words, plan.at.control, 0)
  takePost(arena.words, task.post, threadId)
  new Post(plan, arena, task.worker).rest()
  const program = programOf(task, plan, arena)
  const sequencer = new Sequencer(plan, task.settings, control, arena, program)
  const state = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
  const view: View = { plan, arena, state }

  for (;;) {
    const until = performance.now() + SLICE_MILLIS
    while (control.status() === Status.running && performance.now() < until) {
      const phase = control.phase() as Phase
      before?.(phase, view)
      for (let piece = control.claim(); piece >= 0; piece = control.claim()) {
        program.run(phase, piece)
        if (control.finish()) {
          after?.(phase, view)
          sequencer.advance()
          break
        }
      }
    }
    const seen = control.sequence()
    const status = control.status()
    if (status === Status.ended || status === Status.aborted) return
    if (status === Status.gated) await control.changed(seen)
    else await setImmediate()
  }
}
