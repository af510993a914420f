import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { kernelAvailability, kernelNames, resolveKernels } from '../../src/kernels/select.ts'
import { relaxedSimdAvailable } from '../../src/kernels/wasm.ts'

test("'auto' is a native BLAS where one works, else the fused kernels, else the strict ones; and says why", () => {
  const choice = resolveKernels('auto')
  const wasm = relaxedSimdAvailable() ? 'wasm' : 'wasm-strict'
  expect(choice.name).toBe(kernelAvailability('blas').available ? 'blas' : wasm)
  expect(choice.reason).toMatch(/self-test|no native BLAS/)
})

test('a library that is not a BLAS is refused with its path, and not replaced by another', () => {
  const path = fileURLToPath(new URL('../../package.json', import.meta.url))
  expect(() => resolveKernels('auto', path)).toThrow(UserError)
  expect(() => resolveKernels('blas', path)).toThrow(path)
})

test('a name gives the kernels it names, or a UserError with the reason where they cannot run', () => {
  for (const name of kernelNames) {
    const availability = kernelAvailability(name)
    if (availability.available) expect(resolveKernels(name).name).toBe(name)
    else
      expect(() => resolveKernels(name)).toThrow(
        new UserError(`Kernels '${name}' are not available: ${availability.reason}`),
      )
  }
  expect(kernelAvailability('reference').available).toBe(true)
  expect(kernelAvailability('wasm-strict').available).toBe(true)
})

test('an unknown name is refused with the names there are and the nearest of them', () => {
  expect(() => resolveKernels('wasm-strickt' as KernelName)).toThrow(
    "Expected `kernels` to be 'auto' or one of 'reference', 'wasm-strict', 'wasm', 'blas', " +
      'got `"wasm-strickt"` (string); did you mean \'wasm-strict\'?',
  )
})
