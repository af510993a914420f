/** A layer of the user's own: the functions of its module over row blocks of the arena. See model/own.ts. */
import { UserError } from '../../errors.ts'
import type { CustomConfig } from '../config.ts'
import { initialValues } from '../initializers.ts'
import type { GradientTask, Layer, ParameterSpec, Pass } from '../layer.ts'
import { guarded, ownLayer } from '../own.ts'
import type { Floats, OwnRows, OwnShapes } from '../own.ts'
import { shapeText, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export function custom({ module, options = {} }: CustomConfig, name: string, shape: Shape): Layer {
  const own = ownLayer(name, module)
  const who = `Layer \`${name}\``
  const shapes = guarded(name, module, 'shapes', () => own.shapes(shape, options))
  const { output, parameters: wanted = {}, saved: kept = 0 } = checked(shapes, who, module, shape)
  const parts = Object.keys(wanted)
  if (parts.length > 0 && !own.gradients) {
    throw new UserError(
      `${who}: expected ${module}, which has parameters (${parts.join(', ')}), to export a function \`gradients\`.`,
    )
  }
  const parameters = parts.map((part): ParameterSpec => {
    const { shape, initializer: given = 'glorotUniform' } = wanted[part]!
    const initializer = typeof given === 'string' ? { type: given } : given
    const fans = { fanIn: shape.at(-2) ?? shape[0]!, fanOut: shape.at(-1)! }
    const spec: ParameterSpec = { name: `${name}/${part}`, shape, initializer, ...fans, uncut: true }
    if (!isComplete(spec)) {
      throw new UserError(
        `${who}: expected \`shapes\` of ${module} to give the initializer of \`${part}\` as a name such as 'zeros' or ` +
          `'glorotUniform', or an object with all its settings, such as { type: 'normal', mean: 0, std: 0.05 }, got ` +
          `\`${JSON.stringify(given)}\`.`,
      )
    }
    return spec
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
          guarded(name, module, 'gradients', () => own.gradients!({ ...rowsOf(pass, row, rows), dy, gradients: all }))
        },
      }))
      return {
        output: { value, gradient, cols, channels: output.at(-1)!, overwritable: true, spendsSignal: true },
        gradients,
        flopsPerRow,
        backwardFlopsPerRow: input.gradient === -1 ? 0 : flopsPerRow,
        forward(_k, row, rows, pass) {
          if (pass.look) return pass.look(input.value, value, saved)
          guarded(name, module, 'forward', () => own.forward({ ...rowsOf(pass, row, rows), training: pass.training }))
        },
        backward(_k, row, rows, pass) {
          if (input.gradient === -1) return
          if (pass.look) return pass.look(input.value, value, saved, gradient, input.gradient)
          const dy = view(pass, gradient + row * cols, rows * cols)
          const dx = view(pass, input.gradient + row * inputs, rows * inputs)
          guarded(name, module, 'backward', () => own.backward({ ...rowsOf(pass, row, rows), dy, dx }))
        },
      }
    },
  }
}

/** @throws UserError naming what of the answer of `shapes` is not as it should be */
function checked(shapes: unknown, who: string, module: string, input: Shape): OwnShapes {
  const fail = (what: string, expected: string, got: unknown): never => {
    throw new UserError(
      `${who}: expected \`shapes\` of ${module} to give ${what}${expected} for rows of shape ${shapeText(input)}, ` +
        `got ${got === undefined ? 'nothing' : `\`${JSON.stringify(got)}\``}.`,
    )
  }
  if (!isObject(shapes)) return fail('', 'an object with `output`, the shape of a row of it,', shapes)
  const { output, parameters = {}, saved = 0 } = shapes
  if (!isObject(parameters)) return fail('`parameters` as ', 'an object with a `shape` for each name', parameters)
  if (!isShape(output)) fail('`output` as ', 'an array of integers >= 1', output)
  for (const [name, given] of Object.entries(parameters)) {
    if (!isObject(given) || !isShape(given.shape))
      fail(`\`${name}\` as `, 'an object whose `shape` is an array of integers >= 1', given)
  }
  if (!(Number.isInteger(saved) && Number(saved) >= 0)) fail('`saved` as ', 'an integer >= 0', saved)
  return shapes as unknown as OwnShapes
}

const isObject = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

const isShape = (given: unknown): boolean =>
  Array.isArray(given) && given.length > 0 && given.every((n) => Number.isInteger(n) && n > 0)

/** Whether a value can be drawn: what `initializer` is, nobody has checked. */
function isComplete(spec: ParameterSpec): boolean {
  const draw = initialValues({ ...spec, shape: [1, 1] }, 0, 0, 1) as ((index: number) => number) | undefined
  return draw !== undefined && Number.isFinite(draw(0))
}
