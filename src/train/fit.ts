/** One call of `fit`, from data to history: what is opened, weighed and listened to for it, and closed after it. */
import { checkRoom } from '../arena/arena.ts'
import type { Dataset } from '../data/dataset.ts'
import { isStream } from '../data/stream.ts'
import { applyClassWeight, weighClasses } from '../data/tensor.ts'
import { buildModel } from '../model/build.ts'
import { compilePlan } from '../plan/compile.ts'
import type { FitOptions } from './callbacks.ts'
import { claim } from './claim.ts'
import type { Desk } from './desk.ts'
import { Examiner } from './examiner.ts'
import type { Feed } from './feed.ts'
import { Fit } from './fitting.ts'
import type { Sources } from './fitting.ts'
import type { History } from './history.ts'
import { checkData, checkExaminable } from './checks.ts'
import { resolveTask, trainingSpec } from './prepare.ts'
import type { Task } from './prepare.ts'
import { afterClosing } from './root.ts'
import { State } from './state.ts'

/** @param feed where `data` is but the first window of a stream */
export async function fit(desk: Desk, data: Dataset, options: FitOptions, feed?: Feed): Promise<History> {
  const { validationData, bufferRows, signal, epochs = desk.config.epochs } = options
  const shape = { ...data, rows: feed?.rows ?? data.rows }
  const model = desk.built?.model ?? buildModel(desk.config.model, data.features)
  const task = resolveTask(desk.config, model, data)
  const spec = trainingSpec(desk.config, task, shape, undefined, epochs, 0, desk.ranks)
  // To draw weights that do not fit takes as much time and memory as they do.
  if (!desk.built) checkRoom(compilePlan(spec).layout)
  await desk.build(data)
  if (!isStream(validationData)) {
    if (validationData) checkData(validationData, model, task, 'validation data')
    return fitBy(desk, data, task, options, { feed, validation: validationData })
  }
  checkExaminable(desk)
  const examiner = await Examiner.open(desk, validationData, {
    what: 'validation data',
    task,
    spec,
    bufferRows,
    times: epochs,
    next: desk.unfinished?.state[State.epoch],
    signal,
  })
  try {
    return await fitBy(desk, data, task, options, { feed, validation: examiner, examiner })
  } catch (error) {
    throw await afterClosing(error, examiner.close())
  } finally {
    void examiner.close()
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
  const { signal, checkpoint } = options
  const aborted = () => fitting.hurry('the fit was aborted')
  const closed = () => fitting.hurry('the trainer was closed')
  if (signal?.aborted) aborted()
  signal?.addEventListener('abort', aborted)
  desk.closing.signal.addEventListener('abort', closed)
  let release: (() => Promise<void>) | undefined
  try {
    // Of several ranks the first one writes.
    if (checkpoint && !desk.ranks?.rank) release = await claim(checkpoint.directory)
    await fitting.begin()
    await fitting.train()
    return await fitting.end()
  } catch (error) {
    return await fitting.fail(error)
  } finally {
    fitting.close()
    await release?.()
    signal?.removeEventListener('abort', aborted)
    desk.closing.signal.removeEventListener('abort', closed)
  }
}
