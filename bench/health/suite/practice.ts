/**
 * More trainings on the tune split's data, to choose constants and remedies on: the kinds of fault of the whole suite, on
 * networks that are not in it. None is scored; `node bench/health/practice.ts` runs them.
 */
import { doubleReduction, flipWeight, freeze, killLayer, overweightLane, poisonBatch } from '../faults.ts'
import { staleLane, zeroLanes } from '../faults.ts'
import type { Case } from '../case.ts'
import { he, normal, residualNet, uniform } from '../nets.ts'
import { adam, build, byShard, faulty, healthy, mapX, mapY, net, sgd } from './make.ts'
import type { Dataset } from '../../../src/data/dataset.ts'

const lanes = { gradient: 'lanes', batchSize: 128 } as const
const once = 13_000

/** The parity of the signs of three features: a long plateau before it is learnt. */
const signs = (data: Dataset): Dataset => ({
  ...data,
  y: data.y.map((_, row) => [0, 1, 2].filter((i) => data.x[row * data.features + i]! > 0).length % 2),
})

export const practice: Case[] = [
  faulty('P1a', 'sigmoid, 9 layers of 18, SGD', ['vanishing'], {
    data: 'sine',
    net: 'sigmoid 9x18',
    build: build(net('sine', 'sigmoid', 9, 18), { optimizer: sgd(0.05, 0.9) }),
    twin: build(net('sine', 'tanh', 9, 18), { optimizer: sgd(0.05, 0.9) }),
  }),
  faulty('P1b', 'sigmoid, 12 layers of 5', ['vanishing'], {
    data: 'mixture',
    net: 'sigmoid 12x5',
    build: build(net('mixture', 'sigmoid', 12, 5)),
    twin: build(net('mixture', 'tanh', 12, 5)),
  }),
  faulty('P1c', 'sigmoid, 20 layers of 24', ['vanishing'], {
    data: 'spirals',
    net: 'sigmoid 20x24',
    build: build(net('spirals', 'sigmoid', 20, 24)),
    twin: build(net('spirals', 'relu', 20, 24)),
  }),
  faulty('P2a', 'ReLU, 9 layers of 6, U(-0.05, 0.05)', ['collapse'], {
    data: 'mixture',
    net: 'relu 9x6',
    build: build(net('mixture', 'relu', 9, 6, { kernel: uniform(0.05), output: uniform(0.05) })),
    twin: build(net('mixture', 'selu', 9, 6)),
  }),
  faulty('P2b', 'ReLU, 8 layers of 22, U(-0.05, 0.05), SGD', ['collapse'], {
    data: 'sine',
    net: 'relu 8x22',
    build: build(net('sine', 'relu', 8, 22, { kernel: uniform(0.05), output: uniform(0.05) }), {
      optimizer: sgd(0.02),
    }),
    twin: build(net('sine', 'relu', 8, 22), { optimizer: sgd(0.02) }),
  }),
  faulty('P3a', 'exponential, 9 layers of 6', ['overscale'], {
    data: 'mixture',
    net: 'exponential 9x6',
    build: build(net('mixture', 'exponential', 9, 6, { kernel: he(6) })),
    twin: build(net('mixture', 'selu', 9, 6)),
  }),
  faulty('P3b', 'ReLU, 12 layers of 26, three times He', ['overscale'], {
    data: 'circles',
    net: 'relu 12x26',
    build: build(net('circles', 'relu', 12, 26, { kernel: he(26, 3) }), { optimizer: sgd(0.02) }),
    twin: build(net('circles', 'relu', 12, 26), { optimizer: sgd(0.05, 0.9) }),
  }),
  faulty('P3c', 'ReLU, targets x 10,000, SGD', ['overscale'], {
    data: 'sine',
    net: 'relu 3x22',
    build: build(net('sine', 'relu', 3, 22), { optimizer: sgd(0.02) }, { scale: mapY((y) => 1e4 * y) }),
    twin: build(net('sine', 'relu', 3, 22), { optimizer: sgd(0.02) }),
  }),
  faulty('P3d', 'linear, 10 layers of 22, orthogonal x 3', ['overscale'], {
    data: 'mixture',
    net: 'linear 10x22',
    build: build(net('mixture', 'linear', 10, 22, { kernel: { type: 'orthogonal', gain: 3 } }), {
      optimizer: sgd(0.01),
    }),
    twin: build(net('mixture', 'linear', 10, 22, { kernel: { type: 'orthogonal', gain: 1 } }), {
      optimizer: sgd(0.01),
    }),
  }),
  faulty('P4a', 'SGD with learning rate 10', ['exploding'], {
    data: 'mixture',
    net: 'relu 3x28',
    build: build(net('mixture', 'relu', 3, 28), { optimizer: sgd(10) }),
    twin: build(net('mixture', 'relu', 3, 28), { optimizer: sgd(0.05) }),
  }),
  faulty('P4b', 'one target of 1,000,000 at step 150', ['exploding'], {
    data: 'sine',
    net: 'relu 3x26',
    build: build(
      net('sine', 'relu', 3, 26),
      { optimizer: sgd(0.02, 0.9) },
      { rows: once, poison: (data, seed) => poisonBatch(data, seed, 150, 32, 1, (_, y) => void (y[0] = 1e6)) },
    ),
    twin: build(net('sine', 'relu', 3, 26), { optimizer: sgd(0.02, 0.9) }, { rows: once }),
    since: 150,
  }),
  faulty('P4c', 'one parameter x 2^20 at step 250', ['exploding'], {
    data: 'mixture',
    net: 'relu 3x36',
    build: build(net('mixture', 'relu', 3, 36), { optimizer: sgd(0.1) }, { inject: flipWeight(250, 'h2/kernel', 7) }),
    twin: build(net('mixture', 'relu', 3, 36), { optimizer: sgd(0.1) }),
    since: 250,
  }),
  faulty('P4d', 'momentum 0.99 with learning rate 0.5', ['exploding'], {
    data: 'mixture',
    net: 'relu 4x28',
    build: build(net('mixture', 'relu', 4, 28), { optimizer: sgd(0.5, 0.99) }),
    twin: build(net('mixture', 'relu', 4, 28), { optimizer: sgd(0.1, 0.9) }),
  }),
  faulty('P5a', 'constant features become NaN', ['non-finite'], {
    data: 'mixture',
    net: 'relu 2x28',
    build: build(net('mixture', 'relu', 2, 28), {}, { scale: mapX((x, f) => (f === 3 ? NaN : x)) }),
    twin: build(net('mixture', 'relu', 2, 28)),
  }),
  faulty('P5b', 'a target of -Infinity at step 60', ['non-finite'], {
    data: 'sine',
    net: 'tanh 3x22',
    build: build(
      net('sine', 'tanh', 3, 22),
      {},
      { rows: once, poison: (data, seed) => poisonBatch(data, seed, 60, 32, 1, (_, y) => void (y[0] = -Infinity)) },
    ),
    twin: build(net('sine', 'tanh', 3, 22), {}, { rows: once }),
    since: 60,
  }),
  faulty('P6a', 'ReLU, 34 layers of 8', ['dead'], {
    data: 'mixture',
    net: 'relu 34x8',
    build: build(net('mixture', 'relu', 34, 8)),
    twin: build(residualNet(34, 8, 4, 0.25)),
  }),
  faulty('P6b', 'ReLU, 24 layers of 5', ['dead'], {
    data: 'mixture',
    net: 'relu 24x5',
    build: build(net('mixture', 'relu', 24, 5)),
    twin: build(net('mixture', 'selu', 24, 5)),
  }),
  faulty('P6c', 'SGD with learning rate 2 kills units', ['dead'], {
    data: 'sine',
    net: 'relu 4x36',
    build: build(net('sine', 'relu', 4, 36), { optimizer: sgd(2) }),
    twin: build(net('sine', 'relu', 4, 36), { optimizer: sgd(0.05) }),
  }),
  faulty('P6d', 'a layer dies at step 120', ['dead'], {
    data: 'spirals',
    net: 'relu 3x40',
    build: build(net('spirals', 'relu', 3, 40), {}, { inject: killLayer(120, 'h1/bias') }),
    twin: build(net('spirals', 'relu', 3, 40)),
    since: 120,
  }),
  faulty('P7a', 'batch 1, SGD 0.01, momentum 0.9', ['oscillating'], {
    data: 'mixture',
    net: 'tanh 3x7',
    build: build(net('mixture', 'tanh', 3, 7), { batchSize: 1, optimizer: sgd(0.03, 0.9) }),
    twin: build(net('mixture', 'tanh', 3, 7), { batchSize: 32, optimizer: sgd(0.03, 0.9) }),
    steps: 1400,
  }),
  faulty('P7b', 'batch 2 with learning rate 0.2', ['oscillating'], {
    data: 'spirals',
    net: 'relu 3x18',
    build: build(net('spirals', 'relu', 3, 18), { batchSize: 2, optimizer: sgd(0.2, 0.9) }),
    twin: build(net('spirals', 'relu', 3, 18), { batchSize: 32, optimizer: sgd(0.2, 0.9) }),
    steps: 800,
  }),
  faulty('P7c', 'cosine restarts from a peak that is too high', ['oscillating'], {
    data: 'mixture',
    net: 'tanh 3x22',
    build: build(net('mixture', 'tanh', 3, 22), {
      optimizer: sgd(20),
      schedule: { type: 'cosine', steps: 100, restarts: true, minimum: 0.5 },
    }),
    twin: build(net('mixture', 'tanh', 3, 22), {
      optimizer: sgd(0.1),
      schedule: { type: 'cosine', steps: 100, restarts: true },
    }),
  }),
  faulty('P7d', 'cosine restarts from a peak that is too high', ['oscillating'], {
    data: 'sine',
    net: 'tanh 3x26',
    build: build(net('sine', 'tanh', 3, 26), {
      optimizer: sgd(3),
      schedule: { type: 'cosine', steps: 100, restarts: true, minimum: 0.5 },
    }),
    twin: build(net('sine', 'tanh', 3, 26), {
      optimizer: sgd(0.1),
      schedule: { type: 'cosine', steps: 100, restarts: true },
    }),
  }),
  faulty('P7e', 'momentum 0.99', ['oscillating'], {
    data: 'mixture',
    net: 'tanh 3x44',
    build: build(net('mixture', 'tanh', 3, 44), { optimizer: sgd(1, 0.99) }),
    twin: build(net('mixture', 'tanh', 3, 44), { optimizer: sgd(0.1, 0.9) }),
  }),
  faulty('P8a', 'weight decay 10', ['stalled'], {
    data: 'mixture',
    net: 'relu 2x36',
    build: build(net('mixture', 'relu', 2, 36), {
      optimizer: { type: 'adamw', learningRate: 0.01, weightDecay: 10 },
    }),
    twin: build(net('mixture', 'relu', 2, 36), { optimizer: { type: 'adamw', learningRate: 0.01 } }),
  }),
  faulty('P8b', 'weight decay 3', ['stalled'], {
    data: 'circles',
    net: 'tanh 2x30',
    build: build(net('circles', 'tanh', 2, 30), {
      optimizer: { type: 'adamw', learningRate: 0.02, weightDecay: 3 },
    }),
    twin: build(net('circles', 'tanh', 2, 30), { optimizer: { type: 'adamw', learningRate: 0.02 } }),
  }),
  faulty('P8c', 'all but the last layer frozen by mistake', ['stalled'], {
    data: 'spirals',
    net: 'relu 5x9',
    build: build(
      net('spirals', 'relu', 5, 9),
      { gradient: 'lanes' },
      { inject: freeze([1, 2, 3, 4].flatMap((i) => [`h${i}/kernel`, `h${i}/bias`])) },
    ),
    twin: build(net('spirals', 'relu', 5, 9), { gradient: 'lanes' }),
  }),
  faulty('P8d', 'SGD with learning rate 1e-6', ['stalled'], {
    data: 'mixture',
    net: 'relu 2x44',
    build: build(net('mixture', 'relu', 2, 44), { optimizer: sgd(1e-6) }),
    twin: build(net('mixture', 'relu', 2, 44), { optimizer: sgd(0.1) }),
  }),
  faulty('P9a', 'plain ReLU, 80 layers of 22, He', ['shattered'], {
    data: 'mixture',
    net: 'relu 80x22',
    build: build(net('mixture', 'relu', 80, 22), { optimizer: adam(1e-3) }),
    twin: build(residualNet(80, 22, 4, 0.16), { optimizer: adam(1e-3) }),
  }),
  faulty('P9b', 'plain ReLU, 120 layers of 20, He', ['shattered'], {
    data: 'sine',
    net: 'relu 120x20',
    build: build(net('sine', 'relu', 120, 20), { optimizer: adam(1e-3) }),
    twin: build(residualNet(120, 20, 1, 0.14), { optimizer: adam(1e-3) }),
  }),
  faulty('P11a', 'participants 1 to 3 of 4 send zeros, shards sorted by class', ['shard'], {
    data: 'mixture',
    net: 'tanh 2x36',
    build: build(
      net('mixture', 'tanh', 2, 36),
      { ...lanes, shuffle: false, optimizer: sgd(0.1) },
      { inject: zeroLanes(0, [1, 2, 3]), scale: byShard(128) },
    ),
    twin: build(
      net('mixture', 'tanh', 2, 36),
      { ...lanes, shuffle: false, optimizer: sgd(0.1) },
      { scale: byShard(128) },
    ),
  }),
  faulty('P11b', 'a shard of 4 rows counts as one of 32', ['shard'], {
    data: 'mixture',
    net: 'tanh 2x26',
    build: build(
      net('mixture', 'tanh', 2, 26),
      { gradient: 'lanes', batchSize: 100, optimizer: sgd(0.3, 0.9) },
      { inject: overweightLane(0, 3, 8) },
    ),
    twin: build(net('mixture', 'tanh', 2, 26), { gradient: 'lanes', batchSize: 100, optimizer: sgd(0.1) }),
  }),
  faulty('P11c', 'participant 2 sends the gradient of step 9 for good', ['shard'], {
    data: 'spirals',
    net: 'relu 2x56',
    build: build(net('spirals', 'relu', 2, 56), { ...lanes, optimizer: sgd(0.6, 0.9) }, { inject: staleLane(9, 2) }),
    twin: build(net('spirals', 'relu', 2, 56), { ...lanes, optimizer: sgd(0.6, 0.9) }),
    since: 9,
  }),
  faulty('P11d', 'reduced twice by eight participants', ['shard'], {
    data: 'spirals',
    net: 'relu 3x56',
    build: build(
      net('spirals', 'relu', 3, 56),
      { gradient: 'lanes', batchSize: 256, optimizer: sgd(0.5, 0.9) },
      { rows: 2048, inject: doubleReduction(0) },
    ),
    twin: build(
      net('spirals', 'relu', 3, 56),
      { gradient: 'lanes', batchSize: 256, optimizer: sgd(0.5, 0.9) },
      { rows: 2048 },
    ),
  }),
  faulty('P1d', 'tanh, 6 layers of 28, weights N(0, 3)', ['vanishing'], {
    data: 'circles',
    net: 'tanh 6x28',
    build: build(net('circles', 'tanh', 6, 28, { kernel: normal(3) })),
    twin: build(net('circles', 'tanh', 6, 28)),
  }),
  healthy('PHa', 'a plateau: parity of three signs', {
    data: 'mixture',
    net: 'tanh 2x26',
    steps: 1500,
    build: build(net('mixture', 'tanh', 2, 26, { output: 'auto' }), { optimizer: sgd(0.1, 0.9) }, { scale: signs }),
  }),
  healthy('PHb', 'a plateau: parity of three signs, Adam', {
    data: 'mixture',
    net: 'tanh 2x30',
    steps: 1000,
    build: build(net('mixture', 'tanh', 2, 30), { optimizer: adam(1e-3) }, { scale: signs }),
  }),
  healthy('PHc', 'a plateau: spirals by SGD', {
    data: 'spirals',
    net: 'tanh 3x26',
    steps: 3000,
    build: build(net('spirals', 'tanh', 3, 26), { optimizer: sgd(0.05, 0.9) }),
  }),
]
