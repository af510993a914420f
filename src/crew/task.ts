/** What a worker is told of a run, and how it leaves it. Plain data and the arena's memory, nothing that runs. */
import type { KernelChoice } from '../kernels/select.ts'
import type { Fault } from '../plan/faults.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { RunSettings } from '../plan/settings.ts'

export interface RunTask {
  readonly worker: number
  readonly workers: number
  readonly memory: WebAssembly.Memory
  /** Where among the arena's words the worker notes what it is at: see train/post.ts. */
  readonly post: number
  readonly spec: PlanSpec
  readonly settings: RunSettings
  readonly kernels: KernelChoice
  /** The compiled kernels; `null` for the reference. */
  readonly module: WebAssembly.Module | null
  /** Looks before a waiting worker sleeps. */
  readonly spins: number
  /** What is to go wrong, for tests. */
  readonly faults: readonly Fault[]
}

/** What a worker gives back whose part threw an error; nothing when the run is over. */
export interface Failed {
  readonly error: unknown
  /** The layer that threw it, where that is known. */
  readonly layer?: string | undefined
}

/** Why a worker left a run before its time: its thread `died`, or its part of the work `threw`. */
export class WorkerLost extends Error {
  override name = 'WorkerLost'
  readonly worker: number
  readonly how: 'died' | 'threw'
  /** The layer that threw, where that is known. */
  readonly layer: string | undefined

  constructor(worker: number, how: 'died' | 'threw', cause: unknown, layer?: string) {
    super(`worker ${worker} ${how === 'died' ? 'is gone' : 'failed'}: ${(cause as Error).message}`, { cause })
    this.worker = worker
    this.how = how
    this.layer = layer
  }
}

/** Who works a run off: the crew's threads, or the calling thread (train/inline.ts). */
export interface Workforce {
  readonly workers: number
  /**
   * Resolves when every worker has left the run; rejects with the first failure (`WorkerLost`, where the run may go on
   * without that worker's part), after `onFailure`.
   * @param ended ends the threads of those who are still in the run: a worker may never leave by itself
   */
  run(task: (worker: number) => RunTask, onFailure: () => void, ended: AbortSignal): Promise<void>
  /** Whether a run may have to wait for threads that other runs have. */
  readonly isShared?: boolean
  close(): Promise<void>
}
