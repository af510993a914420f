/** Rows that go forward only: to be measured, or for their outputs. */
import type { Dataset } from '../data/dataset.ts'
import { isStream } from '../data/stream.ts'
import type { RowStream } from '../data/stream.ts'
import type { MetricConfig } from '../model/config.ts'
import { confusableClasses, readConfusion } from '../model/metrics/confusion.ts'
import type { ConfusionMatrix } from '../model/metrics/confusion.ts'
import type { StreamOptions } from './callbacks.ts'
import { checkData, checkNoStream } from './checks.ts'
import type { Built, Desk } from './desk.ts'
import { Examiner, attachExaminer } from './examiner.ts'
import { evaluationSpec, resolveTask } from './prepare.ts'
import { afterClosing } from './root.ts'
import { Session } from './session.ts'
import { Reason, State } from './state.ts'

/** @returns loss and metrics of all rows, by name */
export async function evaluate(
  desk: Desk,
  data: Dataset | RowStream,
  options: StreamOptions,
): Promise<Record<string, number>> {
  const { plan, state } = await measure(desk, data, options)
  const keys = ['loss', ...plan.metrics.map((metric) => metric.key)]
  return Object.fromEntries(keys.map((key, i) => [key, state[plan.sumsAt.values + i]!]))
}

/** @returns undefined for a model that does not choose one of so many classes */
export async function confusion(
  desk: Desk,
  data: Dataset | RowStream,
  options: StreamOptions,
): Promise<ConfusionMatrix | undefined> {
  const { model, targets, classNames } = isStream(data) ? desk.trained('confuse') : await desk.build(data)
  const columns = isStream(data) ? { targets, classNames } : data
  const { loss } = resolveTask(desk.config, model, columns)
  const classes = confusableClasses(loss, model.outputs, columns.targets)
  if (classes === 0) return undefined
  const { plan, state } = await measure(desk, data, options, [{ type: 'confusion' }])
  return readConfusion(state, plan.sumsAt.evaluation + 1, classes, columns.classNames ?? classNames)
}

/** Loss and metrics of all rows, wherever they lie. */
async function measure(
  desk: Desk,
  data: Dataset | RowStream,
  { bufferRows }: StreamOptions,
  metrics?: MetricConfig[],
): Promise<Session> {
  if (!isStream(data)) {
    checkNoStream({ bufferRows })
    const built = await desk.build(data)
    checkData(data, built.model, resolveTask(desk.config, built.model, data), 'data')
    return forward(desk, built, data, false, metrics)
  }
  const built = desk.trained('evaluate a stream with')
  const task = resolveTask(desk.config, built.model, built)
  const shape = { rows: 1, features: built.model.inputs, targets: built.targets }
  const spec = evaluationSpec(desk.config, task, shape, false)
  const examiner = await Examiner.open(desk, data, { what: 'data', task, spec, bufferRows })
  try {
    return await forward(desk, built, { ...shape, rows: examiner.rows }, false, metrics, examiner)
  } catch (error) {
    throw await afterClosing(error, examiner.close())
  } finally {
    void examiner.close()
  }
}

/** @param data the rows, or of a stream their shape, and how many of them lie in the arena */
export async function forward(
  desk: Desk,
  built: Built,
  data: Dataset | Pick<Dataset, 'rows' | 'features' | 'targets'>,
  keepOutputs: boolean,
  metrics?: MetricConfig[],
  examiner?: Examiner,
): Promise<Session> {
  const usual = resolveTask(desk.config, built.model, built)
  const task = { ...usual, metrics: metrics ?? usual.metrics }
  const spec = evaluationSpec(desk.config, task, data, keepOutputs)
  const crew = desk.enlist(spec)
  const given = { ...spec, workers: crew.workers }
  const rows = 'x' in data ? data : undefined
  const session = await Session.open(given, built.weights, undefined, rows, desk.spare)
  attachExaminer(session, examiner)
  await desk.run(
    session,
    crew,
    { epochs: 1, maxSteps: Infinity, gateEpochs: false },
    {},
    {
      gate: () => examiner?.fill(session, () => desk.closed),
      wantsEnd: () => examiner?.error !== undefined || desk.closed,
    },
  )
  if (examiner?.error) throw examiner.error
  if (session.state[State.reason] !== Reason.completed) throw new Error('closed while it waited for the stream')
  // The caller reads what it wants before anybody else has the trainer.
  desk.spare.keep(session)
  return session
}
