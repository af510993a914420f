/**
 * Practice on what is hard to mend: saturated depth, batches of a few rows, warm-ups longer than the run, rows that are
 * broken, rates far from right with few steps left. On the tune split's data; `node bench/health/practice.ts --hard`
 * runs them; none is scored.
 */
import type { Case } from '../case.ts'
import { normal, uniform } from '../nets.ts'
import { adam, build, mapX, net, sgd } from './make.ts'
import { adamw, bias, cases, kernel, rmsprop, someRows } from './wide.ts'

const { wide, fine } = cases('X')

const saturated = [
  ...(
    [
      ['circles', 6, 24, 2],
      ['circles', 5, 30, 4],
      ['circles', 8, 20, 3],
      ['circles', 4, 20, 6],
      ['spirals', 6, 28, 3],
      ['sine', 6, 28, 3],
      ['mixture', 6, 28, 3],
    ] as const
  ).map(([data, depth, width, std]) =>
    wide(`tanh, ${depth} layers, N(0, ${std})`, 'vanishing', {
      ...{ data, activation: 'tanh', depth, width },
      options: kernel(normal(std)),
    }),
  ),
  wide('tanh, 6 layers, N(0, 3), momentum', 'vanishing', {
    ...{ data: 'circles', activation: 'tanh', depth: 6, width: 26, well: { optimizer: sgd(0.1, 0.9) } },
    options: kernel(normal(3)),
  }),
  wide('sigmoid, 4 layers, N(0, 10)', 'vanishing', {
    ...{ data: 'circles', activation: 'sigmoid', depth: 3, width: 24, well: { optimizer: adam(1e-2) } },
    options: kernel(normal(10)),
  }),
]

const batches = [1, 2, 4].flatMap((batchSize) => [
  wide(`tanh, batch ${batchSize}, Adam 3e-2`, 'oscillating', {
    ...{ data: 'circles', activation: 'tanh', depth: 3, width: 24, well: { optimizer: adam(3e-2) }, steps: 800 },
    ill: { batchSize },
  }),
  wide(`ReLU, batch ${batchSize}, rate 0.3, momentum 0.9`, 'oscillating', {
    ...{ data: 'circles', activation: 'relu', depth: 3, width: 28, well: { optimizer: sgd(0.3, 0.9) }, steps: 1200 },
    ill: { batchSize },
  }),
  wide(`ReLU, batch ${batchSize}, rate 0.05, momentum 0.9`, 'oscillating', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 24, well: { optimizer: sgd(0.05, 0.9) }, steps: 600 },
    ill: { batchSize },
  }),
  wide(`tanh, batch ${batchSize}, rate 0.1, momentum 0.9`, 'oscillating', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 9, well: { optimizer: sgd(0.1, 0.9) }, steps: 700 },
    ill: { batchSize },
  }),
  wide(`ReLU, 6 layers, batch ${batchSize}, Adam 1e-2`, 'dead', {
    ...{ data: 'spirals', activation: 'relu', depth: 6, width: 22, well: { optimizer: adam(1e-2) }, steps: 800 },
    ill: { batchSize },
  }),
])

const warmups = [
  wide('warm-up of 20,000 steps, Adam', 'stalled', {
    ...{ data: 'spirals', activation: 'tanh', depth: 3, width: 34, well: { optimizer: adam(5e-3) } },
    ill: { schedule: { type: 'constant', warmupSteps: 20_000 } },
  }),
  wide('warm-up of 50,000 steps, momentum', 'stalled', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 26, well: { optimizer: sgd(0.1, 0.9) } },
    ill: { schedule: { type: 'constant', warmupSteps: 50_000 } },
  }),
  wide('warm-up of 100,000 steps, then linear', 'stalled', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 26, well: { optimizer: adam(5e-3) } },
    ill: { schedule: { type: 'linear', warmupSteps: 100_000 } },
  }),
  wide('warm-up of 200,000 steps, then cosine', 'stalled', {
    ...{ data: 'circles', activation: 'relu', depth: 3, width: 26, well: { optimizer: adam(1e-2) }, steps: 600 },
    ill: { schedule: { type: 'cosine', warmupSteps: 200_000 } },
  }),
  wide('warm-up of 3,000 steps of 300, SGD', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 4, width: 22, well: { optimizer: sgd(0.02) }, steps: 300 },
    ill: { schedule: { type: 'constant', warmupSteps: 3000 } },
  }),
]

