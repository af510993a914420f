/**
 * Does a trainer leave anything behind? Opens one, trains a little on two threads and closes it, again and again; compares
 * memory, threads, handles and open files early and at the end.
 *
 *   node --expose-gc bench/faults/cycles.ts [--cycles 1000]
 */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { toDataset } from '../../src/data/tensor.ts'
import { normalAt } from '../../src/random/normal.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '1000' } } })
const cycles = Number(values.cycles)
/** Until the memory that threads leave to the next ones is as large as it gets. */
const WARM_UP = Math.ceil(cycles * 0.4)

const data = toDataset({
  x: Float32Array.from({ length: 640 }, (_, i) => normalAt(1, 0, i)),
  y: Float32Array.from({ length: 64 }, (_, i) => i % 3),
  features: 10,
})

/** Counted by the kernel, where there is /proc. */
const count = (folder: string) => readdirSync(`/proc/self/${folder}`).length

interface Footprint {
  readonly megabytes: number
  readonly threads: number
  readonly handles: number
  readonly files: number
}

async function footprint(): Promise<Footprint> {
  // A thread that has ended is gone a little later.
  await new Promise((resolve) => setTimeout(resolve, 200))
  globalThis.gc?.()
  return {
    megabytes: Math.round(process.memoryUsage.rss() / 1e6),
    threads: count('task'),
    handles: process.getActiveResourcesInfo().length,
    files: count('fd'),
  }
}

const started = performance.now()
let early: Footprint | undefined
for (let cycle = 0; cycle < cycles; cycle++) {
  await using trainer = await Trainer.create({
    epochs: 2,
    workers: 2,
    kernels: 'wasm',
    model: {
      layers: [
        { type: 'dense', units: 16, activation: 'relu' },
        { type: 'dense', units: 3 },
      ],
    },
  })
  await trainer.fit(data)
  await trainer.close()
  if (cycle + 1 === WARM_UP) early = await footprint()
}
const end = await footprint()
const seconds = ((performance.now() - started) / 1000).toFixed(0)
process.stdout.write(`${cycles} times opened, trained and closed, ${seconds} s\n`)
for (const name of ['megabytes', 'threads', 'handles', 'files'] as const) {
  process.stdout.write(`  ${name}: ${early![name]} after ${WARM_UP}, ${end[name]} at the end\n`)
}
const more = end.threads > early!.threads || end.handles > early!.handles || end.files > early!.files
process.exitCode = more ? 1 : 0
