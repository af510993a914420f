/**
 * Practice that nobody chose: kinds of fault of the whole suite, each on data, depth, width, optimizer and rate drawn by
 * number. On the tune split's data; `node bench/health/practice.ts --drawn` runs them; none is scored. The same on
 * data that neither split has: `--far`.
 */
import type { Case, Class } from '../case.ts'
import { practiceData, tuneData } from '../case.ts'
import { outputsOf } from '../data.ts'
import type { DataName } from '../data.ts'
import { doubleReduction, flipWeight, freeze, killLayer, nanLane, overweightLane, poisonBatch } from '../faults.ts'
import { staleLane, zeroLanes } from '../faults.ts'
import { he, normal, residualNet, uniform } from '../nets.ts'
import type { Activation } from '../nets.ts'
import { Dice, bent, named, numbers, numeric, plain } from './dice.ts'
import { adam, build, byShard, mapX, mapY, net, sgd } from './make.ts'
import { adamw, bias, cases, kernel, once, rmsprop, someRows } from './wide.ts'
import type { Wide } from './wide.ts'

/** Draws of each kind. */
const EACH = 6

type Kind = (d: Dice) => [what: string, fault: Class, given: Wide]

/** Beside the same network of another activation. */
const beside = (given: Wide, activation: Activation): Wide => ({
  ...given,
  twin: build(net(given.data, activation, given.depth, given.width), given.well, given.both),
})
const lanes = { gradient: 'lanes', batchSize: 128 } as const

