/**
 * One training of the suite, on the calling thread, with kernels that give the same bits on every machine. How far it
 * came is measured afterwards, on clean rows: e = 1 - loss / loss of the best constant answer.
 */
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { HealthVerdict } from '../../src/gradient/verdict.ts'
import { buildModel } from '../../src/model/build.ts'
import type { Action } from '../../src/remedy/action.ts'
import type { Callbacks } from '../../src/train/callbacks.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import type { Hooks } from '../../src/train/inline.ts'
import type { History } from '../../src/train/history.ts'
import { TrainingError } from '../../src/errors.ts'
import { Trainer } from '../../src/train/trainer.ts'
import type { Build, Case } from './case.ts'
import { isRegression, makeData, rowsOf } from './data.ts'

export interface Trained {
  /** Explained fraction at the end, from 0 (no better than a constant, or not finite) to 1. */
  readonly e: number
  /** On held-out rows: share of right answers, or r2 (at least 0) for numbers. */
  readonly accuracy: number
  /** Whether a loss or gradient was not finite: without protection nothing finite comes after it. */
  readonly nonFinite: boolean
  /** `undefined` where the run was stopped for its health. */
  readonly history: History | undefined
  /** Of the detector, those before the end of a stopped run too. */
  readonly verdicts: readonly HealthVerdict[]
  /** Of repair, likewise. */
  readonly actions: readonly Action[]
  readonly seconds: number
  readonly stopped: string | undefined
}

type Health = NonNullable<Config['health']>

/** Nothing is skipped, clipped or stopped but what the arithmetic cannot go on with. */
export const unprotected: Health = {
  mode: 'observe',
  spikeSkip: false,
  maxConsecutiveSkips: 1e9,
  maxSkipsInWindow: 1e9,
}

const EVALUATED_ROWS = 1000

export async function train(c: Case, build: Build, seed: number, health: Health, watch: Hooks = {}): Promise<Trained> {
  const scale = build.scale ?? ((data: Dataset) => data)
  const pair = makeData(c.data, build.rows)
  const clean = scale(pair.train)
  const held = scale(pair.held)
  const data = build.poison?.(clean, seed) ?? clean
  const { batchSize } = build.config
  const stepsPerEpoch = batchSize === 'full' ? 1 : Math.ceil(data.rows / (batchSize ?? 32))
  const config: Config = {
    ...build.config,
    loss: isRegression(c.data) ? 'meanSquaredError' : 'sparseCategoricalCrossentropy',
    seed,
    health,
    workers: 1,
    kernels: 'wasm-strict',
    epochs: Math.ceil(c.steps / stepsPerEpoch),
    maxSteps: c.steps,
  }
  const crew = new InlineCrew(joined(build.inject?.() ?? {}, watch))
  await using trainer = await Trainer.create(config, { crew })
  await trainer.build(data)
  if (build.initial) {
    const weights = trainer.getWeights()
    const shapes = buildModel(trainer.config.model, data.features).parameters.map((p) => [p.name, p.shape] as const)
    build.initial(weights, Object.fromEntries(shapes))
    trainer.setWeights(weights)
  }
  const began = performance.now()
  const verdicts: HealthVerdict[] = []
  const actions: Action[] = []
  const callbacks: Callbacks = {
    onVerdict: (verdict) => void verdicts.push(verdict),
    onAction: (action) => void actions.push(action),
  }
  let history: History | undefined
  let stopped: string | undefined
  try {
    history = await trainer.fit(data, { callbacks })
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error
    stopped = error.message
  }
  const seconds = (performance.now() - began) / 1000
  const finite = history !== undefined && [...history.steps.loss, ...history.steps.gradNorm].every(Number.isFinite)
  const sample = rowsOf(clean, 0, Math.min(EVALUATED_ROWS, clean.rows))
  // The evaluation is not part of the run: no faults, no watching.
  const { loss } = await evaluated(trainer, sample)
  const on = await evaluated(trainer, held)
  return {
    e: clamp(1 - loss! / nullLoss(sample, isRegression(c.data))),
    accuracy: clamp(on.acc ?? on.r2 ?? 0),
    nonFinite: !finite,
    history,
    verdicts,
    actions,
    seconds,
    stopped,
  }
}

const evaluated = (trainer: Trainer, data: Dataset): Promise<Record<string, number>> => trainer.evaluate(data)

/** NaN counts as 0. */
const clamp = (value: number): number => (value > 0 ? Math.min(1, value) : 0)

export function joined(...all: readonly Hooks[]): Hooks {
  return {
    before: (phase, view) => all.forEach((hooks) => hooks.before?.(phase, view)),
    after: (phase, view) => all.forEach((hooks) => hooks.after?.(phase, view)),
  }
}

/** Loss of the best constant answer: the entropy of the labels, or the variance of the targets. */
function nullLoss({ y, rows }: Dataset, regression: boolean): number {
  if (regression) {
    const mean = y.reduce((sum, value) => sum + value, 0) / rows
    return y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows
  }
  const counts = new Map<number, number>()
  for (const label of y) counts.set(label, (counts.get(label) ?? 0) + 1)
  let entropy = 0
  for (const count of counts.values()) entropy -= (count / rows) * Math.log(count / rows)
  return entropy
}
