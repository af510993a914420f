/**
 * Would it pay to send a layer's gradient while the gradients of the layers before it are still worked out? A gradient phase
 * of each of two ranks, tile by tile in a thread of its own, and its exchange in the one that calls MPI:
 *   after   when the phase is over, as the trainer does it
 *   begun   each layer's transfers begin when it is done, and all are waited for at the end
 *   beside  each layer's transfers are waited for before the next layer is looked for
 *
 * mpirun -n 2 node bench/ranks/overlap.ts [WORKLOAD [SECONDS]]
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { compileFor, createKernels, resolveKernels } from '../../src/kernels/select.ts'
import { scratchElements } from '../../src/kernels/wasm.ts'
import { findMpiLibrary } from '../../src/native/mpi/find.ts'
import { startMpi } from '../../src/native/mpi/mpi.ts'
import { quantile } from '../statistics.ts'
import { denseWidths, workload } from '../workloads.ts'

const [name = 'mlp-mid', seconds = '10'] = process.argv.slice(2)
const TILE = 256
const RANKS = 2

const widths = denseWidths(name)!
const rows = Number(workload(name).config.batchSize) / RANKS
/** Elements of a shared memory that the kernels' modules keep for themselves. */
const MODULES = 16_384
/** From the last to the first, as the back-signals come; `at`: of the gradient. */
const layers: { readonly inputs: number; readonly outputs: number; readonly at: number }[] = []
let parametersEnd = MODULES
for (let i = 1; i < widths.length; i++) {
  const [inputs, outputs] = [widths[i - 1]!, widths[i]!]
  layers.unshift({ inputs, outputs, at: parametersEnd })
  parametersEnd += inputs * outputs
}

/** Words: rounds that were asked for; layers that are done. */
const [ROUND, DONE] = [0, 16]
interface Shared {
  readonly words: Int32Array
  readonly memory: WebAssembly.Memory
}

/** After the gradient: inputs and back-signals of a layer, scratch. */
const most = rows * Math.max(...widths)
const [X, DY, SCRATCH] = [parametersEnd, parametersEnd + most, parametersEnd + 2 * most]

function sleepWhile(words: Int32Array, at: number, value: number): void {
  while (Atomics.load(words, at) === value) Atomics.wait(words, at, value)
}

async function compute({ words, memory }: Shared): Promise<void> {
  const choice = resolveKernels('auto')
  const kernels = createKernels(choice, compileFor(choice), memory, SCRATCH)
  kernels.fill(2 * most, 0.5, X)
  parentPort!.postMessage('ready')
  for (let round = 0; ; round++) {
    sleepWhile(words, ROUND, round)
    for (const { inputs, outputs, at } of layers) {
      for (let row = 0; row < inputs; row += TILE) {
        for (let col = 0; col < outputs; col += TILE) {
          const [m, n] = [Math.min(TILE, inputs - row), Math.min(TILE, outputs - col)]
          const into = at + row * outputs + col
          kernels.matmul(true, false, m, n, rows, X + row, inputs, DY + col, outputs, into, outputs, false)
        }
      }
      Atomics.add(words, DONE, 1)
      Atomics.notify(words, DONE)
    }
  }
}

async function exchange(): Promise<void> {
  const answer = findMpiLibrary()
  if (!answer.available) throw new Error(answer.reason)
  const mpi = startMpi(answer.library)
  if (mpi.ranks !== RANKS) throw new Error(`Expected ${RANKS} ranks, got ${mpi.ranks}: mpirun -n ${RANKS}.`)
  const pages = Math.ceil((4 * (SCRATCH + scratchElements)) / 65_536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const words = new Int32Array(new SharedArrayBuffer(128))
  const worker = new Worker(new URL(import.meta.url), { argv: [name], workerData: { words, memory } satisfies Shared })
  await new Promise((resolve) => worker.once('message', resolve))
  const inbox = new Float32Array(new SharedArrayBuffer(4 * parametersEnd))
  const [from, into] = [mpi.address(new Float32Array(memory.buffer)), mpi.address(inbox)]

  const awaitLayers = (count: number) => {
    for (let seen = Atomics.load(words, DONE); seen < count; seen = Atomics.load(words, DONE))
      sleepWhile(words, DONE, seen)
  }
  /** A half of the layer is this rank's to add up, the other half the other's. */
  const begin = ({ inputs, outputs, at }: (typeof layers)[number]) => {
    const half = Math.floor((inputs * outputs) / 2)
    const halves = [at, at + half].map((start, i) => ({ start, count: i === 0 ? half : inputs * outputs - half }))
    const [own, other] = [halves[mpi.rank]!, halves[1 - mpi.rank]!]
    mpi.receive(into + 4 * own.start, 4 * own.count, 1 - mpi.rank)
    mpi.send(from + 4 * other.start, 4 * other.count, 1 - mpi.rank)
  }
  const ways = {
    after: () => {
      awaitLayers(layers.length)
      layers.forEach(begin)
      mpi.waitAll()
    },
    begun: () => {
      layers.forEach((layer, i) => {
        awaitLayers(i + 1)
        begin(layer)
      })
      mpi.waitAll()
    },
    beside: () =>
      layers.forEach((layer, i) => {
        awaitLayers(i + 1)
        begin(layer)
        mpi.waitAll()
      }),
  }
  const timed = (way: () => void): number => {
    Atomics.store(words, DONE, 0)
    mpi.barrier()
    const start = performance.now()
    Atomics.add(words, ROUND, 1)
    Atomics.notify(words, ROUND)
    way()
    return 1000 * (performance.now() - start)
  }
  const times = Object.values(ways).map((way) => ({ way, micros: [] as number[] }))
  for (let i = 0; i < 5; i++) for (const { way } of times) timed(way)
  // The same number on both ranks: each tells the other its own.
  const pairs = new Float64Array(new SharedArrayBuffer(8 * (1 + RANKS)))
  pairs[0] = timed(ways.after)
  const at = mpi.address(pairs)
  mpi.allGather(at, 8, at + 8)
  const turns = Math.ceil((Number(seconds) * 1e6) / (3 * Math.max(pairs[1]!, pairs[2]!)))
  for (let turn = 0; turn < turns; turn++) for (const { way, micros } of times) micros.push(timed(way))
  const told = Object.keys(ways).map((way, i) => {
    const [p10, median] = [0.1, 0.5].map((q) => quantile(times[i]!.micros, q).toFixed(0))
    return `${way} ${median} us (p10 ${p10})`
  })
  if (mpi.rank === 0) process.stdout.write(`${name}, ${answer.library.version}, ${turns} turns: ${told.join(', ')}\n`)
  await worker.terminate()
  mpi.finalize()
}

await (isMainThread ? exchange() : compute(workerData as Shared))