const kinds: readonly Kind[] = [
  (d) => {
    const given = { ...plain(d, 'sigmoid'), depth: d.whole(6, 14) }
    return ['sigmoid', 'vanishing', beside(given, 'tanh')]
  },
  (d) => {
    const std = d.log(2, 12)
    const given = { ...plain(d, 'tanh'), depth: d.whole(3, 8), options: kernel(normal(std)) }
    return [`weights N(0, ${std})`, 'vanishing', given]
  },
  (d) => {
    const limit = d.log(0.01, 0.08)
    const given = { ...plain(d, 'relu'), depth: d.whole(5, 10) }
    return [
      `weights U(-${limit}, ${limit})`,
      'collapse',
      { ...given, options: { kernel: uniform(limit), output: uniform(limit) } },
    ]
  },
  (d) => {
    const given = { ...plain(d, 'exponential'), depth: d.whole(6, 10), width: d.whole(4, 12) }
    return ['exponential', 'overscale', beside({ ...given, options: kernel(he(given.width)) }, 'selu')]
  },
  (d) => {
    const factor = d.log(2, 6)
    const given = { ...plain(d, 'relu'), depth: d.whole(6, 14) }
    return [`${factor} times He`, 'overscale', { ...given, options: kernel(he(given.width, factor)) }]
  },
  (d) => {
    const factor = d.log(20, 1e5)
    return [`inputs x ${factor}`, 'overscale', { ...plain(d), bad: { scale: mapX((x) => factor * x) } }]
  },
  (d) => {
    const shift = d.log(10, 1e4)
    return [`inputs + ${shift}`, 'overscale', { ...plain(d), bad: { scale: mapX((x) => shift + x) } }]
  },
  (d) => {
    const factor = d.log(50, 1e6)
    return [
      `targets x ${factor}`,
      'overscale',
      { ...plain(d, bent(d), numbers(d)), bad: { scale: mapY((y) => factor * y) } },
    ]
  },
  (d) => {
    const shift = d.log(50, 1e5)
    return [
      `targets + ${shift}`,
      'overscale',
      { ...plain(d, bent(d), numbers(d)), bad: { scale: mapY((y) => shift + y) } },
    ]
  },
  (d) => {
    const [given, depth] = [plain(d, 'relu'), 2 * d.whole(10, 26)]
    const outputs = outputsOf[given.data]
    const steady = { optimizer: sgd(0.01) }
    const twin = build(residualNet(depth, given.width, outputs, 0.1), steady)
    return ['Glorot', 'collapse', { ...given, depth, well: steady, twin, options: kernel({ type: 'glorotUniform' }) }]
  },
  (d) => {
    const rate = d.log(2, 50)
    return [
      `SGD with rate ${rate}`,
      'exploding',
      { ...plain(d), well: { optimizer: sgd(0.1) }, ill: { optimizer: sgd(rate) } },
    ]
  },
  (d) => {
    const rate = d.log(0.2, 5)
    const make = d.of([adam, rmsprop])
    const given = { ...plain(d), well: { optimizer: make(5e-3) }, ill: { optimizer: make(rate) } }
    return [`rate ${rate}`, 'oscillating', given]
  },
  (d) => {
    const momentum = d.of([0.99, 0.995, 0.998])
    const [rate, calm] = [d.log(0.1, 1), sgd(0.1, 0.9)]
    const given = { ...plain(d), well: { optimizer: calm }, ill: { optimizer: sgd(rate, momentum) } }
    return [`rate ${rate}, momentum ${momentum}`, 'oscillating', given]
  },
  (d) => {
    const [gamma, at] = [d.log(20, 300), d.whole(60, 250)]
    const given = { ...plain(d), steps: 500, since: at }
    return [
      `rate x ${gamma} at ${at}`,
      'exploding',
      { ...given, ill: { schedule: { type: 'step', stepSize: at, gamma } } },
    ]
  },
  (d) => {
    const peak = d.log(2, 20)
    const well = { optimizer: sgd(0.1), schedule: { type: 'cosine', steps: 100, restarts: true } } as const
    const ill = { optimizer: sgd(peak), schedule: { ...well.schedule, minimum: peak / 6 } } as const
    return [`cosine restarts from ${peak}`, 'oscillating', { ...plain(d), well, ill }]
  },
  (d) => {
    const [factor, at] = [d.log(1e3, 1e6), d.whole(40, 250)]
    const given = { ...plain(d), steps: 400, since: at, both: { rows: once } }
    const change = (x: Float32Array) => x.forEach((v, i) => (x[i] = factor * v))
    return [
      `a batch x ${factor} at ${at}`,
      'exploding',
      { ...given, bad: { poison: (all, seed) => poisonBatch(all, seed, at, 32, 32, change) } },
    ]
  },
  (d) => {
    const [value, at] = [d.log(1e4, 1e8), d.whole(40, 250)]
    const given = { ...plain(d, bent(d), numbers(d)), steps: 400, since: at, both: { rows: once } }
    const change = (_: Float32Array, y: Float32Array) => void (y[0] = value)
    return [
      `a target of ${value} at ${at}`,
      'exploding',
      { ...given, bad: { poison: (all, seed) => poisonBatch(all, seed, at, 32, 1, change) } },
    ]
  },
  (d) => {
    const at = d.whole(30, 250)
    const [given, name] = [plain(d), d.of(['h1/kernel', 'out/kernel', 'out/bias'])]
    return [
      `${name} x 2^20 at ${at}`,
      'exploding',
      { ...given, steps: 400, since: at, bad: { inject: flipWeight(at, name, 0) } },
    ]
  },
  (d) => {
    const every = d.log(10, 200)
    const value = d.of([NaN, Infinity])
    const given = plain(d)
    return [
      `each ${every}th row ${value}`,
      'non-finite',
      { ...given, bad: { poison: someRows(every, (x) => void (x[0] = value)) } },
    ]
  },
  (d) => {
    const [every, value] = [d.log(10, 100), d.log(1e3, 1e6)]
    const given = plain(d, bent(d), numbers(d))
    return [
      `each ${every}th target ${value}`,
      'exploding',
      { ...given, bad: { poison: someRows(every, (_, y) => void (y[0] = value)) } },
    ]
  },
  (d) => {
    const given = {
      ...plain(d, 'relu'),
      depth: d.whole(12, 34),
      width: d.whole(4, 8),
      well: { optimizer: adam(d.log(2e-3, 6e-3)) },
    }
    return ['narrow', 'dead', beside(given, d.of<Activation>(['selu', 'elu', 'tanh']))]
  },
  (d) => {
    const value = -d.log(1, 50)
    return [`biases of ${value}`, 'dead', { ...plain(d, 'relu'), depth: d.whole(3, 8), options: bias(value) }]
  },
  (d) => {
    const most = -d.log(0.01, 0.1)
    const given = { ...plain(d, 'relu'), depth: d.whole(3, 6) }
    return [`weights below ${most}`, 'dead', { ...given, options: kernel({ type: 'uniform', min: -0.4, max: most }) }]
  },
  (d) => {
    const at = d.whole(5, 300)
    const given = { ...plain(d, 'relu'), depth: d.whole(3, 5), steps: 450, since: at }
    return [`a layer dies at ${at}`, 'dead', { ...given, bad: { inject: killLayer(at, `h${given.depth - 1}/bias`) } }]
  },
  (d) => {
    const [batchSize, rate] = [d.of([1, 2, 4]), d.log(0.02, 0.5)]
    const given = { ...plain(d), steps: 1000, well: { optimizer: sgd(rate, 0.9) }, ill: { batchSize } }
    return [`batch of ${batchSize}`, 'oscillating', given]
  },
  (d) => {
    const rate = d.log(1e-8, 3e-5)
    return [
      `Adam with rate ${rate}`,
      'stalled',
      { ...plain(d), well: { optimizer: adam(5e-3) }, ill: { optimizer: adam(rate) } },
    ]
  },
  (d) => {
    const rate = d.log(1e-7, 1e-3)
    return [
      `SGD with rate ${rate}`,
      'stalled',
      { ...plain(d), well: { optimizer: sgd(0.1, 0.9) }, ill: { optimizer: sgd(rate, 0.9) } },
    ]
  },
  (d) => {
    const decay = d.log(2, 40)
    const rate = d.log(2e-3, 1e-2)
    return [
      `weight decay ${decay}`,
      'stalled',
      { ...plain(d), well: { optimizer: adamw(rate, 0.01) }, ill: { optimizer: adamw(rate, decay) } },
    ]
  },
  (d) => {
    const gamma = d.of([0.7, 0.9, 0.95])
    const rate = d.log(3e-4, 1e-3)
    const schedule = { type: 'exponential', gamma, decaySteps: 1 } as const
    return [
      `rate x ${gamma} at every step`,
      'stalled',
      { ...plain(d), well: { optimizer: adam(rate) }, ill: { schedule } },
    ]
  },
  (d) => {
    const clip = d.log(1e-8, 1e-4)
    return [`clip ${clip}`, 'stalled', { ...plain(d), well: { optimizer: sgd(0.1, 0.9) }, ill: { clip } }]
  },
  (d) => {
    const given = { ...plain(d, 'relu'), depth: d.whole(4, 6), width: d.whole(6, 14) }
    const hidden = Array.from({ length: given.depth - 1 }, (_, i) => [`h${i + 1}/kernel`, `h${i + 1}/bias`]).flat()
    const laned = { ...given.well, gradient: 'lanes' } as const
    return ['hidden layers frozen', 'stalled', { ...given, well: laned, bad: { inject: freeze(hidden) } }]
  },
  (d) => {
    const [given, depth] = [plain(d, 'relu'), 2 * d.whole(32, 60)]
    const [width, steady] = [d.whole(12, 28), { optimizer: adam(1e-3) }]
    const twin = build(residualNet(depth, width, outputsOf[given.data], 0.16), steady)
    return ['He', 'shattered', { ...given, depth, width, well: steady, twin, steps: 400 }]
  },
  (d) => {
    const value = d.of([0, 0.02, 0.1, 0.5])
    const constant = { type: 'constant', value } as const
    return [`weights of ${value}`, 'symmetric', { ...plain(d), options: { kernel: constant, output: constant } }]
  },
  (d) => {
    const optimizer = sgd(d.log(0.1, 0.5), 0.9)
    return [
      'a stale lane',
      'shard',
      { ...plain(d), well: { ...lanes, optimizer }, since: 5, bad: { inject: staleLane(5, 1) } },
    ]
  },
  (d) => {
    const optimizer = sgd(d.log(0.05, 0.2))
    const given = { ...plain(d, bent(d), d.data[d.data.length - 1]!), well: { ...lanes, optimizer, shuffle: false } }
    const scale = byShard(128)
    return ['lanes of zeros', 'shard', { ...given, both: { scale }, bad: { inject: zeroLanes(0, [1, 2, 3]) } }]
  },
  (d) => {
    const factor = d.log(8, 40)
    const given = { ...plain(d), well: { ...lanes, optimizer: sgd(0.1, 0.9) }, ill: { optimizer: sgd(0.3, 0.9) } }
    return [`a lane counts ${factor} times`, 'shard', { ...given, bad: { inject: overweightLane(0, 2, factor) } }]
  },
  (d) => {
    const given = { ...plain(d), well: { gradient: 'lanes', batchSize: 512, optimizer: sgd(0.3, 0.9) } as const }
    return ['reduced twice', 'shard', { ...given, both: { rows: 2048 }, bad: { inject: doubleReduction(0) } }]
  },
  (d) => {
    const endFactor = d.log(30, 1000)
    const given = { ...plain(d), well: { optimizer: sgd(0.1, 0.9) }, steps: 500 }
    return [`rate rises ${endFactor}-fold`, 'exploding', { ...given, ill: { schedule: { type: 'linear', endFactor } } }]
  },
  (d) => {
    const [peak, pctStart] = [d.log(5, 50), d.of([0.3, 0.6, 0.9])]
    const given = { ...plain(d), well: { optimizer: sgd(0.1, 0.9) }, steps: 500 }
    const ill = { optimizer: sgd(peak, 0.9), schedule: { type: 'oneCycle', pctStart, divFactor: 10 * peak } } as const
    return [`one cycle up to ${peak}`, 'exploding', { ...given, ill }]
  },
  (d) => {
    const [given, depth, width] = [plain(d, 'relu'), 2 * d.whole(12, 30), d.whole(24, 64)]
    const steady = { optimizer: d.of([() => adam(d.log(5e-4, 3e-3)), () => sgd(d.log(0.005, 0.05), 0.9)])() }
    const twin = build(residualNet(depth, width, outputsOf[given.data], 0.2), steady)
    return ['He, wide', 'shattered', { ...given, depth, width, well: steady, twin }]
  },
  (d) => {
    const [given, depth] = [plain(d, 'relu'), 2 * d.whole(10, 26)]
    const [outputs, steady] = [outputsOf[given.data], { optimizer: d.of([adam(1e-3), sgd(0.01)]) }]
    const twin = build(residualNet(depth, given.width, outputs, 0.2), steady)
    const bad = { ...twin, config: { ...twin.config, model: residualNet(depth, given.width, outputs, 1) } }
    return ['residual, full branches', 'overscale', { ...given, depth, well: steady, twin, build: bad }]
  },
  (d) => {
    const given = plain(d)
    const same = (weights: Record<string, Float32Array>) => {
      const { [`h1/kernel`]: first, [`h2/kernel`]: second } = weights
      for (let i = 0; i < first!.length; i++) first![i] = first![i - (i % given.width)]!
      second?.fill(0.1)
    }
    return ['units alike', 'symmetric', { ...given, bad: { initial: same } }]
  },
  (d) => {
    const at = d.whole(30, 250)
    const given = { ...plain(d), steps: 400, since: at }
    const optimizer = sgd(d.log(0.05, 0.2), 0.9)
    return [
      `NaN from a lane at ${at}`,
      'non-finite',
      { ...given, well: { ...lanes, optimizer }, bad: { inject: nanLane(at, 1) } },
    ]
  },
]

