/**
 * The matrix product and Adam's update in machine code for the widest vectors of this processor, which `machine/` writes when
 * it is first asked for. They compute each element as `wasm` does: the same bits, sooner. Everything else is `wasm`.
 */
import { readFileSync } from 'node:fs'
import type { Kernels, Pointer } from './kernels.ts'
import { adamWith } from './machine/adam.ts'
import { installCode } from './machine/code.ts'
import { productOf } from './machine/product.ts'
import type { MachineCode } from './machine/code.ts'
import type { VectorSet } from './machine/vectors.ts'
import { vectorSets } from './machine/vectors.ts'
import { createReference } from './reference.ts'
import { selfTest, selfTestAdam } from './self-test.ts'
import { scratchElements } from './wasm.ts'

export type NativeAnswer =
  { readonly available: true; readonly code: MachineCode } | { readonly available: false; readonly reason: string }

/**
 * With either set: strips, rows and squares that are whole and that are not, b that is packed by itself and together, a
 * that is turned; a that is turned in place of a transposed b.
 */
const SIZES = [
  { m: 25, n: 133, k: 17, ld: 512 },
  { m: 16, n: 64, k: 80, ld: 96 },
]

let known: NativeAnswer | undefined

/** Whether such code runs here; written once in a process, for all of its threads. */
export function probeNative(): NativeAnswer {
  known ??= answer()
  return known
}

function answer(): NativeAnswer {
  const [widest] = vectorsHere()
  if (!widest) {
    const [system, processor] = [process.platform, process.arch]
    const reason = isForHere()
      ? 'this processor has no AVX2'
      : `it is for Linux on x64, not for ${system} on ${processor}`
    return { available: false, reason }
  }
  try {
    const code = installCode(widest)
    const wrong = [
      ...SIZES.map((sizes) =>
        selfTest(sizes, (on, free) => productOf(code, createReference(on), on, free), scratchElements),
      ),
      selfTestAdam((on, free) => adamWith(code, createReference(on), on, free), scratchElements),
    ].find((fault) => fault !== undefined)
    return wrong ? { available: false, reason: wrong } : { available: true, code }
  } catch (error) {
    return { available: false, reason: (error as Error).message }
  }
}

const isForHere = (): boolean => process.platform === 'linux' && process.arch === 'x64'

/** What the processor has, the widest first, as Linux tells: it must keep such registers when it changes threads. */
export function vectorsHere(): VectorSet[] {
  if (!isForHere()) return []
  try {
    const words = new Set(/^flags\s*:(.*)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]!.split(' '))
    return vectorSets.filter(({ flags }) => flags.every((flag) => words.has(flag)))
  } catch {
    return []
  }
}

/** Kernels whose matrix product is `code`; `floats` is the arena's view, `scratch` the one of `wasm`. */
export function createNative(code: MachineCode, wasm: Kernels, floats: Float32Array, scratch: Pointer): Kernels {
  return {
    ...wasm,
    name: 'native',
    matmul: productOf(code, wasm, floats, scratch),
    adam: adamWith(code, wasm, floats, scratch),
  }
}
