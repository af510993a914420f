/** Lowered layers one after another, as one. */
import type { LoweredLayer } from '../layer.ts'

export function sequence(layers: readonly LoweredLayer[]): LoweredLayer {
  return {
    output: layers.at(-1)!.output,
    parts: layers.flatMap((layer) => layer.parts ?? [layer]),
    gradients: layers.flatMap((layer) => layer.gradients),
    flopsPerRow: layers.reduce((sum, layer) => sum + layer.flopsPerRow, 0),
    backwardFlopsPerRow: layers.reduce((sum, layer) => sum + layer.backwardFlopsPerRow, 0),
    forward(k, row, rows, pass) {
      for (let i = 0; i < layers.length; i++) layers[i]!.forward(k, row, rows, pass)
    },
    backward(k, row, rows, pass) {
      for (let i = layers.length - 1; i >= 0; i--) layers[i]!.backward(k, row, rows, pass)
    },
  }
}
