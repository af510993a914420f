/** One call of `fit`, from data to history: what is opened, weighed and listened to for it, and closed after it. */
import type { Dataset } from '../data/dataset.ts'
import { isStream } from '../data/stream.ts'
import { applyClassWeight, weighClasses } from '../data/tensor.ts'
import type { FitOptions } from './callbacks.ts'
import type { Desk } from './desk.ts'
import { Examiner } from './examiner.ts'
import type { Feed } from './feed.ts'
import { Fit } from './fitting.ts'
import type { Sources } from './fitting.ts'
import type { History } from './history.ts'
import { checkData, checkExaminable } from './checks.ts'
import { resolveTask, trainingSpec } from './prepare.ts'
import type { Task } from './prepare.ts'
import { State } from './state.ts'

/** @param feed where `data` is but the first window of a stream */
export async function fit(desk: Desk, data: Dataset, options: FitOptions, feed?: Feed): Promise<History> {
  const { model } = await desk.build(data)
  const task = resolveTask(desk.config, model, data)
  const { validationData } = options
  if (!isStream(validationData)) {
    if (validationData) checkData(validationData, model, task, 'validation data')
    return fitBy(desk, data, task, options, { feed, validation: validationData })
  }
  checkExaminable(desk)
  const { bufferRows, signal, epochs = desk.config.epochs } = options
  const shape = { ...data, rows: feed?.rows ?? data.rows }
  const examiner = await Examiner.open(desk, validationData, {
    what: 'validation data',
    task,
    spec: trainingSpec(desk.config, task, shape, undefined, epochs),
    bufferRows,
    times: epochs,
    next: desk.unfinished?.state[State.epoch],
    signal,
  })
  try {
    return await fitBy(desk, data, task, options, { feed, validation: examiner, examiner })
  } finally {
    examiner.close()
  }
}

async function fitBy(desk: Desk, data: Dataset, task: Task, options: FitOptions, sources: Sources): Promise<History> {
  const { feed } = sources
  const { classWeight } = desk.config
  const weigh = (rows: Dataset, by = feed ? weighClasses : applyClassWeight) => {
    checkData(rows, desk.built!.model, task, 'training data')
    return classWeight ? by(rows, classWeight) : rows
  }
  const weighted = weigh(data)
  if (feed) feed.prepare = weigh
  const fitting = new Fit(desk, task, weighted, options, sources)
  const { signal } = options
  const aborted = () => fitting.hurry('the fit was aborted')
  const closed = () => fitting.hurry('the trainer was closed')
  if (signal?.aborted) aborted()
  signal?.addEventListener('abort', aborted)
  desk.closing.signal.addEventListener('abort', closed)
  try {
    await fitting.begin()
    await fitting.train()
    return await fitting.end()
  } catch (error) {
    return fitting.fail(error)
  } finally {
    fitting.close()
    signal?.removeEventListener('abort', aborted)
    desk.closing.signal.removeEventListener('abort', closed)
  }
}
