/** The match as text. */
import { table } from '../../src/report/table.ts'
import { TOLERANCE } from './match.ts'
import type { Result } from './match.ts'
import { best, ratios } from './ratios.ts'

export function figure(value: number): string {
  if (value < 100) return value.toFixed(1)
  return Math.round(value).toLocaleString('en-US')
}

export const times = (value: number): string => `${value < 10 ? value.toFixed(2) : figure(value)} x`

export function printMatch(results: readonly Result[]): string {
  const fastest = best(results.filter(({ team }) => team.startsWith('ours')))?.micros.median
  const rows = results.map((result) => {
    const { name, micros, missing, note, agrees, deviation, idleShare, meanMicros, peakBytes } = result
    if (!micros) return [name, '-', '-', '-', '-', '-', '-', '-', '-', missing ?? 'no times']
    const losses =
      agrees === undefined
        ? '-'
        : `${deviation === 0 ? 'same' : deviation!.toExponential(0)}${agrees ? '' : ' DIFFERS'}`
    return [
      name,
      figure(micros.median),
      figure(micros.p10),
      figure(micros.p90),
      figure(meanMicros!),
      fastest === undefined ? '-' : times(micros.median / fastest),
      losses,
      idleShare === undefined || Number.isNaN(idleShare) ? '-' : `${(100 * idleShare).toFixed(1)} %`,
      peakBytes === undefined || Number.isNaN(peakBytes) ? '-' : figure(peakBytes / 2 ** 20),
      [note, missing].filter(Boolean).join('; '),
    ]
  })
  const header = ['contestant', 'us/step', 'p10', 'p90', 'mean', 'of ours best', 'losses', 'idle', 'peak MiB', 'note']
  const compared = ratios(results).map(({ ours, peer, times: t, agrees }) => [
    peer,
    ours,
    times(t.median),
    `${times(t.p10)} to ${times(t.p90)}`,
    agrees ? '' : 'losses differ: not the same computation',
  ])
  return [
    table(rows, { header, right: [1, 2, 3, 4, 5, 6, 7, 8] }),
    '',
    table(compared, { header: ['peer, best', 'ours, best', 'ours is faster', 'p10 to p90', ''], right: [2] }),
  ].join('\n')
}

export const legend =
  `us/step: median over rounds of each round's median step. losses: largest relative difference of the first steps ` +
  `from ours (tolerance ${TOLERANCE}). idle: share of a core used while others ran. ` +
  `peak MiB: resident memory of all its processes.`
