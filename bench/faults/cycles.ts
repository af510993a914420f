/**
 * Does a trainer leave anything behind? Opens one, trains a little on two threads and closes it, again and again; and in
 * another process, as control, opens and closes two bare threads of Node, as often. Of each: memory, resident and in use,
 * threads, handles and open files, ten times on the way.
 *
 *   node bench/faults/cycles.ts [--cycles 1000]
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { toDataset } from '../../src/data/tensor.ts'
import { loadKoffi } from '../../src/native/koffi.ts'
import { normalAt } from '../../src/random/normal.ts'
import { table } from '../../src/report/table.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '1000' }, only: { type: 'string' } } })
const cycles = Number(values.cycles)
const LOOKS = 10
/** V8 keeps the pages of a thread that has ended for the next one, and gives them back after 8 seconds without need. */
const SETTLE_MILLIS = 10_000

interface Footprint {
  readonly megabytes: number
  /** Of JavaScript's heap, and what malloc has given out and not got back; NaN where it does not say. */
  readonly used: number
  readonly threads: number
  readonly handles: number
  readonly files: number
}
const COUNTED = ['threads', 'handles', 'files'] as const

/** Counted by the kernel, where there is /proc. */
const count = (folder: string) => readdirSync(`/proc/self/${folder}`).length

/** `mallinfo2` of glibc 2.33 or newer: what else is resident, malloc keeps for later. */
function mallocCounter(): () => number {
  try {
    const koffi = loadKoffi()
    const names = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ')
    const fields = koffi.struct(Object.fromEntries(names.map((name) => [name, 'size_t'])))
    const mallinfo2 = koffi.load('libc.so.6').func('mallinfo2', fields, [])
    return () => Number((mallinfo2() as { uordblks: bigint | number }).uordblks)
  } catch {
    return () => NaN
  }
}
const malloced = mallocCounter()

async function footprint(): Promise<Footprint> {
  // A thread that has ended is gone a little later.
  await setTimeout(200)
  globalThis.gc!()
  await setTimeout(SETTLE_MILLIS)
  return {
    megabytes: Math.round(process.memoryUsage.rss() / 1e6),
    used: Math.round((process.memoryUsage().heapUsed + malloced()) / 1e5) / 10,
    threads: count('task'),
    handles: process.getActiveResourcesInfo().length,
    files: count('fd'),
  }
}

const data = toDataset({
  x: Float32Array.from({ length: 640 }, (_, i) => normalAt(1, 0, i)),
  y: Float32Array.from({ length: 64 }, (_, i) => i % 3),
  features: 10,
})

const cycle = {
  trainer: async () => {
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
  },
  threads: async () => {
    const source = "require('node:worker_threads').parentPort.on('message', () => {}).postMessage('here')"
    const threads = [0, 1].map(() => new Worker(source, { eval: true }))
    await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('message', resolve))))
    await Promise.all(threads.map((thread) => thread.terminate()))
  },
}
type What = keyof typeof cycle

/** One look a line. */
async function measure(what: What): Promise<void> {
  let looks = 0
  for (let done = 1; done <= cycles; done++) {
    await cycle[what]()
    if (done < atLook(looks)) continue
    looks++
    process.stdout.write(`${JSON.stringify(await footprint())}\n`)
  }
}

/** Cycles before a look. */
const atLook = (look: number): number => Math.ceil(((look + 1) * cycles) / LOOKS)

/** In a process of its own. */
async function measured(what: What): Promise<Footprint[]> {
  const args = ['--expose-gc', fileURLToPath(import.meta.url), '--only', what, '--cycles', String(cycles)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const looks: Footprint[] = []
  for await (const line of createInterface(child.stdout)) {
    looks.push(JSON.parse(line) as Footprint)
    process.stderr.write(`${what}, ${atLook(looks.length - 1)} cycles: ${line}\n`)
  }
  return looks
}

if (values.only) {
  await measure(values.only as What)
} else {
  const started = performance.now()
  const [trainer, threads] = await Promise.all([measured('trainer'), measured('threads')])
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stdout.write(`${cycles} trainers opened, trained and closed, ${seconds} s; beside them bare threads\n`)
  const rows = trainer.map((look, i) => [
    String(atLook(i)),
    String(look.megabytes),
    look.used.toFixed(1),
    String(threads[i]!.megabytes),
    threads[i]!.used.toFixed(1),
    ...COUNTED.map((name) => String(look[name])),
  ])
  const header = ['cycles', 'MB', 'in use', 'MB, bare threads', 'in use', ...COUNTED]
  process.stdout.write(`${table(rows, { header, right: header.map((_, i) => i) })}\n`)
  process.exitCode = COUNTED.some((name) => trainer.at(-1)![name] > trainer[0]![name]) ? 1 : 0
}
