/**
 * A run as the host sees it: lend the arena to the crew, read the telemetry, open the gates. No step waits for this
 * file; the host may be busy for as long as the ring has room.
 */
import { availableParallelism } from 'node:os'
import type { Arena } from '../arena/arena.ts'
import { Control, Status } from '../arena/control.ts'
import type { Workforce } from '../crew/task.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { RECORDS_PER_STEP } from './record.ts'
import { Sequencer } from './sequencer.ts'
import { beginTuning } from './tuner.ts'

export interface Run {
  readonly plan: Plan
  readonly settings: RunSettings
  readonly arena: Arena
  readonly crew: Workforce
  readonly kernels: KernelChoice
  readonly module: WebAssembly.Module | null
}

export interface RunObserver {
  /** One record of the ring: its fields start at `at` of `doubles`. May be slow: the run goes on meanwhile. */
  record?(doubles: Float64Array, at: number): void | Promise<void>
  /** The run waits: after an epoch, or because the ring was full. */
  gate?(): void | Promise<void>
  /** About ten times a second. */
  tick?(): void
}

const TICK_MILLIS = 100
/** About 20 microseconds: what a barrier between two running threads costs at the most. */
const SPINS = 4_000

/**
 * Runs to the end, or until `stopped` says so and the open step is done. Rejects with the first error of anybody.
 * @param signal only wakes the host, so that `stopped` is asked at once
 */
export async function startRun(
  run: Run,
  observer: RunObserver = {},
  stopped: () => boolean = () => false,
  signal?: AbortSignal,
): Promise<void> {
  const { plan, settings, arena, crew, kernels, module } = run
  const control = new Control(arena.words, plan.at.control, 0)
  const sequencer = new Sequencer(plan, settings, control, arena, null)
  const spins = crew.workers <= availableParallelism() ? SPINS : 0
  const { memory } = arena
  const { workers } = crew

  // In a smaller ring no step would ever find room.
  if (plan.spec.trainRows > 0 && plan.spec.ringRecords < RECORDS_PER_STEP)
    throw new Error('internal: the ring holds less than a step')
  control.setActive(workers)
  if (settings.tune) beginTuning(arena.doubles.subarray(plan.at.tuning), workers)
  sequencer.resume()
  const working = crew.run(
    (worker) => ({ worker, workers, memory, spec: plan.spec, settings, kernels, module, spins }),
    () => control.settle(Status.aborted),
  )
  // Awaited below; a worker may fail before.
  working.catch(() => {})
  const wake = () => control.ring()
  signal?.addEventListener('abort', wake, { once: true })
  try {
    await attend(control, sequencer, plan, arena.doubles, observer, stopped)
  } catch (error) {
    control.settle(Status.aborted)
    await working.catch(() => {})
    throw error
  } finally {
    signal?.removeEventListener('abort', wake)
  }
  await working
}

async function attend(
  control: Control,
  sequencer: Sequencer,
  plan: Plan,
  doubles: Float64Array,
  observer: RunObserver,
  stopped: () => boolean,
): Promise<void> {
  let read = 0
  for (;;) {
    const seen = control.doorbell()
    // Before draining: once gated or ended, no record follows.
    const status = control.status()
    for (let waiting = control.recordsWaiting(); waiting > 0; waiting--) {
      const pending = observer.record?.(doubles, plan.at.ring + (read % plan.spec.ringRecords) * plan.recordFields)
      if (pending) await pending
      read = (read + 1) >>> 0
      control.releaseRecords(1)
    }
    observer.tick?.()
    if (stopped()) control.requestStop()
    if (status === Status.ended || status === Status.aborted) return
    if (status === Status.gated) {
      await observer.gate?.()
      if (stopped()) control.requestStop()
      sequencer.resume()
    } else await control.awaitDoorbell(seen, TICK_MILLIS)
  }
}
