/**
 * What does it cost to gather shuffled samples? Step times over whole shuffled epochs of Fashion-MNIST's size (60,000 x
 * 784) beside the same steps on eight batches that stay in the cache, in their order; in turn, medians of ratios.
 * node bench/input.ts [KERNELS [WORKERS]]
 */
import type { Config } from '../src/config/schema.ts'
import type { Dataset } from '../src/data/dataset.ts'
import type { KernelName } from '../src/kernels/kernels.ts'
import { uniformAt } from '../src/random/normal.ts'
import { table } from '../src/report/table.ts'
import { Trainer } from '../src/train/trainer.ts'
import { median } from './statistics.ts'
import { workload } from './workloads.ts'

const [kernels = 'auto', workers = 'auto'] = process.argv.slice(2)
const [ROUNDS, ROWS, FEATURES, CLASSES, BATCH] = [9, 60_000, 784, 10, 64]
/** Fashion-MNIST's worked examples are the second and about the last. */
const models: Record<string, Config['model']> = {
  'mlp-mnist': dense(128),
  '784-256-128-10': dense(256, 128),
  'mlp-mid': dense(512, 256),
  'cnn-mnist': workload('cnn-mnist').config.model,
}

function dense(...units: readonly number[]): Config['model'] {
  const relu = units.map((width) => ({ type: 'dense', units: width, activation: 'relu' }) as const)
  return { layers: [...relu, { type: 'dense', units: CLASSES }] }
}

function config(model: Config['model'], shuffle: boolean): Config {
  return {
    model,
    batchSize: BATCH,
    metrics: [],
    shuffle,
    optimizer: { type: 'adam', learningRate: 1e-6 },
    kernels: kernels as KernelName | 'auto',
    workers: workers === 'auto' ? 'auto' : Number(workers),
  }
}

const all: Dataset = {
  rows: ROWS,
  features: FEATURES,
  targets: 1,
  x: Float32Array.from({ length: ROWS * FEATURES }, (_, i) => uniformAt(1, 0, i)),
  y: Float32Array.from({ length: ROWS }, (_, i) => i % CLASSES),
}
const few = 8 * BATCH
const fixed: Dataset = { ...all, rows: few, x: all.x.slice(0, few * FEATURES), y: all.y.slice(0, few) }

const rows = []
for (const [name, model] of Object.entries(models)) {
  await using shuffled = await Trainer.create(config(model, true))
  await using inOrder = await Trainer.create(config(model, false))
  const mean = ({ steps: { micros } }: { steps: { micros: Float32Array } }) =>
    micros.subarray(1).reduce((sum, value) => sum + value, 0) / (micros.length - 1)
  const steps = Math.floor(ROWS / BATCH)
  const times: { shuffled: number; fixed: number }[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const pair = {
      shuffled: mean(await shuffled.fit(all, { epochs: 1 })),
      fixed: mean(await inOrder.fit(fixed, { epochs: Math.ceil(steps / 8) })),
    }
    if (round >= 0) times.push(pair)
  }
  const ratio = median(times.map((pair) => pair.shuffled / pair.fixed))
  rows.push([
    name,
    median(times.map((pair) => pair.shuffled)).toFixed(1),
    median(times.map((pair) => pair.fixed)).toFixed(1),
    `${(100 * (ratio - 1)).toFixed(1)} %`,
  ])
}
const header = [
  'network, batch 64',
  'us/step, shuffled epoch',
  'us/step, fixed batches',
  'shuffling and gathering cost',
]
process.stdout.write(`${table(rows, { header, right: [1, 2, 3] })}\n`)