const rows = [
  wide('every 10th target NaN', 'non-finite', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 33 },
    bad: { poison: someRows(10, (_, y) => void (y[0] = NaN)) },
  }),
  wide('every 25th feature NaN', 'non-finite', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 33, well: { optimizer: sgd(0.1, 0.9) } },
    bad: { poison: someRows(25, (x) => void (x[3] = NaN)) },
  }),
  wide('every 30th target + 1e4, Adam', 'exploding', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 31, well: { optimizer: adam(1e-2) } },
    bad: { poison: someRows(30, (_, y) => void (y[0]! += 1e4)) },
  }),
  wide('every 40th target 1,000, SGD', 'exploding', {
    ...{ data: 'sine', activation: 'relu', depth: 4, width: 31, well: { optimizer: sgd(0.05) } },
    bad: { poison: someRows(40, (_, y) => void (y[0] = 1000)) },
  }),
  wide('every 15th target -1e5', 'exploding', {
    ...{ data: 'sine', activation: 'elu', depth: 3, width: 29, well: { optimizer: sgd(0.02, 0.9) } },
    bad: { poison: someRows(15, (_, y) => void (y[0] = -1e5)) },
  }),
  wide('every 20th row x 1e4', 'exploding', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 37, well: { optimizer: sgd(0.1) } },
    bad: { poison: someRows(20, (x) => void x.forEach((v, i) => (x[i] = 1e4 * v))) },
  }),
  wide('every 300th target Infinity', 'non-finite', {
    ...{ data: 'sine', activation: 'tanh', depth: 4, width: 25, well: { optimizer: sgd(0.05, 0.9) } },
    bad: { poison: someRows(300, (_, y) => void (y[0] = Infinity)) },
  }),
]

const rates = [
  wide('Adam, rate 1e-7, 200 steps', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 35, well: { optimizer: adam(3e-3) }, steps: 200 },
    ill: { optimizer: adam(1e-7) },
  }),
  wide('SGD, rate 1e-5, 200 steps', 'stalled', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 35, well: { optimizer: sgd(0.1, 0.9) }, steps: 200 },
    ill: { optimizer: sgd(1e-5, 0.9) },
  }),
  wide('Adam, rate 1e-5, 250 steps', 'stalled', {
    ...{ data: 'spirals', activation: 'relu', depth: 4, width: 35, well: { optimizer: adam(1e-2) }, steps: 250 },
    ill: { optimizer: adam(1e-5) },
  }),
  wide('SGD, rate 1e-3, 300 steps', 'stalled', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 23, well: { optimizer: sgd(0.1) }, steps: 300 },
    ill: { optimizer: sgd(1e-3) },
  }),
  wide('Adam, rate 3, 200 steps', 'oscillating', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 31, well: { optimizer: adam(5e-3) }, steps: 200 },
    ill: { optimizer: adam(3) },
  }),
  wide('SGD, rate 30, 200 steps', 'exploding', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 31, well: { optimizer: sgd(0.1) }, steps: 200 },
    ill: { optimizer: sgd(30) },
  }),
  wide('SGD, rate 5, momentum 0.9, 200 steps', 'exploding', {
    ...{ data: 'spirals', activation: 'relu', depth: 4, width: 27, well: { optimizer: sgd(0.1, 0.9) }, steps: 300 },
    ill: { optimizer: sgd(5, 0.9) },
  }),
  wide('RMSprop, rate 3', 'oscillating', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 27, well: { optimizer: rmsprop(3e-3) } },
    ill: { optimizer: rmsprop(3) },
  }),
  wide('rate x 200 at step 300', 'exploding', {
    ...{ data: 'sine', activation: 'relu', depth: 3, width: 25, well: { optimizer: sgd(0.05, 0.9) }, since: 300 },
    ill: { schedule: { type: 'step', stepSize: 300, gamma: 200 } },
  }),
]

