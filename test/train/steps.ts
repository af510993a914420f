/**
 * Trains for the last of the numbers of steps given as arguments, and prints what the process has after each of them, while
 * the training goes on, and once it is over, as JSON: resident memory (bytes, after collecting garbage), threads, handles.
 * Needs --expose-gc.
 */
import { readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const when = process.argv.slice(2).map(Number)

export interface Footprint {
  readonly resident: number
  readonly threads: number
  readonly handles: number
}

async function footprint(): Promise<Footprint> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await setTimeout(50)
  }
  return {
    resident: process.memoryUsage.rss(),
    threads: readdirSync('/proc/self/task').length,
    handles: process.getActiveResourcesInfo().length,
  }
}

const data = blobs(400, 8, 2)
await using trainer = await Trainer.create({
  batchSize: 4,
  workers: 2,
  epochs: 10_000_000,
  maxSteps: when.at(-1)!,
  model: {
    layers: [
      { type: 'dense', units: 4, activation: 'tanh' },
      { type: 'dense', units: 2 },
    ],
  },
})
const looks: Footprint[] = []
let steps = 0
// An epoch is 100 steps, and the run waits for this callback.
const history = await trainer.fit(data, {
  callbacks: {
    async onEpochEnd() {
      steps += 100
      if (when.includes(steps)) looks.push(await footprint())
    },
  },
})
looks.push(await footprint())
process.stdout.write(JSON.stringify({ steps: history.steps.length, looks }))
