/**
 * The matrix product in machine code for the widest vectors of this processor, which `machine/` writes when it is first
 * asked for. It sums each element as `wasm` does: the same bits, about twice as fast. Everything else of these kernels is
 * `wasm`.
 */
import { readFileSync } from 'node:fs'
import type { Kernels, Pointer } from './kernels.ts'
import { installProduct, productOf } from './machine/product.ts'
import type { ProductCode } from './machine/product.ts'
import { createReference } from './reference.ts'
import { scratchElements } from './wasm.ts'

export type NativeAnswer =
  { readonly available: true; readonly code: ProductCode } | { readonly available: false; readonly reason: string }

let known: NativeAnswer | undefined

/** Whether such code runs here; written once in a process, for all of its threads. */
export function probeNative(): NativeAnswer {
  known ??= answer()
  return known
}

function answer(): NativeAnswer {
  const reason = whyNot()
  if (reason) return { available: false, reason }
  try {
    const code = installProduct()
    const wrong = selfTest(code)
    return wrong ? { available: false, reason: wrong } : { available: true, code }
  } catch (error) {
    return { available: false, reason: (error as Error).message }
  }
}

function whyNot(): string | undefined {
  const [system, processor] = [process.platform, process.arch]
  if (system !== 'linux' || processor !== 'x64') return `it is for Linux on x64, not for ${system} on ${processor}`
  return hasWideVectors() ? undefined : 'this processor has no AVX-512'
}

/** As the system tells it, which must keep such registers when it changes threads. */
function hasWideVectors(): boolean {
  try {
    return /^flags\s*:.*\bavx512f\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return false
  }
}

/** Kernels whose matrix product is `code`; `floats` is the arena's view, `scratch` the one of `wasm`. */
export function createNative(code: ProductCode, wasm: Kernels, floats: Float32Array, scratch: Pointer): Kernels {
  return { ...wasm, name: 'native', matmul: productOf(code, wasm, floats, scratch) }
}

/** Products of all orientations beside the reference's. Returns what was wrong, if anything. */
function selfTest(code: ProductCode): string | undefined {
  const [m, n, k, ld] = [25, 75, 20, 132]
  const [a, b, c, scratch] = [0, 32 * ld, 112 * ld, 144 * ld]
  const start = new Float32Array(scratch + scratchElements)
  for (let i = 0; i < scratch; i++) start[i] = ((i * 7919) % 1009) / 1009 - 0.5
  for (const [transA, transB, accumulate] of [
    [false, false, false],
    [true, false, true],
    [false, true, true],
  ] as const) {
    const [expected, actual] = [start.slice(), start.slice()]
    const reference = createReference(expected)
    reference.matmul(transA, transB, m, n, k, a, ld, b, ld, c, ld, accumulate)
    productOf(code, createReference(actual), actual, scratch)(transA, transB, m, n, k, a, ld, b, ld, c, ld, accumulate)
    for (let i = 0; i < scratch; i++) {
      if (!(Math.abs(actual[i]! - expected[i]!) < 1e-5)) return 'its matrix product failed the self-test'
    }
  }
  return undefined
}
