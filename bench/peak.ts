/** What one core can do, measured: matrix products of a size that stays in the cache, and copies that do not. */
import type { KernelChoice } from '../src/kernels/select.ts'
import { compileFor, createKernels } from '../src/kernels/select.ts'
import { scratchElements } from '../src/kernels/wasm.ts'

const SIZE = 192

/** GFLOP/s. */
export async function matmulPeak(choice: KernelChoice): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
  const floats = new Float32Array(memory.buffer)
  const scratch = 16_384
  const a = scratch + scratchElements
  const [b, c] = [a + SIZE * SIZE, a + 2 * SIZE * SIZE]
  for (let i = a; i < a + 2 * SIZE * SIZE; i++) floats[i] = Math.sin(i)
  const kernels = createKernels(choice, compileFor(choice), memory, scratch)
  const runs = choice.name === 'reference' ? 10 : 300
  let bestMillis = Infinity
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    kernels.matmul(false, false, SIZE, SIZE, SIZE, a, SIZE, b, SIZE, c, SIZE, false)
    bestMillis = Math.min(bestMillis, performance.now() - start)
  }
  return (2 * SIZE ** 3) / bestMillis / 1e6
}

/** Elements of each side of a copy: 64 MiB, more than a core's share of any cache. */
const COPIED = 2 ** 24

/** GB/s of one core, reading and writing counted. */
export async function bandwidthPeak(): Promise<number> {
  const from = 16_384 + scratchElements
  const pages = Math.ceil((4 * (from + 2 * COPIED)) / 65_536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const choice = { name: 'wasm-strict', reason: 'only its copy is used' } as const
  const kernels = createKernels(choice, compileFor(choice), memory, 16_384)
  let bestMillis = Infinity
  for (let run = 0; run < 10; run++) {
    const start = performance.now()
    kernels.copy(COPIED, from, from + COPIED)
    bestMillis = Math.min(bestMillis, performance.now() - start)
  }
  return (2 * COPIED * 4) / bestMillis / 1e6
}