function drawn(letter: string, from: number, data: readonly DataName[]): Case[] {
  const { wide, fine } = cases(letter)
  const faultyOnes = kinds.flatMap((kind, k) =>
    Array.from({ length: EACH }, (_, i) => {
      const [what, fault, given] = kind(new Dice(from + 100 * k + i, data))
      return wide(`${named(given)}: ${what}`, fault, given)
    }),
  )
  const healthyOnes = Array.from({ length: 40 }, (_, i) => {
    const d = new Dice(from + 10_000 + i, data)
    const given = { ...plain(d, bent(d), numeric(d)), steps: d.of([400, 600, 1000]) }
    return fine(named(given), given)
  })
  const deepOnes = Array.from({ length: 12 }, (_, i) => {
    const d = new Dice(from + 11_000 + i, data)
    const given = { ...plain(d, d.of(['relu', 'tanh', 'elu'])), depth: d.whole(10, 24), width: d.whole(32, 64) }
    return fine(named(given), { ...given, well: { optimizer: adam(d.log(5e-4, 3e-3)) }, steps: d.of([400, 600]) })
  })
  return [...faultyOnes, ...healthyOnes, ...deepOnes]
}

export const practiceDrawn: readonly Case[] = drawn('Y', 0, tuneData)
export const practiceFar: readonly Case[] = drawn('Z', 20_000, practiceData)
