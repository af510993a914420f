/** F1 vanishing profile, F2 collapse, F3 too large from the start, F9 shattered: faults of the signal's way through the network. */
import type { Case, Class } from '../case.ts'
import { he, normal, residualNet, uniform } from '../nets.ts'
import { adam, build, faulty, mapX, mapY, net, sgd } from './make.ts'

const vanishing: Class[] = ['vanishing', 'collapse', 'stalled']
const collapse: Class[] = ['collapse', 'vanishing', 'stalled', 'dead']
const overscale: Class[] = ['overscale', 'exploding', 'non-finite']
const shattered: Class[] = ['shattered', 'dead', 'stalled', 'collapse', 'vanishing']

export const signal: Case[] = [
  faulty('F1a', 'sigmoid, 8 layers of 32, Glorot', vanishing, {
    data: 'circles',
    net: 'sigmoid 8x32',
    build: build(net('circles', 'sigmoid', 8, 32)),
    twin: build(net('circles', 'relu', 8, 32)),
  }),
  faulty('F1b', 'sigmoid, 12 layers of 24, Glorot', vanishing, {
    data: 'blobs',
    net: 'sigmoid 12x24',
    build: build(net('blobs', 'sigmoid', 12, 24), { optimizer: adam(1e-3) }),
    twin: build(net('blobs', 'relu', 12, 24), { optimizer: adam(1e-3) }),
  }),
  faulty('F1c', 'sigmoid, 12 layers of 5 (AutoTrainer)', vanishing, {
    data: 'blobs',
    net: 'sigmoid 12x5',
    build: build(net('blobs', 'sigmoid', 12, 5)),
    twin: build(net('blobs', 'tanh', 12, 5)),
  }),
  faulty('F1d', 'sigmoid, 8 layers of 40, Glorot', vanishing, {
    data: 'digits',
    net: 'sigmoid 8x40',
    build: build(net('digits', 'sigmoid', 8, 40)),
    twin: build(net('digits', 'relu', 8, 40)),
  }),
  faulty('F1e', 'sigmoid, 10 layers of 16, Glorot', vanishing, {
    data: 'sine',
    net: 'sigmoid 10x16',
    build: build(net('sine', 'sigmoid', 10, 16)),
    twin: build(net('sine', 'tanh', 10, 16)),
  }),
  faulty('F1f', 'tanh, 6 layers of 32, weights N(0, 10), SGD', [...vanishing, 'overscale'], {
    data: 'spirals',
    net: 'tanh 6x32',
    build: build(net('spirals', 'tanh', 6, 32, { kernel: normal(10) }), { optimizer: sgd(0.2, 0.9) }),
    twin: build(net('spirals', 'tanh', 6, 32), { optimizer: sgd(0.2, 0.9) }),
  }),
  faulty('F1g', 'tanh, 3 layers of 16, inputs x 1,000', [...vanishing, 'overscale'], {
    data: 'sine',
    net: 'tanh 3x16',
    build: build(net('sine', 'tanh', 3, 16), { optimizer: sgd(0.05, 0.9) }, { scale: mapX((x) => 1000 * x) }),
    twin: build(net('sine', 'tanh', 3, 16), { optimizer: sgd(0.05, 0.9) }),
  }),
  faulty('F1h', 'sigmoid, 9 layers of 20, Glorot, SGD', vanishing, {
    data: 'friedman',
    net: 'sigmoid 9x20',
    build: build(net('friedman', 'sigmoid', 9, 20), { optimizer: sgd(0.05, 0.9) }),
    twin: build(net('friedman', 'tanh', 9, 20), { optimizer: sgd(0.05, 0.9) }),
  }),

  faulty('F2a', 'ReLU, 8 layers of 28, U(-0.05, 0.05)', collapse, {
    data: 'blobs',
    net: 'relu 8x28',
    build: build(net('blobs', 'relu', 8, 28, { kernel: uniform(0.05), output: uniform(0.05) }), {
      optimizer: sgd(0.02),
    }),
    twin: build(net('blobs', 'relu', 8, 28), { optimizer: sgd(0.02) }),
  }),
  faulty('F2b', 'ReLU, 9 layers of 5, U(-0.05, 0.05) (AutoTrainer)', collapse, {
    data: 'blobs',
    net: 'relu 9x5',
    build: build(net('blobs', 'relu', 9, 5, { kernel: uniform(0.05), output: uniform(0.05) }), {
      optimizer: adam(1e-3),
    }),
    twin: build(net('blobs', 'selu', 9, 5), { optimizer: adam(3e-3) }),
  }),
  faulty('F2c', 'ReLU, 6 layers of 64, N(0, 0.01)', collapse, {
    data: 'mixture',
    net: 'relu 6x64',
    build: build(net('mixture', 'relu', 6, 64, { kernel: normal(1e-2), output: normal(1e-2) }), {
      optimizer: sgd(0.05),
    }),
    twin: build(net('mixture', 'relu', 6, 64), { optimizer: sgd(0.05) }),
  }),
  faulty('F2d', 'ReLU, 50 layers of 32, Glorot', [...collapse, 'shattered'], {
    data: 'circles',
    net: 'relu 50x32',
    build: build(net('circles', 'relu', 50, 32, { kernel: 'glorotUniform' }), { optimizer: adam(1e-3) }),
    twin: build(residualNet(50, 32, 2, 0.2), { optimizer: adam(1e-3) }),
  }),

  faulty('F3a', 'exponential, 9 layers of 5 (AutoTrainer)', overscale, {
    data: 'blobs',
    net: 'exponential 9x5',
    build: build(net('blobs', 'exponential', 9, 5, { kernel: he(5) })),
    twin: build(net('blobs', 'selu', 9, 5)),
  }),
  faulty('F3b', 'exponential, 8 layers of 5 (AutoTrainer)', overscale, {
    data: 'circles',
    net: 'exponential 8x5',
    build: build(net('circles', 'exponential', 8, 5, { kernel: he(5) })),
    twin: build(net('circles', 'elu', 8, 5), { optimizer: adam(1e-2) }),
  }),
  faulty('F3c', 'ReLU, 8 layers of 32, N(0, 1)', overscale, {
    data: 'mixture',
    net: 'relu 8x32',
    build: build(net('mixture', 'relu', 8, 32, { kernel: normal(1) }), { optimizer: sgd(0.02) }),
    twin: build(net('mixture', 'relu', 8, 32), { optimizer: sgd(0.02) }),
  }),
  faulty('F3d', 'ReLU, 12 layers of 24, twice He', overscale, {
    data: 'digits',
    net: 'relu 12x24',
    build: build(net('digits', 'relu', 12, 24, { kernel: he(24, 2) }), { optimizer: sgd(0.02) }),
    twin: build(net('digits', 'relu', 12, 24), { optimizer: sgd(0.05, 0.9) }),
  }),
  faulty('F3e', 'ReLU, 4 layers of 20, inputs x 100', overscale, {
    data: 'friedman',
    net: 'relu 4x20',
    build: build(net('friedman', 'relu', 4, 20), { optimizer: sgd(0.02) }, { scale: mapX((x) => 100 * x) }),
    twin: build(net('friedman', 'relu', 4, 20), { optimizer: sgd(0.02) }),
  }),
  faulty('F3f', 'tanh, 3 layers of 24, targets x 10,000', ['overscale', 'stalled', 'exploding'], {
    data: 'sine',
    net: 'tanh 3x24',
    build: build(net('sine', 'tanh', 3, 24), {}, { scale: mapY((y) => 1e4 * y) }),
    twin: build(net('sine', 'tanh', 3, 24), { optimizer: adam(1e-2) }),
  }),
  faulty('F3g', 'residual, 50 layers of 32, full branches, no norm', overscale, {
    data: 'spirals',
    net: 'residual 50x32',
    build: build(residualNet(50, 32, 2, 1), { optimizer: sgd(0.01) }),
    twin: build(residualNet(50, 32, 2, 0.1), { optimizer: sgd(0.01) }),
  }),
  faulty('F3h', 'linear, 10 layers of 24, orthogonal x 3', overscale, {
    data: 'friedman',
    net: 'linear 10x24',
    build: build(net('friedman', 'linear', 10, 24, { kernel: { type: 'orthogonal', gain: 3 } }), {
      optimizer: sgd(0.01),
    }),
    twin: build(net('friedman', 'linear', 10, 24, { kernel: { type: 'orthogonal', gain: 1 } }), {
      optimizer: sgd(0.01),
    }),
  }),

  faulty('F9a', 'plain ReLU, 80 layers of 32, He', shattered, {
    data: 'circles',
    net: 'relu 80x32',
    build: build(net('circles', 'relu', 80, 32), { optimizer: adam(1e-3) }),
    twin: build(residualNet(80, 32, 2, 0.16), { optimizer: adam(1e-3) }),
  }),
  faulty('F9b', 'plain ReLU, 80 layers of 24, He', shattered, {
    data: 'digits',
    net: 'relu 80x24',
    build: build(net('digits', 'relu', 80, 24), { optimizer: adam(1e-3) }),
    twin: build(residualNet(80, 24, 10, 0.16), { optimizer: adam(1e-3) }),
  }),
  faulty('F9c', 'plain ReLU, 120 layers of 28, He', shattered, {
    data: 'friedman',
    net: 'relu 120x28',
    build: build(net('friedman', 'relu', 120, 28), { optimizer: adam(1e-3) }),
    twin: build(residualNet(120, 28, 1, 0.14), { optimizer: adam(1e-3) }),
  }),
  faulty('F9d', 'plain ReLU, 160 layers of 12, He', shattered, {
    data: 'spirals',
    net: 'relu 160x12',
    build: build(net('spirals', 'relu', 160, 12), { optimizer: adam(1e-3) }),
    twin: build(residualNet(160, 12, 2, 0.1), { optimizer: adam(1e-3) }),
  }),
]
