/**
 * Training rows made anew each epoch: cropped and flipped, mixed with another, noised, in this order. Every draw is a
 * function of (seed, epoch, sample), so a row has the same bits whoever gathers it, ahead or not, before or after a resume.
 */
import type { Augment } from '../plan/settings.ts'
import { philox, uniform01 } from '../random/philox.ts'
import { betaAt, normalTable } from '../random/tables.ts'

/** What a draw is for: the third word of its counter; the key keeps all of them apart from other draws of the seed. */
const PLACE = 0
const MIX = 1
const NOISE = 2
const KEY = 0x61756763

/** Addresses (elements) of the training rows, and sizes of one. */
export interface TrainingRows {
  readonly x: number
  readonly y: number
  /** -1: every row weighs 1. */
  readonly weight: number
  readonly inputs: number
  readonly targets: number
}

export class Augmenter {
  readonly #augment: Augment
  readonly #seed: number
  readonly #from: TrainingRows
  readonly #floats: Float32Array
  readonly #words = new Uint32Array(4)
  readonly #other: Float32Array
  #first = 0
  #rows = 0

  constructor(augment: Augment, seed: number, from: TrainingRows, floats: Float32Array) {
    this.#augment = augment
    this.#seed = seed
    this.#from = from
    this.#floats = floats
    this.#other = new Float32Array(augment.mixup === undefined ? 0 : from.inputs)
  }

  /**
   * Writes sample `sample` of the `rows` that are there as epoch `epoch` sees it to the addresses `x`, `y` and `weight`.
   * @param first of a window: its first row's number in the epoch
   */
  write(epoch: number, sample: number, x: number, y: number, weight: number, first: number, rows: number): void {
    this.#first = first
    this.#rows = rows
    const { inputs, targets, y: fromY, weight: fromWeight } = this.#from
    const floats = this.#floats
    this.#place(epoch, sample, floats, x)
    for (let c = 0; c < targets; c++) floats[y + c] = floats[fromY + sample * targets + c]!
    floats[weight] = fromWeight < 0 ? 1 : floats[fromWeight + sample]!
    const { mixup, gaussianNoise } = this.#augment
    if (mixup !== undefined) this.#mix(epoch, sample, mixup, x, y, weight)
    if (gaussianNoise !== undefined) this.#noise(epoch, sample, gaussianNoise, x, inputs)
  }

  #draw(index: number, sample: number, epoch: number, what: number): void {
    philox(this.#words, index, this.#first + sample, epoch, what, this.#seed, KEY)
  }

  /** A window of the image in its margin of zeros, the right way round or mirrored. */
  #place(epoch: number, sample: number, into: Float32Array, to: number): void {
    const { inputs } = this.#from
    const floats = this.#floats
    const from = this.#from.x + sample * inputs
    const { image, horizontalFlip, randomCrop = 0 } = this.#augment
    if (!image || (horizontalFlip === 0 && randomCrop === 0)) {
      for (let i = 0; i < inputs; i++) into[to + i] = floats[from + i]!
      return
    }
    this.#draw(0, sample, epoch, PLACE)
    const words = this.#words
    const mirrored = uniform01(words[0]!) < horizontalFlip
    const dy = Math.floor(uniform01(words[1]!) * (2 * randomCrop + 1)) - randomCrop
    const dx = Math.floor(uniform01(words[2]!) * (2 * randomCrop + 1)) - randomCrop
    const { height, width, channels } = image
    let at = to
    for (let row = dy; row < dy + height; row++) {
      const line = from + row * width * channels
      for (let i = 0; i < width; i++) {
        const col = dx + (mirrored ? width - 1 - i : i)
        const inside = row >= 0 && row < height && col >= 0 && col < width
        const pixel = line + col * channels
        for (let c = 0; c < channels; c++) into[at++] = inside ? floats[pixel + c]! : 0
      }
    }
  }

  /** Zhang et al., "mixup: Beyond empirical risk minimization" (2018); the partner is any training row, in this epoch's shape. */
  #mix(epoch: number, sample: number, alpha: number, x: number, y: number, weight: number): void {
    const { inputs, targets, y: fromY, weight: fromWeight } = this.#from
    const floats = this.#floats
    this.#draw(0, sample, epoch, MIX)
    const partner = Math.floor(uniform01(this.#words[0]!) * this.#rows)
    let share = NaN
    for (let attempt = 1; Number.isNaN(share); attempt++) {
      this.#draw(attempt, sample, epoch, MIX)
      share = betaAt(alpha, this.#words[0]!, this.#words[1]!)
    }
    const rest = 1 - share
    this.#place(epoch, partner, this.#other, 0)
    for (let i = 0; i < inputs; i++) floats[x + i] = share * floats[x + i]! + rest * this.#other[i]!
    for (let c = 0; c < targets; c++) {
      floats[y + c] = share * floats[y + c]! + rest * floats[fromY + partner * targets + c]!
    }
    if (fromWeight >= 0) floats[weight] = share * floats[weight]! + rest * floats[fromWeight + partner]!
  }

  /** Eight numbers from a block: 16 bits each. */
  #noise(epoch: number, sample: number, deviation: number, x: number, inputs: number): void {
    const table = normalTable()
    const floats = this.#floats
    const words = this.#words
    for (let i = 0; i < inputs; i++) {
      if (i % 8 === 0) this.#draw(i / 8, sample, epoch, NOISE)
      const word = words[(i >> 1) & 3]!
      floats[x + i]! += deviation * table[(i & 1 ? word >>> 16 : word) & 0xffff]!
    }
  }
}
