/** The predictions in words and columns, what was measured beside them. */
import { table } from '../../src/report/table.ts'
import { figure } from '../scaling/figures.ts'
import type { Simulation } from './run.ts'

export function printSimulation({
  workload,
  kernels,
  assumptions,
  measured,
  interrupted,
  predicted,
}: Simulation): string {
  const header = ['workers', 'us/step', 'p90', 'speed-up', 'efficiency', 'most is lost in', '', 'measured us', 'off by']
  const lines = predicted.map(({ workers, micros, p90, speedUp, efficiency, limit, extrapolated }) => {
    const seen = assumptions.machines === 1 ? measured.get(workers) : undefined
    return [
      String(workers),
      figure(micros),
      figure(p90),
      speedUp.toFixed(2),
      `${(100 * efficiency).toFixed(0)} %`,
      `${limit.phase}: ${(100 * limit.lost).toFixed(0)} %, ${limit.pieces} pieces`,
      extrapolated ? 'extrapolated' : '',
      seen === undefined ? '' : figure(seen),
      seen === undefined ? '' : `${(100 * (micros / seen - 1)).toFixed(1)} %`,
    ]
  })
  const isOff =
    assumptions.machines === 1 &&
    predicted.some(({ workers, micros }) => Math.abs(micros / (measured.get(workers) ?? micros) - 1) > 0.1)
  const { counterMicros, memory, machines, latencyMicros, network, cores } = assumptions
  const notes = [
    `Pieces measured on ${cores} cores; a contended counter costs ${counterMicros.toFixed(2)} us an operation;`,
    memory === undefined
      ? 'memory bandwidth is taken to grow with the cores (--memory GB/s sets a limit).'
      : `all cores together get ${memory} GB/s from memory.`,
    interrupted > 0.01 ? `Other work had the core for ${(100 * interrupted).toFixed(0)} % of the time: left out.` : '',
    isOff
      ? 'Predicted and measured differ by more than 10 %: the machine was disturbed, trust neither, measure again.'
      : '',
    machines > 1 ? `${machines} machines, links of ${network} GB/s each way, ${latencyMicros} us a message.` : '',
  ]
  return [
    `${workload}, kernels ${kernels}`,
    table(lines, { header, right: [0, 1, 2, 3, 4, 7, 8], indent: '  ' }),
    notes.filter(Boolean).join(' '),
  ].join('\n')
}
