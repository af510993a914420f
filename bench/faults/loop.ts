/**
 * For how long at a time does a fit hold the event loop of a host whose network is large? Trains three steps of two layers
 * of N x N weights, checked before and saved after, and tells the longest spans of processor time between two turns of the
 * loop, with when they ended.
 *
 *   node bench/faults/loop.ts [--width 4000]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { toDataset } from '../../src/data/tensor.ts'
import { normalAt } from '../../src/random/normal.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({ options: { width: { type: 'string', default: '4000' } } })
const width = Number(values.width)
const ROWS = 512
const TOLD = 5

const data = toDataset({
  x: Float32Array.from({ length: ROWS * width }, (_, i) => normalAt(1, 0, i)),
  y: Float32Array.from({ length: ROWS }, (_, i) => i % 10),
  features: width,
})
await using trainer = await Trainer.create({
  workers: 1,
  epochs: 1,
  maxSteps: 3,
  optimizer: { type: 'adam', learningRate: 1e-4 },
  model: {
    layers: [
      { type: 'dense', units: width, activation: 'relu' },
      { type: 'dense', units: width, activation: 'relu' },
      { type: 'dense', units: 10 },
    ],
  },
})

/** Of this thread: what others take from it is not the fit's doing. */
const processorMillis = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
const spans: { held: number; at: number }[] = []
const begun = performance.now()
let before = processorMillis()
const timer = setInterval(() => {
  const now = processorMillis()
  spans.push({ held: now - before, at: performance.now() - begun })
  before = now
}, 1)

const directory = await mkdtemp(join(tmpdir(), 'brigantine-loop-'))
await trainer.fit(data, { checkpoint: { directory } })
clearInterval(timer)
await rm(directory, { recursive: true })

const seconds = ((performance.now() - begun) / 1000).toFixed(1)
process.stdout.write(`${trainer.model!.numParameters} weights, ${seconds} s; the longest turns:\n`)
for (const { held, at } of spans.toSorted((a, b) => b.held - a.held).slice(0, TOLD))
  process.stdout.write(`  ${held.toFixed(0)} ms, until ${(at / 1000).toFixed(2)} s\n`)
