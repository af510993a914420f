/**
 * What the detector costs: the same training with `health: 'off'` and with the detector, in turn, in slices so short that
 * whatever else the machine does falls on both. Compared are runs of 16 steps, one of which takes samples: a median of
 * single steps would not see that one.
 */
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { uniformAt } from '../../src/random/normal.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { median, quantile } from '../statistics.ts'

export interface Overhead {
  readonly parameters: number
  readonly workers: number
  /** Microseconds per step, without and with. */
  readonly off: number
  readonly on: number
  /** Median of the pairs, in percent, with its 95 % interval. */
  readonly percent: { readonly median: number; readonly low: number; readonly high: number }
  readonly pairs: number
}

const [PAIRS, SLICE_MICROS, WINDOW, BATCH, CLASSES] = [80, 3e4, 16, 32, 10]

/** About 1,000, 20,000 and 200,000 parameters. */
const networks: readonly (readonly number[])[] = [
  [32, 24, CLASSES],
  [64, 128, 84, CLASSES],
  [784, 240, 40, CLASSES],
]

export async function measureOverhead(onDone: (found: Overhead) => void): Promise<Overhead[]> {
  const found: Overhead[] = []
  for (const widths of networks) {
    for (const workers of [1, 2]) {
      found.push(await compare(widths, workers))
      onDone(found.at(-1)!)
    }
  }
  return found
}

async function compare(widths: readonly number[], workers: number): Promise<Overhead> {
  const data = random(widths[0]!)
  const config: Config = {
    model: { layers: widths.slice(1).map((units, i) => ({ type: 'dense', units, activation: activation(widths, i) })) },
    loss: 'sparseCategoricalCrossentropy',
    optimizer: { type: 'adam', learningRate: 1e-4 },
    batchSize: BATCH,
    workers,
  }
  await using off = await Trainer.create({ ...config, health: 'off' })
  await using on = await Trainer.create({ ...config, health: { mode: 'observe', spikeSkip: false } })
  // Long enough for every kernel to be compiled, and to know how many epochs fill a round.
  for (const trainer of [on, off]) await trainer.fit(data, { epochs: 10 })
  const perEpoch = (await stepMicros(off, data, 10)) * (data.rows / BATCH)
  const epochs = Math.max(1, Math.ceil(SLICE_MICROS / perEpoch))
  const times: { off: number; on: number }[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const first = pair % 2 === 0
    const a = await stepMicros(first ? off : on, data, epochs)
    const b = await stepMicros(first ? on : off, data, epochs)
    times.push(first ? { off: a, on: b } : { off: b, on: a })
  }
  const excess = times.map((time) => 100 * (time.on / time.off - 1))
  // Ranks that the median lies between with 95 %: the binomial distribution's, nearly normal at this number.
  const reach = 0.98 / Math.sqrt(PAIRS)
  return {
    parameters: widths.slice(1).reduce((sum, units, i) => sum + units * (widths[i]! + 1), 0),
    workers,
    off: median(times.map((time) => time.off)),
    on: median(times.map((time) => time.on)),
    percent: {
      median: median(excess),
      low: quantile(excess, 0.5 - reach),
      high: quantile(excess, 0.5 + reach),
    },
    pairs: PAIRS,
  }
}

const activation = (widths: readonly number[], i: number) => (i === widths.length - 2 ? 'linear' : 'relu')

/** Median over runs of 16 steps, per step. */
async function stepMicros(trainer: Trainer, data: Dataset, epochs: number): Promise<number> {
  const { micros } = (await trainer.fit(data, { epochs })).steps
  const sums: number[] = []
  for (let from = WINDOW; from + WINDOW <= micros.length; from += WINDOW) {
    sums.push(micros.subarray(from, from + WINDOW).reduce((sum, value) => sum + value, 0))
  }
  return median(sums) / WINDOW
}

function random(features: number): Dataset {
  const rows = 61 * BATCH
  return {
    rows,
    features,
    targets: 1,
    x: Float32Array.from({ length: rows * features }, (_, i) => 2 * uniformAt(1, 0, i) - 1),
    y: Float32Array.from({ length: rows }, (_, i) => i % CLASSES),
  }
}
