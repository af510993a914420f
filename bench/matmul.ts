/**
 * How fast is the matrix product of each kernel, by shape and orientation? GFLOP/s, best of many, one core.
 * node bench/matmul.ts [wasm | wasm-strict | reference ...]
 */
import { createReference } from '../src/kernels/reference.ts'
import type { Kernels } from '../src/kernels/kernels.ts'
import { compileKernels, instantiateKernels, relaxedSimdAvailable, scratchElements } from '../src/kernels/wasm.ts'

/** [op(A) op(B), m, n, k]: forward, gradient by inputs, gradient by weights. */
const shapes: readonly (readonly ['AB' | 'ABt' | 'AtB', number, number, number])[] = [
  ['AB', 32, 512, 784],
  ['AB', 8, 512, 784],
  ['AB', 16, 128, 784],
  ['AB', 32, 32, 64],
  ['AB', 32, 10, 128],
  ['AB', 64, 2048, 2048],
  ['ABt', 32, 784, 512],
  ['ABt', 32, 128, 10],
  ['ABt', 64, 2048, 1000],
  ['AtB', 784, 512, 128],
  ['AtB', 128, 10, 64],
  ['AtB', 64, 2048, 512],
  ['AtB', 8, 512, 512],
]

const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65_536, shared: true })
const floats = new Float32Array(memory.buffer)
const scratch = 16_384
const a = scratch + scratchElements
const b = a + 2048 * 512
const c = b + 2048 * 2048
for (let i = a; i < floats.length; i++) floats[i] = Math.sin(i)

function gigaflops(kernels: Kernels, [form, m, n, k]: (typeof shapes)[number]): number {
  const [transA, transB] = [form === 'AtB', form === 'ABt']
  const calls = Math.max(1, Math.ceil((kernels.name === 'reference' ? 1e6 : 1e8) / (2 * m * n * k)))
  let bestMillis = Infinity
  for (let run = 0; run < 20; run++) {
    const start = performance.now()
    for (let call = 0; call < calls; call++) {
      kernels.matmul(transA, transB, m, n, k, a, transA ? m : k, b, transB ? k : n, c, n, false)
    }
    bestMillis = Math.min(bestMillis, (performance.now() - start) / calls)
  }
  return (2 * m * n * k) / bestMillis / 1e6
}

const wanted = process.argv.slice(2)
const all: Kernels[] = []
for (const name of ['wasm', 'wasm-strict'] as const) {
  if (name === 'wasm' && !relaxedSimdAvailable()) continue
  all.push(instantiateKernels(name, await compileKernels(name), memory, scratch))
}
all.push(createReference(floats))
const chosen = all.filter((kernels) => wanted.length === 0 || wanted.includes(kernels.name))

process.stdout.write(`${'product'.padEnd(22)}${chosen.map((kernels) => kernels.name.padStart(12)).join('')}\n`)
for (const shape of shapes) {
  const figures = chosen.map((kernels) => gigaflops(kernels, shape).toFixed(1).padStart(12))
  process.stdout.write(`${shape.join(' ').padEnd(22)}${figures.join('')}\n`)
}
