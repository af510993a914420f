/** Which layers a layer takes its input from: names of the config, resolved. What leads nowhere is refused here. */
import { UserError } from '../errors.ts'
import type { LayerConfig } from './config.ts'
import type { Wired } from './layer.ts'
import { portSource } from './graph.ts'
import type { Port } from './graph.ts'

/** Layers that take several inputs. */
const MERGING: ReadonlySet<LayerConfig['type']> = new Set(['add', 'concatenate'])

/** @param names of all layers of the list, in order; the layer at `index` is asked for */
export function sourcesOf(
  config: LayerConfig,
  index: number,
  names: readonly string[],
  ports: readonly Port[],
): number[] {
  const name = names[index]!
  if (config.inputs === undefined) {
    if (MERGING.has(config.type))
      throw new UserError(`Layer \`${name}\`: ${config.type} needs \`inputs\`, e.g. [${example(names, index)}].`)
    if (index > 0) return [index - 1]
    if (ports.length === 1) return [portSource(0)]
    throw new UserError(
      `Layer \`${name}\`: the model has several inputs; say which it takes: ` +
        `\`inputs: [${ports.map((port) => port.name).join(' | ')}]\`.`,
    )
  }
  const sources = config.inputs.map((wanted) => {
    const at = names.indexOf(wanted)
    if (at >= 0 && at < index) return at
    const port = ports.findIndex((one) => one.name === wanted)
    if (port >= 0) return portSource(port)
    if (at >= 0) {
      throw new UserError(
        `Layer \`${name}\`: takes \`${wanted}\`, which comes ${at === index ? 'from itself' : 'after it'}. List layers in the order of the forward pass.`,
      )
    }
    throw new UserError(
      `Layer \`${name}\`: there is no layer or input \`${wanted}\` to take. Before it are ` +
        `${[...ports.map((one) => one.name), ...names.slice(0, index)].map((one) => `\`${one}\``).join(', ')}.`,
    )
  })
  if (sources.length > 1 && !MERGING.has(config.type)) {
    throw new UserError(
      `Layer \`${name}\`: ${config.type} takes one input, got ${sources.length}. Put an \`add\` or a \`concatenate\` before it.`,
    )
  }
  return sources
}

const example = (names: readonly string[], index: number): string =>
  index > 1 ? `${names[index - 2]!}, ${names[index - 1]!}` : 'the names of layers before it'

/** Whether each layer takes what the one before it gives, inside of blocks too. */
export const isChain = (layers: readonly LayerConfig[]): boolean =>
  layers.every(
    (layer) => layer.inputs === undefined && layer.type !== 'shared' && (!('layers' in layer) || isChain(layer.layers)),
  )

/** @throws UserError for a layer, or an input, that nobody takes, and that is not the last */
export function refuseLoose(layers: readonly Wired[], ports: readonly Port[]): void {
  const taken = new Set(layers.flatMap(({ from }) => from))
  const loose = layers.slice(0, -1).find((_, i) => !taken.has(i))
  if (loose) {
    throw new UserError(
      `Layer \`${loose.name}\`: nothing takes what it gives. Name it in the \`inputs\` of a later layer, or leave it out: the model's ` +
        'output is its last layer.',
    )
  }
  const unused = ports.find((_, i) => !taken.has(portSource(i)))
  if (unused && layers.length > 0) {
    throw new UserError(
      `Input \`${unused.name}\`: nothing takes it. Name it in the \`inputs\` of a layer, or leave it out.`,
    )
  }
}
