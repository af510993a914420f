/**
 * What each worker is at, in the arena: written by the worker before and after whatever it does, read by the host when
 * a worker is lost or does not move. Nothing else depends on it. A post is
 *
 *   0  the thread's id, 0 before it has taken its part     1  what it does: see `Doing`
 *   2  the phase    3  its stage    4  the piece    5  1 when it has left
 */
import type { Arena } from '../arena/arena.ts'
import { POST_WORDS } from '../plan/lengths.ts'
import type { Phase, Plan } from '../plan/plan.ts'

/** Where a worker's post begins among the arena's words. */
export const postOf = (plan: Plan, worker: number): number => plan.at.posts + worker * POST_WORDS

/** A thread's first act in a run: whatever holds it up from here on can be told of it. */
export function takePost(words: Int32Array, at: number, thread: number): void {
  words.fill(0, at, at + POST_WORDS)
  words[at] = thread
  words[at + 1] = Doing.starting
}

export const Doing = { waiting: 0, piece: 1, deciding: 2, starting: 3 } as const
type Doing = (typeof Doing)[keyof typeof Doing]

export class Post {
  readonly #words: Int32Array

  constructor(plan: Plan, arena: Arena, worker: number) {
    const at = postOf(plan, worker)
    this.#words = arena.words.subarray(at, at + POST_WORDS)
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

  leave(): void {
    this.#words[5] = 1
  }

  read(): Readout {
    const [thread, doing, phase, stage, piece, left] = this.#words
    return {
      ...{ thread: thread!, doing: doing as Doing, phase: phase as Phase, stage: stage!, piece: piece! },
      hasLeft: left === 1,
    }
  }
}

export interface Readout {
  /** 0 before the worker has taken its part. */
  readonly thread: number
  readonly doing: Doing
  readonly phase: Phase
  readonly stage: number
  readonly piece: number
  readonly hasLeft: boolean
}

/** Whether the worker has not yet been through its start-up. */
export const isStarting = ({ thread, doing }: Readout): boolean => thread === 0 || doing === Doing.starting

/** Before a run, and before it goes on: nobody has come yet. */
export function clearPosts(plan: Plan, arena: Arena, workers: number): void {
  arena.words.fill(0, plan.at.posts, plan.at.posts + workers * POST_WORDS)
}
