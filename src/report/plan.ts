/** A plan for people. */
import { summarizePlan } from '../plan/summary.ts'
import type { Plan } from '../plan/plan.ts'
import { table } from './table.ts'

export function printPlan(plan: Plan): string {
  const s = summarizePlan(plan)
  const micro = s.microBatches > 1 ? ` in ${s.microBatches} micro-batches` : ''
  return [
    table(
      s.model.map((l) => [l.layer, l.type, `[batch, ${l.outputs}]`, count(l.parameters)]),
      { header: ['layer', 'type', 'output', 'parameters'], right: [3] },
    ),
    `${count(s.parameters)} parameters; batch of ${s.batchSize}${micro}, row blocks of ${s.rowsPerBlock}, ` +
      `${s.lanes} lane${s.lanes === 1 ? '' : 's'}`,
    table(
      s.phases.map((p) => [p.phase, count(p.pieces), scaled(p.flops), scaled(p.bytes), p.piece]),
      { header: ['phase', 'pieces', 'FLOP', 'bytes', 'a piece is'], right: [1, 2, 3] },
    ),
    `One step: ${scaled(s.flops)} FLOP, ${scaled(s.bytes)} bytes moved`,
    table(
      s.tensors.map((t) => [t.name, `[${t.shape.join(', ')}]`, t.gradient, count(t.pieces)]),
      { header: ['tensor', 'shape', 'gradient by', 'pieces'], right: [3] },
    ),
    table([...s.memory.map((m) => [m.region, scaled(m.bytes)]), ['arena', scaled(s.arenaBytes)]], {
      header: ['memory', 'bytes'],
      right: [1],
    }),
  ].join('\n\n')
}

const count = (n: number): string => n.toLocaleString('en-US')

const UNITS = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const

function scaled(n: number): string {
  const unit = UNITS.find(([, size]) => n >= size)
  return unit ? `${(n / unit[1]).toFixed(2)} ${unit[0]}` : String(n)
}