const sigmoids = [
  wide('sigmoid, 5 layers, momentum', 'vanishing', {
    ...{ data: 'mixture', activation: 'sigmoid', depth: 5, width: 30, well: { optimizer: sgd(0.1, 0.9) } },
    twin: build(net('mixture', 'tanh', 5, 30), { optimizer: sgd(0.1, 0.9) }),
  }),
  wide('sigmoid, 8 layers, Adam', 'vanishing', {
    ...{ data: 'mixture', activation: 'sigmoid', depth: 8, width: 20 },
    twin: build(net('mixture', 'tanh', 8, 20)),
  }),
  wide('sigmoid, 10 layers, RMSprop', 'vanishing', {
    ...{ data: 'circles', activation: 'sigmoid', depth: 10, width: 16, well: { optimizer: rmsprop(3e-3) } },
    twin: build(net('circles', 'tanh', 10, 16), { optimizer: rmsprop(3e-3) }),
  }),
  wide('sigmoid, 14 layers, Adam', 'vanishing', {
    ...{ data: 'sine', activation: 'sigmoid', depth: 14, width: 24 },
    twin: build(net('sine', 'tanh', 14, 24)),
  }),
  wide('sigmoid, 7 layers, SGD', 'vanishing', {
    ...{ data: 'circles', activation: 'sigmoid', depth: 7, width: 12, well: { optimizer: sgd(0.2, 0.9) } },
    twin: build(net('circles', 'tanh', 7, 12), { optimizer: sgd(0.2, 0.9) }),
  }),
  wide('sigmoid, 6 layers, SGD', 'vanishing', {
    ...{ data: 'spirals', activation: 'sigmoid', depth: 6, width: 32, well: { optimizer: sgd(0.2, 0.9) }, steps: 600 },
    twin: build(net('spirals', 'tanh', 6, 32), { optimizer: sgd(0.2, 0.9) }),
  }),
]

const dead = [
  ...([-20, -3, -100] as const).flatMap((value) => [
    wide(`ReLU, 3 layers, biases of ${value}, SGD`, 'dead', {
      ...{ data: 'mixture', activation: 'relu', depth: 3, width: 26, well: { optimizer: sgd(0.1) } },
      options: bias(value),
    }),
    wide(`ReLU, 6 layers, biases of ${value}`, 'dead', {
      ...{ data: 'sine', activation: 'relu', depth: 6, width: 22 },
      options: bias(value),
    }),
  ]),
  wide('ReLU, 5 layers, biases of -1, momentum', 'dead', {
    ...{ data: 'circles', activation: 'relu', depth: 5, width: 22, well: { optimizer: sgd(0.1, 0.9) } },
    options: bias(-1),
  }),
]

const unscaled = [
  wide('tanh, inputs x 1,000', 'overscale', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 28 },
    bad: { scale: mapX((x) => 1000 * x) },
  }),
  wide('tanh, inputs x 30, momentum', 'overscale', {
    ...{ data: 'circles', activation: 'tanh', depth: 4, width: 28, well: { optimizer: sgd(0.1, 0.9) } },
    bad: { scale: mapX((x) => 30 * x) },
  }),
  wide('tanh, inputs + 500', 'overscale', {
    ...{ data: 'spirals', activation: 'tanh', depth: 3, width: 28, well: { optimizer: adam(5e-3) } },
    bad: { scale: mapX((x) => x + 500) },
  }),
  wide('tanh, one feature x 1e4', 'overscale', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 24, well: { optimizer: sgd(0.1, 0.9) } },
    bad: { scale: mapX((x, f) => (f === 5 ? 1e4 * x : x)) },
  }),
  wide('sigmoid, inputs x 300', 'overscale', {
    ...{ data: 'sine', activation: 'sigmoid', depth: 3, width: 30, well: { optimizer: adam(1e-2) } },
    bad: { scale: mapX((x) => 300 * x) },
  }),
  wide('tanh, inputs x 8 + 8', 'overscale', {
    ...{ data: 'spirals', activation: 'tanh', depth: 4, width: 30, well: { optimizer: adam(5e-3) } },
    bad: { scale: mapX((x) => 8 * x + 8) },
  }),
]

