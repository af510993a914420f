/** What a plan is made from: plain data, so that the host and every worker compile the same plan by themselves. */
import type { LossConfig, MetricConfig, ModelConfig } from '../model/config.ts'
import type { OptimizerConfig } from '../optim/optimizers.ts'
import type { GradientBy } from './parameters.ts'
import type { Sharing } from './shards.ts'

export interface PlanSpec {
  readonly model: ModelConfig
  /** Features and target columns of a row. */
  readonly inputs: number
  readonly targets: number
  readonly loss: LossConfig
  readonly metrics: readonly MetricConfig[]
  /** `null`: forward only. */
  readonly optimizer: OptimizerConfig | null
  /** Rows of the batch one update sees. */
  readonly batchSize: number
  /** Micro-batches a batch is worked off in: so many parts of every shard. */
  readonly accumulationSteps: number
  /** Into how many parts its gradient is summed, and which of them are this rank's. */
  readonly sharing: Sharing
  /** Whether each rank keeps the optimizer's state of the parameters that it updates alone. */
  readonly shardState?: boolean
  /** Rows of the data sets that lie in the arena. */
  readonly trainRows: number
  readonly evaluationRows: number
  /** Whether training rows carry weights other than 1. */
  readonly weighted: boolean
  /** Whether the outputs of the evaluation rows are kept. */
  readonly keepOutputs: boolean
  /** Whether the parameters of the best epoch are kept. */
  readonly keepBest: boolean
  readonly gradient: GradientBy
  /** Steps whose records the host may be behind. */
  readonly ringRecords: number
  /** Events each worker's trace keeps; 0: no trace. */
  readonly traceEvents: number
  /** Whether copies of the state are kept, to go back to when a worker is lost. */
  readonly snapshots: boolean
  /** Whether a product's columns may be cut anywhere without another bit: then tiles are as wide as `workers` allows. */
  readonly divisible?: boolean
  /** Sizes the scratch memory and the tiles of divisible products: no result depends on it. */
  readonly workers: number
}
