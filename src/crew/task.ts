/** What a worker is told of a run: plain data and the arena's memory, nothing that runs. */
import type { KernelChoice } from '../kernels/select.ts'
import type { PlanSpec } from '../plan/spec.ts'
import type { RunSettings } from '../plan/settings.ts'

export interface RunTask {
  readonly worker: number
  readonly workers: number
  readonly memory: WebAssembly.Memory
  readonly spec: PlanSpec
  readonly settings: RunSettings
  readonly kernels: KernelChoice
  /** The compiled kernels; `null` for the reference. */
  readonly module: WebAssembly.Module | null
  /** Looks before a waiting worker sleeps. */
  readonly spins: number
}

/** Who works a run off: the crew's threads, or the calling thread (train/inline.ts). */
export interface Workforce {
  readonly workers: number
  /** Resolves when every worker has left the run; rejects with the first failure, after `onFailure`. */
  run(task: (worker: number) => RunTask, onFailure: () => void): Promise<void>
  close(): Promise<void>
}
