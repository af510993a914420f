/**
 * The one place that chooses an implementation of the arithmetic.
 *
 * | name          | promise                                                                  |
 * |---------------|--------------------------------------------------------------------------|
 * | `reference`   | plain TypeScript, to be read; slow                                       |
 * | `wasm-strict` | multiply then add: the same bits on every machine                        |
 * | `wasm`        | fused multiply-add in matrix products: the same bits on one machine      |
 * | `native`      | the bits of `wasm`, products and Adam in machine code: fastest           |
 * | `blas`        | large matrix products of a native BLAS, the rest with the bits of `wasm` |
 */
import { UserError, describe, suggest } from '../errors.ts'
import { BLAS_VARIABLE, createBlas, probeBlas } from './blas.ts'
import { compileKernels, compileNarrow, relaxedSimdAvailable } from './compile.ts'
import type { KernelName, Kernels, Pointer } from './kernels.ts'
import type { MachineCode } from './machine/code.ts'
import { createNative, probeNative } from './native.ts'
import { createReference } from './reference.ts'
import { instantiateKernels } from './wasm.ts'

export const kernelNames = [
  'reference',
  'wasm-strict',
  'wasm',
  'native',
  'blas',
] as const satisfies readonly KernelName[]

export interface KernelChoice {
  readonly name: KernelName
  /** Why this one: the log and the plan's line say so. */
  readonly reason: string
  /** The native library, for `blas`. */
  readonly blas?: string | undefined
  /** Where the machine code lies, for `native`; for `blas` too where it runs, which has all but its large products from there. */
  readonly code?: MachineCode | undefined
}

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string }

/** Whether kernels can run here, and if not, why and what to do. */
export function kernelAvailability(name: KernelName, blas?: string): Availability {
  switch (name) {
    case 'reference':
    case 'wasm-strict':
      return { available: true }
    case 'wasm':
      return relaxedSimdAvailable()
        ? { available: true }
        : {
            available: false,
            reason: "this JavaScript engine has no relaxed SIMD; use 'wasm-strict', or Node 22 or newer",
          }
    case 'native': {
      const answer = probeNative()
      return answer.available ? answer : { available: false, reason: `${answer.reason}; use 'blas' or 'wasm'` }
    }
    case 'blas': {
      const answer = probeBlas(blas)
      return answer.available
        ? answer
        : { available: false, reason: `${answer.reason}; install one (libopenblas0-pthread) or use 'wasm'` }
    }
  }
}

/**
 * The kernels that a name means here: `auto` is `native` where the processor has the vectors for it, else `blas` where a
 * native library is present, works and knows the processor, else `wasm`.
 * @param blas name or path of a native library, to be taken instead of what `auto` or the search would find
 * @throws UserError for an unknown name and for kernels that cannot run here
 */
export function resolveKernels(name: KernelName | 'auto', blas?: string): KernelChoice {
  if (name === 'auto') return blas === undefined ? fastest() : withLibrary(blas)
  if (!kernelNames.includes(name)) {
    const meant = suggest(String(name), ['auto', ...kernelNames])
    throw new UserError(
      `Expected \`kernels\` to be 'auto' or one of ${kernelNames.map((n) => `'${n}'`).join(', ')}, ` +
        `got ${describe(name)}${meant ? `; did you mean '${meant}'?` : ''}`,
    )
  }
  const availability = kernelAvailability(name, blas)
  if (!availability.available) throw new UserError(`Kernels '${name}' are not available: ${availability.reason}`)
  const library = name === 'blas' ? probeBlas(blas) : undefined
  return {
    name,
    reason: library?.available ? `as configured; ${tested(library.library)}` : 'as configured',
    blas: library?.available ? library.library.path : undefined,
    code: name === 'native' || name === 'blas' ? codeHere() : undefined,
  }
}

function codeHere(): MachineCode | undefined {
  const native = probeNative()
  return native.available ? native.code : undefined
}

function fastest(): KernelChoice {
  const native = probeNative()
  const isLibraryNamed = Boolean(process.env[BLAS_VARIABLE])
  if (native.available && !isLibraryNamed) {
    return { name: 'native', reason: `the processor has ${native.code.set}`, code: native.code }
  }
  const why = native.available ? `${BLAS_VARIABLE} is set` : `not native: ${native.reason}`
  const answer = probeBlas()
  if (answer.available) {
    const { path, description, advice } = answer.library
    if (advice === undefined || !relaxedSimdAvailable()) {
      return {
        name: 'blas',
        reason: `${why}; ${tested(answer.library)}`,
        blas: path,
        code: codeHere(),
      }
    }
    return { name: 'wasm', reason: `${why}; ${description} at ${path} is slower: ${advice}` }
  }
  return relaxedSimdAvailable()
    ? { name: 'wasm', reason: `${why}; ${answer.reason}; relaxed SIMD is there` }
    : { name: 'wasm-strict', reason: `${why}; ${answer.reason}, and the engine has no relaxed SIMD` }
}

function withLibrary(given: string): KernelChoice {
  const answer = probeBlas(given)
  if (!answer.available) throw new UserError(`Expected \`blas\` to be a working native BLAS, but ${answer.reason}.`)
  return { name: 'blas', reason: tested(answer.library), blas: answer.library.path, code: codeHere() }
}

const tested = ({ description, path }: { readonly description: string; readonly path: string }): string =>
  `${description} at ${path} passed its self-test`

/** What a thread needs beside its memory to make kernels: the compiled module, `null` for the reference. */
export function compileFor({ name }: KernelChoice): WebAssembly.Module | null {
  if (name === 'reference') return null
  return compileKernels(name === 'wasm-strict' || !relaxedSimdAvailable() ? 'wasm-strict' : 'wasm')
}

/** The chosen kernels on `memory`. `scratch`: the first of `scratchElements` elements of this thread's own. */
export function createKernels(
  { name, blas, code }: KernelChoice,
  module: WebAssembly.Module | null,
  memory: WebAssembly.Memory,
  scratch: Pointer,
): Kernels {
  const floats = new Float32Array(memory.buffer)
  if (name === 'reference') return createReference(floats)
  const wasm = instantiateKernels(name === 'wasm-strict' ? name : 'wasm', module!, memory, scratch)
  const own = code ? createNative(code, wasm, floats, scratch) : wasm
  return name === 'blas' ? createBlas(blas!, own, floats, code !== undefined) : own
}

/** The strict kernels beside the chosen ones, in the same scratch; `null` where those are as strict. */
export function strictBeside(
  { name }: KernelChoice,
  memory: WebAssembly.Memory,
  scratch: Pointer,
): (() => Kernels) | null {
  if (name === 'reference' || name === 'wasm-strict') return null
  return () => instantiateKernels('wasm-strict', compileNarrow('wasm-strict'), memory, scratch)
}
