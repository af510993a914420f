/**
 * More practice, broader than deep: families of faults crossed with the tune split's data and with networks that are in
 * neither split. `node bench/health/practice.ts --wide` runs them; none is scored.
 */
import type { Case } from '../case.ts'
import { killLayer, poisonBatch } from '../faults.ts'
import { normal, residualNet, uniform } from '../nets.ts'
import { adam, build, mapX, mapY, net, sgd } from './make.ts'
import { adamw, bias, cases, kernel, once, rmsprop, someRows } from './wide.ts'

const { wide, fine } = cases('W')

const spread = [2, 3].flatMap((std) => [
  wide(`tanh, 4 layers, N(0, ${std})`, 'vanishing', {
    ...{ data: 'mixture', activation: 'tanh', depth: 4, width: 27 },
    options: kernel(normal(std)),
  }),
  wide(`tanh, 7 layers, N(0, ${std})`, 'vanishing', {
    ...{ data: 'spirals', activation: 'tanh', depth: 7, width: 21, well: { optimizer: adam(5e-3) } },
    options: kernel(normal(std)),
  }),
  wide(`tanh, 5 layers, N(0, ${std}), SGD`, 'vanishing', {
    ...{ data: 'sine', activation: 'tanh', depth: 5, width: 19, well: { optimizer: sgd(0.05, 0.9) } },
    options: kernel(normal(std)),
  }),
  wide(`tanh, 3 layers, U(-${2 * std}, ${2 * std})`, 'vanishing', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 45, well: { optimizer: sgd(0.1) } },
    options: kernel(uniform(2 * std)),
  }),
  wide(`sigmoid, 3 layers, N(0, ${4 * std})`, 'vanishing', {
    ...{ data: 'mixture', activation: 'sigmoid', depth: 3, width: 29, well: { optimizer: adam(1e-2) } },
    options: kernel(normal(4 * std)),
  }),
  wide(`ELU, 7 layers, N(0, ${std / 2})`, 'overscale', {
    ...{ data: 'mixture', activation: 'elu', depth: 7, width: 23, well: { optimizer: sgd(0.05) } },
    options: kernel(normal(std / 2)),
  }),
])

const scales = [
  wide('tanh, 3 layers, inputs x 300', 'overscale', {
    ...{ data: 'circles', activation: 'tanh', depth: 3, width: 25, well: { optimizer: adam(1e-2) } },
    bad: { scale: mapX((x) => 300 * x) },
  }),
  wide('ReLU, inputs x 1e-3', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 25, well: { optimizer: sgd(0.05) } },
    bad: { scale: mapX((x) => 1e-3 * x) },
  }),
  wide('ReLU, inputs + 200', 'overscale', {
    ...{ data: 'spirals', activation: 'relu', depth: 3, width: 35, well: { optimizer: adam(5e-3) } },
    bad: { scale: mapX((x) => x + 200) },
  }),
  wide('tanh, inputs + 50', 'overscale', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 25, well: { optimizer: sgd(0.1) } },
    bad: { scale: mapX((x) => x + 50) },
  }),
  wide('ReLU, one feature x 1e5', 'overscale', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 31 },
    bad: { scale: mapX((x, f) => (f === 2 ? 1e5 * x : x)) },
  }),
  wide('ReLU, one feature + 1e4', 'overscale', {
    ...{ data: 'mixture', activation: 'relu', depth: 4, width: 31, well: { optimizer: sgd(0.05, 0.9) } },
    bad: { scale: mapX((x, f) => (f === 2 ? 1e4 + x : x)) },
  }),
  wide('tanh, targets x 1e3, Adam', 'overscale', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 21, well: { optimizer: adam(1e-2) } },
    bad: { scale: mapY((y) => 1e3 * y) },
  }),
  wide('ReLU, targets x 1e-3, SGD', 'stalled', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 27, well: { optimizer: sgd(0.05, 0.9) } },
    bad: { scale: mapY((y) => 1e-3 * y) },
  }),
  wide('ReLU, targets + 1000, Adam', 'overscale', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 29, well: { optimizer: adam(5e-3) } },
    bad: { scale: mapY((y) => 1000 + y) },
  }),
  wide('tanh, targets x 100, momentum', 'overscale', {
    ...{ data: 'sine', activation: 'tanh', depth: 4, width: 23, well: { optimizer: sgd(0.05, 0.9) } },
    bad: { scale: mapY((y) => 100 * y) },
  }),
]

