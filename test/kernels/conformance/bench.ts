/** What a test of kernels works on: one implementation, its memory, and places in it at odd offsets. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { KernelName, Kernels, Pointer } from '../../../src/kernels/kernels.ts'
import { compileFor, createKernels, resolveKernels } from '../../../src/kernels/select.ts'
import { scratchElements } from '../../../src/kernels/wasm.ts'

const PAGES = 64
const RESERVED = 16_384

/** What unused memory holds: an element that a kernel had no business with must still be this. */
export const UNTOUCHED = -12345.5

export interface Bench {
  readonly kernels: Kernels
  readonly floats: Float32Array
  /** Makes everything UNTOUCHED and free again. */
  reset(): void
  /** Room for `count` elements at an address that is no multiple of 16 bytes, with a gap before and after. */
  room(count: number): Pointer
  /** The same, filled. */
  put(values: ArrayLike<number>): Pointer
  take(pointer: Pointer, count: number): number[]
}

export type MakeBench = () => Promise<Bench>

/** @param module in place of what this machine would use, without machine code; `change`: makes other kernels of them, in the same scratch */
export async function makeBench(
  name: KernelName,
  module?: WebAssembly.Module,
  change = (kernels: Kernels, _floats: Float32Array, _scratch: Pointer) => kernels,
): Promise<Bench> {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65_536, shared: true })
  const floats = new Float32Array(memory.buffer)
  const here = resolveKernels(name)
  const choice = module ? { ...here, code: undefined } : here
  const kernels = createKernels(choice, module ?? compileFor(choice), memory, RESERVED)
  return benchOf(change(kernels, floats, RESERVED), floats)
}

function benchOf(kernels: Kernels, floats: Float32Array): Bench {
  const start = RESERVED + scratchElements + 1
  let free = start
  const bench: Bench = {
    kernels,
    floats,
    reset() {
      floats.fill(UNTOUCHED, start, Math.max(free + 64, start + 1))
      free = start
    },
    room(count) {
      const pointer = free
      free += count + 7 - (count % 2)
      if (free > floats.length) throw new Error('internal: the bench is too small')
      return pointer
    },
    put(values) {
      const pointer = bench.room(values.length)
      floats.set(values, pointer)
      return pointer
    },
    take: (pointer, count) => Array.from(floats.subarray(pointer, pointer + count)),
  }
  floats.fill(UNTOUCHED, start)
  return bench
}

/** Numbers of mixed size and sign, a pure function of `seed`. */
export function numbers(seed: number, count: number, size = 2): Float32Array {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return (state / 2 ** 31 - 1) * size
  })
}

export const seeds = fc.integer({ min: 0, max: 2 ** 30 })
/** Counts around the widths of vectors, and some that are not. */
export const counts = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 250, max: 270 }))

/** Equal element for element, NaN to NaN, +0 and -0 apart. */
export function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what = ''): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      expect.fail(`${what} element ${i}: expected ${String(expected[i])}, got ${String(actual[i])}`)
    }
  }
}

/** |actual - expected| <= tolerance max(1, |expected|); NaN and infinities exactly. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = '',
): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    const close = Object.is(a, e) || Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e))
    if (!close) expect.fail(`${what} element ${i}: expected ${e}, got ${a}`)
  }
}
