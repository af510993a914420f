/**
 * What layers compute is one thing, in which order another. An activation that never falls may wait for the pooling
 * behind it: the largest of relu is relu of the largest, with the same bits and gradients, of a quarter of the numbers.
 * And a batch normalisation that has only a pooling behind it becomes one pass with that.
 */
import type { Window } from '../kernels/kernels.ts'
import type { ActivationConfig } from './config.ts'
import type { Layer, Wired } from './layer.ts'
import { lowerActivation, passing } from './layers/activation.ts'
import { sequence } from './layers/sequence.ts'

/** Whether layer i takes what the one before it gives, and nobody else does. */
export function follows(layers: readonly Wired[], i: number): boolean {
  const layer = layers[i]
  if (!layer || i === 0) return true
  return layer.from.length === 1 && layers.every(({ from }, j) => from.includes(i - 1) === (j === i))
}

/** @returns as many layers with the same wires, over which other numbers go */
export function reorder(layers: readonly Wired[]): readonly Wired[] {
  const ordered = [...layers]
  const lowerAs = (i: number, lower: Layer['lower']) => (ordered[i] = { ...ordered[i]!, lower })
  layers.forEach(({ largestOf: window, lower }, i) => {
    if (!window || i === 0 || !follows(layers, i)) return
    const { ending, lowerPooled } = layers[i - 1]!
    if (lowerPooled && tiles(window)) {
      lowerAs(i - 1, (input, to) => lowerPooled(input, window.outWidth, to))
      lowerAs(i, passing)
      return
    }
    if (!ending || !neverFalls(ending.activation)) return
    const before = ending.before === passing && i > 1 && follows(layers, i - 1) ? layers[i - 2]!.lowerPooled : undefined
    const pool = before && tiles(window) ? passing : lower
    if (before && tiles(window)) lowerAs(i - 2, (input, to) => before(input, window.outWidth, to))
    lowerAs(i - 1, ending.before)
    lowerAs(i, (input, to) => {
      const pooled = pool(input, to)
      return sequence([pooled, lowerActivation(ending.activation, pooled.output, to)])
    })
  })
  return ordered
}

const neverFalls = ({ type, alpha = 0 }: ActivationConfig): boolean =>
  type === 'relu' || (type === 'leakyRelu' && alpha >= 0)

/** Whether 2 x 2 cells a window are all cells, each once. */
const tiles = (w: Window): boolean =>
  [w.kernelHeight, w.kernelWidth, w.strideHeight, w.strideWidth].every((size) => size === 2) &&
  w.height === 2 * w.outHeight &&
  w.width === 2 * w.outWidth &&
  w.top + w.left === 0 &&
  w.dilationHeight * w.dilationWidth === 1
