/** F4 explodes while running, F5 not finite, F11 a participant's damage. */
import { doubleReduction, flipWeight, nanLane, overweightLane, poisonBatch, staleLane, zeroLanes } from '../faults.ts'
import type { Case, Class } from '../case.ts'
import { build, byShard, faulty, mapX, net, sgd } from './make.ts'

const exploding: Class[] = ['exploding', 'oscillating', 'non-finite']
const nonFinite: Class[] = ['non-finite']
const shard: Class[] = ['shard', 'exploding', 'oscillating', 'stalled']
/** Long enough for a run of one epoch. */
const once = 13_000
const lanes = { gradient: 'lanes', batchSize: 128 } as const

export const running: Case[] = [
  faulty('F4a', 'learning rate x 30 at step 200', exploding, {
    data: 'mixture',
    net: 'relu 3x32',
    build: build(net('mixture', 'relu', 3, 32), {
      optimizer: sgd(0.1, 0.9),
      schedule: { type: 'step', stepSize: 200, gamma: 30 },
    }),
    twin: build(net('mixture', 'relu', 3, 32), { optimizer: sgd(0.1, 0.9) }),
    steps: 399,
    since: 200,
  }),
  faulty('F4b', 'SGD with learning rate 10', exploding, {
    data: 'blobs',
    net: 'relu 3x20',
    build: build(net('blobs', 'relu', 3, 20), { optimizer: sgd(10) }),
    twin: build(net('blobs', 'relu', 3, 20), { optimizer: sgd(0.02) }),
  }),
  faulty('F4c', 'one batch of inputs x 10,000 at step 150', exploding, {
    data: 'mixture',
    net: 'relu 4x24',
    build: build(
      net('mixture', 'relu', 4, 24),
      { optimizer: sgd(0.05, 0.9) },
      {
        rows: once,
        poison: (data, seed) => poisonBatch(data, seed, 150, 32, 32, (x) => x.forEach((v, i) => (x[i] = 1e4 * v))),
      },
    ),
    twin: build(net('mixture', 'relu', 4, 24), { optimizer: sgd(0.05, 0.9) }, { rows: once }),
    since: 150,
  }),
  faulty('F4d', 'one target of 1,000,000 at step 150', exploding, {
    data: 'friedman',
    net: 'relu 3x24',
    build: build(
      net('friedman', 'relu', 3, 24),
      { optimizer: sgd(0.02, 0.9) },
      { rows: once, poison: (data, seed) => poisonBatch(data, seed, 150, 32, 1, (_, y) => void (y[0] = 1e6)) },
    ),
    twin: build(net('friedman', 'relu', 3, 24), { optimizer: sgd(0.02, 0.9) }, { rows: once }),
    since: 150,
  }),
  faulty('F4e', 'momentum 0.99 with learning rate 0.5', exploding, {
    data: 'spirals',
    net: 'relu 4x32',
    build: build(net('spirals', 'relu', 4, 32), { optimizer: sgd(0.5, 0.99) }),
    twin: build(net('spirals', 'relu', 4, 32), { optimizer: sgd(0.1, 0.9) }),
  }),
  faulty('F4f', 'one parameter x 2^20 at step 250', exploding, {
    data: 'digits',
    net: 'relu 3x40',
    build: build(net('digits', 'relu', 3, 40), { optimizer: sgd(0.1) }, { inject: flipWeight(250, 'out/bias', 3) }),
    twin: build(net('digits', 'relu', 3, 40), { optimizer: sgd(0.1) }),
    since: 250,
  }),

  faulty('F5a', 'one feature is NaN at step 100', nonFinite, {
    data: 'mixture',
    net: 'tanh 3x32',
    build: build(
      net('mixture', 'tanh', 3, 32),
      {},
      { rows: once, poison: (data, seed) => poisonBatch(data, seed, 100, 32, 1, (x) => void (x[3] = NaN)) },
    ),
    twin: build(net('mixture', 'tanh', 3, 32), {}, { rows: once }),
    since: 100,
  }),
  faulty('F5b', 'the logarithm of a target of 0 at step 60', nonFinite, {
    data: 'friedman',
    net: 'tanh 3x20',
    build: build(
      net('friedman', 'tanh', 3, 20),
      {},
      { rows: once, poison: (data, seed) => poisonBatch(data, seed, 60, 32, 1, (_, y) => void (y[0] = -Infinity)) },
    ),
    twin: build(net('friedman', 'tanh', 3, 20), {}, { rows: once }),
    since: 60,
  }),
  faulty('F5c', 'standardised by a deviation of 0: constant pixels become NaN', nonFinite, {
    data: 'digits',
    net: 'relu 2x24',
    build: build(net('digits', 'relu', 2, 24), {}, { scale: mapX((x, f) => (f % 32 === 0 ? NaN : x)) }),
    twin: build(net('digits', 'relu', 2, 24)),
  }),
  faulty('F5d', 'NaN from participant 2 at step 100', nonFinite, {
    data: 'spirals',
    net: 'tanh 3x48',
    build: build(net('spirals', 'tanh', 3, 48), lanes, { inject: nanLane(100, 2) }),
    twin: build(net('spirals', 'tanh', 3, 48), lanes),
    since: 100,
  }),

  faulty('F11a', 'participant 1 sends the gradient of step 5 for good', shard, {
    data: 'mixture',
    net: 'relu 2x64',
    build: build(net('mixture', 'relu', 2, 64), { ...lanes, optimizer: sgd(0.6, 0.9) }, { inject: staleLane(5, 1) }),
    twin: build(net('mixture', 'relu', 2, 64), { ...lanes, optimizer: sgd(0.6, 0.9) }),
    since: 5,
  }),
  faulty('F11b', 'participants 1 to 3 of 4 send zeros, shards sorted by class', shard, {
    data: 'digits',
    net: 'tanh 2x40',
    build: build(
      net('digits', 'tanh', 2, 40),
      { ...lanes, shuffle: false, optimizer: sgd(0.1) },
      { inject: zeroLanes(0, [1, 2, 3]), scale: byShard(128) },
    ),
    twin: build(
      net('digits', 'tanh', 2, 40),
      { ...lanes, shuffle: false, optimizer: sgd(0.1) },
      { scale: byShard(128) },
    ),
  }),
  faulty('F11c', 'a shard of 4 rows counts as one of 32', shard, {
    data: 'blobs',
    net: 'tanh 2x28',
    build: build(
      net('blobs', 'tanh', 2, 28),
      { gradient: 'lanes', batchSize: 100, optimizer: sgd(0.3, 0.9) },
      { inject: overweightLane(0, 3, 8) },
    ),
    twin: build(net('blobs', 'tanh', 2, 28), { gradient: 'lanes', batchSize: 100, optimizer: sgd(0.1) }),
  }),
  faulty('F11d', 'reduced twice by sixteen participants', shard, {
    data: 'circles',
    net: 'relu 3x64',
    build: build(
      net('circles', 'relu', 3, 64),
      { gradient: 'lanes', batchSize: 512, optimizer: sgd(0.3, 0.9) },
      { rows: 2048, inject: doubleReduction(0) },
    ),
    twin: build(
      net('circles', 'relu', 3, 64),
      { gradient: 'lanes', batchSize: 512, optimizer: sgd(0.3, 0.9) },
      { rows: 2048 },
    ),
  }),
]
