/**
 * One of two threads that count in turns; tells its microseconds per turn in each run. Both taking from the counter as
 * fast as they can would not do: a core then keeps the cache line for many operations on end, which no crew's claims do.
 */
import { parentPort, workerData } from 'node:worker_threads'

const { words, self } = workerData as { words: Int32Array<SharedArrayBuffer>; self: 0 | 1 }
const RUNS = 21
const TURNS = 4_000

const micros: number[] = []
let turn = self
for (let run = 0; run < RUNS; run++) {
  const start = performance.now()
  for (const end = turn + TURNS; turn < end; turn += 2) {
    while (Atomics.load(words, 0) !== turn);
    Atomics.add(words, 0, 1)
  }
  micros.push((1000 * (performance.now() - start)) / TURNS)
}
parentPort!.postMessage(micros)
