/**
 * The ranks of a job: processes, usually one a machine, that MPI started together. All MPI calls come from one thread of
 * its own (workers/exchange.ts), which lives as long as the process and takes its orders here, one at a time.
 */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { RankLost, UserError } from '../errors.ts'
import { entryOf } from '../package.ts'
import { lostChannel } from '../native/mpi/channel.ts'
import { findMpiLibrary, launchOf } from '../native/mpi/find.ts'
import type { Launch, MpiLibrary } from '../native/mpi/find.ts'
import { StallWatch } from './stall.ts'
import type { RunTask } from './task.ts'

export type Order =
  | { readonly op: 'join'; readonly library: MpiLibrary }
  | { readonly op: 'run'; readonly task: RunTask }
  /** `awaited`: by rank, transfers that are still to be over. */
  | { readonly op: 'gather'; readonly text: string; readonly awaited: Int32Array }
  | { readonly op: 'abort'; readonly code: number }
  | { readonly op: 'leave' }

export type Answer = { readonly value: unknown } | { readonly error: unknown }

/** How long a rank that fails waits for its own MPI thread, which may be waiting for others. */
const PATIENCE_MILLIS = 1000
const TICK_MILLIS = 100
/**
 * MPICH before 4.2 over UCX and TCP: a rank whose last words were acknowledged while another still waited for the gathering
 * to end hears nothing more in MPI_Finalize, not that other's last words either, and both hang (pmodels/mpich#6596). So
 * none begins it before what the gathering sent has come, twice sent again (RTO 200, then 400 ms).
 */
const FINALIZES_DEAF = /^MPICH Version: ([0-3]|4\.[01])(?!\d)/
const LAST_WORDS_MILLIS = 1000

export class Ranks {
  readonly rank: number
  readonly ranks: number
  /** Name of each rank's machine. */
  hosts: readonly string[] = []
  readonly library: MpiLibrary
  /** As `recovery.stallSeconds`: other ranks have ten times as long to come to a gathering, as before a first step. */
  stallSeconds: number
  readonly #thread: Worker
  #order: Promise<unknown> = Promise.resolve()

  private constructor(
    thread: Worker,
    library: MpiLibrary,
    { rank, ranks }: { rank: number; ranks: number },
    stallSeconds: number,
  ) {
    this.#thread = thread
    this.library = library
    this.rank = rank
    this.ranks = ranks
    this.stallSeconds = stallSeconds
  }

  /**
   * Joins the job that a launcher started this process for; `undefined` where none did.
   * @param options.stallSeconds (30): for ten times as long ranks wait for each other here
   * @throws RankLost where others do not come. MPI cannot be left then, only killed (`SIGKILL`)
   */
  static async join({ launch = launchOf(), stallSeconds = 30 }: JoinOptions = {}): Promise<Ranks | undefined> {
    if (!launch) return undefined
    const answer = findMpiLibrary(launch)
    if (!answer.available) {
      throw new UserError(
        `This process is rank ${launch.rank} of ${launch.ranks} (${launch.by}), but ${answer.reason}.`,
      )
    }
    const lost = lostChannel()
    if (lost) throw new UserError(`This process is rank ${launch.rank} of ${launch.ranks} (${launch.by}), but ${lost}.`)
    const { library } = answer
    const thread = new Worker(entryOf('workers/exchange'))
    const joining = order(thread, { op: 'join', library }) as Promise<{ rank: number; ranks: number }>
    const world = await unlessSilent(joining, stallSeconds, (seconds) => {
      const others = Array.from({ length: launch.ranks }, (_, r) => r).filter((r) => r !== launch.rank)
      return new RankLost(
        `Expected all ${launch.ranks} ranks to start MPI (MPI_Init), got nothing for ${seconds} s: one of rank ` +
          `${others.join(', ')} hangs before that or in it, or its machine cannot be reached. ${WHAT_TO_DO}`,
        { phase: 'start-up' },
      )
    })
    const ranks = new Ranks(thread, library, world, stallSeconds)
    if (world.ranks !== launch.ranks) {
      await thread.terminate()
      throw new UserError(
        `${launch.by} started ${launch.ranks} ranks, but ${library.version} (${library.path}) sees ${world.ranks}: ` +
          'launcher and library do not belong together. Name the right library in BRIGANTINE_MPI; under Slurm use ' +
          '`srun --mpi=pmix` (Open MPI) or `srun --mpi=pmi2` (MPICH), or `mpirun` inside the job.',
      )
    }
    ranks.hosts = await ranks.gather(hostname())
    return ranks
  }

