/** The Piscina entry: one call is one worker's part in one run. */
import { threadId } from 'node:worker_threads'
import type { Failed, RunTask } from '../src/crew/task.ts'
import { loadOwn } from '../src/model/own.ts'
import { takePost } from '../src/train/post.ts'
import { work } from '../src/train/work.ts'

export default async function part(task: RunTask): Promise<Failed | undefined> {
  takePost(new Int32Array(task.memory.buffer), task.post, threadId)
  await loadOwn(task.spec.model, task.spec.loss)
  return work(task)
}
