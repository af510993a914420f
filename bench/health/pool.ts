/** Cases over threads: each takes the next when it is done. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { entryOf } from '../../src/package.ts'
import type { Assessment } from './assess.ts'

export interface Task {
  readonly id: string
  readonly seed: number
}

export async function assessAll(tasks: readonly Task[], onDone: (done: Assessment) => void): Promise<Assessment[]> {
  const results: Assessment[] = []
  let next = 0
  const threads = Math.min(availableParallelism(), tasks.length)
  await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(entryOf('bench/health/worker'))
          const give = () => {
            const task = tasks[next++]
            if (task) worker.postMessage(task)
            else void worker.terminate().then(() => resolve())
          }
          worker.on('error', (error) => {
            next = tasks.length
            reject(error)
          })
          worker.on('message', (done: Assessment) => {
            results.push(done)
            onDone(done)
            give()
          })
          give()
        }),
    ),
  )
  return results.sort((a, b) => tasks.findIndex((t) => is(t, a)) - tasks.findIndex((t) => is(t, b)))
}

const is = (task: Task, done: Assessment): boolean => task.id === done.id && task.seed === done.seed
