/** One step on a sample, on the calling thread and in an arena of its own: what it would do, and nothing of it done. */
import type { Arena, Spare } from '../arena/arena.ts'
import type { KernelChoice } from '../kernels/select.ts'
import type { Dataset } from '../data/dataset.ts'
import { FRAME_FIELDS } from '../plan/lengths.ts'
import type { Plan } from '../plan/plan.ts'
import type { RunSettings } from '../plan/settings.ts'
import { ALONE } from '../plan/shards.ts'
import type { PlanSpec } from '../plan/spec.ts'
import { InlineCrew } from './inline.ts'
import { Field, Kind } from './record.ts'
import { startRun } from './run.ts'
import { Session } from './session.ts'
import type { Weights } from './weights.ts'

export interface Probed {
  readonly plan: Plan
  /** After the step: activations, back-signals and gradients are still there. */
  readonly arena: Arena
  readonly loss: number
  /** Before clipping. */
  readonly gradNorm: number
  /** Per watched layer; `undefined` where the step was not taken. */
  readonly layers: readonly ProbedLayer[] | undefined
}

export interface ProbedLayer {
  readonly gradient: number
  readonly weights: number
  readonly update: number
  readonly activation: number
  readonly backSignal: number
  readonly active: number
  readonly flat: number
}

/** All rows of `data` in one batch, by one worker, and nothing that a run keeps for later. */
export function probeSpec(spec: PlanSpec, data: Dataset): PlanSpec {
  return {
    ...spec,
    batchSize: data.rows,
    sharing: ALONE,
    trainRows: data.rows,
    evaluationRows: 0,
    weighted: data.sampleWeight !== undefined,
    keepBest: false,
    ringRecords: 64,
    traceEvents: 0,
    snapshots: false,
    workers: 1,
  }
}

export async function probe(
  spec: PlanSpec,
  settingsFor: (plan: Plan) => RunSettings,
  data: Dataset,
  weights: Weights,
  kernels: KernelChoice,
  module: WebAssembly.Module | null,
  spare?: Spare,
): Promise<Probed> {
  const { plan, arena } = await Session.open(probeSpec(spec, data), weights, data, undefined, spare)
  let [loss, gradNorm] = [NaN, NaN]
  let layers: ProbedLayer[] | undefined
  const run = { plan, arena, crew: new InlineCrew(), settings: settingsFor(plan), kernels, module }
  await startRun(run, {
    record(d, at) {
      if (d[at + Field.kind] === Kind.step) [loss, gradNorm] = [d[at + Field.loss]!, d[at + Field.gradNorm]!]
      if (d[at + Field.kind] === Kind.frame) layers = plan.watch.layers.map((_, l) => readLayer(d, at, l))
    },
  })
  return { plan, arena, loss, gradNorm, layers }
}

function readLayer(d: Float64Array, at: number, layer: number): ProbedLayer {
  const field = (i: number) => d[at + Field.values + layer * FRAME_FIELDS + i]!
  return {
    gradient: field(0),
    weights: field(1),
    update: field(2),
    activation: field(3),
    backSignal: field(4),
    active: field(5),
    flat: field(6),
  }
}
