/**
 * How fast is the matrix product of each kernel, by shape and orientation? GFLOP/s, best of many, one core, and the share
 * of what the vector units give (bench/vector-peak.ts), measured beside it.
 * node bench/matmul.ts [native | blas | wasm | wasm-strict | reference ...]
 */
import type { Kernels } from '../src/kernels/kernels.ts'
import { compileFor, createKernels, kernelAvailability, kernelNames, resolveKernels } from '../src/kernels/select.ts'
import { scratchElements } from '../src/kernels/wasm.ts'
import { vectorPeak } from './vector-peak.ts'

/** [op(A) op(B), m, n, k]: forward, gradient by inputs, gradient by weights. */
type Shape = readonly ['AB' | 'ABt' | 'AtB', number, number, number]

const squares = [192, 256, 512, 1024].flatMap((n) =>
  (['AB', 'ABt', 'AtB'] as const).map((form): Shape => [form, n, n, n]),
)

/** What the workloads ask for: row blocks (8 to 64 rows), tiles of large layers, tiles of weight gradients. */
const shapes: readonly Shape[] = [
  ...squares,
  ['AB', 32, 32, 64],
  ['AB', 32, 10, 32],
  ['ABt', 32, 32, 10],
  ['AtB', 64, 32, 32],
  ['AtB', 32, 10, 32],
  ['AB', 16, 64, 64],
  ['ABt', 16, 64, 64],
  ['AtB', 64, 64, 128],
  ['AB', 8, 128, 784],
  ['AB', 64, 128, 784],
  ['AB', 8, 10, 128],
  ['ABt', 8, 128, 10],
  ['AtB', 192, 128, 64],
  ['AtB', 128, 10, 64],
  ['AB', 16, 512, 784],
  ['AB', 128, 128, 784],
  ['ABt', 128, 128, 256],
  ['AtB', 192, 256, 128],
  ['AB', 256, 256, 2048],
  ['ABt', 256, 256, 1000],
  ['AtB', 192, 256, 512],
]

const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65_536, shared: true })
const floats = new Float32Array(memory.buffer)
const scratch = 16_384
const a = scratch + scratchElements
const b = a + 2048 * 2048
const c = b + 2048 * 2048
for (let i = a; i < floats.length; i++) floats[i] = Math.sin(i)

const peak = vectorPeak()

/** GFLOP/s, and the share of the peak: the best of both in runs that alternate, so that a busy machine slows both. */
function measure(kernels: Kernels, [form, m, n, k]: Shape): { rate: number; share: number } {
  const [transA, transB] = [form === 'AtB', form === 'ABt']
  const flops = 2 * m * n * k
  const calls = Math.max(1, Math.ceil((kernels.name === 'reference' ? 1e6 : 5e7) / flops))
  let [rate, most] = [0, 0]
  for (let run = 0; run < 25; run++) {
    most = Math.max(most, peak())
    const start = performance.now()
    for (let call = 0; call < calls; call++) {
      kernels.matmul(transA, transB, m, n, k, a, transA ? m : k, b, transB ? k : n, c, n, false)
    }
    rate = Math.max(rate, (flops * calls) / (performance.now() - start) / 1e6)
  }
  return { rate, share: rate / most }
}

const wanted = process.argv.slice(2)
const named = kernelNames.filter((name) => wanted.length === 0 || wanted.includes(name))
const chosen = named
  .filter((name) => kernelAvailability(name).available)
  .map((name) => resolveKernels(name))
  .map((choice) => createKernels(choice, compileFor(choice), memory, scratch))

process.stdout.write(`${'product'.padEnd(22)}${chosen.map((kernels) => kernels.name.padStart(13)).join('')}\n`)
for (const shape of shapes) {
  const figures = chosen.map((kernels) => {
    const { rate, share } = measure(kernels, shape)
    return `${rate.toFixed(1)} ${Math.round(100 * share)} %`.padStart(13)
  })
  process.stdout.write(`${shape.join(' ').padEnd(22)}${figures.join('')}\n`)
}