  /** `rank 1 (node7)`; before its machine is known, `rank 1`. */
  nameOf(rank: number): string {
    const host = this.hosts[rank]
    return host === undefined ? `rank ${rank}` : `rank ${rank} (${host})`
  }

  /** This rank's exchanges of a run; resolves when the run is over. */
  async run(task: RunTask): Promise<void> {
    await this.#give({ op: 'run', task })
  }

  /** Every rank's text, by rank. All ranks must ask. @throws RankLost naming those that do not */
  gather(text: string): Promise<string[]> {
    return this.#gather(text, 'say what it is about to do', WHAT_TO_DO, 'start-up')
  }

  /**
   * Ends MPI on this rank, once all ranks have come to it.
   * @throws RankLost naming those that do not, after ten times `stallSeconds`; then end the job (`abort`)
   */
  async leave(): Promise<void> {
    // Before MPI_Finalize, which could not say whom it waits for.
    await this.#gather('', 'come to the end', AT_THE_END, 'end')
    if (new Set(this.hosts).size > 1 && FINALIZES_DEAF.test(this.library.version)) await sleep(LAST_WORDS_MILLIS)
    const finalizing = this.#give({ op: 'leave' }) as Promise<void>
    await unlessSilent(finalizing, this.stallSeconds, (seconds) => {
      const expected = `Expected all ${this.ranks} ranks to end MPI (MPI_Finalize), got nothing for ${seconds} s`
      return new RankLost(`${expected}: one of them hangs in it. ${AT_THE_END}`, { phase: 'end' })
    })
    await this.#thread.terminate()
  }

  /** Ends the whole job, this process included: at once where the MPI thread is free, by force where it is waiting. */
  abort(code: number): void {
    this.#thread.postMessage({ op: 'abort', code } satisfies Order)
    // Exiting would wait for a thread that waits for other ranks.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MILLIS)
  }

  #gather(text: string, to: string, advice: string, phase: string): Promise<string[]> {
    const awaited = new Int32Array(new SharedArrayBuffer(4 * this.ranks))
    const gathering = this.#give({ op: 'gather', text, awaited }) as Promise<string[]>
    return unlessSilent(gathering, this.stallSeconds, (seconds) => {
      const silent = [...awaited.keys()].filter((rank) => awaited[rank]! > 0)
      return new RankLost(
        `Expected every rank to ${to}, got nothing for ${seconds} s from ` +
          `${silent.map((rank) => this.nameOf(rank)).join(', ')}: the process hangs, or is at something that takes far ` +
          `longer than here, or its machine cannot be reached. ${advice}`,
        { phase },
      )
    })
  }

  #give(next: Order): Promise<unknown> {
    const answer = this.#order.then(() => order(this.#thread, next))
    this.#order = answer.catch(() => {})
    return answer
  }
}

interface JoinOptions {
  readonly launch?: Launch | null | undefined
  readonly stallSeconds?: number | undefined
}

const WHAT_TO_DO =
  'Nothing was trained. Look at what it waits for; where so long is usual, raise `recovery.stallSeconds`, of which ten ' +
  'times as much is waited here.'

const AT_THE_END =
  'This rank is done, and what it saved is whole. Look at what the other is at; where so long is usual, raise ' +
  '`recovery.stallSeconds`, of which ten times as much is waited here.'

/** What the MPI thread answers; or `lost`, when it waits for too long, in this process's own time, for other ranks. */
async function unlessSilent<T>(
  answer: Promise<T>,
  stallSeconds: number,
  lost: (seconds: string) => RankLost,
): Promise<T> {
  const watch = new StallWatch(stallSeconds)
  const settled = answer.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([settled, sleep(TICK_MILLIS, false, { ref: false })]))) {
    if (watch.isStuck('', true)) throw lost(watch.quietSeconds.toFixed(0))
  }
  return answer
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
