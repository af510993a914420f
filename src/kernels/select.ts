/**
 * The one place that chooses an implementation of the arithmetic.
 *
 * | name          | promise                                                                    |
 * |---------------|----------------------------------------------------------------------------|
 * | `reference`   | plain TypeScript, to be read; slow                                          |
 * | `wasm-strict` | multiply then add: the same bits on every machine                           |
 * | `wasm`        | fused multiply-add in matrix products: the same bits on one machine         |
 * | `blas`        | `matmul` of a native BLAS, the rest as `wasm`; not available in this version |
 */
import { UserError, describe, suggest } from '../errors.ts'
import type { KernelName } from './kernels.ts'
import { relaxedSimdAvailable } from './wasm.ts'

export const kernelNames = ['reference', 'wasm-strict', 'wasm', 'blas'] as const satisfies readonly KernelName[]

export interface KernelChoice {
  readonly name: KernelName
  /** Why this one, for the log. */
  readonly reason: string
}

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string }

/** Whether kernels can run here, and if not, why and what to do. */
export function kernelAvailability(name: KernelName): Availability {
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
    case 'blas':
      return { available: false, reason: "this version has no native BLAS yet; use 'wasm'" }
  }
}

/** The kernels that a name means here. Throws UserError for an unknown name and for kernels that cannot run here. */
export function resolveKernels(name: KernelName | 'auto'): KernelChoice {
  if (name === 'auto') {
    return relaxedSimdAvailable()
      ? { name: 'wasm', reason: 'the fastest here: the engine has relaxed SIMD' }
      : { name: 'wasm-strict', reason: 'the engine has no relaxed SIMD' }
  }
  if (!kernelNames.includes(name)) {
    const meant = suggest(String(name), ['auto', ...kernelNames])
    throw new UserError(
      `Expected \`kernels\` to be 'auto' or one of ${kernelNames.map((n) => `'${n}'`).join(', ')}, ` +
        `got ${describe(name)}${meant ? `; did you mean '${meant}'?` : ''}`,
    )
  }
  const availability = kernelAvailability(name)
  if (!availability.available) throw new UserError(`Kernels '${name}' are not available: ${availability.reason}`)
  return { name, reason: 'as configured' }
}
