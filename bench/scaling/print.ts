/** The scaling figures in words and columns. */
import { table } from '../../src/report/table.ts'
import { figure } from './figures.ts'
import type { Scaling } from './figures.ts'
import type { Estimate } from './laws.ts'

export function printScaling(scaling: Scaling): string {
  const { workload, mode, kernels, rows, amdahl, usl, advice, warnings } = scaling
  const header = ['workers', 'batch', 'us/step', '95 %', 'speed-up', '95 %', 'efficiency', 'compute', 'wait', 'serial']
  const lines = rows.map((row) => [
    String(row.workers),
    String(row.batchSize),
    figure(row.micros.value),
    interval(row.micros),
    row.speedUp.value.toFixed(2),
    interval(row.speedUp),
    percent(row.efficiency),
    percent(row.compute),
    percent(row.wait),
    percent(row.serial),
  ])
  const laws: string[] = []
  if (amdahl) {
    const limit = amdahl.limit > 1000 ? 'no limit below 1,000 times' : `at most ${figure(amdahl.limit)} times as fast`
    laws.push(`Amdahl: serial share ${share(amdahl.serial)}: ${limit}`)
  }
  if (usl) {
    const peak = usl.peak > 1024 ? 'no peak below 1,024 workers' : `fastest with ${Math.round(usl.peak)} workers`
    laws.push(`USL: contention ${share(usl.contention)}, coherence ${share(usl.coherence)}: ${peak}`)
  }
  return [
    `${workload}, ${mode} scaling, kernels ${kernels}`,
    table(lines, { header, right: header.map((_, i) => i), indent: '  ' }),
    ...phaseTable(scaling),
    ...laws,
    advice,
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n')
}

/** The phases of the largest crew: where its time goes. */
function phaseTable({ measured }: Scaling): string[] {
  const { phases, workers } = measured.at(-1)!
  const header = ['phase', 'us', 'compute', 'wait', 'serial']
  const lines = phases.map(({ phase, compute, wait, serial }) => {
    const all = compute + wait + serial
    return [phase, figure(all / workers), percent(compute / all), percent(wait / all), percent(serial / all)]
  })
  return [`  with ${workers}:`, table(lines, { header, right: [1, 2, 3, 4], indent: '    ' })]
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`
const interval = ({ low, high }: Estimate): string => `${figure(low)}-${figure(high)}`
const share = ({ value, low, high }: Estimate): string =>
  `${(100 * value).toFixed(2)} % (95 %: ${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)})`
