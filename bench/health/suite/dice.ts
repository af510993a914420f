/** What a practice case is drawn by: numbers, one after the other, and what they make: data, a network, how it learns well. */
import { uniformAt } from '../../../src/random/normal.ts'
import { isRegression } from '../data.ts'
import type { DataName } from '../data.ts'
import type { Activation } from '../nets.ts'
import { adam, sgd } from './make.ts'
import { rmsprop } from './wide.ts'
import type { Wide } from './wide.ts'

/** Numbers of one draw, one after the other. */
export class Dice {
  readonly data: readonly DataName[]
  readonly #stream: number
  #count = 0

  constructor(stream: number, data: readonly DataName[]) {
    this.#stream = stream
    this.data = data
  }

  number = (): number => uniformAt(33, this.#stream, this.#count++)
  whole = (from: number, to: number): number => from + Math.floor((to - from + 1) * this.number())
  of = <T>(all: readonly T[]): T => all[this.whole(0, all.length - 1)]!
  /** Spread evenly over decades, two digits. */
  log = (from: number, to: number): number => Number((from * (to / from) ** this.number()).toPrecision(2))
}

const data = (d: Dice): DataName => d.of(d.data)
/** The one whose targets are numbers. */
export const numbers = (d: Dice): DataName => d.data.find(isRegression)!
export const numeric = (d: Dice): DataName => (d.number() < 0.5 ? numbers(d) : data(d))
export const bent = (d: Dice): Activation => d.of<Activation>(['relu', 'tanh', 'elu', 'gelu', 'selu', 'leakyRelu'])
/** What such networks learn well with. */
const well = (d: Dice) => ({
  optimizer: d.of([
    () => adam(d.log(1e-3, 1e-2)),
    () => sgd(d.log(0.03, 0.2), 0.9),
    () => sgd(d.log(0.05, 0.3)),
    () => rmsprop(d.log(1e-3, 5e-3)),
  ])(),
})
const shallow = (d: Dice) => ({ depth: d.whole(2, 5), width: d.whole(16, 56) })
export const named = (given: Wide): string => {
  const { type, learningRate } = given.well!.optimizer as { type: string; learningRate: number }
  return `${given.activation} ${given.depth}x${given.width}, ${type} ${learningRate}`
}

export const plain = (d: Dice, activation: Activation = bent(d), of: DataName = data(d)): Wide => ({
  ...{ data: of, activation, ...shallow(d), well: well(d), steps: d.of([300, 400, 600]) },
})