const decays = [
  wide('N(0, 1), weight decay 5', 'overscale', {
    ...{ data: 'mixture', activation: 'relu', depth: 4, width: 28, well: { optimizer: adamw(3e-3, 0.01) } },
    ...{ ill: { optimizer: adamw(3e-3, 5) }, options: kernel(normal(1)) },
  }),
  wide('N(0, 0.01), weight decay 2', 'collapse', {
    ...{ data: 'spirals', activation: 'relu', depth: 4, width: 28, well: { optimizer: adamw(1e-2, 0.01) } },
    ...{ ill: { optimizer: adamw(1e-2, 2) }, options: kernel(normal(0.01)) },
  }),
  wide('tanh, N(0, 5), weight decay 0.05', 'vanishing', {
    ...{ data: 'mixture', activation: 'tanh', depth: 4, width: 24, well: { optimizer: sgd(0.1, 0.9) } },
    ill: { optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.05 } },
    options: kernel(normal(5)),
  }),
  wide('U(-0.02, 0.02), weight decay 3', 'collapse', {
    ...{ data: 'sine', activation: 'relu', depth: 5, width: 26, well: { optimizer: adamw(5e-3, 0.01) } },
    ...{ ill: { optimizer: adamw(5e-3, 3) }, options: kernel(uniform(0.02)) },
  }),
]

const healthyOnes = [
  ...([1, 2, 4] as const).flatMap((batchSize) => [
    fine(`tanh, batch ${batchSize}, Adam 1e-3`, {
      ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 27, well: { optimizer: adam(1e-3), batchSize } },
      steps: 1200,
    }),
    fine(`ReLU, batch ${batchSize}, rate 0.01`, {
      ...{ data: 'sine', activation: 'relu', depth: 3, width: 27, well: { optimizer: sgd(0.01), batchSize } },
      steps: 1500,
    }),
    fine(`ReLU, batch ${batchSize}, Adam 1e-3`, {
      ...{ data: 'circles', activation: 'relu', depth: 3, width: 31, well: { optimizer: adam(1e-3), batchSize } },
      steps: 1500,
    }),
  ]),
  fine('warm-up of 300 of 600 steps', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 27 },
    well: { optimizer: adam(5e-3), schedule: { type: 'constant', warmupSteps: 300 } },
  }),
  fine('warm-up of all 800 steps, momentum', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 27, steps: 800 },
    well: { optimizer: sgd(0.2, 0.9), schedule: { type: 'constant', warmupSteps: 800 } },
  }),
  fine('warm-up of 200 steps, then cosine', {
    ...{ data: 'spirals', activation: 'relu', depth: 3, width: 37, steps: 1000 },
    well: { optimizer: adam(1e-2), schedule: { type: 'cosine', warmupSteps: 200 } },
  }),
  fine('every 25th target x 4', {
    ...{ data: 'sine', activation: 'tanh', depth: 3, width: 27, well: { optimizer: adam(5e-3) } },
    both: { poison: someRows(25, (_, y) => void (y[0]! *= 4)) },
  }),
  fine('every 40th row x 6', {
    ...{ data: 'mixture', activation: 'relu', depth: 3, width: 23, well: { optimizer: adam(3e-3) } },
    both: { poison: someRows(40, (x) => void x.forEach((v, i) => (x[i] = 6 * v))) },
  }),
  fine('sigmoid, 2 layers', {
    ...{ data: 'mixture', activation: 'sigmoid', depth: 2, width: 27, well: { optimizer: adam(1e-2) } },
  }),
  fine('weight decay 0.1', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 27, well: { optimizer: adamw(5e-3, 0.1) } },
  }),
  fine('ReLU, biases of -0.2', {
    ...{ data: 'spirals', activation: 'relu', depth: 3, width: 39, well: { optimizer: adam(5e-3) } },
    ...{ options: bias(-0.2), steps: 800 },
  }),
  fine('a small rate', {
    ...{ data: 'mixture', activation: 'tanh', depth: 3, width: 33, well: { optimizer: sgd(0.01) } },
    steps: 1200,
  }),
]

export const practiceHard: readonly Case[] = [
  ...[...saturated, ...batches, ...warmups, ...rows, ...rates, ...sigmoids, ...dead, ...unscaled, ...decays],
  ...healthyOnes,
]
