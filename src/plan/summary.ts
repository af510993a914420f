/** What there is to say of a plan, as plain data: memory by region, phases, pieces, FLOPs and bytes. */
import { portSource } from '../model/graph.ts'
import { sizeOf } from '../model/shape.ts'
import type { Shape } from '../model/shape.ts'
import type { LoweredLayer } from '../model/layer.ts'
import { UPDATE_PIECE } from './constants.ts'
import { mostRows, pieces } from './pieces.ts'
import type { Plan } from './plan.ts'
import type { Stage } from './stages.ts'

export interface PlanSummary {
  readonly model: readonly { layer: string; type: string; inputs: Shape; outputs: Shape; parameters: number }[]
  readonly parameters: number
  readonly batchSize: number
  readonly microBatches: number
  readonly rowsPerBlock: number
  readonly lanes: number
  readonly phases: readonly PhaseSummary[]
  readonly tensors: readonly {
    name: string
    shape: readonly number[]
    gradient: 'lanes' | 'tiles' | 'none'
    pieces: number
  }[]
  readonly memory: readonly { region: string; bytes: number }[]
  /** What activations and back-signals do not take because those that are not needed together have one place. */
  readonly sharedBytes: number
  readonly arenaBytes: number
  /** Of one step. */
  readonly flops: number
  readonly bytes: number
}

export interface PhaseSummary {
  readonly phase: string
  readonly piece: string
  readonly pieces: number
  /** Of the phase in one step; bytes count each operand of each piece once. */
  readonly flops: number
  readonly bytes: number
}

/** What a layer takes; of several inputs, how many numbers. */
function inputsOf({ layers, ports }: Plan['model'], from: readonly number[]): Shape {
  const shapes = from.map((source) => (source < 0 ? ports[portSource(source)]!.shape : layers[source]!.shape))
  return shapes.length === 1 ? shapes[0]! : shapes.map(sizeOf)
}

export function summarizePlan(plan: Plan): PlanSummary {
  const { spec, model, placements, network } = plan
  const { batchSize, accumulationSteps } = spec
  const { lanes } = plan
  const phases = phasesOf(plan)
  return {
    model: model.layers.map((layer) => ({
      layer: layer.name,
      type: layer.type,
      inputs: inputsOf(model, layer.from),
      outputs: layer.shape,
      parameters: layer.parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0),
    })),
    parameters: model.numParameters,
    batchSize,
    microBatches: accumulationSteps,
    rowsPerBlock: plan.blockRows,
    lanes,
    phases,
    tensors: network.gradients.map((task) => {
      const placement = placements.all.find((p) => p.spec.name === task.parameter)!
      const tiles = plan.tiles.filter((tile) => tile.placement === placement).length
      return {
        name: task.parameter,
        shape: placement.spec.shape,
        gradient: placement.how,
        pieces: placement.how === 'tiles' ? tiles : lanes,
      }
    }),
    memory: [...plan.layout.summary()].map(([region, bytes]) => ({ region, bytes })).filter(({ bytes }) => bytes > 0),
    sharedBytes: plan.tensorBytes - (plan.layout.summary().get('activations') ?? 0),
    arenaBytes: plan.layout.bytes,
    flops: phases.reduce((sum, { flops }) => sum + flops, 0),
    bytes: phases.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function phasesOf(plan: Plan): PhaseSummary[] {
  const { spec, network, placements } = plan
  const openRows = mostRows(plan)
  const micro = spec.accumulationSteps
  const rows = spec.batchSize
  const regions = plan.layout.summary()
  const of = (name: string) => regions.get(name) ?? 0
  const parameterBytes = placements.total * 4
  const slots = plan.at.slots.length
  const { lanes } = plan
  const tasks = network.gradients
  const activity = plan.tensorBytes + of('batch')
  const stages = plan.stages.map((stage, i): PhaseSummary => {
    const count = pieces.stage(plan, i, openRows)
    const cost = stageCost(stage, openRows, count, spec.inputs)
    return {
      phase: plan.stages.length > 1 ? `rows ${i + 1}` : 'rows',
      piece: stageWords(stage),
      pieces: count * micro,
      flops: cost.flops * micro,
      bytes: cost.bytes * micro,
    }
  })
  return [
    ...stages,
    {
      phase: 'gradient',
      piece: 'a tile of a weight gradient, or a lane of the small tensors',
      pieces: pieces.gradient(plan, 0, openRows) * micro,
      flops:
        rows * tasks.reduce((sum, task) => sum + task.flopsPerRow, 0) + 2 * (placements.learned - placements.laned),
      bytes: micro * (activity + parameterBytes),
    },
    {
      phase: 'reduce',
      piece:
        spec.sharing.shards > 1
          ? `up to ${UPDATE_PIECE} parameters of every shard`
          : `up to ${UPDATE_PIECE} laned parameters`,
      pieces: pieces.reduce(plan),
      flops: placements.laned * (lanes + 1),
      bytes: 4 * placements.laned * (lanes + 1),
    },
    { phase: 'decide', piece: 'one, by whoever closes reduce', pieces: 1, flops: 0, bytes: 0 },
    {
      phase: 'update',
      piece: `up to ${UPDATE_PIECE} parameters`,
      pieces: pieces.update(plan),
      flops: placements.learned * (4 + 6 * slots),
      bytes: parameterBytes * (3 + 2 * slots),
    },
  ]
}

/** Every piece of a product reads the weights it multiplies by; rows are read and written once. */
function stageCost(stage: Stage, rows: number, count: number, inputs: number): { flops: number; bytes: number } {
  if (stage.kind === 'tile') {
    const { inputs, outputs } = stage.product
    const rowTiles = Math.ceil(rows / stage.tileRows)
    const traffic = rowTiles * inputs * outputs + count * stage.tileRows * (inputs + outputs - stage.cols)
    return { flops: rows * stage.flopsPerRow, bytes: 4 * (traffic + rows * stage.cols) }
  }
  const bytesOf = ({ byTile, output }: LoweredLayer) =>
    byTile?.kind === 'product'
      ? count * byTile.inputs * byTile.outputs + rows * (byTile.inputs + byTile.outputs)
      : 2 * rows * output.cols
  const { forward, backward, gather } = stage
  return {
    flops:
      rows *
      (forward.reduce((sum, layer) => sum + layer.flopsPerRow, 0) +
        backward.reduce((sum, layer) => sum + layer.backwardFlopsPerRow, 0)),
    bytes: 4 * [...forward, ...backward].reduce((sum, layer) => sum + bytesOf(layer), gather ? 2 * rows * inputs : 0),
  }
}

function stageWords(stage: Stage): string {
  if (stage.kind === 'tile') return `${stage.tileRows} x ${stage.wideCols} of a product, ${stage.direction}`
  const does = [
    stage.gather ? 'gather' : '',
    stage.forward.length > 0 ? 'forward' : '',
    stage.loss ? 'loss' : '',
    stage.backward.length > 0 ? 'backward' : '',
  ].filter(Boolean)
  return `${stage.blockRows} rows of the batch: ${does.join(', ')}`
}
