/** Shared words of the practice files: a network with a fault beside the same without it, numbered in order. */
import type { Dataset } from '../../../src/data/dataset.ts'
import type { Build, Case, Class } from '../case.ts'
import type { DataName } from '../data.ts'
import type { Activation, Initializer, MlpOptions } from '../nets.ts'
import { build, faulty, healthy, net } from './make.ts'

type Settings = Parameters<typeof build>[1]
type Rest = Omit<Build, 'config'>

export interface Wide {
  readonly data: DataName
  readonly activation: Activation
  readonly depth: number
  readonly width: number
  readonly well?: Settings
  readonly ill?: Settings
  readonly options?: MlpOptions
  readonly bad?: Rest
  readonly both?: Rest
  readonly steps?: number
  readonly since?: number
  readonly twin?: Build
  /** In place of what the others say. */
  readonly build?: Build
}

/** Cases with the ids of this letter and their place in the order: W1, W2, .. */
export function cases(letter: string) {
  let count = 0
  const id = () => `${letter}${++count}`

  /** The network with `options`, `ill` and `bad`, beside the same without them. */
  const wide = (title: string, fault: Class, given: Wide): Case => {
    const { data, activation, depth, width, well = {}, ill = {}, options, bad, both, steps = 400, since = 0 } = given
    return faulty(id(), `${data}: ${title}`, [fault], {
      data,
      net: `${activation} ${depth}x${width}`,
      steps,
      since,
      build:
        given.build ?? build(net(data, activation, depth, width, options), { ...well, ...ill }, { ...both, ...bad }),
      twin: given.twin ?? build(net(data, activation, depth, width), well, both),
    })
  }

  const fine = (title: string, given: Omit<Wide, 'twin' | 'ill' | 'bad'>): Case => {
    const { data, activation, depth, width, well = {}, options, both, steps = 600 } = given
    return healthy(id(), `${data}: ${title}`, {
      data,
      net: `${activation} ${depth}x${width}`,
      steps,
      build: build(net(data, activation, depth, width, options), well, both),
    })
  }

  return { wide, fine }
}

export const kernel = (kernel: Initializer): MlpOptions => ({ kernel })
export const bias = (value: number): MlpOptions => ({ bias: { type: 'constant', value } })
export const rmsprop = (learningRate: number) => ({ type: 'rmsprop', learningRate }) as const
export const adamw = (learningRate: number, weightDecay: number) =>
  ({ type: 'adamw', learningRate, weightDecay }) as const
export const once = 13_000

/** Each of `every` rows, from the first on. */
export const someRows = (every: number, change: (x: Float32Array, y: Float32Array) => void) => (data: Dataset) => {
  const [x, y] = [data.x.slice(), data.y.slice()]
  const { features, targets } = data
  for (let r = 0; r < data.rows; r += every)
    change(x.subarray(r * features, (r + 1) * features), y.subarray(r * targets, (r + 1) * targets))
  return { ...data, x, y }
}
