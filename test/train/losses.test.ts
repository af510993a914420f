/** Every loss trains: what it falls to, beside the best that a constant could do. */
import { describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import type { LossConfig } from '../../src/model/config.ts'
import { lossRule } from '../../src/model/losses.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { nullLoss } from '../../src/train/null-loss.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const CLASSES = 4
const labels = blobs(160, 6, CLASSES)
const oneHot = (high: number, low: number): Dataset => ({
  ...labels,
  targets: CLASSES,
  y: Float32Array.from({ length: labels.rows * CLASSES }, (_, i) =>
    labels.y[Math.floor(i / CLASSES)] === i % CLASSES ? high : low,
  ),
})
/** The label twice, and a masked position. */
const positions: Dataset = {
  ...labels,
  targets: 3,
  y: Float32Array.from(labels.y).reduce<Float32Array>(
    (all, label, r) => {
      all.set([label, -1, label], r * 3)
      return all
    },
    new Float32Array(labels.rows * 3),
  ),
}

const cases: [LossConfig, Dataset, number][] = [
  [{ type: 'sparseCategoricalCrossentropy' }, labels, CLASSES],
  [{ type: 'sparseCategoricalFocalCrossentropy', gamma: 2 }, labels, CLASSES],
  [{ type: 'maskedCrossentropy', labelSmoothing: 0.1 }, positions, 3 * CLASSES],
  [{ type: 'categoricalCrossentropy' }, oneHot(0.7, 0.1), CLASSES],
  [{ type: 'klDivergence' }, oneHot(0.7, 0.1), CLASSES],
  [{ type: 'binaryCrossentropy' }, oneHot(1, 0), CLASSES],
  [{ type: 'binaryFocalCrossentropy', gamma: 2, alpha: 0.25 }, oneHot(1, 0), CLASSES],
  [{ type: 'hinge' }, oneHot(1, -1), CLASSES],
  [{ type: 'cosineDistance' }, oneHot(2, -1), CLASSES],
  [{ type: 'meanSquaredError' }, oneHot(1, 0), CLASSES],
  [{ type: 'meanAbsoluteError' }, oneHot(1, 0), CLASSES],
  [{ type: 'huber', delta: 0.5 }, oneHot(1, 0), CLASSES],
]

async function fit(loss: LossConfig, data: Dataset, units: number, more: Partial<Config> = {}): Promise<Trainer> {
  const trainer = await Trainer.create(
    {
      epochs: 25,
      batchSize: 32,
      optimizer: { type: 'adam', learningRate: 0.02 },
      model: {
        layers: [
          { type: 'dense', units: 16, activation: 'tanh' },
          { type: 'dense', units },
        ],
      },
      loss: loss as Config['loss'],
      ...more,
    },
    { crew: new InlineCrew() },
  )
  await trainer.fit(data)
  return trainer
}

describe('every loss', () => {
  it.each(cases)('$type trains to less than half of what the best constant loses', async (loss, data, units) => {
    const trainer = await fit(loss, data, units)
    const values = await trainer.evaluate(data)
    const constant = nullLoss(data, loss, units)
    // What a target's own entropy or the smoothing leaves cannot be learned.
    const least = loss.type === 'categoricalCrossentropy' ? 0.9404 : loss.labelSmoothing ? 0.35 : 0
    expect(values.loss! - least).toBeLessThan(0.5 * (constant - least))
    if (lossRule(loss).link !== 'identity' || loss.type === 'hinge') expect(values.acc!).toBeGreaterThan(0.9)
  })

  it('of masked positions with one label a row has the bits of the unmasked', async () => {
    const one = await fit({ type: 'maskedCrossentropy' }, labels, CLASSES)
    const other = await fit({ type: 'sparseCategoricalCrossentropy' }, labels, CLASSES)
    expect(one.weightsHash()).toBe(other.weightsHash())
  })

  it('predicts probabilities of each position', async () => {
    const trainer = await fit({ type: 'maskedCrossentropy' }, positions, 3 * CLASSES)
    const predicted = await trainer.predict(positions.x.subarray(0, 6))
    for (const at of [0, 4, 8]) {
      expect(predicted.subarray(at, at + 4).reduce((sum, p) => sum + p)).toBeCloseTo(1, 5)
    }
  })
})

describe('what does not fit', () => {
  it('names the metric, the loss, and what the metric is for', async () => {
    const wrong = (loss: LossConfig, metric: string, data: Dataset) =>
      fit(loss, data, CLASSES, { metrics: [metric] as Config['metrics'] })
    await expect(wrong({ type: 'meanSquaredError' }, 'auc', oneHot(1, 0))).rejects.toThrow(/auc is for classes/)
    await expect(wrong({ type: 'binaryCrossentropy' }, 'perplexity', oneHot(1, 0))).rejects.toThrow(
      /perplexity is for one class of several/,
    )
    await expect(wrong({ type: 'categoricalCrossentropy' }, 'topK', oneHot(1, 0))).rejects.toThrow(
      /topK to be below the model's 4 classes, got 5: every label would be among them/,
    )
  })

  it('names positions and outputs that do not divide, and labels below -1', async () => {
    await expect(fit({ type: 'maskedCrossentropy' }, positions, 10)).rejects.toThrow(/labels of 3 positions.*got 10/)
    const wrong = { ...positions, y: positions.y.map((label) => (label === -1 ? -100 : label)) }
    await expect(fit({ type: 'maskedCrossentropy' }, wrong, 12)).rejects.toThrow(/from -1 to 3.*`-100` in row 0/)
  })
})
