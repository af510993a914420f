/** From a config and data to what a run needs: the plan's spec and the run's settings. The one place that resolves `auto`. */
import { mixupText } from '../config/augment.ts'
import type { ResolvedConfig } from '../config/schema.ts'
import type { Dataset } from '../data/dataset.ts'
import { UserError } from '../errors.ts'
import { ownLimits, usableWorkers } from '../native/limits.ts'
import type { LossConfig, MetricConfig } from '../model/config.ts'
import type { Model } from '../model/build.ts'
import { classifies, lossRule, takesLabels } from '../model/losses.ts'
import { compilePlan } from '../plan/compile.ts'
import type { Plan } from '../plan/plan.ts'
import { mostRows, pieces } from '../plan/pieces.ts'
import type { Augment, RunSettings } from '../plan/settings.ts'
import { ALONE } from '../plan/shards.ts'
import type { Sharing } from '../plan/shards.ts'
import type { PlanSpec } from '../plan/spec.ts'
import { monitorIndex, monitorMode, valueKeys } from './keys.ts'

export interface Task {
  readonly loss: LossConfig
  readonly metrics: readonly MetricConfig[]
}

/** Loss and metrics that fit the data, where the config leaves them open. */
export function resolveTask(config: ResolvedConfig, model: Model, data: Pick<Dataset, 'targets' | 'classNames'>): Task {
  const classes = data.targets === 1 && (data.classNames !== undefined || model.outputs > 1)
  const isOneHot = data.targets > 1 && data.classNames?.length === data.targets
  const loss: LossConfig =
    config.loss !== 'auto'
      ? config.loss
      : classes
        ? { type: 'sparseCategoricalCrossentropy' }
        : { type: isOneHot ? 'categoricalCrossentropy' : 'meanSquaredError' }
  const usual: MetricConfig[] = classifies(loss) ? [{ type: 'accuracy' }] : [{ type: 'mae' }, { type: 'r2' }]
  if (config.augment?.mixup !== undefined && takesLabels(loss)) {
    throw new UserError(`\`augment.mixup\`: ${mixupText(loss)}`)
  }
  const metrics = config.metrics ?? usual
  for (const metric of metrics) {
    const problem = misfit(metric.type, loss)
    if (problem)
      throw new UserError(`Expected \`metrics\` to fit the loss \`${loss.type}\`: ${metric.type} is for ${problem}.`)
    if (metric.type === 'topK' && metric.k >= model.outputs)
      throw new UserError(
        `Expected \`k\` of the metric topK to be below the model's ${model.outputs} classes, got ${metric.k}: ` +
          'every label would be among them.',
      )
  }
  return { loss, metrics }
}

/** What a metric would be for, if not for this loss. */
function misfit(metric: MetricConfig['type'], loss: LossConfig): string | undefined {
  const { takes, link } = lossRule(loss)
  switch (metric) {
    case 'accuracy':
    case 'precision':
    case 'recall':
    case 'f1':
    case 'auc':
    case 'confusion':
      return classifies(loss) ? undefined : 'classes'
    case 'topK':
    case 'perplexity':
    case 'bits':
      return link === 'softmax' ? undefined : 'one class of several'
    case 'mae':
    case 'r2':
      return takes === 'numbers' ? undefined : 'numbers'
  }
}

export const batchSizeOf = (config: ResolvedConfig, rows: number): number =>
  config.batchSize === 'full' ? rows : Math.min(config.batchSize, rows)

/** Rows of a micro-batch of one shard. */
export const microRowsOf = (config: ResolvedConfig, rows: number): number =>
  Math.ceil(batchSizeOf(config, rows) / config.shards / config.accumulationSteps)

/** `auto`: every core that the process may use, but no more workers than the widest phase has pieces. */
export function resolveWorkers(config: ResolvedConfig, plan: Plan): number {
  if (config.workers !== 'auto') return config.workers
  const { spec } = plan
  const rows = mostRows(plan)
  const widest = spec.optimizer
    ? Math.max(pieces.gradient(plan, 0, rows), ...plan.stages.map((_, i) => pieces.stage(plan, i, rows)))
    : pieces.evaluate(plan, Math.min(plan.evaluationRows, spec.evaluationRows))
  return Math.min(mostWorkers(config), widest)
}

/** Whatever the plan will be. */
export const mostWorkers = ({ workers }: ResolvedConfig): number =>
  workers === 'auto' ? usableWorkers(ownLimits()) : workers

/** Layers that are watched, where a block has several. */
const MATRICES: Partial<Record<string, number>> = {
  attention: 2,
  transformerBlock: 4,
  resnetBlock: 4,
  bidirectional: 2,
}

const RING_RECORDS = 2 ** 16

function ringRoom({ model }: ResolvedConfig): number {
  const count = (layers: readonly { type: string; layers?: readonly unknown[] }[]): number =>
    layers.reduce((sum, { type, layers: inner }) => sum + (inner ? count(inner as never) : (MATRICES[type] ?? 1)), 0)
  return 2 ** Math.floor(Math.log2(2 ** 21 / (32 + 7 * count(model.layers as never))))
}

