/**
 * Layers as a graph: each takes what the layer before it gives, or, by name (`inputs`), what any earlier ones give. They
 * are worked off in the order of the config; the way back is the same order from its end, so where several take one
 * layer's output, each leaves its back-signal in a room of its own, and they are added before that layer's turn.
 */
import type { Flow, GradientTask, LoweredLayer, Lowering, Wired } from './layer.ts'
import { nothing } from './layer.ts'
import { sequence } from './layers/sequence.ts'
import { follows, reorder } from './reorder.ts'

/** Of one input of the graph: a name that layers take it by, and the shape of its rows. */
export interface Port {
  readonly name: string
  readonly shape: readonly number[]
}

/** Where a layer takes its input from: layer i of the list, or input -1 - i of the graph. */
export const portSource = (port: number): number => -1 - port

/** @param inputs one flow a port */
export function lowerLayers(built: readonly Wired[], inputs: readonly Flow[], to: Lowering): LoweredLayer {
  const layers = reorder(built)
  const parts: LoweredLayer[] = []
  const given = new Map<number, Flow[]>()
  const give = (source: number, flow: Flow): void => {
    const uses = layers.reduce((sum, { from }) => sum + from.filter((one) => one === source).length, 0)
    const { flows, fork } = branches(flow, uses, to)
    if (fork) parts.push(fork)
    given.set(source, flows)
  }
  inputs.forEach((flow, port) => give(portSource(port), flow))
  layers.forEach((layer, i) => {
    const flows = layer.from.map((source) => given.get(source)!.shift()!)
    const lowered = flows.length > 1 ? layer.lowerMany!(flows, to) : layer.lower(flows[0]!, to)
    parts.push(...named(lowered, layer.name, follows(layers, i), follows(layers, i + 1)))
    give(i, lowered.output)
  })
  const output = given.get(layers.length - 1)![0]!
  return { ...sequence(parts), output, gradients: together(parts.flatMap(({ gradients }) => gradients)) }
}

/**
 * A layer's parts with its name. An element-wise part is worked off with its neighbour's tiles where that gives its input,
 * or takes its output; elsewhere it has to wait for whole rows.
 */
function named(lowered: LoweredLayer, layer: string, afterBefore: boolean, beforeAfter: boolean): LoweredLayer[] {
  const parts = lowered.parts ?? [lowered]
  return parts.map(({ byTile, ...part }, i) => {
    const alone = (i === 0 && !afterBefore) || (i === parts.length - 1 && !beforeAfter)
    return { ...part, layer, ...(byTile && !(byTile.kind === 'elementwise' && alone) ? { byTile } : {}) }
  })
}

/** What so many layers take of one flow: the first its own back-signal, the others rooms that are added to it. */
function branches(flow: Flow, uses: number, to: Lowering): { flows: Flow[]; fork?: LoweredLayer } {
  if (uses < 2) return { flows: [flow] }
  const { cols, gradient } = flow
  const rooms = Array.from({ length: uses - 1 }, () => (gradient === -1 ? -1 : to.backSignal(cols)))
  const shared: Flow = { ...flow, overwritable: false }
  const flows = [shared, ...rooms.map((room): Flow => ({ ...shared, gradient: room }))]
  if (gradient === -1) return { flows }
  const fork: LoweredLayer = {
    output: flow,
    gradients: [],
    flopsPerRow: 0,
    backwardFlopsPerRow: rooms.length * cols,
    forward: nothing,
    backward(k, row, rows) {
      for (const room of rooms) k.add(rows * cols, room + row * cols, gradient + row * cols)
    },
  }
  return { flows, fork }
}

/** One task a parameter: where layers share it, their gradients one after the other. */
function together(tasks: readonly GradientTask[]): GradientTask[] {
  const byParameter = Map.groupBy(tasks, ({ parameter }) => parameter)
  return [...byParameter.values()].map((all) => {
    const [first, ...rest] = all as [GradientTask, ...GradientTask[]]
    if (rest.length === 0) return first
    return {
      parameter: first.parameter,
      flopsPerRow: all.reduce((sum, { flopsPerRow }) => sum + flopsPerRow, 0),
      run(k, row, rows, tile, into, accumulate, pass) {
        first.run(k, row, rows, tile, into, accumulate, pass)
        for (const task of rest) task.run(k, row, rows, tile, into, true, pass)
      },
    }
  })
}

/** The model's row cut into its inputs, one after another. */
export function lowerPorts(ports: readonly Port[], input: Flow, to: Lowering): { flows: Flow[]; cut?: LoweredLayer } {
  if (ports.length === 1) return { flows: [input] }
  let offset = 0
  const pieces = ports.map(({ shape }) => {
    const cols = shape.reduce((product, n) => product * n, 1)
    const gradient = input.gradient === -1 ? -1 : to.backSignal(cols)
    const flow: Flow = { value: to.tensor(cols), gradient, cols, channels: shape.at(-1)!, overwritable: true }
    const piece = { flow, offset }
    offset += cols
    return piece
  })
  const cut: LoweredLayer = {
    output: input,
    gradients: [],
    flopsPerRow: input.cols,
    backwardFlopsPerRow: input.gradient === -1 ? 0 : input.cols,
    forward(k, row, rows) {
      for (const { flow, offset } of pieces) {
        for (let r = row; r < row + rows; r++) {
          k.copy(flow.cols, input.value + r * input.cols + offset, flow.value + r * flow.cols)
        }
      }
    },
    backward(k, row, rows) {
      if (input.gradient === -1) return
      for (const { flow, offset } of pieces) {
        for (let r = row; r < row + rows; r++) {
          k.copy(flow.cols, flow.gradient + r * flow.cols, input.gradient + r * input.cols + offset)
        }
      }
    },
  }
  return { flows: pieces.map(({ flow }) => flow), cut }
}

/** A whole model from the rows of its data. */
export function lowerModel(
  { layers, ports }: { readonly layers: readonly Wired[]; readonly ports: readonly Port[] },
  input: Flow,
  to: Lowering,
): LoweredLayer {
  const { flows, cut } = lowerPorts(ports, input, to)
  const network = lowerLayers(layers, flows, to)
  if (!cut) return network
  return { ...sequence([cut, ...(network.parts ?? [])]), output: network.output, gradients: network.gradients }
}
