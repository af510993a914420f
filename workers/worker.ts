/** The Piscina entry: one call is one worker's part in one run. */
import type { Failed, RunTask } from '../src/crew/task.ts'
import { loadOwn } from '../src/model/own.ts'
import { work } from '../src/train/work.ts'

export default async function part(task: RunTask): Promise<Failed | undefined> {
  await loadOwn(task.spec.model, task.spec.loss)
  return work(task)
}
