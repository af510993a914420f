/**
 * The ranks of a job: processes, usually one a machine, that MPI started together. All MPI calls come from one thread of
 * its own (workers/exchange.ts), which lives as long as the process and takes its orders here, one at a time.
 */
import { hostname } from 'node:os'
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.ts'
import { entryOf } from '../package.ts'
import { findMpiLibrary, launchOf } from '../native/mpi/find.ts'
import type { Launch, MpiLibrary } from '../native/mpi/find.ts'
import type { RunTask } from './task.ts'

export type Order =
  | { readonly op: 'join'; readonly library: MpiLibrary }
  | { readonly op: 'run'; readonly task: RunTask }
  | { readonly op: 'gather'; readonly text: string }
  | { readonly op: 'abort'; readonly code: number }
  | { readonly op: 'leave' }

export type Answer = { readonly value: unknown } | { readonly error: unknown }

/** How long a rank that fails waits for its own MPI thread, which may be waiting for others. */
const PATIENCE_MILLIS = 1000

export class Ranks {
  readonly rank: number
  readonly ranks: number
  /** Name of each rank's machine. */
  hosts: readonly string[] = []
  readonly library: MpiLibrary
  readonly #thread: Worker
  #order: Promise<unknown> = Promise.resolve()

  private constructor(thread: Worker, library: MpiLibrary, { rank, ranks }: { rank: number; ranks: number }) {
    this.#thread = thread
    this.library = library
    this.rank = rank
    this.ranks = ranks
  }

  /** Joins the job that a launcher started this process for; `undefined` where none did. */
  static async join(launch: Launch | null = launchOf()): Promise<Ranks | undefined> {
    if (!launch) return undefined
    const answer = findMpiLibrary(launch)
    if (!answer.available) {
      throw new UserError(
        `This process is rank ${launch.rank} of ${launch.ranks} (${launch.by}), but ${answer.reason}.`,
      )
    }
    const { library } = answer
    const thread = new Worker(entryOf('workers/exchange'))
    const world = (await order(thread, { op: 'join', library })) as { rank: number; ranks: number }
    const ranks = new Ranks(thread, library, world)
    if (world.ranks !== launch.ranks) {
      ranks.abort(2)
      throw new UserError(
        `${launch.by} started ${launch.ranks} ranks, but ${library.version} (${library.path}) sees ${world.ranks}: ` +
          'launcher and library do not belong together. Name the right library in BRIGANTINE_MPI; under Slurm use ' +
          '`srun --mpi=pmix` (Open MPI) or `srun --mpi=pmi2` (MPICH), or `mpirun` inside the job.',
      )
    }
    ranks.hosts = await ranks.gather(hostname())
    return ranks
  }

  /** `rank 1 (node7)`. */
  nameOf(rank: number): string {
    return `rank ${rank} (${this.hosts[rank] ?? '?'})`
  }

  /** This rank's exchanges of a run; resolves when the run is over. */
  async run(task: RunTask): Promise<void> {
    await this.#give({ op: 'run', task })
  }

  /** Every rank's text, by rank. All ranks must ask. */
  async gather(text: string): Promise<string[]> {
    return (await this.#give({ op: 'gather', text })) as string[]
  }

  /** Ends MPI on this rank, once all ranks have come to it. */
  async leave(): Promise<void> {
    await this.#give({ op: 'leave' })
    await this.#thread.terminate()
  }

  /** Ends the whole job, this process included: at once where the MPI thread is free, by force where it is waiting. */
  abort(code: number): void {
    this.#thread.postMessage({ op: 'abort', code } satisfies Order)
    // Exiting would wait for a thread that waits for other ranks.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MILLIS)
  }

  #give(next: Order): Promise<unknown> {
    const answer = this.#order.then(() => order(this.#thread, next))
    this.#order = answer.catch(() => {})
    return answer
  }
}

function order(thread: Worker, next: Order): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (answer: Answer) => {
      thread.off('message', settle).off('error', reject)
      if ('error' in answer) reject(answer.error as Error)
      else resolve(answer.value)
    }
    thread.once('message', settle).once('error', reject)
    thread.postMessage(next)
  })
}
