/** A crew that tells when nobody is in a run, for tests that would otherwise have to guess how long that takes. */
import { setImmediate } from 'node:timers/promises'
import { Crew } from '../../src/crew/crew.ts'
import type { RunTask, Workforce } from '../../src/crew/task.ts'

export class ObservedCrew implements Workforce {
  readonly #crew: Crew
  /** Runs that were begun. */
  runs = 0
  #open = 0
  #left: (() => void)[] = []

  constructor(workers: number) {
    this.#crew = new Crew(workers)
  }

  get workers(): number {
    return this.#crew.workers
  }

  async run(task: (worker: number) => RunTask, onFailure: () => void, ended: AbortSignal): Promise<void> {
    this.runs++
    this.#open++
    try {
      await this.#crew.run(task, onFailure, ended)
    } finally {
      this.#open--
      for (const left of this.#left.splice(0)) left()
    }
  }

  /** Resolves when every worker has left a run that was begun. */
  async left(): Promise<void> {
    while (this.#open > 0 || this.runs === 0) await new Promise<void>((resolve) => this.#left.push(resolve))
  }

  close(): Promise<void> {
    return this.#crew.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** So many turns of the event loop, in which whatever is about to happen happens. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

/** CPU time that other threads of this process used beside a thread that works, as a share of its own. */
export function shareOfOthers(): number {
  const [all, own] = [process.cpuUsage(), process.threadCpuUsage()]
  const sum = ({ user, system }: NodeJS.CpuUsage) => user + system
  let mine = 0
  while (mine < 200_000) mine = sum(process.threadCpuUsage(own))
  return (sum(process.cpuUsage(all)) - mine) / mine
}
