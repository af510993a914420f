/**
 * What does a training cost the server it runs in? An HTTP server in this process, under load from another on loopback; the
 * event loop's delay (p99) and the requests' latency, with a training off and on, in alternation. Then the other way: the
 * rate of the training in a second in which this process's event loop is blocked, asleep or burning the processor. As a
 * control, a second in which nothing is blocked, and one in which another process burns as much and the event loop is free:
 * what that loses as well is the shared processor's doing. All in turn, each beside the half seconds before and after it.
 *
 *   node bench/faults/server.ts [--workers N] [--seconds 5] [--rounds 3] [--blocks 10]
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
import { median, quantile } from '../statistics.ts'
import { toDataset } from '../../src/data/tensor.ts'
import { normalAt } from '../../src/random/normal.ts'
import type { History } from '../../src/train/history.ts'
import { Trainer } from '../../src/train/trainer.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: `${Math.max(1, availableParallelism() - 1)}` },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    blocks: { type: 'string', default: '10' },
  },
})
const [workers, seconds, rounds, blocks] = [values.workers, values.seconds, values.rounds, values.blocks].map(
  Number,
) as [number, number, number, number]
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
  return { delay: histogram.percentile(99) / 1e6, latency: quantile(latencies, 0.99) }
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

  const training = train()
  const shares = await sharesWithin(training)

  const middle = (all: readonly Measured[], key: keyof Measured) => median(all.map((m) => m[key]))
  process.stdout.write(
    `${workers} worker(s) on ${availableParallelism()} cores, ${REQUESTS_PER_SECOND} requests/s, medians of ${rounds} rounds of ${seconds} s\n`,
  )
  for (const [what, key] of [
    ["event loop's delay, p99", 'delay'],
    ['latency of a request, p99', 'latency'],
  ] as const) {
    const [a, b] = [middle(off, key), middle(on, key)]
    process.stdout.write(
      `  ${what}: ${a.toFixed(2)} ms without a training, ${b.toFixed(2)} ms with one (${(b - a).toFixed(2)} ms more)\n`,
    )
  }
  process.stdout.write(
    `  rate of the training in a second of .. , of that before and after; median and middle half of ${blocks}:\n`,
  )
  for (const [name, all] of Object.entries(shares)) {
    const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => (100 * quantile(all, q)).toFixed(1))
    process.stdout.write(`    ${name}: ${middle} % [${low}, ${high}]\n`)
  }
}

function burn(): void {
  const until = performance.now() + 1000
  while (performance.now() < until);
}

/** Blocks the event loop and uses no processor. */
function sleep(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}

interface Training {
  readonly running: Promise<History>
  readonly stop: () => Promise<History>
}

/** Between two spans, for the host to take up what it missed. */
const PAUSE_MILLIS = 200

/** By what went on in a second: steps in it, over those in the same time around it, once for each block. */
async function sharesWithin(training: Training): Promise<Record<string, number[]>> {
  const burner = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, BURN: '1' } })
  await once(burner, 'message')
  const elsewhere = async () => {
    burner.send('go')
    await once(burner, 'message')
  }
  const ways: Record<string, () => unknown> = {
    'nothing else': () => setTimeout(1000),
    'a blocked loop, asleep': sleep,
    'a blocked loop that burns a processor': burn,
    'a free loop, and another process that burns one': elsewhere,
  }
  const spans: { name: string; edges: number[] }[] = []
  await setTimeout(1000)
  for (let block = 0; block < blocks; block++) {
    const names = Object.keys(ways)
    for (let i = 0; i < names.length; i++) {
      // Each follows each other one as often.
      const name = names[(i + block) % names.length]!
      await setTimeout(PAUSE_MILLIS)
      const edges = [performance.now()]
      await setTimeout(500)
      edges.push(performance.now())
      await ways[name]!()
      edges.push(performance.now())
      await setTimeout(PAUSE_MILLIS)
      edges.push(performance.now())
      await setTimeout(500)
      edges.push(performance.now())
      spans.push({ name, edges })
    }
  }
  const { steps } = await training.stop()
  burner.kill()
  const ends = endsOf(steps.micros, performance.now())
  const shares: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  for (const { name, edges } of spans) {
    const [before, from, until, again, after] = edges as [number, number, number, number, number]
    const stepsWithin = (a: number, b: number) => ends.filter((end) => end > a && end <= b).length
    const around = (stepsWithin(before, from) + stepsWithin(again, after)) / (from - before + (after - again))
    shares[name]!.push(stepsWithin(from, until) / (until - from) / around)
  }
  return shares
}

/** When each step ended: the last one when the fit did, those before it each as long before as the next one took. */
function endsOf(micros: Float32Array, end: number): Float64Array {
  const ends = new Float64Array(micros.length)
  let at = end
  for (let i = micros.length - 1; i >= 0; i--) {
    ends[i] = at
    at -= i > 0 ? micros[i]! / 1000 : 0
  }
  return ends
}

if (process.env.BURN) {
  process.on('message', () => {
    burn()
    process.send!('burnt')
  })
  process.send!('ready')
} else if (process.env.LOAD_PORT) load(Number(process.env.LOAD_PORT))
else await main()
