/** Layers of a foreign network, each with the names of what it takes, as a model's config. */
import type { Port } from '../model/graph.ts'

/** What there is of a layer's config: the rest is checked with the whole of it. */
export interface Named {
  readonly name?: string | undefined
  readonly inputs?: readonly string[] | undefined
}

/** Without names of inputs where each layer takes what the one before it gives. */
export function modelOf(ports: readonly Port[], layers: readonly Named[]) {
  const isChain =
    ports.length === 1 &&
    layers.every(({ inputs }, i) => inputs?.length === 1 && inputs[0] === (i === 0 ? ports[0] : layers[i - 1])!.name)
  if (!isChain) return { inputs: ports, layers }
  return { inputShape: ports[0]!.shape, layers: layers.map(({ inputs: _, ...layer }) => layer) }
}