const batches = [1, 2, 4].flatMap((batchSize) => [
  wide(`ReLU, batch ${batchSize}, rate 0.2, momentum 0.9`, 'oscillating', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 17, well: { optimizer: sgd(0.2, 0.9) }, steps: 1000 },
    ill: { batchSize },
  }),
  wide(`tanh, batch ${batchSize}, rate 0.3, momentum 0.9`, 'oscillating', {
    ...{ data: 'spirals', activation: 'tanh', depth: 3, width: 25, well: { optimizer: sgd(0.3, 0.9) }, steps: 1000 },
    ill: { batchSize },
  }),
  wide(`tanh, batch ${batchSize}, rate 0.5, momentum 0.9`, 'oscillating', {
    ...{ data: 'mixture', activation: 'tanh', depth: 4, width: 27, well: { optimizer: sgd(0.5, 0.9) }, steps: 800 },
    ill: { batchSize },
  }),
  wide(`tanh, batch ${batchSize}, rate 0.1, momentum 0.95`, 'oscillating', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 21, well: { optimizer: sgd(0.1, 0.95) }, steps: 800 },
    ill: { batchSize },
  }),
  wide(`ELU, batch ${batchSize}, Adam 0.1`, 'oscillating', {
    ...{ data: 'mixture', activation: 'elu', depth: 3, width: 27, well: { optimizer: adam(1e-2) }, steps: 800 },
    ill: { batchSize, optimizer: adam(0.1) },
  }),
])

const rates = [
  wide('Adam, rate 0.3, tanh', 'oscillating', {
    ...{ data: 'mixture', activation: 'tanh', depth: 4, width: 31 },
    ill: { optimizer: adam(0.3) },
  }),
  wide('Adam, rate 1, ReLU', 'oscillating', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 31 },
    ill: { optimizer: adam(1) },
  }),
  wide('RMSprop, rate 0.5', 'oscillating', {
    ...{ data: 'circles', activation: 'tanh', depth: 3, width: 31, well: { optimizer: rmsprop(5e-3) } },
    ill: { optimizer: rmsprop(0.5) },
  }),
  wide('SGD, rate 3, ReLU, 5 layers', 'dead', {
    ...{ data: 'mixture', activation: 'relu', depth: 5, width: 33, well: { optimizer: sgd(0.1) } },
    ill: { optimizer: sgd(3) },
  }),
  wide('momentum 0.995', 'oscillating', {
    ...{ data: 'spirals', activation: 'tanh', depth: 3, width: 27, well: { optimizer: sgd(0.2, 0.9) } },
    ill: { optimizer: sgd(0.2, 0.995) },
  }),
  wide('rate x 50 at step 200', 'exploding', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 35, well: { optimizer: sgd(0.2, 0.9) }, since: 200 },
    ill: { schedule: { type: 'step', stepSize: 200, gamma: 50 } },
  }),
  wide('Adam, rate x 100 at step 150', 'exploding', {
    ...{ data: 'spirals', activation: 'relu', depth: 3, width: 35, well: { optimizer: adam(5e-3) }, since: 150 },
    ill: { schedule: { type: 'step', stepSize: 150, gamma: 100 } },
  }),
  wide('one-cycle with a peak of 20', 'oscillating', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 33, well: { optimizer: sgd(0.2) } },
    ill: { optimizer: sgd(20), schedule: { type: 'oneCycle' } },
  }),
  wide('warm-up of 100,000 steps', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 33, well: { optimizer: adam(1e-3) } },
    ill: { schedule: { type: 'constant', warmupSteps: 100_000 } },
  }),
  wide('cosine that ends at step 20', 'stalled', {
    ...{ data: 'spirals', activation: 'relu', depth: 3, width: 33, well: { optimizer: adam(3e-3) } },
    ill: { schedule: { type: 'cosine', steps: 20 } },
  }),
  wide('Adam, rate 1e-6', 'stalled', {
    ...{ data: 'circles', activation: 'relu', depth: 3, width: 33, well: { optimizer: adam(1e-2) } },
    ill: { optimizer: adam(1e-6) },
  }),
  wide('SGD, rate 1e-4', 'stalled', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 37, well: { optimizer: sgd(0.1) } },
    ill: { optimizer: sgd(1e-4) },
  }),
  wide('weight decay 30, Adam', 'stalled', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 33, well: { optimizer: adamw(5e-3, 0.01) } },
    ill: { optimizer: adamw(5e-3, 30) },
  }),
  wide('weight decay 1, SGD', 'stalled', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 33, well: { optimizer: sgd(0.1, 0.9) } },
    ill: { optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 1 } },
  }),
  wide('clip 1e-5', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 41, well: { optimizer: sgd(0.1, 0.9) } },
    ill: { clip: 1e-5 },
  }),
]

