/**
 * Does a product have the same bits when its columns are worked off in parts? Within one kernel set on one machine that
 * depends on shapes alone, not on numbers: which loop a library takes, and how it cuts the sum of an element. So it is
 * tried. Where it holds, work may be cut as suits the number of workers.
 */
import { Layout } from '../arena/layout.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { createKernels } from '../kernels/select.ts'
import type { KernelChoice } from '../kernels/select.ts'
import { scratchElements } from '../kernels/wasm.ts'
import { compilePlan } from '../plan/compile.ts'
import type { PlanSpec } from '../plan/spec.ts'
import { dividedProducts } from '../plan/stages.ts'
import type { DividedProduct } from '../plan/stages.ts'

const known = new Map<string, boolean>()

/**
 * The same plan, with tiles for its number of workers where a native library lets products be divided, and for machine code,
 * which sums each element by itself. (`wasm` does so too, but gains nothing from wider tiles.)
 */
export function divided(spec: PlanSpec, kernels: KernelChoice, module: WebAssembly.Module | null): PlanSpec {
  const wider: PlanSpec = { ...spec, divisible: true }
  if (kernels.name !== 'blas') return kernels.name === 'native' ? wider : spec
  const products = dividedProducts(compilePlan(wider).stages)
  return products.every((product) => tried(product, kernels, module)) ? wider : spec
}

/** Remembered: a shape is tried once in a process. */
function tried(product: DividedProduct, kernels: KernelChoice, module: WebAssembly.Module | null): boolean {
  const key = JSON.stringify([kernels.name, kernels.blas, product])
  if (!known.has(key))
    known.set(
      key,
      divides(product, (...on) => createKernels(kernels, module, ...on)),
    )
  return known.get(key)!
}

/** @param kernelsOn a memory, with the first element of a scratch */
export function divides(
  product: DividedProduct,
  kernelsOn: (memory: WebAssembly.Memory, scratch: number) => Kernels,
): boolean {
  const { rows, cols, terms, part } = product
  const layout = new Layout()
  const at = {
    scratch: layout.add('scratch', 'float32', scratchElements),
    left: layout.add('left', 'float32', rows * terms),
    right: layout.add('right', 'float32', terms * cols),
    whole: layout.add('whole', 'float32', rows * cols),
    parts: layout.add('parts', 'float32', rows * cols),
  }
  const pages = Math.ceil(layout.bytes / 65_536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const floats = new Float32Array(memory.buffer)
  const kernels = kernelsOn(memory, at.scratch)
  // Every sum of such numbers rounds; which ones they are does not matter.
  for (let i = at.left, seed = 1; i < at.whole; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0
    floats[i] = seed / 2 ** 31
  }
  multiply(kernels, product, at, at.whole, cols)
  multiply(kernels, product, at, at.parts, part)
  for (let i = 0; i < rows * cols; i++) if (floats[at.whole + i] !== floats[at.parts + i]) return false
  return true
}

function multiply(
  kernels: Kernels,
  { rows, cols, terms, transposed }: DividedProduct,
  { left, right }: { left: number; right: number },
  into: number,
  width: number,
): void {
  for (let col = 0; col < cols; col += width) {
    const [b, ldb] = transposed ? [right + col * terms, terms] : [right + col, cols]
    const n = Math.min(width, cols - col)
    kernels.matmul(false, transposed, rows, n, terms, left, terms, b, ldb, into + col, cols, false)
  }
}
