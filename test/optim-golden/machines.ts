/** The kernels that the golden values are held against, each with a small memory and the error its floats allow. */
import { expect } from 'vitest'
import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'
import { createReference } from '../../src/kernels/reference.ts'
import { compileKernels } from '../../src/kernels/compile.ts'
import { instantiateKernels, scratchElements } from '../../src/kernels/wasm.ts'

export interface Machine {
  name: string
  kernels: Kernels
  floats: Float32Array | Float64Array
  /** Allowed: |actual - golden| <= relative * |golden| + absolute. */
  relative: number
  absolute: number
}

const float64 = { relative: 1e-9, absolute: 1e-14 }
const float32 = { relative: 2e-6, absolute: 5e-7 }
const room = 16_384

/** Elements before the first that a test may use: WebAssembly modules keep the first 64 KiB for themselves. */
const reserved = 16_384

export const machines: readonly Machine[] = [
  reference('reference in float64', new Float64Array(reserved + room), float64),
  reference('reference in float32', new Float32Array(reserved + room), float32),
  await wasm('wasm-strict'),
  await wasm('wasm'),
]

function reference(name: string, floats: Float32Array | Float64Array, errors: typeof float64): Machine {
  return { name, floats, kernels: createReference(floats), ...errors }
}

async function wasm(name: 'wasm' | 'wasm-strict'): Promise<Machine> {
  const pages = Math.ceil(((reserved + room + scratchElements) * 4) / 65_536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const kernels = instantiateKernels(name, compileKernels(name), memory, reserved + room)
  return { name, floats: new Float32Array(memory.buffer), kernels, ...float32 }
}

/** Hands out ranges of a machine's memory one after another, from an odd offset: nothing may rely on alignment. */
export function workspace({ floats }: Machine) {
  let next = reserved + 1
  const space = (count: number): Pointer => {
    const at = next
    next += count
    if (next > reserved + room) throw new Error('internal: the test needs more room')
    return at
  }
  return {
    /** `count` elements of `fill`, NaN unless said: what is read before it is written shows. */
    space(count: number, fill = NaN): Pointer {
      const at = space(count)
      floats.fill(fill, at, at + count)
      return at
    },
    put(values: readonly number[]): Pointer {
      const at = space(values.length)
      floats.set(values, at)
      return at
    },
    read: (at: Pointer, count: number): number[] => Array.from(floats.subarray(at, at + count)),
  }
}

/** Every element within the machine's error of its golden value. */
export function expectGolden(machine: Machine, what: string, actual: readonly number[], golden: readonly number[]) {
  expect(actual.length, `${what}: length`).toBe(golden.length)
  expect(golden.length, `${what}: nothing to compare`).toBeGreaterThan(0)
  golden.forEach((wanted, i) => {
    const allowed = machine.relative * Math.abs(wanted) + machine.absolute
    const message = `${what}[${i}] of ${machine.name}: got ${actual[i]}, golden ${wanted}, allowed ${allowed}`
    expect(Math.abs(actual[i]! - wanted) <= allowed, message).toBe(true)
  })
}
