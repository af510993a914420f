import type { PlanSummary } from '../plan/summary.ts'
import { formatBytes, formatCount } from './format.ts'
import { table } from './table.ts'

/** A plan as people read it: the model, how a step is cut into pieces, and where the memory goes. */
export function planText(plan: PlanSummary): string {
  const parts = plan.microBatches > 1 ? ` in ${plan.microBatches} parts` : ''
  const lanes = `${plan.lanes} lane${plan.lanes === 1 ? '' : 's'}`
  return [
    section('Model', layersTable(plan)),
    section(
      `Step of ${formatCount(plan.batchSize)} rows${parts}, row blocks of ${plan.rowsPerBlock}, ${lanes}`,
      phasesTable(plan),
    ),
    section('Gradients', tensorsTable(plan)),
    section('Memory', memoryTable(plan)),
  ].join('\n\n')
}

/** FLOPs with a unit: `850`, `12.3 k`, `4.56 M`, `1.20 G`. */
export function formatFlops(flops: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (flops >= size) return `${(flops / size).toFixed(2)} ${unit}`
  }
  return String(flops)
}

const INDENT = '  '

function section(title: string, body: string): string {
  return `${title}\n${body}`
}

function layersTable({ model, parameters }: PlanSummary): string {
  const rows = model.map(({ layer, type, inputs, outputs, parameters }) => [
    layer,
    type,
    `${inputs.join(' x ')} > ${outputs.join(' x ')}`,
    formatCount(parameters),
  ])
  const header = ['layer', 'type', 'shape', 'parameters']
  return table([...rows, ['total', '', '', formatCount(parameters)]], { header, right: [3], indent: INDENT })
}

function phasesTable({ phases, flops, bytes }: PlanSummary): string {
  const cells = (name: string, pieces: string, work: number, moved: number, piece: string) => [
    name,
    pieces,
    formatFlops(work),
    formatBytes(Math.round(moved)),
    piece,
  ]
  const rows = phases.map((phase) =>
    cells(phase.phase, formatCount(phase.pieces), phase.flops, phase.bytes, phase.piece),
  )
  const header = ['phase', 'pieces', 'FLOPs', 'bytes', 'a piece is']
  return table([...rows, cells('total', '', flops, bytes, '')], { header, right: [1, 2, 3], indent: INDENT })
}

function tensorsTable({ tensors }: PlanSummary): string {
  const rows = tensors.map(({ name, shape, gradient, pieces }) => [name, shape.join(' x '), gradient, String(pieces)])
  return table(rows, { header: ['tensor', 'shape', 'summed in', 'pieces'], right: [3], indent: INDENT })
}

function memoryTable({ memory, arenaBytes, sharedBytes }: PlanSummary): string {
  const rows = memory.map(({ region, bytes }) => [region, formatBytes(bytes)])
  const sizes = table([...rows, ['arena', formatBytes(arenaBytes)]], {
    header: ['region', 'size'],
    right: [1],
    indent: INDENT,
  })
  if (sharedBytes === 0) return sizes
  return `${sizes}\n${INDENT}without places that several activations and back-signals share: ${formatBytes(arenaBytes + sharedBytes)}`
}
