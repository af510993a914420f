/** Multiplies the same matrices again and again, and says how often a product had other bits than the first. */
import { parentPort, workerData } from 'node:worker_threads'
import { compileFor, createKernels } from '../../src/kernels/select.ts'
import type { KernelChoice } from '../../src/kernels/select.ts'

const { choice, seed } = workerData as { choice: KernelChoice; seed: number }
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
const floats = new Float32Array(memory.buffer)
const [scratch, a, b, c] = [16_384, 100_000, 200_000, 300_000]
const { matmul } = createKernels(choice, compileFor(choice), memory, scratch)
for (let i = 0; i < 200_000; i++) floats[a + i] = Math.sin(i + seed)

let differing = 0
for (let size = 5; size <= 150; size += 5) {
  let first: Float32Array | undefined
  for (let run = 0; run < 40; run++) {
    matmul(false, false, size, size, size, a, size, b, size, c, size, false)
    const product = floats.slice(c, c + size * size)
    first ??= product
    if (first.some((value, i) => !Object.is(value, product[i]))) differing++
  }
}
parentPort!.postMessage(differing)
