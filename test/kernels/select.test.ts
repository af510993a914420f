import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import type { KernelName } from '../../src/kernels/kernels.ts'
import { BLAS_VARIABLE, probeBlas } from '../../src/kernels/blas.ts'
import { probeNative } from '../../src/kernels/native.ts'
import { kernelAvailability, kernelNames, resolveKernels } from '../../src/kernels/select.ts'
import type { KernelChoice } from '../../src/kernels/select.ts'
import { relaxedSimdAvailable } from '../../src/kernels/compile.ts'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

test("'auto' is machine code where the processor has the vectors, else a native BLAS, the fused kernels, the strict ones; and says why", () => {
  const { name, reason } = resolveKernels('auto')
  const isNamed = Boolean(process.env[BLAS_VARIABLE])
  if (probeNative().available && !isNamed) {
    expect(name).toBe('native')
    expect(reason).toMatch(/AVX/)
  } else expectLibrary({ name, reason })
})

function expectLibrary({ name, reason }: KernelChoice): void {
  const answer = probeBlas()
  const wasm = relaxedSimdAvailable() ? 'wasm' : 'wasm-strict'
  const isSlow = answer.available && answer.library.advice !== undefined
  expect(name).toBe(answer.available && !isSlow ? 'blas' : wasm)
  expect(reason).toMatch(answer.available ? (isSlow ? /is slower: .*OPENBLAS_CORETYPE/ : /self-test/) : /BLAS/)
}

const library = probeBlas()
const lacks = library.available ? '' : ` (skipped: ${library.reason})`

test.skipIf(!library.available)(
  `a library that is named comes before machine code; one whose kernels are older than the processor only where the config names it${lacks}`,
  () => {
    const script =
      "const { resolveKernels: r } = await import('./src/kernels/select.ts'); const { probeBlas } = await import('./src/kernels/blas.ts');" +
      'const path = probeBlas().library?.path; process.env.BRIGANTINE_BLAS = path ?? ""; console.log(r("auto").name, path ? r("auto", path).name : "blas")'
    const told = (core: Record<string, string>) => {
      const env = { ...process.env, ...core }
      return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        env,
        encoding: 'utf8',
        cwd,
      }).trim()
    }
    const isOpenBlas = library.available && library.library.description.startsWith('OpenBLAS')
    expect(told({ OPENBLAS_CORETYPE: 'Prescott' })).toBe(isOpenBlas ? 'wasm blas' : 'blas blas')
    expect(told({ OPENBLAS_CORETYPE: 'Nehalem' })).toBe('blas blas')
  },
)

test.skipIf(!library.available)(`a library is found by its name as by its path${lacks}`, () => {
  const { path } = library.available ? library.library : { path: '' }
  const name = /lib(\w+)/.exec(path.slice(path.lastIndexOf('/')))![1]!
  expect(resolveKernels('blas', name).blas).toMatch(new RegExp(`lib${name}`))
  expect(resolveKernels('auto', `lib${name}`)).toMatchObject({ name: 'blas', blas: resolveKernels('blas', name).blas })
})

test('a name of no library is refused', () => {
  expect(() => resolveKernels('auto', 'openbals')).toThrow('no library of the name `openbals` was found')
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
    "Expected `kernels` to be 'auto' or one of 'reference', 'wasm-strict', 'wasm', 'native', 'blas', " +
      'got `"wasm-strickt"` (string); did you mean \'wasm-strict\'?',
  )
})
