/** F6 dead units, F7 oscillating, F8 stalled, F10 symmetric. */
import type { Case, Class } from '../case.ts'
import { freeze, killLayer } from '../faults.ts'
import { residualNet } from '../nets.ts'
import { adam, build, faulty, mapX, net, sgd, straight } from './make.ts'

const dead: Class[] = ['dead', 'collapse', 'stalled']
const killed: Class[] = ['dead', 'exploding', 'oscillating', 'stalled']
const oscillating: Class[] = ['oscillating', 'exploding']
const stalled: Class[] = ['stalled']
const symmetric: Class[] = ['symmetric', 'stalled', 'dead', 'collapse']
const lanes = { gradient: 'lanes' } as const

/** AutoTrainer's inputs for dying ReLUs: all of them negative. */
const negative = mapX((x) => Math.max(-1, -Math.abs(x) / 12))

export const units: Case[] = [
  faulty('F6a', 'ReLU, 24 layers of 5, inputs in (-1, 0) (after AutoTrainer)', [...dead, 'shattered', 'vanishing'], {
    data: 'blobs',
    net: 'relu 24x5',
    build: build(net('blobs', 'relu', 24, 5), {}, { scale: negative }),
    twin: build(net('blobs', 'selu', 24, 5), {}, { scale: negative }),
  }),
  faulty('F6b', 'ReLU, 34 layers of 8 (the motivation of AutoTrainer)', [...dead, 'shattered', 'vanishing'], {
    data: 'digits',
    net: 'relu 34x8',
    build: build(net('digits', 'relu', 34, 8)),
    twin: build(residualNet(34, 8, 10, 0.25)),
  }),
  faulty('F6c', 'ReLU, biases of -10', dead, {
    data: 'circles',
    net: 'relu 3x36',
    build: build(net('circles', 'relu', 3, 36, { bias: { type: 'constant', value: -10 } })),
    twin: build(net('circles', 'relu', 3, 36)),
  }),
  faulty('F6d', 'ReLU, 8 layers, biases of -3', dead, {
    data: 'mixture',
    net: 'relu 8x32',
    build: build(net('mixture', 'relu', 8, 32, { bias: { type: 'constant', value: -3 } })),
    twin: build(net('mixture', 'relu', 8, 32)),
  }),
  faulty('F6e', 'SGD with learning rate 1 kills units', killed, {
    data: 'friedman',
    net: 'relu 4x40',
    build: build(net('friedman', 'relu', 4, 40), { optimizer: sgd(1) }),
    twin: build(net('friedman', 'relu', 4, 40), { optimizer: sgd(0.05) }),
  }),
  faulty('F6f', 'Adam with learning rate 0.5 kills units', killed, {
    data: 'spirals',
    net: 'relu 8x32',
    build: build(net('spirals', 'relu', 8, 32), { optimizer: adam(0.5) }),
    twin: build(net('spirals', 'relu', 8, 32), { optimizer: adam(3e-3) }),
  }),
  faulty('F6g', 'all weights negative over inputs that are not', dead, {
    data: 'digits',
    net: 'relu 3x24',
    build: build(net('digits', 'relu', 3, 24, { kernel: { type: 'uniform', min: -0.3, max: -0.01 } })),
    twin: build(net('digits', 'relu', 3, 24)),
  }),
  faulty('F6h', 'a layer dies at step 200', dead, {
    data: 'mixture',
    net: 'relu 4x48',
    build: build(net('mixture', 'relu', 4, 48), {}, { inject: killLayer(200, 'h2/bias') }),
    twin: build(net('mixture', 'relu', 4, 48)),
    since: 200,
  }),

  faulty('F7a', 'batch 1, SGD 0.01, momentum 0.9 (AutoTrainer)', oscillating, {
    data: 'blobs',
    net: 'tanh 3x5',
    build: build(net('blobs', 'tanh', 3, 5), { batchSize: 1, optimizer: sgd(0.01, 0.9) }),
    twin: build(net('blobs', 'tanh', 3, 5), { batchSize: 32, optimizer: sgd(0.01, 0.9) }),
    steps: 1400,
  }),
  faulty('F7b', 'learning rate 2.04 / curvature on a parabola', oscillating, {
    data: 'sine',
    net: 'linear 1',
    build: build(net('sine', 'linear', 1, 1), { batchSize: 'full', optimizer: sgd(1.02) }, { scale: straight }),
    twin: build(net('sine', 'linear', 1, 1), { batchSize: 'full', optimizer: sgd(0.3) }, { scale: straight }),
  }),
  faulty('F7c', 'Adam with learning rate 0.5', oscillating, {
    data: 'circles',
    net: 'elu 3x32',
    build: build(net('circles', 'elu', 3, 32), { optimizer: adam(0.5) }),
    twin: build(net('circles', 'elu', 3, 32), { optimizer: adam(5e-3) }),
  }),
  faulty('F7d', 'batch 2 with learning rate 0.5', oscillating, {
    data: 'mixture',
    net: 'tanh 2x32',
    build: build(net('mixture', 'tanh', 2, 32), { batchSize: 2, optimizer: sgd(0.5, 0.9) }),
    twin: build(net('mixture', 'tanh', 2, 32), { batchSize: 32, optimizer: sgd(0.5, 0.9) }),
    steps: 800,
  }),
  faulty('F7e', 'cosine restarts from a peak that is too high', oscillating, {
    data: 'friedman',
    net: 'tanh 3x28',
    build: build(net('friedman', 'tanh', 3, 28), {
      optimizer: sgd(3),
      schedule: { type: 'cosine', steps: 100, restarts: true, minimum: 0.5 },
    }),
    twin: build(net('friedman', 'tanh', 3, 28), {
      optimizer: sgd(0.1),
      schedule: { type: 'cosine', steps: 100, restarts: true },
    }),
  }),
  faulty('F7f', 'momentum 0.99', [...oscillating, 'dead', 'stalled'], {
    data: 'digits',
    net: 'tanh 3x40',
    build: build(net('digits', 'tanh', 3, 40), { optimizer: sgd(0.5, 0.99) }),
    twin: build(net('digits', 'tanh', 3, 40), { optimizer: sgd(0.1, 0.9) }),
  }),

  faulty('F8a', 'Adam with learning rate 1e-7', stalled, {
    data: 'mixture',
    net: 'tanh 2x48',
    build: build(net('mixture', 'tanh', 2, 48), { optimizer: adam(1e-7) }),
    twin: build(net('mixture', 'tanh', 2, 48), { optimizer: adam(3e-3) }),
  }),
  faulty('F8b', 'SGD with learning rate 1e-6', stalled, {
    data: 'digits',
    net: 'relu 2x40',
    build: build(net('digits', 'relu', 2, 40), { optimizer: sgd(1e-6) }),
    twin: build(net('digits', 'relu', 2, 40), { optimizer: sgd(0.1) }),
  }),
  faulty('F8c', 'weight decay 10', [...stalled, 'collapse', 'vanishing'], {
    data: 'blobs',
    net: 'relu 2x24',
    build: build(net('blobs', 'relu', 2, 24), { optimizer: { type: 'adamw', learningRate: 0.01, weightDecay: 10 } }),
    twin: build(net('blobs', 'relu', 2, 24), { optimizer: { type: 'adamw', learningRate: 0.01 } }),
  }),
  faulty('F8d', 'learning rate x 0.9 every step', stalled, {
    data: 'mixture',
    net: 'tanh 3x32',
    build: build(net('mixture', 'tanh', 3, 32), {
      optimizer: adam(5e-4),
      schedule: { type: 'exponential', gamma: 0.9, decaySteps: 1 },
    }),
    twin: build(net('mixture', 'tanh', 3, 32), { optimizer: adam(5e-4) }),
  }),
  faulty('F8e', 'clipping to a norm of 1e-6', stalled, {
    data: 'spirals',
    net: 'relu 3x48',
    build: build(net('spirals', 'relu', 3, 48), { optimizer: sgd(0.1, 0.9), clip: 1e-6 }),
    twin: build(net('spirals', 'relu', 3, 48), { optimizer: sgd(0.1, 0.9) }),
  }),
  faulty('F8f', 'all but the last layer frozen by mistake', [...stalled, 'vanishing'], {
    data: 'friedman',
    net: 'relu 5x8',
    build: build(net('friedman', 'relu', 5, 8), lanes, {
      inject: freeze([1, 2, 3, 4].flatMap((i) => [`h${i}/kernel`, `h${i}/bias`])),
    }),
    twin: build(net('friedman', 'relu', 5, 8), lanes),
  }),

  faulty('F10a', 'all weights 0', symmetric, {
    data: 'spirals',
    net: 'relu 3x32',
    build: build(net('spirals', 'relu', 3, 32, { kernel: 'zeros', output: 'zeros' })),
    twin: build(net('spirals', 'relu', 3, 32)),
  }),
  faulty('F10b', 'all weights 0.1', symmetric, {
    data: 'digits',
    net: 'relu 3x16',
    build: build(
      net('digits', 'relu', 3, 16, {
        kernel: { type: 'constant', value: 0.1 },
        output: { type: 'constant', value: 0.1 },
      }),
    ),
    twin: build(net('digits', 'relu', 3, 16)),
  }),
  faulty('F10c', 'all units of a layer begin with the same weights', symmetric, {
    data: 'parity',
    net: 'tanh 2x40',
    build: build(net('parity', 'tanh', 2, 40), { optimizer: adam(1e-2) }, { initial: sameColumns }),
    twin: build(net('parity', 'tanh', 2, 40), { optimizer: adam(1e-2) }),
    steps: 600,
  }),
  faulty('F10d', 'hidden and last layer 0', symmetric, {
    data: 'sine',
    net: 'tanh 3x32',
    build: build(net('sine', 'tanh', 3, 32, { kernel: 'zeros', output: 'zeros' }), { optimizer: adam(1e-2) }),
    twin: build(net('sine', 'tanh', 3, 32), { optimizer: adam(1e-2) }),
  }),
]

/** Every unit of the hidden layers gets the weights of the first. */
function sameColumns(weights: Record<string, Float32Array>, shapes: Record<string, readonly number[]>): void {
  for (const [name, values] of Object.entries(weights)) {
    const [, cols] = shapes[name]!
    if (cols === undefined) continue
    if (name.startsWith('h')) for (let i = 0; i < values.length; i++) values[i] = values[i - (i % cols)]!
    else for (let i = cols; i < values.length; i++) values[i] = values[i % cols]!
  }
}