export function trainingSpec(
  config: ResolvedConfig,
  task: Task,
  data: Dataset,
  validation: Pick<Dataset, 'rows'> | undefined,
  epochs: number,
  traceEvents = 0,
  world: { rank: number; ranks: number } = ALONE,
): PlanSpec {
  const batchSize = batchSizeOf(config, data.rows)
  const steps = epochs * (Math.ceil(data.rows / batchSize) + 1) + 2
  return {
    model: config.model,
    inputs: data.features,
    targets: data.targets,
    ...task,
    optimizer: config.optimizer,
    batchSize,
    accumulationSteps: Math.min(config.accumulationSteps, batchSize),
    sharing: sharingOf(config.shards, batchSize, world),
    shardState: config.shardOptimizerState,
    trainRows: data.rows,
    evaluationRows: validation?.rows ?? 0,
    weighted: data.sampleWeight !== undefined,
    keepOutputs: false,
    keepBest: config.earlyStopping?.restoreBestWeights ?? false,
    gradient: config.gradient,
    // A power of two, so that the count of records may wrap.
    // Twice, since a step may write more than its own; and no more than some 16 MiB, however many layers there are.
    ringRecords: Math.max(64, Math.min(RING_RECORDS, ringRoom(config), 2 ** Math.ceil(Math.log2(2 * steps)))),
    traceEvents,
    // A lost rank ends the run.
    snapshots: world.ranks === 1,
    workers: 1,
  }
}

/** @throws UserError where a rank would have nothing to do */
function sharingOf(asked: number, batchSize: number, { rank, ranks }: { rank: number; ranks: number }): Sharing {
  const shards = Math.min(asked, batchSize)
  if (shards < ranks) {
    throw new UserError(
      `Expected \`shards\` of at least the number of ranks, ${ranks}, for each to have a part of a batch; got ${shards}` +
        `${shards < asked ? ` (\`batchSize\` is ${batchSize})` : ''}. Set \`shards: ${ranks}\` (--shards ${ranks}): ` +
        'the same number gives the same bits on any number of machines.',
    )
  }
  return { shards, rank, ranks }
}

/** Rows that are worked off at a time where nothing is learned, and memory that they may have. */
const ROWS_TOGETHER = 256
const BYTES_TOGETHER = 2 ** 27
const LEAST_EVALUATED_ROWS = 64

/** ROWS_TOGETHER, or half as often as it takes, but no fewer than `least`. */
export function rowsTogether(least: number, bytesOf: (rows: number) => number): number {
  let rows = ROWS_TOGETHER
  while (rows > least && bytesOf(rows) > BYTES_TOGETHER) rows = Math.max(least, rows >> 1)
  return rows
}

/** Forward only, over `rows` rows. */
export function evaluationSpec(
  config: ResolvedConfig,
  task: Task,
  data: { rows: number; features: number; targets: number },
  keepOutputs: boolean,
): PlanSpec {
  const specOf = (batchSize: number): PlanSpec => ({
    model: config.model,
    inputs: data.features,
    targets: data.targets,
    ...task,
    optimizer: null,
    batchSize,
    accumulationSteps: 1,
    sharing: ALONE,
    trainRows: 0,
    evaluationRows: data.rows,
    weighted: false,
    keepOutputs,
    keepBest: false,
    gradient: 'auto',
    ringRecords: 1,
    traceEvents: 0,
    snapshots: false,
    workers: 1,
  })
  const bytesOf = (rows: number) => compilePlan(specOf(rows)).layout.summary().get('activations') ?? 0
  return specOf(rowsTogether(LEAST_EVALUATED_ROWS, bytesOf))
}

export function runSettings(
  config: ResolvedConfig,
  plan: Plan,
  run: {
    epochs: number
    maxSteps: number
    gateEpochs: boolean
    nullLoss?: number | undefined
    /** Of a stream. */
    stepsPerEpoch?: number | undefined
  },
): RunSettings {
  const { trainRows, batchSize } = plan.spec
  const isOneBatch = run.stepsPerEpoch === undefined && batchSize >= trainRows
  const keys = valueKeys(plan.metrics, plan.spec.evaluationRows > 0)
  const { reduceOnPlateau: plateau, earlyStopping } = config
  const { mode, spikeSkip, maxConsecutiveSkips, maxSkipsInWindow } = config.health
  if (config.clip.mode === 'adaptive' && plan.spec.sharing.ranks > 1) {
    throw new UserError(
      "Expected `clip` to fit more ranks than one: 'adaptive' needs whole tensors, which no rank has. Clip by layer.",
    )
  }
  return {
    tune: config.workers === 'auto' && plan.spec.optimizer !== null,
    reduce: plan.spec.sharing.ranks > 1 ? config.reduce : 'tree',
    watch: mode !== 'off' && plan.spec.optimizer !== null,
    repair: mode === 'repair' && plan.spec.optimizer !== null,
    nullLoss: run.nullLoss ?? NaN,
    seed: config.seed,
    shuffle: config.shuffle,
    augment: augmentOf(config),
    epochs: run.epochs,
    maxSteps: run.maxSteps,
    stepsPerEpoch: run.stepsPerEpoch ?? Math.ceil(trainRows / batchSize),
    gateEpochs: run.gateEpochs,
    learningRate: config.optimizer.learningRate,
    schedule: config.schedule,
    plateau: plateau
      ? {
          ...plateau,
          mode: monitorMode(plateau.monitor, plateau.mode, plan.metrics),
          monitor: monitorIndex('reduceOnPlateau', plateau.monitor, keys),
        }
      : null,
    earlyStopping: earlyStopping
      ? {
          ...earlyStopping,
          mode: monitorMode(earlyStopping.monitor, earlyStopping.mode, plan.metrics),
          monitor: monitorIndex('earlyStopping', earlyStopping.monitor, keys),
        }
      : null,
    // Where every step sees the same batch, skipping it would only bring it back.
    decide: {
      clip: config.clip,
      maxConsecutiveSkips,
      maxSkipsInWindow,
      spikeSkip: spikeSkip && (mode === 'warn' || mode === 'repair') && !isOneBatch,
    },
  }
}

function augmentOf({ augment, model: { inputShape } }: ResolvedConfig): Augment | null {
  if (!augment) return null
  const [height, width, channels] = inputShape ?? []
  const image = inputShape?.length === 3 ? { height: height!, width: width!, channels: channels! } : null
  return { ...augment, image }
}
