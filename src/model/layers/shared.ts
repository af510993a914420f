/** An earlier layer once more, with its weights: what both have to say of them is added. */
import { UserError } from '../../errors.ts'
import type { Layer } from '../layer.ts'
import { shapeText } from '../shape.ts'

/**
 * @param original as it is built; @param again the same config built for the shape that comes here
 * @throws UserError where it would need other weights, or has statistics, which can follow one place only
 */
export function shared(name: string, original: Layer, again: Layer): Layer {
  const statistic = original.parameters.find(({ role }) => role === 'statistic')
  if (statistic) {
    throw new UserError(
      `Layer \`${name}\`: \`${original.name}\` keeps statistics of what it sees (\`${statistic.name}\`) and cannot be shared. Give each ` +
        'place a normalisation of its own, or use layerNorm or groupNorm.',
    )
  }
  again.parameters.forEach(({ shape }, i) => {
    const { name: parameter, shape: there } = original.parameters[i]!
    if (shapeText(shape) === shapeText(there)) return
    throw new UserError(
      `Layer \`${name}\`: \`${parameter}\` of the layer it shares has shape ${shapeText(there)}, and here would need ` +
        `${shapeText(shape)}. Bring both inputs to the same shape.`,
    )
  })
  return { ...again, name, shares: again, parameters: [] }
}
