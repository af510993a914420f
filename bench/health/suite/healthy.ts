/** H: healthy trainings, hard negatives among them: what a rule of thumb takes for a fault and outcome does not. */
import type { Dataset } from '../../../src/data/dataset.ts'
import { poisonBatch } from '../faults.ts'
import type { Case } from '../case.ts'
import { residualNet } from '../nets.ts'
import { adam, build, healthy, mapY, net, sgd, straight } from './make.ts'
import { studentAt } from './noise.ts'

const once = 13_000

export const healthyCases: Case[] = [
  healthy('Ha', 'ReLU, Adam', { data: 'circles', net: 'relu 3x32', build: build(net('circles', 'relu', 3, 32)) }),
  healthy('Hb', 'tanh, Adam', { data: 'blobs', net: 'tanh 3x20', build: build(net('blobs', 'tanh', 3, 20)) }),
  healthy('Hc', 'leaky ReLU, momentum', {
    data: 'spirals',
    net: 'leakyRelu 4x48',
    build: build(net('spirals', 'leakyRelu', 4, 48), { optimizer: sgd(0.1, 0.9) }),
  }),
  healthy('Hd', 'ReLU on digits', { data: 'digits', net: 'relu 2x40', build: build(net('digits', 'relu', 2, 40)) }),
  healthy('He', 'tanh on a sine', {
    data: 'sine',
    net: 'tanh 3x16',
    build: build(net('sine', 'tanh', 3, 16), { optimizer: adam(1e-2) }),
  }),
  healthy('Hf', 'ReLU regression', {
    data: 'friedman',
    net: 'relu 3x24',
    build: build(net('friedman', 'relu', 3, 24)),
  }),
  healthy('Hg', 'gelu on a mixture', {
    data: 'mixture',
    net: 'gelu 3x32',
    build: build(net('mixture', 'gelu', 3, 32)),
  }),
  healthy('Hh', 'residual, 8 layers', {
    data: 'digits',
    net: 'residual 8x24',
    build: build(residualNet(8, 24, 10, 0.5)),
  }),
  healthy('Hi', 'elu, 6 layers', {
    data: 'mixture',
    net: 'elu 6x32',
    build: build(net('mixture', 'elu', 6, 32), { optimizer: sgd(0.05, 0.9) }),
  }),
  healthy('Hj', 'selu regression', {
    data: 'friedman',
    net: 'selu 4x24',
    build: build(net('friedman', 'selu', 4, 24)),
  }),

  healthy('Hk', 'targets x 1e-7: gradients of 1e-7', {
    data: 'sine',
    net: 'linear 1',
    build: build(
      net('sine', 'linear', 1, 1, { output: 'zeros' }),
      { optimizer: sgd(0.3) },
      { scale: (data) => mapY((y) => 1e-7 * y)(straight(data)) },
    ),
    twin: build(net('sine', 'linear', 1, 1, { output: 'zeros' }), { optimizer: sgd(0.3) }, { scale: straight }),
  }),
  healthy('Hl', 'targets x 1e8: gradients of 1e8', {
    data: 'friedman',
    net: 'linear 10-1',
    build: build(
      net('friedman', 'linear', 1, 1, { output: 'zeros' }),
      { optimizer: sgd(0.1) },
      { scale: mapY((y) => 1e8 * y) },
    ),
    twin: build(net('friedman', 'linear', 1, 1, { output: 'zeros' }), { optimizer: sgd(0.1) }),
  }),
  healthy('Hm', 'inputs 99 % sparse', {
    data: 'sparse',
    net: 'relu 2x32',
    build: build(net('sparse', 'relu', 2, 32)),
  }),
  healthy('Hn', 'deep ReLU, He, 20 layers: many inactive units', {
    data: 'blobs',
    net: 'relu 20x40',
    build: build(net('blobs', 'relu', 20, 40), { optimizer: adam(1e-3) }),
  }),
  healthy('Ho', 'tanh, Glorot, 20 layers', {
    data: 'mixture',
    net: 'tanh 20x32',
    build: build(net('mixture', 'tanh', 20, 32), { optimizer: adam(1e-3) }),
  }),
  healthy('Hp', 'sigmoid, 2 layers', {
    data: 'digits',
    net: 'sigmoid 2x40',
    build: build(net('digits', 'sigmoid', 2, 40), { optimizer: adam(1e-2) }),
  }),
  healthy('Hq', 'residual, 50 layers, branches of 1 / sqrt(blocks)', {
    data: 'spirals',
    net: 'residual 50x32',
    build: build(residualNet(50, 32, 2, 0.2), { optimizer: adam(1e-3) }),
  }),
  healthy('Hr', 'one hard batch: five times the norm', {
    data: 'friedman',
    net: 'tanh 2x24',
    build: build(
      net('friedman', 'tanh', 2, 24),
      {},
      {
        rows: once,
        poison: (data, seed) => poisonBatch(data, seed, 200, 32, 32, (_, y) => void (y[0] = 2 * y[0]! + 1)),
      },
    ),
    twin: build(net('friedman', 'tanh', 2, 24), {}, { rows: once }),
  }),
  healthy('Hs', 'heavy-tailed noise on the targets', {
    data: 'friedman',
    net: 'relu 2x24',
    build: build(net('friedman', 'relu', 2, 24), {}, { poison: heavyTails }),
    twin: build(net('friedman', 'relu', 2, 24)),
  }),
  healthy('Ht', 'batch 4', {
    data: 'mixture',
    net: 'tanh 2x32',
    build: build(net('mixture', 'tanh', 2, 32), { batchSize: 4, optimizer: sgd(0.02) }),
    steps: 1000,
  }),
  healthy('Hu', 'warm-up from 1e-6 to 1e-2', {
    data: 'digits',
    net: 'relu 3x24',
    build: build(net('digits', 'relu', 3, 24), {
      optimizer: adam(1e-2),
      schedule: { type: 'constant', warmupSteps: 200 },
    }),
  }),
  healthy('Hv', 'learning rate x 0.1 every 150 steps', {
    data: 'mixture',
    net: 'relu 2x48',
    build: build(net('mixture', 'relu', 2, 48), {
      optimizer: sgd(0.1, 0.9),
      schedule: { type: 'step', stepSize: 150, gamma: 0.1 },
    }),
  }),
  healthy('Hw', 'cosine restarts', {
    data: 'blobs',
    net: 'tanh 4x24',
    build: build(net('blobs', 'tanh', 4, 24), {
      optimizer: sgd(0.1, 0.9),
      schedule: { type: 'cosine', steps: 100, restarts: true },
    }),
  }),
  healthy('Hx', 'dropout of a half', {
    data: 'mixture',
    net: 'relu 3x64',
    build: build(net('mixture', 'relu', 3, 64, { dropout: 0.5 })),
  }),
  healthy('Hy', 'classes 95 : 5', {
    data: 'mixture',
    net: 'tanh 3x32',
    build: build(net('mixture', 'tanh', 3, 32), {}, { scale: imbalanced }),
  }),
  healthy('Hz', 'a long plateau, then it learns', {
    data: 'parity',
    net: 'tanh 2x20',
    build: build(net('parity', 'tanh', 2, 20), { optimizer: sgd(0.1) }),
    twin: build(net('parity', 'tanh', 2, 20), { optimizer: adam(1e-2) }),
    steps: 3000,
  }),
  healthy('HA', 'converged, and trained on for thousands of steps', {
    data: 'spirals',
    net: 'relu 3x48',
    build: build(net('spirals', 'relu', 3, 48)),
    steps: 3000,
  }),
  healthy('HB', 'Adam with gradients of 1e-6', {
    data: 'friedman',
    net: 'linear 10-1',
    build: build(
      net('friedman', 'linear', 1, 1, { output: 'zeros' }),
      { optimizer: { type: 'adam', learningRate: 1e-8, epsilon: 1e-16 } },
      { scale: mapY((y) => 1e-6 * y) },
    ),
    twin: build(net('friedman', 'linear', 1, 1, { output: 'zeros' }), { optimizer: adam(0.01) }),
  }),
  healthy('HC', 'fine-tuning: the lower half frozen, as the config says', {
    data: 'digits',
    net: 'tanh 4x40',
    build: build(net('digits', 'tanh', 4, 40)),
  }),
  healthy('HD', 'sparse ReLU: most units inactive, and alive', {
    data: 'parity',
    net: 'relu 2x56',
    build: build(net('parity', 'relu', 2, 56, { bias: { type: 'constant', value: -1 } }), { optimizer: adam(1e-2) }),
    twin: build(net('parity', 'relu', 2, 56), { optimizer: adam(1e-2) }),
    steps: 600,
  }),
]

function heavyTails(data: Dataset): Dataset {
  return { ...data, y: data.y.map((y, i) => y + 0.25 * studentAt(31, 0, i, 3)) }
}

/** Class 0 has 95 % of the rows: most of the others become the row of class 0 before them. */
function imbalanced(data: Dataset): Dataset {
  const { rows, features } = data
  const [x, y] = [data.x.slice(), data.y.slice()]
  for (let r = 0; r < rows; r++) {
    if (r % 60 < 4) continue
    const from = r - (r % 4)
    x.set(data.x.subarray(from * features, (from + 1) * features), r * features)
    y[r] = 0
  }
  return { ...data, x, y }
}
