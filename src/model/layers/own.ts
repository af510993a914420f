/** A layer of the user's own: the functions of its module over row blocks of the arena. See model/own.ts. */
import { UserError } from '../../errors.ts'
import type { CustomConfig } from '../config.ts'
import type { GradientTask, Layer, ParameterSpec, Pass } from '../layer.ts'
import { guarded, ownLayer } from '../own.ts'
import type { Floats, OwnRows } from '../own.ts'
import { shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function custom({ module, options = {} }: CustomConfig, name: string, shape: Shape): Layer {
  const own = ownLayer(name, module)
  const who = `Layer \`${name}\``
  const {
    output,
    parameters: wanted = {},
    saved: kept = 0,
  } = guarded(who, module, 'shapes', () => own.shapes(shape, options))
  const isShape = (given: unknown) =>
    Array.isArray(given) && given.length > 0 && given.every((n) => Number.isInteger(n) && n > 0)
  const wrong = [['output', output], ...Object.entries(wanted).map(([key, { shape }]) => [key, shape])].find(
    ([, given]) => !isShape(given),
  )
  if (wrong) {
    throw new UserError(
      `${who}: expected \`shapes\` of ${module} to give \`${String(wrong[0])}\` as an array of integers >= 1 for rows of shape ` +
        `${shapeText(shape)}, got \`${JSON.stringify(wrong[1])}\`.`,
    )
  }
  const parts = Object.keys(wanted)
  if (parts.length > 0 && !own.gradients) {
    throw new UserError(
      `${who}: expected ${module}, which has parameters (${parts.join(', ')}), to export a function \`gradients\`.`,
    )
  }
  const parameters = parts.map((part): ParameterSpec => {
    const { shape, initializer = { type: 'glorotUniform' } } = wanted[part]!
    const fans = { fanIn: shape.at(-2) ?? shape[0]!, fanOut: shape.at(-1)! }
    return { name: `${name}/${part}`, shape, initializer, ...fans, uncut: true }
  })
  const sizes = parameters.map((spec) => sizeOf(spec.shape))
  const [inputs, cols] = [sizeOf(shape), sizeOf(output)]
  return {
    name,
    type: 'custom',
    inputs,
    outputs: cols,
    shape: output,
    parameters,
    lower(input, to) {
      const at = parameters.map((spec) => to.parameter(spec.name))
      const value = to.tensor(cols)
      const gradient = to.backSignal(cols)
      const saved = to.tensor(kept)
      const flopsPerRow = 10 * (inputs + cols)
      const view = ({ floats }: Pass, from: number, count: number): Floats => floats.subarray(from, from + count)
      const named = (pass: Pass, from: readonly number[]) =>
        Object.fromEntries(parts.map((part, i) => [part, view(pass, from[i]!, sizes[i]!)]))
      const rowsOf = (pass: Pass, row: number, rows: number): OwnRows => ({
        rows,
        x: view(pass, input.value + row * inputs, rows * inputs),
        y: view(pass, value + row * cols, rows * cols),
        saved: view(pass, saved + row * kept, rows * kept),
        parameters: named(pass, at),
        options,
      })
      // A task asks for one parameter: what comes of the others falls into these.
      const spare = sizes.map((size) => new Float32Array(size))
      const gradients = parameters.map(({ name: parameter }, i): GradientTask => ({
        parameter,
        flopsPerRow,
        run(k, row, rows, _tile, into, accumulate, pass) {
          if (!accumulate) k.fill(sizes[i]!, 0, into)
          if (pass.look) return pass.look(input.value, value, saved, gradient)
          const rest = parts.map((part, j) => [part, j === i ? view(pass, into, sizes[i]!) : spare[j]!])
          const dy = view(pass, gradient + row * cols, rows * cols)
          const all = Object.fromEntries(rest) as Record<string, Floats>
          guarded(who, module, 'gradients', () => own.gradients!({ ...rowsOf(pass, row, rows), dy, gradients: all }))
        },
      }))
      return {
        output: { value, gradient, cols, channels: output.at(-1)!, overwritable: true, spendsSignal: true },
        gradients,
        flopsPerRow,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : flopsPerRow,
        forward(_k, row, rows, pass) {
          if (pass.look) return pass.look(input.value, value, saved)
          guarded(who, module, 'forward', () => own.forward({ ...rowsOf(pass, row, rows), training: pass.training }))
        },
        backward(_k, row, rows, pass) {
          if (input.gradient === -1) return
          if (pass.look) return pass.look(input.value, value, saved, gradient, input.gradient)
          const dy = view(pass, gradient + row * cols, rows * cols)
          const dx = view(pass, input.gradient + row * inputs, rows * inputs)
          guarded(who, module, 'backward', () => own.backward({ ...rowsOf(pass, row, rows), dy, dx }))
        },
      }
    },
  }
}
