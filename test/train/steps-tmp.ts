/**
 * Trains the number of steps given as arguments, one training after another in this process, and prints the resident memory
 * (bytes, after collecting garbage) at each as JSON. Needs --expose-gc.
 */
import { setTimeout } from 'node:timers/promises'
import { Trainer } from '../../src/train/trainer.ts'
import { blobs } from './data.ts'

const [first, last] = process.argv.slice(2).map(Number)

async function resident(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await setTimeout(50)
  }
  return process.memoryUsage().rss
}

const data = blobs(400, 8, 2)
await using trainer = await Trainer.create({
  batchSize: 4,
  workers: 2,
  epochs: 10_000_000,
  maxSteps: last!,
  model: {
    layers: [
      { type: 'dense', units: 4, activation: 'tanh' },
      { type: 'dense', units: 2 },
    ],
  },
})
const sizes: number[] = []
let steps = 0
// An epoch is 100 steps, and the run waits for this callback.
const history = await trainer.fit(data, {
  callbacks: {
    async onEpochEnd() {
      steps += 100
      if ([1000,100000].includes(steps)) { sizes.push((await resident())/1e6); console.log(process.memoryUsage()) }
    },
  },
})
sizes.push(await resident())
process.stdout.write(JSON.stringify({ steps: history.steps.length, sizes, heap: process.memoryUsage().heapUsed }))
