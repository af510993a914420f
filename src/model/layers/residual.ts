/**
 * Residual block (He et al. 2015, arXiv 1512.03385): y = F(x) + s(x), s the identity or, where the widths differ,
 * a learned projection x Ws. The shortcut carries the back-signal past F, which is what keeps gradients of deep
 * networks from shattering.
 */
import { UserError } from '../../errors.ts'
import type { ResidualConfig } from '../config.ts'
import type { Flow, GradientTask, Layer, LoweredLayer } from '../layer.ts'
import { buildLayers } from '../build.ts'
import { lowerLinear } from './dense.ts'
import { sequence } from './sequence.ts'

export function residual(config: ResidualConfig, name: string, inputs: number): Layer {
  const children = buildLayers(config.layers, inputs, `${name}/`)
  const outputs = children.at(-1)?.outputs ?? inputs
  const asked = config.shortcut ?? 'auto'
  if (asked === 'identity' && outputs !== inputs) {
    throw new UserError(
      `Layer \`${name}\`: an identity shortcut needs equal widths, got ${inputs} in and ${outputs} out of its layers. ` +
        `Make the last inner layer ${inputs} units wide, or use shortcut: 'projection'.`,
    )
  }
  const projected = asked === 'projection' || outputs !== inputs
  const kernel = `${name}/shortcut`
  const parameters = children.flatMap((child) => child.parameters)
  if (projected) {
    parameters.push({
      name: kernel,
      shape: [inputs, outputs],
      initializer: { type: 'glorotUniform' },
      fanIn: inputs,
      fanOut: outputs,
    })
  }
  return {
    name,
    type: 'residual',
    inputs,
    outputs,
    parameters,
    children,
    lower(input, to) {
      // The shortcut reads x after F has run: F may not overwrite it, nor its back-signal.
      let flow: Flow = { ...input, overwritable: false }
      const lowered: LoweredLayer[] = []
      for (const child of children) {
        const layer = child.lower(flow, to)
        lowered.push(layer)
        flow = layer.output
      }
      const body = sequence(lowered)
      const inner = body.output
      // The projection's back-signal to x may not fall on top of F's: it gets a room of its own and is added.
      const viaShortcut = projected && input.gradient !== -1 ? to.backSignal(inputs) : -1
      const shortcut = projected ? lowerLinear({ ...input, gradient: viaShortcut }, outputs, kernel, null, to) : null
      const skip = shortcut ? shortcut.output.value : input.value
      const value = to.tensor(outputs)
      const gradient = to.backSignal(outputs)
      const gradients: GradientTask[] = [...body.gradients, ...(shortcut?.gradients ?? [])]
      return {
        output: { value, gradient, cols: outputs, overwritable: true },
        gradients,
        flopsPerRow: body.flopsPerRow + (shortcut?.flopsPerRow ?? 0) + outputs,
        backwardFlopsPerRow: body.backwardFlopsPerRow + (shortcut?.backwardFlopsPerRow ?? 0) + outputs,
        forward(k, row, rows, pass) {
          body.forward(k, row, rows, pass)
          shortcut?.forward(k, row, rows, pass)
          const at = row * outputs
          k.copy(rows * outputs, inner.value + at, value + at)
          k.add(rows * outputs, skip + at, value + at)
        },
        backward(k, row, rows, pass) {
          const at = row * outputs
          if (inner.gradient !== -1) k.copy(rows * outputs, gradient + at, inner.gradient + at)
          body.backward(k, row, rows, pass)
          if (shortcut) {
            k.copy(rows * outputs, gradient + at, shortcut.output.gradient + at)
            shortcut.backward(k, row, rows, pass)
          }
          if (input.gradient === -1) return
          const dx = input.gradient + row * inputs
          k.add(rows * inputs, shortcut ? viaShortcut + row * inputs : gradient + at, dx)
        },
      }
    },
  }
}
