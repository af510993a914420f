/**
 * What does a training cost the server it runs in? An HTTP server in this process, under load from another on loopback; the
 * event loop's delay (p99) and the requests' latency, with a training off and on, in alternation. Then the other way: the
 * rate of the training in a second in which this process's event loop is blocked, and, as a control, in one in which another
 * process burns as much of the processor and the event loop is free. What both lose is the shared processor's doing.
 *
 *   node bench/faults/server.ts [--workers N] [--seconds 5] [--rounds 3]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { toDataset } from '../../src/data/tensor.ts'
import { normalAt } from '../../src/random/normal.ts'
import type { History } from '../../src/train/history.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: `${Math.max(1, availableParallelism() - 1)}` },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
})
const [workers, seconds, rounds] = [Number(values.workers), Number(values.seconds), Number(values.rounds)]
const REQUESTS_PER_SECOND = 200

/** In the other process: asks at a steady rate, and tells each latency in milliseconds. */
function load(port: number): void {
  setInterval(() => {
    const asked = performance.now()
    get({ port, host: '127.0.0.1' }, (response) => {
      response.resume().on('end', () => process.send?.(performance.now() - asked))
    }).on('error', () => {})
  }, 1000 / REQUESTS_PER_SECOND)
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!

interface Measured {
  readonly delay: number
  readonly latency: number
}

async function measure(latencies: number[]): Promise<Measured> {
  const histogram = monitorEventLoopDelay({ resolution: 5 })
  histogram.enable()
  latencies.length = 0
  await setTimeout(1000 * seconds)
  histogram.disable()
  const sorted = latencies.slice().sort((a, b) => a - b)
  return { delay: histogram.percentile(99) / 1e6, latency: quantile(sorted, 0.99) }
}

async function main(): Promise<void> {
  const server = createServer((_, response) => response.end(JSON.stringify({ at: Date.now() })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = fork(fileURLToPath(import.meta.url), [], {
    env: { ...process.env, LOAD_PORT: `${(server.address() as AddressInfo).port}` },
  })
  process.once('exit', () => client.kill())
  const latencies: number[] = []
  client.on('message', (latency) => void latencies.push(latency as number))

  const data = toDataset({
    x: Float32Array.from({ length: 2000 * 64 }, (_, i) => normalAt(1, 0, i)),
    y: Float32Array.from({ length: 2000 }, (_, i) => i % 10),
    features: 64,
  })
  await using trainer = await Trainer.create({
    workers,
    epochs: 1_000_000,
    // So slow that it never learns its rows by heart, whatever the bench lasts.
    optimizer: { type: 'adam', learningRate: 1e-6 },
    health: { check: 'off' },
    model: {
      layers: [
        { type: 'dense', units: 256, activation: 'relu' },
        { type: 'dense', units: 10 },
      ],
    },
  })
  const train = () => {
    const controller = new AbortController()
    const running = trainer.fit(data, { signal: controller.signal })
    return { running, stop: () => (controller.abort(), running) }
  }

  await measure(latencies)
  const off: Measured[] = []
  const on: Measured[] = []
  for (let round = 0; round < rounds; round++) {
    off.push(await measure(latencies))
    const training = train()
    await setTimeout(500)
    on.push(await measure(latencies))
    await training.stop()
  }
  client.kill()
  server.close()

  const blocked: number[] = []
  const beside: number[] = []
  for (let round = 0; round < rounds; round++) {
    blocked.push(await rateWithin(train, () => Promise.resolve(burn())))
    beside.push(await rateWithin(train, burnElsewhere))
  }

  const median = (all: readonly Measured[], key: keyof Measured) =>
    quantile(
      all.map((m) => m[key]).sort((a, b) => a - b),
      0.5,
    )
  process.stdout.write(
    `${workers} worker(s) on ${availableParallelism()} cores, ${REQUESTS_PER_SECOND} requests/s, medians of ${rounds} rounds of ${seconds} s\n`,
  )
  for (const [what, key] of [
    ["event loop's delay, p99", 'delay'],
    ['latency of a request, p99', 'latency'],
  ] as const) {
    const [a, b] = [median(off, key), median(on, key)]
    process.stdout.write(
      `  ${what}: ${a.toFixed(2)} ms without a training, ${b.toFixed(2)} ms with one (${(b - a).toFixed(2)} ms more)\n`,
    )
  }
  const percent = (shares: readonly number[]) =>
    (
      100 *
      quantile(
        shares.slice().sort((x, y) => x - y),
        0.5,
      )
    ).toFixed(0)
  process.stdout.write(
    `  rate of the training, of its own before and after: ${percent(blocked)} % while the event loop is blocked for a second, ` +
      `${percent(beside)} % while another process burns as much\n`,
  )
}

function burn(): void {
  const until = performance.now() + 1000
  while (performance.now() < until);
}

/** Resolves when another process has burnt a second; the time it takes to start is not counted in. */
async function burnElsewhere(begun: () => void): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, BURN: '1' } })
  await once(child, 'message')
  begun()
  child.send('go')
  await once(child, 'exit')
}

interface Training {
  readonly running: Promise<History>
  readonly stop: () => Promise<History>
}

/** Steps a second while `work` goes on, over those in the second before and after it. */
async function rateWithin(train: () => Training, work: (begun: () => void) => Promise<void>): Promise<number> {
  const training = train()
  await setTimeout(1500)
  let from = performance.now()
  await work(() => void (from = performance.now()))
  const until = performance.now()
  await setTimeout(1500)
  const { steps } = await training.stop()
  // The last step ended when the fit did; from there backwards each is as long as it took.
  let at = performance.now()
  let [inside, outside, outsideMillis] = [0, 0, 0]
  for (let i = steps.length - 1; i > 0 && at > from - 1000; i--) {
    const millis = steps.micros[i]! / 1000
    if (at <= until && at > from) inside++
    else {
      outside++
      outsideMillis += millis
    }
    at -= millis
  }
  return inside / (until - from) / (outside / outsideMillis)
}

if (process.env.BURN) {
  process.once('message', () => {
    burn()
    process.disconnect()
  })
  process.send!('ready')
} else if (process.env.LOAD_PORT) load(Number(process.env.LOAD_PORT))
else await main()
