/**
 * What do the passes over vectors cost: optimizers, activations, sums? Nanoseconds per element of one core, best of
 * many: on 16,384 elements (a piece of the update) that stay in the cache, and on 4 million that do not.
 * node bench/passes.ts [wasm | wasm-strict | reference ...]
 */
import { Activation, Loss } from '../src/kernels/kernels.ts'
import type { Kernels } from '../src/kernels/kernels.ts'
import { createReference } from '../src/kernels/reference.ts'
import { compileKernels, relaxedSimdAvailable } from '../src/kernels/compile.ts'
import { instantiateKernels, scratchElements } from '../src/kernels/wasm.ts'

const SIZES = [16_384, 2 ** 22]
/** Columns of what works by rows. */
const COLS = 128

const pages = 1400
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
const floats = new Float32Array(memory.buffer)
const scratch = 16_384
const [p, g, m, v] = [0, 1, 2, 3].map((i) => scratch + scratchElements + i * SIZES[1]!) as [
  number,
  number,
  number,
  number,
]
const small = v + SIZES[1]!

function fill(): void {
  for (let i = 0; i < 4 * SIZES[1]!; i++) floats[p + i] = Math.sin(i)
  for (let i = 0; i < SIZES[1]!; i++) floats[v + i] = Math.abs(floats[v + i]!)
  for (let i = 0; i < 4 * COLS; i++) floats[small + i] = 0
}

const passes: Record<string, (k: Kernels, count: number) => unknown> = {
  sgd: (k, n) => k.sgd(n, p, g, m, 1, Infinity, 1e-6, 0, false, 0),
  'sgd, momentum': (k, n) => k.sgd(n, p, g, m, 1, Infinity, 1e-6, 0.9, false, 0),
  adam: (k, n) => k.adam(n, p, g, m, v, 1, Infinity, 1e-6, 0.9, 0.999, 1e-8, 0, false, 0.5, 0.5),
  adamw: (k, n) => k.adam(n, p, g, m, v, 1, Infinity, 1e-6, 0.9, 0.999, 1e-8, 0.01, true, 0.5, 0.5),
  rmsprop: (k, n) => k.rmsprop(n, p, g, v, m, 1, Infinity, 1e-6, 0.99, 1e-8, 0, 0),
  adagrad: (k, n) => k.adagrad(n, p, g, v, 1, Infinity, 1e-6, 1e-10, 0),
  'sum of squares': (k, n) => k.sumSquares(1, n, g, 0),
  copy: (k, n) => k.copy(n, g, m),
  'bias and relu': (k, n) => k.biasActivate(Activation.relu, n / COLS, COLS, m, COLS, small, 0),
  'column sums': (k, n) => k.columnSums(n / COLS, COLS, g, small, false),
  relu: (k, n) => k.activate(Activation.relu, n, g, m, 0),
  'relu, backward': (k, n) => k.activateBackward(Activation.relu, 1, n, 0, g, m, m, 0),
  tanh: (k, n) => k.activate(Activation.tanh, n, g, m, 0),
  gelu: (k, n) => k.activate(Activation.gelu, n, g, m, 0),
  'gelu, backward': (k, n) => k.activateBackward(Activation.gelu, 1, n, 0, g, m, p, 0),
  dropout: (k, n) => k.dropout(n / COLS, COLS, g, m, 0.5, 1, 2, 3, 0),
  'softmax cross-entropy': (k, n) =>
    k.loss(Loss.sparseCategoricalCrossentropy, n / COLS, COLS, g, small + 2 * COLS, v, m, 0, 0),
}

function nanos(kernels: Kernels, pass: (k: Kernels, count: number) => unknown, count: number): number {
  fill()
  const calls = Math.max(1, Math.ceil((kernels.name === 'reference' ? 16_384 : 2 ** 20) / count))
  let best = Infinity
  for (let run = 0; run < (count > 2 ** 20 ? 5 : 25); run++) {
    const start = performance.now()
    for (let call = 0; call < calls; call++) pass(kernels, count)
    best = Math.min(best, (performance.now() - start) / calls)
  }
  return (best * 1e6) / count
}

const wanted = process.argv.slice(2)
const all: Kernels[] = []
for (const name of ['wasm', 'wasm-strict'] as const) {
  if (name === 'wasm' && !relaxedSimdAvailable()) continue
  all.push(instantiateKernels(name, compileKernels(name), memory, scratch))
}
all.push(createReference(floats))
const chosen = all.filter((kernels) => wanted.length === 0 || wanted.includes(kernels.name))

process.stdout.write(`${'ns per element'.padEnd(24)}${chosen.map(({ name }) => name.padStart(20)).join('')}\n`)
process.stdout.write(`${''.padEnd(24)}${chosen.map(() => ' cached    not'.padStart(20)).join('')}\n`)
for (const [name, pass] of Object.entries(passes)) {
  const figures = chosen.map((k) =>
    SIZES.map((n) => nanos(k, pass, n).toFixed(2).padStart(7))
      .join('')
      .padStart(20),
  )
  process.stdout.write(`${name.padEnd(24)}${figures.join('')}\n`)
}
