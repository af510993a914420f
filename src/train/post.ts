/**
 * What each worker is at, in the arena: written by the worker before and after whatever it does, read by the host when
 * a worker is lost or does not move. Nothing else depends on it. A post is
 *
 *   0  the thread's id, 0 before it has come     1  what it does: see `Doing`
 *   2  the phase    3  its stage    4  the piece
 */
import type { Arena } from '../arena/arena.ts'
import { POST_WORDS } from '../plan/plan.ts'
import type { Phase, Plan } from '../plan/plan.ts'

export const Doing = { waiting: 0, piece: 1, deciding: 2 } as const
type Doing = (typeof Doing)[keyof typeof Doing]

export class Post {
  readonly #words: Int32Array

  constructor(plan: Plan, arena: Arena, worker: number) {
    const at = plan.at.posts + worker * POST_WORDS
    this.#words = arena.words.subarray(at, at + POST_WORDS)
  }

  arrive(thread: number): void {
    this.#words.fill(0)
    this.#words[0] = thread
  }

  begin(phase: Phase, stage: number, piece: number): void {
    const w = this.#words
    w[1] = Doing.piece
    w[2] = phase
    w[3] = stage
    w[4] = piece
  }

  decide(): void {
    this.#words[1] = Doing.deciding
  }

  rest(): void {
    this.#words[1] = Doing.waiting
  }

  read(): Readout {
    const [thread, doing, phase, stage, piece] = this.#words
    return { thread: thread!, doing: doing as Doing, phase: phase as Phase, stage: stage!, piece: piece! }
  }
}

export interface Readout {
  /** 0 before the worker has come. */
  readonly thread: number
  readonly doing: Doing
  readonly phase: Phase
  readonly stage: number
  readonly piece: number
}

/** Before a run, and before it goes on: nobody has come yet. */
export function clearPosts(plan: Plan, arena: Arena, workers: number): void {
  arena.words.fill(0, plan.at.posts, plan.at.posts + workers * POST_WORDS)
}
