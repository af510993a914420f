/**
 * The crew: enlisted threads, each a Piscina worker. The only import of Piscina. A run is one long task per worker;
 * inside it a worker goes from phase to phase on shared memory, because a round trip per phase through the pool
 * costs more than many whole steps.
 */
import { stat } from 'node:fs'
import { Piscina } from 'piscina'
import { entryOf } from '../package.ts'
import { UserError } from '../errors.ts'
import { lackOfThreads } from '../native/room.ts'
import { WorkerLost } from './task.ts'
import type { Failed, RunTask, Workforce } from './task.ts'

export class Crew implements Workforce {
  /** Threads of a run: may be set anew before each, up to the number it was made for. */
  workers: number
  readonly #pool: Piscina
  #runs = 0
  #closed = false
  /** Aborted, with the reason, when the system refuses a thread. */
  #refused = new AbortController()

  /** @param atOnce threads to start now; the others come with the first run that has work for them */
  constructor(workers: number, atOnce = workers) {
    this.workers = workers
    // libuv's threads come with the first file that is read in the background, and end the process where they are refused.
    stat('.', () => {})
    checkRoom(atOnce, workers)
    this.#pool = new Piscina({
      filename: entryOf('workers/worker').href,
      minThreads: atOnce,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: 2 ** 31 - 1,
      // A worker's garbage is a few numbers a step: a small young generation keeps its memory flat from the start.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    // Failures reach us through the run's promises; without a listener a dying idle worker would end the process. But the
    // pool keeps waiting for a thread that the system refuses.
    this.#pool.on('error', (error: Error) => {
      if (!isRefused(error)) return
      const refused = this.#refused
      this.#refused = new AbortController()
      refused.abort(refusal(error, this.workers))
    })
  }

  /**
   * Resolves when every worker has left the run. The first failure rejects, after `onFailure` has had the chance to
   * call the others back and all have left. The pool enlists a new thread for one that died by itself, or that `ended` ends.
   * @throws UserError when the system has no room for so many threads
   */
  async run(task: (worker: number) => RunTask, onFailure: () => void, ended: AbortSignal): Promise<void> {
    try {
      checkRoom(this.workers - this.#pool.threads.length, this.workers)
    } catch (error) {
      onFailure()
      throw error
    }
    this.#runs++
    let first: { error: unknown } | undefined
    let endings: Promise<unknown> | undefined
    const end = (): void => {
      const before = this.#pool.threads
      // The pool's own listeners come after this one; then those threads are no longer among its own.
      queueMicrotask(() => {
        const gone = before.filter((thread) => !this.#pool.threads.includes(thread))
        endings = Promise.all(gone.map((thread) => thread.terminate()))
      })
    }
    ended.addEventListener('abort', end)
    const unmanned = new AbortController()
    const tasks = Array.from({ length: this.workers }, (_, worker) => this.#part(task(worker), ended, unmanned.signal))
    // The pool replaces no thread that ended before it was there, and what waits for it would wait for good.
    const release = eachExit(this.#pool, (code) => {
      if (this.#closed || this.#pool.queueSize === 0 || this.#pool.threads.length >= this.workers) return
      const lost = new WorkerLost(this.workers - 1, 'died', new Error(`worker exited with code: ${code}`))
      if (this.#pool.threads.length === 0) return unmanned.abort(lost)
      if (this.isShared) return
      first ??= { error: lost }
      onFailure()
    })
    await Promise.all(
      tasks.map((running) =>
        running.catch((error: unknown) => {
          first ??= { error }
          onFailure()
        }),
      ),
    )
    // Until then they may yet write into the arena.
    await endings
    ended.removeEventListener('abort', end)
    release()
    this.#runs--
    if (first) throw first.error
  }

  /** @param unmanned aborted, with what was lost, when no thread is left that could take it up */
  async #part(task: RunTask, ended: AbortSignal, unmanned: AbortSignal): Promise<void> {
    const refused = this.#refused.signal
    const either = { signal: AbortSignal.any([ended, unmanned, refused]) }
    let failed: Failed | undefined
    try {
      failed = (await this.#pool.run(task, either)) as Failed | undefined
    } catch (error) {
      refused.throwIfAborted()
      unmanned.throwIfAborted()
      // Where no thread is on its way that could take a part up later, the pool starts one at once.
      if (isRefused(error)) throw refusal(error, this.workers)
      throw this.#closed ? error : new WorkerLost(task.worker, 'died', error)
    }
    if (failed) throw new WorkerLost(task.worker, 'threw', failed.error, failed.layer)
  }

  get isShared(): boolean {
    return this.#runs > 1
  }

  /** The threads of now: to look at, or to see what becomes of a run when one is ended. */
  get threads(): Piscina['threads'] {
    return this.#pool.threads
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pool.destroy()
  }
}

/** Tells of every thread of the pool that ends, of those too that come in place of others. @returns what ends that */
function eachExit(pool: Piscina, told: (code: number) => void): () => void {
  const seen = new Set<Piscina['threads'][number]>()
  const watch = (): void => {
    for (const thread of pool.threads) {
      if (seen.has(thread)) continue
      seen.add(thread)
      thread.once('exit', left)
    }
  }
  const left = (code: number): void => {
    watch()
    told(code)
  }
  watch()
  return () => seen.forEach((thread) => thread.off('exit', left))
}

const isRefused = (error: unknown): error is Error => (error as NodeJS.ErrnoException).code === 'ERR_WORKER_INIT_FAILED'

/** The pool asks for threads where nobody could catch a refusal. @throws UserError naming the limit */
function checkRoom(missing: number, workers: number): void {
  const lack = lackOfThreads(missing)
  if (!lack) return
  throw new UserError(
    `Expected room for ${missing} more thread${missing > 1 ? 's' : ''} of ${workers} worker${workers > 1 ? 's' : ''}, but ` +
      `${lack.limit} leaves ${lack.threads}. Raise it, or lower \`workers\` (--workers).`,
  )
}

/** What was refused, and which limit it is likely to be. */
function refusal(cause: Error, workers: number): UserError {
  const limit = /EMFILE|ENFILE/.test(cause.message)
    ? 'open files: raise it (`ulimit -n`)'
    : "threads or memory: raise it (`ulimit -u`, `ulimit -v`, the container's)"
  return new UserError(
    `Expected to start ${workers} worker thread${workers > 1 ? 's' : ''}, but the system refused one (${cause.message}). ` +
      `It may be the limit of ${limit}, or lower \`workers\` (--workers).`,
    { cause },
  )
}
