/** Layers in another order give the numbers that they give as they stand. */
import { expect, test } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { InlineCrew } from '../../src/train/inline.ts'
import { Trainer } from '../../src/train/trainer.ts'

type LayerInput = NonNullable<Config['model']>['layers'][number]

const SIZE = 6
const image = { inputShape: [SIZE, SIZE, 1] }
const rows = 40
const x = Float32Array.from({ length: rows * SIZE * SIZE }, (_, i) => Math.sin(1.7 * i * i))
const y = Float32Array.from({ length: rows }, (_, i) => i % 3)
const data = toDataset({ x, y, features: SIZE * SIZE, classNames: ['a', 'b', 'c'] })

/** It changes nothing, but stands between its neighbours. */
const between = (size: number, channels: number): LayerInput => ({
  type: 'reshape',
  targetShape: [size, size, channels],
})

async function trained(layers: LayerInput[]) {
  await using trainer = await Trainer.create(
    {
      seed: 5,
      epochs: 3,
      batchSize: 16,
      kernels: 'wasm-strict',
      model: { ...image, layers: [...layers, { type: 'flatten' }, { type: 'dense', units: 3 }] },
      loss: 'sparseCategoricalCrossentropy',
    },
    { crew: new InlineCrew() },
  )
  const history = await trainer.fit(data)
  const activations = trainer.plan(data).layout.summary().get('activations')!
  return {
    weights: trainer.weightsHash(),
    loss: history.history['loss']!,
    outputs: await trainer.predict(x),
    activations,
  }
}

test('an activation that never falls waits for the pooling, and every bit stays', async () => {
  for (const activation of ['relu', 'leakyRelu'] as const) {
    const conv: LayerInput = { type: 'conv2d', filters: 5, kernelSize: 3, padding: 'same', activation }
    const pool: LayerInput = { type: 'maxPooling2d', poolSize: 3, strides: 2 }
    const reordered = await trained([conv, pool])
    const asItStands = await trained([conv, between(SIZE, 5), pool])
    expect(reordered.weights).toBe(asItStands.weights)
    expect(reordered.outputs).toEqual(asItStands.outputs)
  }
})

test('normalisation, activation and pooling as one pass train as they do one after the other', async () => {
  // Without a bias: before a normalisation its gradient is rounding alone, which Adam would make steps of.
  const conv: LayerInput = { type: 'conv2d', filters: 5, kernelSize: 3, padding: 'same', useBias: false }
  const norm: LayerInput = { type: 'batchNorm' }
  const relu: LayerInput = { type: 'activation', activation: 'relu' }
  const pool: LayerInput = { type: 'maxPooling2d' }
  const reordered = await trained([conv, norm, relu, pool])
  const asItStands = await trained([conv, norm, relu, between(SIZE, 5), pool])
  reordered.loss.forEach((loss, epoch) => expect(loss).toBeCloseTo(asItStands.loss[epoch]!, 6))
  reordered.outputs.forEach((output, i) => expect(output).toBeCloseTo(asItStands.outputs[i]!, 4))
  expect(reordered.activations).toBeLessThan(asItStands.activations)
})
