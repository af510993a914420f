/** What the simulation needs to know of this machine beside the pieces: the clock, a contended counter, the memory. */
import { Worker } from 'node:worker_threads'
import { entryOf } from '../../src/package.ts'
import { bandwidthPeak } from '../peak.ts'
import { median } from '../statistics.ts'

export interface MachineCosts {
  readonly clockMicros: number
  /** One operation on a word that another core wrote last. */
  readonly counterMicros: number
  /** GB/s of one core, reading and writing counted. */
  readonly bandwidth: number
}

export async function machineCosts(): Promise<MachineCosts> {
  return { clockMicros: clockMicros(), counterMicros: await contendedMicros(), bandwidth: await bandwidthPeak() }
}

function clockMicros(): number {
  const reads = 200_000
  let best = Infinity
  for (let run = 0; run < 5; run++) {
    const start = performance.now()
    let sum = 0
    for (let i = 0; i < reads; i++) sum += performance.now()
    if (sum > 0) best = Math.min(best, (1000 * (performance.now() - start)) / reads)
  }
  return best
}

/** Two threads count in turns: each operation has to bring the cache line over from the core that wrote it last. */
async function contendedMicros(): Promise<number> {
  const words = new Int32Array(new SharedArrayBuffer(64))
  const runs = (self: 0 | 1) =>
    new Promise<number[]>((resolve, reject) => {
      const worker = new Worker(entryOf('bench/simulate/contend'), { workerData: { words, self } })
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  const both = await Promise.all([runs(0), runs(1)])
  return median(both.flat())
}
