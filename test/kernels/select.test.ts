import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { probeBlas } from '../../src/kernels/blas.ts'
import { kernelAvailability, kernelNames, resolveKernels } from '../../src/kernels/select.ts'
import { relaxedSimdAvailable } from '../../src/kernels/compile.ts'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

test("'auto' is a native BLAS where one works, else the fused kernels, else the strict ones; and says why", () => {
  const choice = resolveKernels('auto')
  const wasm = relaxedSimdAvailable() ? 'wasm' : 'wasm-strict'
  const answer = probeBlas()
  const slow = answer.available && answer.library.advice !== undefined
  expect(choice.name).toBe(answer.available && !slow ? 'blas' : wasm)
  expect(choice.reason).toMatch(answer.available ? (slow ? /is slower: .*OPENBLAS_CORETYPE/ : /self-test/) : /BLAS/)
})

test('a library whose kernels are older than the processor is slower than `wasm`: taken only where it is named', () => {
  const script =
    "const { resolveKernels: r } = await import('./src/kernels/select.ts'); const { probeBlas } = await import('./src/kernels/blas.ts');" +
    'const path = probeBlas().library?.path; console.log(r("auto").name, path ? r("auto", path).name : "blas")'
  const env = { ...process.env, OPENBLAS_CORETYPE: 'Prescott' }
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8', cwd })
  const answer = probeBlas()
  const isOpenBlas = answer.available && answer.library.description.startsWith('OpenBLAS')
  expect(told.trim()).toBe(isOpenBlas ? 'wasm blas' : `${resolveKernels('auto').name} blas`)
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
