/**
 * A run as the host sees it: lend the arena to the crew, read the telemetry, open the gates. No step waits for this
 * file; the host may be busy for as long as the ring has room.
 */
import { setTimeout } from 'node:timers/promises'
import type { Arena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import { giveWay, isOver } from '../arena/turns.ts'
import { withSuppressed } from '../errors.ts'
import type { Ranks } from '../crew/ranks.ts'
import { WorkerLost } from '../crew/task.ts'
import type { RunTask, Workforce } from '../crew/task.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { ownLimits, usableCores } from '../native/limits.ts'
import type { Fault } from '../plan/faults.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { clearPosts, postOf } from './post.ts'
import { DEFAULT_RECOVERY, countCasualty, noCasualties, pauseAfter, rankStopped } from './recovery.ts'
import type { Casualty, Casualties, RecoveryOptions } from './recovery.ts'
import { silentRanks, waitsForGate } from './ranks.ts'
import { Sequencer } from './sequencer.ts'
import { RECORDS_PER_STEP } from './record.ts'
import { restoreSnapshot, takeSnapshot } from './snapshot.ts'
import { StallWatch, Stuck } from '../crew/stall.ts'
import { State, awaitsEvaluation } from './state.ts'
import { allLeave, casualtyOf, lateToStart, stuckWorker } from './stragglers.ts'
import { beginTuning } from './tuner.ts'

export interface Run {
  readonly plan: Plan
  readonly settings: RunSettings
  readonly arena: Arena
  readonly crew: Workforce
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
  readonly recovery?: RecoveryOptions | undefined
  readonly faults?: readonly Fault[] | undefined
  /** Makes the exchanges, where the plan is of several ranks. */
  readonly ranks?: Pick<Ranks, 'run' | 'nameOf'> | undefined
}

export interface RunObserver {
  /** One record of the ring: its fields start at `at` of `doubles`. May be slow: the run goes on meanwhile. */
  record?(doubles: Float64Array, at: number): void | Promise<void>
  /** The run waits: after an epoch, or because the ring was full. */
  gate?(): void | Promise<void>
  /** About ten times a second. */
  tick?(): void
  /** A worker was lost; the run goes on without a bit of difference. */
  casualty?(casualty: Casualty): void | Promise<void>
}

const TICK_MILLIS = 100
/**
 * About 100 microseconds: longer than the sequential part between two steps, whose end a sleeper would hear of late, and
 * whoever has to wake it would lose its own core to it.
 */
const SPINS = 30_000

/**
 * Runs to the end, or until `stopped` says so and the open step is done. Rejects with the first error of anybody. When a
 * worker is lost, the run is set back to its last snapshot and goes on with a replacement.
 * @param signal ends it too, whatever the host is at
 */
export async function startRun(
  run: Run,
  observer: RunObserver = {},
  stopped: () => boolean = () => false,
  signal?: AbortSignal,
): Promise<void> {
  const { plan, arena } = run
  // In a smaller ring no step would ever find room.
  if (plan.spec.trainRows > 0 && plan.spec.ringRecords < RECORDS_PER_STEP)
    throw new Error('internal: the ring holds less than a step')
  const control = new Control(arena.words, plan.at.control, 0)
  const sequencer = new Sequencer(plan, run.settings, control, arena, null)
  const stop = () => {
    control.requestStop()
    control.ring()
  }
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await takeSnapshot(plan, control, arena)
    for (let casualties = noCasualties; ;) {
      const lost = await attempt(run, control, sequencer, observer, stopped)
      if (!lost) return
      if (run.ranks) throw rankStopped(casualtyOf(run, lost), lost.cause)
      casualties = await recover(run, control, observer, casualties, lost)
    }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** @returns the worker that was lost, if the run did not come to its end for that; by then all have left */
async function attempt(
  run: Run,
  control: Control,
  sequencer: Sequencer,
  observer: RunObserver,
  stopped: () => boolean,
): Promise<WorkerLost | undefined> {
  const { plan, settings, arena, crew, kernels, module, faults = [], recovery = DEFAULT_RECOVERY } = run
  const spins = crew.workers <= usableCores(ownLimits()) ? SPINS : 0
  const { memory } = arena
  const { workers } = crew
  clearPosts(plan, arena, workers)
  control.enlist(workers)
  if (settings.tune) beginTuning(arena.doubles.subarray(plan.at.tuning), workers)
  sequencer.resume()
  let lost: WorkerLost | undefined
  const task = (worker: number): RunTask => ({
    worker,
    workers,
    memory,
    post: postOf(plan, worker),
    spec: plan.spec,
    settings,
    kernels,
    module,
    spins,
    faults,
  })
  const abort = () => {
    if (control.status() !== Status.ended) control.settle(Status.aborted)
  }
  const exchanging = run.ranks?.run(task(workers)).catch((error: unknown) => {
    abort()
    throw error
  })
  exchanging?.catch(() => {})
  const ending = new AbortController()
  const working = crew.run(task, abort, ending.signal).catch((error: unknown) => {
    if (!(error instanceof WorkerLost)) throw error
    if (control.status() !== Status.ended) lost ??= error
  })
  // Awaited below; a worker may fail before.
  working.catch(() => {})
  const watch = new StallWatch(recovery.stallSeconds)
  let stuck: WorkerLost | undefined
  try {
    stuck = await attend(run, control, sequencer, observer, stopped, watch)
    if (stuck) control.settle(Status.aborted)
    lost ??= stuck
  } catch (error) {
    control.settle(Status.aborted)
    await allLeave(run, working, watch, ending).catch((later: unknown) => withSuppressed(error, later))
    throw error
  }
  const late = await allLeave(run, working, watch, ending, stuck)
  // The run is over without it.
  if (late && !lost) await observer.casualty?.(casualtyOf(run, late))
  // A crew that failed does not wait for an exchange that waits for other ranks.
  if (!lost) await exchanging
  return lost
}

/** Sets the run back to its snapshot. @throws TrainingError when there is no hope */
async function recover(
  run: Run,
  control: Control,
  observer: RunObserver,
  before: Casualties,
  lost: WorkerLost,
): Promise<Casualties> {
  const { plan, arena, recovery = DEFAULT_RECOVERY } = run
  const casualty = casualtyOf(run, lost)
  const casualties = countCasualty(before, casualty, control.recordsWritten())
  const pause = pauseAfter(before, casualties, lost, recovery)
  await observer.casualty?.(casualty)
  if (pause > 0) await setTimeout(pause)
  await restoreSnapshot(plan, control, arena)
  control.reopen()
  return casualties
}

/** @returns a worker that does not move any more, where the run cannot end for it */
async function attend(
  run: Run,
  control: Control,
  sequencer: Sequencer,
  observer: RunObserver,
  stopped: () => boolean,
  watch: StallWatch,
): Promise<WorkerLost | undefined> {
  const { plan, arena, ranks, recovery = DEFAULT_RECOVERY } = run
  const arrivals = new StallWatch(recovery.stallSeconds)
  for (;;) {
    const seen = control.doorbell()
    // Before draining: once gated or ended, no record follows.
    const status = control.status()
    for (let waiting = control.recordsWaiting(); waiting > 0; waiting--) {
      // Unless the ring, half full, would soon stop the run.
      if (isOver() && control.recordsWaiting() < plan.spec.ringRecords / 2) await giveWay()
      const at = plan.at.ring + (control.recordsRead() % plan.spec.ringRecords) * plan.recordFields
      const pending = observer.record?.(arena.doubles, at)
      if (pending) await pending
      control.releaseRecords(1)
      // Who is told of a step may have had enough, while many later ones wait to be told.
      if (stopped()) control.requestStop()
    }
    observer.tick?.()
    if (stopped()) control.requestStop()
    if (status === Status.ended || status === Status.aborted) return undefined
    if (status === Status.gated) {
      const waited = waitsForWindow(plan, arena)
      await observer.gate?.()
      // The window before is gone: nothing can be set back to a step of it.
      if (waited && !waitsForWindow(plan, arena)) await takeSnapshot(plan, control, arena)
      if (stopped()) control.requestStop()
      sequencer.resume()
      watch.rest()
      arrivals.rest()
    } else {
      await control.awaitDoorbell(seen, TICK_MILLIS)
      if (control.status() !== Status.running) continue
      const late = lateToStart(run, arrivals)
      if (late) return late
      const patient = ranks !== undefined && waitsForGate(plan, arena)
      if (watch.isStuck(control.progress(), patient)) {
        const silent = ranks && silentRanks(plan, arena, (rank) => ranks.nameOf(rank), watch.quietSeconds)
        if (silent) throw silent
        return new WorkerLost(stuckWorker(run), 'died', new Stuck(watch.quietSeconds))
      }
    }
  }
}

/** Of rows that are trained on, or measured by. */
function waitsForWindow({ at, stateLength }: Plan, { doubles }: Arena): boolean {
  const state = doubles.subarray(at.state, at.state + stateLength)
  return state[State.wanted] === 1 || awaitsEvaluation(state)
}
