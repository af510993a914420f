import { table } from '../../src/report/table.ts'
import type { Result } from '../peers/match.ts'
import { figure, times } from '../peers/print.ts'
import type { ExchangeTimes } from './exchange.ts'

const MB = 1e6

/** What a rank moves in a step: 2 (R - 1) / R vectors of float32 parameters are the least, in and out alike. */
export function printExchange(times: ExchangeTimes): string {
  const { mpi, ranks, parameters, received, sent, micros, bareMicros, handedMicros } = times
  const least = (2 * (ranks - 1) * 4 * parameters) / ranks
  const most = Math.max(received, sent)
  const over = (100 * (most / least - 1)).toFixed(2)
  return (
    `exchange, ${ranks} ranks, ${mpi}: ${(most / MB).toFixed(3)} MB per rank and step, ` +
    `the least is ${(least / MB).toFixed(3)} (+ ${over} %); ${figure(micros)} us, bare calls of the same bytes ` +
    `${figure(bareMicros)} us: ${((100 * bareMicros) / micros).toFixed(0)} % of what they reach; ` +
    `${figure(handedMicros)} us for a worker that asks for them`
  )
}

export function printRanks(results: readonly Result[]): string {
  const first = results[0]?.micros
  const rows = results.map(({ name, micros, missing, agrees }) =>
    micros
      ? [
          name,
          figure(micros.median),
          figure(micros.p10),
          figure(micros.p90),
          first ? times(micros.median / first.median) : '-',
          agrees === false ? 'losses differ: not the same computation' : '',
        ]
      : [name, '-', '-', '-', '-', missing ?? 'no times'],
  )
  return table(rows, { header: ['contestant', 'us/step', 'p10', 'p90', 'of the first', ''], right: [1, 2, 3, 4] })
}

/** Microseconds of a step, and what was seen of it. */
export interface Predicted {
  readonly name: string
  readonly micros: number
  readonly seen: number | undefined
}

export const printPredicted = (predicted: readonly Predicted[]): string =>
  predicted
    .map(({ name, micros, seen }) => {
      const off = seen === undefined ? '' : `: off by ${(100 * (micros / seen - 1)).toFixed(1)} %`
      return `predicted from the pieces of one worker: ${name} ${figure(micros)} us${off}`
    })
    .join('\n')
