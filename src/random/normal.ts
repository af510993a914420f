/** Numbers of a distribution by position: element `index` of stream `stream` of a seed, in any order, by anybody. */
import { philox, uniform01 } from './philox.ts'

/** Second words of the key: they keep the draws for different purposes apart. */
const UNIFORM_KEY = 0x756e6966
const NORMAL_KEY = 0x6e6f726d

const words = new Uint32Array(4)

function draw(seed: number, stream: number, index: number, attempt: number, key: number): void {
  philox(words, index >>> 0, Math.floor(index / 2 ** 32) >>> 0, attempt, stream >>> 0, seed >>> 0, key)
}

/** Uniform in [0, 1), a multiple of 2^-32. `seed` and `stream` are uint32, `index` an integer below 2^53. */
export function uniformAt(seed: number, stream: number, index: number): number {
  draw(seed, stream, index, 0, UNIFORM_KEY)
  return uniform01(words[0]!)
}

/**
 * Standard normal, by the polar method of Marsaglia and Bray, "A convenient method for generating normal variables"
 * (1964): points of the square until one lies in the unit disc, its square root and logarithm, no trigonometry.
 * A block holds two points; one disc point gives one number. Arguments as for `uniformAt`.
 */
export function normalAt(seed: number, stream: number, index: number): number {
  for (let attempt = 0; ; attempt++) {
    draw(seed, stream, index, attempt, NORMAL_KEY)
    for (let point = 0; point < 4; point += 2) {
      const x = 2 * uniform01(words[point]!) - 1
      const y = 2 * uniform01(words[point + 1]!) - 1
      const square = x * x + y * y
      if (square > 0 && square < 1) return x * Math.sqrt((-2 * Math.log(square)) / square)
    }
  }
}