const narrow = [
  wide('ReLU, 14 layers of 4', 'dead', {
    ...{ data: 'mixture', activation: 'relu', depth: 14, width: 4 },
    twin: build(net('mixture', 'selu', 14, 4)),
  }),
  wide('ReLU, 18 layers of 6', 'dead', {
    ...{ data: 'spirals', activation: 'relu', depth: 18, width: 6, well: { optimizer: adam(5e-3) } },
    twin: build(net('spirals', 'elu', 18, 6), { optimizer: adam(5e-3) }),
  }),
  wide('ReLU, 12 layers of 3, SGD', 'dead', {
    ...{ data: 'sine', activation: 'relu', depth: 12, width: 3, well: { optimizer: sgd(0.05, 0.9) } },
    twin: build(net('sine', 'tanh', 12, 3), { optimizer: sgd(0.05, 0.9) }),
  }),
  wide('ReLU, 26 layers of 7', 'dead', {
    ...{ data: 'circles', activation: 'relu', depth: 26, width: 7, well: { optimizer: adam(5e-3) } },
    twin: build(residualNet(26, 7, 2, 0.3), { optimizer: adam(5e-3) }),
  }),
  wide('ReLU, 8 layers, U(-0.5, 0.1)', 'dead', {
    ...{ data: 'mixture', activation: 'relu', depth: 8, width: 21 },
    options: kernel(uniform(-0.5 + 0.6)),
  }),
  wide('ReLU, 5 layers, all weights negative', 'dead', {
    ...{ data: 'mixture', activation: 'relu', depth: 5, width: 21 },
    options: kernel({ type: 'uniform', min: -0.5, max: -0.05 }),
  }),
  wide('a layer dies at step 250, SGD', 'dead', {
    ...{ data: 'mixture', activation: 'relu', depth: 4, width: 29, well: { optimizer: sgd(0.1, 0.9) }, since: 250 },
    bad: { inject: killLayer(250, 'h3/bias') },
  }),
  wide('a layer dies at step 10', 'dead', {
    ...{ data: 'sine', activation: 'relu', depth: 4, width: 29, since: 10 },
    bad: { inject: killLayer(10, 'h2/bias') },
  }),
]

const deep = [
  wide('ReLU, 40 layers', 'shattered', {
    ...{ data: 'mixture', activation: 'relu', depth: 40, width: 21, well: { optimizer: adam(1e-3) } },
    twin: build(residualNet(40, 21, 4, 0.2), { optimizer: adam(1e-3) }),
  }),
  wide('ReLU, 60 layers', 'shattered', {
    ...{ data: 'spirals', activation: 'relu', depth: 60, width: 25, well: { optimizer: adam(1e-3) } },
    twin: build(residualNet(60, 25, 2, 0.2), { optimizer: adam(1e-3) }),
  }),
  wide('ReLU, 50 layers, momentum', 'shattered', {
    ...{ data: 'circles', activation: 'relu', depth: 50, width: 27, well: { optimizer: sgd(0.05, 0.9) } },
    twin: build(residualNet(50, 27, 2, 0.2), { optimizer: sgd(0.05, 0.9) }),
  }),
  wide('sigmoid, 6 layers', 'vanishing', {
    ...{ data: 'spirals', activation: 'sigmoid', depth: 6, width: 25, well: { optimizer: adam(5e-3) } },
    twin: build(net('spirals', 'tanh', 6, 25), { optimizer: adam(5e-3) }),
  }),
  wide('tanh, 30 layers of N(0, 0.05)', 'collapse', {
    ...{ data: 'mixture', activation: 'tanh', depth: 30, width: 25, well: { optimizer: adam(1e-3) } },
    options: kernel(normal(0.05)),
  }),
  wide('ReLU, 16 layers, Glorot', 'collapse', {
    ...{ data: 'spirals', activation: 'relu', depth: 24, width: 21, well: { optimizer: sgd(0.02) } },
    options: kernel({ type: 'glorotUniform' }),
    twin: build(residualNet(24, 21, 2, 0.3), { optimizer: sgd(0.1, 0.9) }),
  }),
  wide('softplus, 8 layers', 'vanishing', {
    ...{ data: 'mixture', activation: 'softplus', depth: 8, width: 21 },
    twin: build(net('mixture', 'tanh', 8, 21)),
  }),
]

