/** Random models and plans: small ones, of every layer. */
import fc from 'fast-check'
import type { LayerConfig } from '../../src/model/config.ts'
import { withDefaults } from '../../src/optim/optimizers.ts'
import { ALONE } from '../../src/plan/shards.ts'
import type { PlanSpec } from '../../src/plan/spec.ts'

const units = fc.integer({ min: 1, max: 40 })
const activation = fc.constantFrom(undefined, { type: 'relu' } as const, { type: 'tanh' } as const)

const leaf: fc.Arbitrary<LayerConfig> = fc.oneof(
  fc.record({ type: fc.constant('dense' as const), units, activation, useBias: fc.boolean() }),
  fc.record({ type: fc.constant('activation' as const), activation: fc.constant({ type: 'gelu' } as const) }),
  fc.constant({ type: 'prelu' } as const),
  fc.constant({ type: 'dropout', rate: 0.3 } as const),
  // Rows are vectors here: a series of one channel, and a vector again.
  fc.constant({
    type: 'residual',
    layers: [
      { type: 'reshape', targetShape: [-1, 1] },
      { type: 'conv1d', filters: 2, kernelSize: 3, padding: 'same', activation: { type: 'tanh' } },
      { type: 'averagePooling1d', poolSize: 2, strides: 1, padding: 'same' },
      { type: 'conv1d', filters: 1, kernelSize: 2, padding: 'causal' },
      { type: 'flatten' },
    ],
  } as const satisfies LayerConfig),
)
const residual: fc.Arbitrary<LayerConfig> = fc
  .array(leaf, { minLength: 1, maxLength: 3 })
  .map((layers) => ({ type: 'residual' as const, layers }))

export const layers: fc.Arbitrary<LayerConfig[]> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: residual }), { maxLength: 4 }),
    units,
  )
  .map(([inner, last]) => [...inner, { type: 'dense' as const, units: last }])

export const base: PlanSpec = {
  model: { layers: [{ type: 'dense', units: 3 }] },
  inputs: 4,
  targets: 1,
  loss: { type: 'sparseCategoricalCrossentropy' },
  metrics: [{ type: 'accuracy' }],
  optimizer: withDefaults({ type: 'adam' }),
  batchSize: 32,
  accumulationSteps: 1,
  sharing: ALONE,
  trainRows: 100,
  evaluationRows: 30,
  weighted: false,
  keepOutputs: false,
  keepBest: false,
  gradient: 'auto',
  ringRecords: 16,
  traceEvents: 0,
  snapshots: true,
  workers: 1,
}

const optimizer = fc.constantFrom(
  ...(['sgd', 'adam', 'rmsprop', 'adagrad'] as const).map((type) => withDefaults({ type })),
  withDefaults({ type: 'sgd', momentum: 0.9 }),
)

export const specs: fc.Arbitrary<PlanSpec> = fc
  .record({
    layers,
    inputs: fc.integer({ min: 1, max: 50 }),
    optimizer,
    batchSize: fc.integer({ min: 1, max: 150 }),
    accumulationSteps: fc.integer({ min: 1, max: 4 }),
    shards: fc.integer({ min: 1, max: 4 }),
    trainRows: fc.integer({ min: 1, max: 300 }),
    evaluationRows: fc.integer({ min: 0, max: 100 }),
    weighted: fc.boolean(),
    keepOutputs: fc.boolean(),
    keepBest: fc.boolean(),
    gradient: fc.constantFrom('auto' as const, 'lanes' as const, 'tiles' as const, 'whole' as const),
    workers: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ layers, batchSize, accumulationSteps, shards, trainRows, ...rest }) => ({
    ...base,
    ...rest,
    model: { layers },
    trainRows: Math.max(trainRows, batchSize),
    batchSize,
    accumulationSteps: Math.min(accumulationSteps, batchSize),
    sharing: { ...ALONE, shards: Math.min(shards, batchSize) },
  }))
