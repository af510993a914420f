/**
 * What the detector sees of a plan: which layer each sum of squares belongs to, and where each layer's outputs and
 * back-signals lie. A watched layer is one with a weight matrix; what follows it up to the next one (activation,
 * normalisation, slopes) belongs to it.
 */
import { Activation } from '../kernels/kernels.ts'
import type { ActivationCode, Pointer } from '../kernels/kernels.ts'
import type { Flow, LoweredLayer } from '../model/layer.ts'
import { NORM_CHUNK, OBSERVED_PIECE, UPDATE_PIECE } from './constants.ts'
import type { Placement, Placements } from './parameters.ts'

export interface WatchedLayer {
  readonly name: string
  /** Its last output: behind its activation, and behind the shortcut where it is the last of a residual block; `null` for none. */
  output: Flow | null
  /** Back-signal of its matrix's product, and numbers of a row of it; -1 where it shows none. */
  backSignal: Pointer | -1
  signalCols: number
  /** Of its output, where units can fall silent or saturate. */
  activation: ActivationCode
  /** First of its units among all of them. */
  units: number
}

/** One of the equal parts that a layer's sampled numbers are taken in. */
export interface ObservedPart {
  readonly layer: number
  readonly part: number
  readonly parts: number
}

/** A run of one layer's parameters. */
export interface Segment {
  readonly layer: number
  readonly offset: number
  readonly count: number
}

export interface Watch {
  readonly layers: readonly WatchedLayer[]
  /** A piece each beside a sampled update, layer by layer. */
  readonly parts: readonly ObservedPart[]
  /** Of the laned parameters, cut at chunks: a partial sum of squares each. */
  readonly laned: readonly Segment[]
  /** Of all parameters, cut at the update's pieces. */
  readonly segments: readonly Segment[]
  /** The segments of update piece i are [first[i], first[i + 1]). Likewise the laned ones. */
  readonly firstSegment: readonly number[]
  readonly firstLaned: readonly number[]
  /** Units whose silence is counted, over all layers. */
  readonly units: number
  /** Layer of a parameter by its place in the model. */
  layerOf(placement: Placement): number
}

/** @param rows of a full micro-batch of this rank */
export function watchOf(network: LoweredLayer, placements: Placements, rows: number): Watch {
  const { layers, layerOf } = layersOf(placements)
  let current = -1
  let first = -1
  for (const part of network.parts ?? [network]) {
    const last = part.gradients.at(-1)
    const layer = last ? layerOf.get(last.parameter)! : current
    if (layer < 0) continue
    current = layer
    const watched = layers[layer]!
    if (layer !== first) {
      watched.backSignal = part.output.gradient
      watched.signalCols = part.output.cols
    }
    first = layer
    watched.output = part.output
    // Units of a block that a shortcut leads past may be silent.
    if (part.activation !== undefined && !watched.name.includes('/')) watched.activation = part.activation
  }
  let units = 0
  for (const layer of layers) {
    layer.units = units
    if (layer.output && layer.activation === Activation.relu) units += layer.output.channels ?? layer.output.cols
  }
  const of = (placement: Placement) => layerOf.get(placement.spec.name)!
  const byPlace = learnedOf(placements).toSorted((a, b) => a.offset - b.offset)
  const cut = (list: readonly Placement[], length: number): Segment[] =>
    list.flatMap((placement) => {
      const { offset, size } = placement
      const runs: Segment[] = []
      for (let at = offset; at < offset + size;) {
        const end = Math.min(offset + size, (Math.floor(at / length) + 1) * length)
        runs.push({ layer: of(placement), offset: at, count: end - at })
        at = end
      }
      return runs
    })
  const laned = cut(
    byPlace.filter(({ how }) => how === 'lanes'),
    NORM_CHUNK,
  )
  const segments = cut(byPlace, UPDATE_PIECE)
  const firsts = (list: readonly Segment[]) => {
    let at = 0
    return Array.from({ length: Math.ceil(placements.learned / UPDATE_PIECE) + 1 }, (_, piece) => {
      while (at < list.length && list[at]!.offset < piece * UPDATE_PIECE) at++
      return at
    })
  }
  const parts = layers.flatMap(({ output }, layer) => {
    const count = Math.max(1, Math.ceil((rows * (output?.cols ?? 0)) / OBSERVED_PIECE))
    return Array.from({ length: count }, (_, part): ObservedPart => ({ layer, part, parts: count }))
  })
  return {
    layers,
    parts,
    laned,
    segments,
    firstSegment: firsts(segments),
    firstLaned: firsts(laned),
    units,
    layerOf: of,
  }
}

export const learnedOf = ({ all }: Placements): Placement[] => all.filter(({ how }) => how !== 'none')

export const countLayers = (placements: Placements): number => layersOf(placements).layers.length

function layersOf(placements: Placements): { layers: WatchedLayer[]; layerOf: Map<string, number> } {
  const layers: WatchedLayer[] = []
  const layerOf = new Map<string, number>()
  for (const { spec } of learnedOf(placements)) {
    const name = spec.name.slice(0, Math.max(0, spec.name.lastIndexOf('/')))
    if (layers.at(-1)?.name !== name && (spec.shape.length > 1 || layers.length === 0)) {
      layers.push({ name, output: null, backSignal: -1, signalCols: 0, activation: Activation.linear, units: 0 })
    }
    layerOf.set(spec.name, layers.length - 1)
  }
  return { layers, layerOf }
}

/** Float64 fields a sampled layer leaves: see train/observe.ts. */
export const SIGNAL_FIELDS = 6