const records = [
  wide('every 50th target NaN', 'non-finite', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 35 },
    bad: { poison: someRows(50, (_, y) => void (y[0] = NaN)) },
  }),
  wide('every 200th feature Infinity', 'non-finite', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 43 },
    bad: { poison: someRows(200, (x) => void (x[1] = Infinity)) },
  }),
  wide('every 100th target 1e6', 'exploding', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 43, well: { optimizer: sgd(0.02, 0.9) } },
    bad: { poison: someRows(100, (_, y) => void (y[0] = 1e6)) },
  }),
  wide('every 50th feature 1e8', 'exploding', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 47 },
    bad: { poison: someRows(50, (x) => void (x[0] = 1e8)) },
  }),
  wide('a batch x 1e5 at step 120', 'exploding', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 49, well: { optimizer: sgd(0.1, 0.9) }, since: 120 },
    both: { rows: once },
    bad: { poison: (d, seed) => poisonBatch(d, seed, 120, 32, 32, (x) => x.forEach((v, i) => (x[i] = 1e5 * v))) },
  }),
  wide('targets of 1e8 at step 300', 'exploding', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 39, well: { optimizer: sgd(0.05) }, since: 300 },
    both: { rows: once },
    bad: { poison: (d, seed) => poisonBatch(d, seed, 300, 32, 4, (_, y) => void (y[0] = 1e8)) },
  }),
]

const biases = [
  wide('tanh, biases of 8', 'vanishing', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 51 },
    options: bias(8),
  }),
  wide('ReLU, 4 layers, biases of -5', 'dead', {
    ...{ data: 'spirals', activation: 'relu', depth: 4, width: 37 },
    options: bias(-5),
  }),
  wide('sigmoid, biases of -10', 'vanishing', {
    ...{ data: 'mixture', activation: 'sigmoid', depth: 3, width: 35, well: { optimizer: adam(1e-2) } },
    options: bias(-10),
  }),
  wide('last bias 50', 'overscale', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 41, well: { optimizer: sgd(0.02) } },
    options: { outputBias: { type: 'constant', value: 50 } },
  }),
  wide('biases N(0, 20), tanh', 'vanishing', {
    ...{ data: 'mixture', activation: 'tanh', depth: 4, width: 37, well: { optimizer: sgd(0.1) } },
    options: { bias: { type: 'normal', mean: 0, std: 20 } },
  }),
  wide('last weights N(0, 30)', 'overscale', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 51, well: { optimizer: sgd(0.05) } },
    options: { output: normal(30) },
  }),
]

const healthyOnes = [
  ...(['relu', 'tanh', 'elu', 'gelu', 'selu'] as const).flatMap((activation) => [
    fine(`${activation}, Adam`, { data: 'mixture', activation, depth: 4, width: 29 }),
    fine(`${activation}, momentum`, {
      ...{ data: 'spirals', activation, depth: 3, width: 33, well: { optimizer: sgd(0.1, 0.9) } },
      steps: 1000,
    }),
    fine(`${activation}, batch 8`, {
      ...{ data: 'mixture', activation, depth: 3, width: 25, well: { optimizer: sgd(0.02), batchSize: 8 } },
      steps: 1000,
    }),
    fine(`${activation}, RMSprop`, {
      ...{ data: 'sine', activation, depth: 3, width: 21, well: { optimizer: rmsprop(2e-3) } },
    }),
  ]),
  fine('tanh, N(0, 0.5)', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 29, options: kernel(normal(0.5)) },
    well: { optimizer: adam(3e-3) },
  }),
  fine('tanh, N(0, 1), 2 layers', {
    ...{ data: 'mixture', activation: 'tanh', depth: 2, width: 29, options: kernel(normal(1)) },
    well: { optimizer: adam(5e-3) },
  }),
  fine('tanh, batch 2, rate 0.02', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 29, well: { optimizer: sgd(0.02), batchSize: 2 } },
    steps: 1500,
  }),
  fine('linear rate to 0', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 29 },
    well: { optimizer: adam(1e-2), schedule: { type: 'linear' } },
  }),
]

export const practiceWide: readonly Case[] = [
  ...[...spread, ...scales, ...batches, ...rates, ...narrow, ...deep, ...records, ...biases, ...healthyOnes],
]
