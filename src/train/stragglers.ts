/** Workers that hang: in their start-up, in the middle of something, or on their way out of a run that is over. */
import { setTimeout } from 'node:timers/promises'
import { WorkerLost } from '../crew/task.ts'
import { placeOf } from './place.ts'
import { Doing, Post, isStarting } from './post.ts'
import type { Readout } from './post.ts'
import { hangs } from './recovery.ts'
import type { Casualty } from './recovery.ts'
import type { Run } from './run.ts'
import { Stuck } from '../crew/stall.ts'
import type { StallWatch } from '../crew/stall.ts'

const TICK_MILLIS = 100
/** For those who do not hang, once one is known to. */
const LEAVE_MILLIS = 1000
/** How long a thread may take to end that was told to. */
const END_MILLIS = 10_000

function postsOf({ plan, arena, crew }: Run): { worker: number; post: Readout }[] {
  return Array.from({ length: crew.workers }, (_, worker) => ({ worker, post: new Post(plan, arena, worker).read() }))
}

/** Who is to be named where nobody moves: best one that is in the middle of something, or has not come. */
export function stuckWorker(run: Run): number {
  const inside = postsOf(run).filter(({ post }) => !post.hasLeft)
  const suspect = inside.find(({ post }) => post.thread !== 0 && post.doing !== Doing.waiting)
  return (suspect ?? inside.find(({ post }) => isStarting(post)) ?? inside[0])?.worker ?? 0
}

/** A worker that has not been through its start-up for too long, whatever the others do meanwhile. */
export function lateToStart(run: Run, arrivals: StallWatch): WorkerLost | undefined {
  const starting = postsOf(run).filter(({ post }) => isStarting(post))
  if (starting.length === 0) return undefined
  const mark = String(starting.length)
  // Who waits for a thread that another run has does not hang.
  const isWaiting = run.crew.isShared === true && starting.every(({ post }) => post.thread === 0)
  if (isWaiting) arrivals.rest()
  if (!arrivals.isStuck(mark, true) || isWaiting) return undefined
  const { worker } = starting.find(({ post }) => post.thread !== 0) ?? starting[0]!
  return new WorkerLost(worker, 'died', new Stuck(arrivals.quietSeconds))
}

/**
 * Until everybody has left a run that is over; those who do not are ended.
 * @param stuck one that is known to hang
 * @returns who had to be ended
 * @throws what the crew failed of; WorkerHangs where a thread will not end: it may yet write into the arena
 */
export async function allLeave(
  run: Run,
  working: Promise<void>,
  watch: StallWatch,
  ending: AbortController,
  stuck?: WorkerLost,
): Promise<WorkerLost | undefined> {
  const within = (millis: number) => Promise.race([working.then(() => true), setTimeout(millis, false, { ref: false })])
  let late = stuck
  if (late && (await within(LEAVE_MILLIS))) return late
  watch.rest()
  while (!late) {
    if (await within(TICK_MILLIS)) return undefined
    const inside = postsOf(run).filter(({ post }) => !post.hasLeft)
    const starting = inside.some(({ post }) => isStarting(post))
    if (run.crew.isShared && inside.every(({ post }) => post.thread === 0)) watch.rest()
    else if (watch.isStuck(inside.map(({ post }) => Object.values(post).join()).join(';'), starting))
      late = new WorkerLost(stuckWorker(run), 'died', new Stuck(watch.quietSeconds))
  }
  ending.abort()
  if (await within(END_MILLIS)) return late
  throw hangs(casualtyOf(run, late), late.cause)
}

/** Only while nobody changes the state. */
export function casualtyOf({ plan, settings, arena }: Run, { worker, how, cause, layer }: WorkerLost): Casualty {
  const place = placeOf(plan, settings, arena, worker, new Post(plan, arena, worker).read())
  return {
    ...place,
    layer: layer ?? place.layer,
    how: cause instanceof Stuck ? 'stalled' : how,
    message: (cause as Error).message,
  }
}
