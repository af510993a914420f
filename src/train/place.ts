/** Where a worker was, in words for people: which step, phase, piece, layers and samples. */
import type { Arena } from '../arena/arena.ts'
import { permute } from '../data/order.ts'
import type { Whereabouts } from '../errors.ts'
import type { LoweredLayer } from '../model/layer.ts'
import { UPDATE_PIECE } from '../plan/constants.ts'
import { Phase } from '../plan/plan.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { tilesAbove } from '../plan/stages.ts'
import type { Stage } from '../plan/stages.ts'
import { Doing, isStarting } from './post.ts'
import type { Readout } from './post.ts'
import { State } from './state.ts'

/** Only while nobody changes the state. */
export function placeOf(plan: Plan, settings: RunSettings, arena: Arena, worker: number, post: Readout): Whereabouts {
  if (isStarting(post)) return { worker, phase: 'start-up' }
  const state = arena.doubles.subarray(plan.at.state, plan.at.state + plan.stateLength)
  const batch = state[State.batch]!
  const step = Number.isInteger(batch) ? batch : undefined
  const { phase, stage, piece, doing } = post
  if (doing === Doing.waiting) return { worker, step, phase: 'between two pieces' }
  if (doing === Doing.deciding) return { worker, step, phase: `decision after ${phaseName(plan, phase, stage)}` }
  const samples = phase === Phase.rows ? samplesOf(plan, settings, state, plan.stages[stage]!, piece) : undefined
  return {
    worker,
    step,
    phase: phaseName(plan, phase, stage),
    piece,
    layer: layersOf(plan, phase, stage, piece),
    samples,
  }
}

export function phaseName(plan: Plan, phase: Phase, stage: number): string {
  if (phase === Phase.rows) return plan.stages.length > 1 ? `rows ${stage + 1}` : 'rows'
  return Object.entries(Phase).find(([, code]) => code === phase)?.[0] ?? 'no phase'
}

/** `in rows 2, piece 3 (dense_1 to dense_2; samples 5, 9, ..)`. */
export function placeText({ step, phase, piece, layer, samples }: Whereabouts): string {
  const some = samples && `samples ${samples.slice(0, 8).join(', ')}${samples.length > 8 ? ', ..' : ''}`
  const detail = [layer, some].filter((part) => part !== undefined && part !== '').join('; ')
  const where = [phase, piece === undefined ? undefined : `piece ${piece}`]
    .filter((part) => part !== undefined)
    .join(', ')
  return `${step === undefined ? '' : `step ${step}, `}${where}${detail ? ` (${detail})` : ''}`
}

function layersOf(plan: Plan, phase: Phase, stage: number, piece: number): string {
  const { tiles, placements, laned } = plan
  switch (phase) {
    case Phase.rows:
      return layersOfStage(plan, plan.stages[stage]!)
    case Phase.gradient:
      return tiles[piece]?.placement.spec.name ?? range(laned.map(({ placement }) => placement.spec.name))
    case Phase.reduce:
    case Phase.combine:
    case Phase.update: {
      const run = phase === Phase.reduce ? piece : plan.firstPiece + piece
      const [from, end] = [run * UPDATE_PIECE, (run + 1) * UPDATE_PIECE]
      return range(
        placements.all.filter((p) => p.offset < end && p.offset + p.size > from).map(({ spec }) => spec.name),
      )
    }
    case Phase.evaluate:
    case Phase.exchange:
    case Phase.snapshot:
      return ''
  }
}

function layersOfStage({ network }: Plan, stage: Stage): string {
  const parts = network.parts ?? [network]
  const nameOf = ({ layer }: LoweredLayer) => layer ?? ''
  if (stage.kind === 'tile') return nameOf(parts.find(({ byTile }) => byTile === stage.product)!)
  return range([...new Set([...stage.forward, ...stage.backward].map(nameOf))])
}

const range = (names: readonly string[]): string =>
  names.length > 1 ? `${names[0]} to ${names.at(-1)}` : (names[0] ?? '')

function samplesOf(
  plan: Plan,
  settings: RunSettings,
  s: Float64Array,
  stage: Stage,
  piece: number,
): number[] | undefined {
  // The rows of a shard are not in a row in the batch.
  if (plan.spec.sharing.shards > 1) return undefined
  const rowsOfPiece = stage.kind === 'tile' ? stage.tileRows : stage.blockRows
  const block = stage.kind === 'tile' ? tilesAbove(stage, piece, s[State.rows]!) : piece
  const window = s[State.windowStart]!
  const size = s[State.streamed] === 1 ? s[State.windowEnd]! - window : plan.spec.trainRows
  const first = s[State.cursor]! - window + s[State.first]! + block * rowsOfPiece
  const count = Math.min(rowsOfPiece, s[State.rows]! - block * rowsOfPiece)
  // A state that was left half written says nothing.
  if (!(count > 0 && first >= 0 && first + count <= size)) return undefined
  const sample = (i: number) =>
    window + (settings.shuffle ? permute(first + i, size, settings.seed, s[State.epoch]!, window) : first + i)
  return Array.from({ length: count }, (_, i) => sample(i))
}
