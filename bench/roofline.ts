/**
 * Each phase of a step beside what this machine can do: its arithmetic and traffic as the plan counts them, the time its
 * pieces took in a trace, and the peaks of one core measured in the same process. The bound is the smaller of the
 * matrix-product peak and the memory bandwidth times FLOP per byte; what stays in a cache may pass it.
 */
import type { Dataset } from '../src/data/dataset.ts'
import { summarizePlan } from '../src/plan/summary.ts'
import { table } from '../src/report/table.ts'
import type { Trainer } from '../src/train/trainer.ts'
import { bandwidthPeak, matmulPeak } from './peak.ts'
import { traced } from './traced.ts'

export interface PhaseFigures {
  readonly phase: string
  /** Of all workers together, per step. */
  readonly busyMicros: number
  readonly gigaflops: number
  readonly gigabytesPerSecond: number
  /** GFLOP/s that one core could reach at this phase's FLOP per byte. */
  readonly bound: number
}

export interface Roofline {
  readonly matmulPeak: number
  readonly bandwidthPeak: number
  readonly phases: readonly PhaseFigures[]
}

export async function roofline(trainer: Trainer, data: Dataset, epochs: number): Promise<Roofline> {
  const spans = (await traced(trainer, data, epochs)).read()
  const plan = trainer.plan(data)
  const { phases } = summarizePlan(plan)
  const [flopsPeak, bytesPeak] = [await matmulPeak(trainer.kernels), await bandwidthPeak()]
  const figures = phases
    .filter(({ phase }) => spans.some(({ name }) => name === phase) && phase !== 'decide')
    .map(({ phase, pieces, flops, bytes }): PhaseFigures => {
      const own = spans.filter(({ name }) => name === phase)
      // Pieces are what the trace holds whole numbers of; a step has so many.
      const busyMicros = own.reduce((sum, { dur }) => sum + dur, 0) / (own.length / pieces)
      const bound = Math.min(flopsPeak, (flops / bytes) * bytesPeak)
      return {
        phase,
        busyMicros,
        gigaflops: flops / busyMicros / 1e3,
        gigabytesPerSecond: bytes / busyMicros / 1e3,
        bound,
      }
    })
  return { matmulPeak: flopsPeak, bandwidthPeak: bytesPeak, phases: figures }
}

export function printRoofline({ matmulPeak, bandwidthPeak, phases }: Roofline): string {
  const rows = phases.map((p) => [
    p.phase,
    p.busyMicros.toFixed(1),
    p.gigaflops.toFixed(1),
    p.gigabytesPerSecond.toFixed(1),
    p.bound > 0 ? p.bound.toFixed(1) : '',
    // A phase that only moves data is held against the bandwidth.
    `${(100 * (p.bound > 0 ? p.gigaflops / p.bound : p.gigabytesPerSecond / bandwidthPeak)).toFixed(0)} %`,
  ])
  const header = ['phase', 'busy us', 'GFLOP/s', 'GB/s', 'bound GFLOP/s', 'of bound']
  return (
    `One core: ${matmulPeak.toFixed(0)} GFLOP/s in matrix products, ${bandwidthPeak.toFixed(1)} GB/s from memory\n` +
    table(rows, { header, right: [1, 2, 3, 4, 5], indent: '  ' })
  )
}
