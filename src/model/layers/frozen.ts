/** A layer whose weights stay as they are (`trainable: false`): no gradients of its own; signals pass where somebody before wants them. */
import { nothing } from '../layer.ts'
import type { Flow, Layer, LoweredLayer } from '../layer.ts'

export function frozen(layer: Layer): Layer {
  return {
    ...layer,
    ending: undefined,
    parameters: layer.parameters.map((spec) => ({ ...spec, role: 'frozen' })),
    lower: (input, to) => withoutGradients(layer.lower(input, to), input),
  }
}

function withoutGradients(lowered: LoweredLayer, input: Flow): LoweredLayer {
  const { parts } = lowered
  const rest = {
    gradients: [],
    ...(parts ? { parts: parts.map((part) => withoutGradients(part, input)) } : {}),
  }
  if (input.gradient !== -1) return { ...lowered, ...rest }
  // Nothing before it learns, nor it: nobody asks for the back-signal of its output.
  const output: Flow = { ...lowered.output, gradient: -1 }
  return { ...lowered, ...rest, output, backwardFlopsPerRow: 0, backward: nothing }
}
