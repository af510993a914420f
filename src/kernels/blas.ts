/**
 * The matrix product of a native BLAS, called through koffi on pointers into the arena. Everything else of these kernels,
 * small products too where `native` runs, has the bits of `wasm`.
 *
 * One BLAS thread per worker, set before anything else: the library's own threads would fight the crew. A library that
 * cannot be loaded, whose calls must not overlap, or that fails the self-test, is not used: the answer says why.
 */
import { loadKoffi } from '../native/koffi.ts'
import type { LibraryHandle } from '../native/koffi.ts'
import { findBlas, namedBlas } from '../native/libraries.ts'
import type { Kernels, MatrixKernels, Pointer } from './kernels.ts'
import { selfTest } from './self-test.ts'

export interface BlasLibrary {
  readonly path: string
  /** What the library says of itself: name, version, the CPU's kernels it chose. */
  readonly description: string
  /** What would make it faster, if anything. */
  readonly advice?: string | undefined
}

export type BlasAnswer =
  { readonly available: true; readonly library: BlasLibrary } | { readonly available: false; readonly reason: string }

/** `--blas`, `blas` in the config or this variable name a library, or where it is; else the usual places are searched. */
export const BLAS_VARIABLE = 'BRIGANTINE_BLAS'

const ROW_MAJOR = 101
const PLAIN = 111
const TRANSPOSED = 112

type Sgemm = (
  order: number,
  transA: number,
  transB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  beta: number,
  c: number,
  ldc: number,
) => void

/** Finds a BLAS that works, once per process. @param given a name or path that is meant, else the usual places are searched */
export function probeBlas(given = process.env[BLAS_VARIABLE]): BlasAnswer {
  const known = answers.get(given)
  if (known) return known
  const answer = given
    ? firstWorking(namedBlas(given), `no library of the name \`${given}\` was found: name it by its path`)
    : firstWorking(findBlas(), 'no native BLAS was found')
  answers.set(given, answer)
  return answer
}

const answers = new Map<string | undefined, BlasAnswer>()

/** @param none what to say where there is no candidate */
function firstWorking(candidates: Iterable<string>, none: string): BlasAnswer {
  const reasons: string[] = []
  for (const path of candidates) {
    const answer = tryLibrary(path)
    if (answer.available) return answer
    reasons.push(`${path}: ${answer.reason}`)
  }
  return unavailable(reasons.join('; ') || none)
}

function tryLibrary(path: string): BlasAnswer {
  try {
    const { library, sgemm, koffi } = openBlas(path)
    const wrong = isForOneThread(library)
      ? FOR_ONE_THREAD
      : selfTest(SIZES, (on) => matmulOf(sgemm, Number(koffi.address(on))))
    if (wrong) return unavailable(wrong)
    const description = describe(library)
    return { available: true, library: { path, description, advice: adviceFor(description) } }
  } catch (error) {
    return unavailable((error as Error).message)
  }
}

const SIZES = { m: 13, n: 9, k: 21, ld: 24 }

const FOR_ONE_THREAD =
  'it is built for programs of one thread: calls that overlap share a buffer, and products come out wrong now and then; ' +
  'a threaded build is right, of which each worker uses one thread (libopenblas0-pthread)'

/** OpenBLAS without threads has no lock around its buffers either; `openblas_get_parallel` is 0 there. */
function isForOneThread(library: LibraryHandle): boolean {
  const name = 'openblas_get_parallel'
  return has(library, name) && (library.func(`int ${name}()`) as () => number)() === 0
}

const unavailable = (reason: string): BlasAnswer => ({ available: false, reason })

/**
 * Multiply-adds up to which a product is taken from machine code, where that runs: a library's call, and its packing, are
 * much beside so few (OpenBLAS 0.3.21 and `native`, GFLOP/s: 16 x 64 x 64 52 and 81, 8 x 128 x 784 56 and 86, 192 x 128 x 64
 * 73 and 92).
 */
const SMALL = 2 ** 21

/**
 * Kernels whose matrix products are the library's; `floats` is the arena's view.
 * @param rest everything else, small products too where `isNative`
 */
export function createBlas(path: string, rest: Kernels, floats: Float32Array, isNative: boolean): Kernels {
  const { sgemm, koffi } = openBlas(path)
  const product = matmulOf(sgemm, Number(koffi.address(floats)))
  const small = isNative ? SMALL : 0
  return {
    ...rest,
    name: 'blas',
    matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) {
      const matmul = m * n * k <= small ? rest.matmul : product
      matmul(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    },
  }
}

function matmulOf(sgemm: Sgemm, base: number): MatrixKernels['matmul'] {
  const address = (pointer: Pointer) => base + 4 * pointer
  return (transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate) => {
    if (m === 0 || n === 0) return
    const opA = transA ? TRANSPOSED : PLAIN
    const opB = transB ? TRANSPOSED : PLAIN
    sgemm(ROW_MAJOR, opA, opB, m, n, k, 1, address(a), lda, address(b), ldb, accumulate ? 1 : 0, address(c), ldc)
  }
}

function openBlas(path: string): { library: LibraryHandle; sgemm: Sgemm; koffi: ReturnType<typeof loadKoffi> } {
  for (const name of ['OPENBLAS', 'OMP', 'MKL', 'BLIS', 'VECLIB_MAXIMUM']) process.env[`${name}_NUM_THREADS`] ??= '1'
  const koffi = loadKoffi()
  const library = koffi.load(path)
  for (const [name, signature] of [
    ['openblas_set_num_threads', 'void openblas_set_num_threads(int)'],
    ['bli_thread_set_num_threads', 'void bli_thread_set_num_threads(int64_t)'],
    ['MKL_Set_Num_Threads', 'void MKL_Set_Num_Threads(int)'],
  ] as const) {
    if (has(library, name)) (library.func(signature) as (threads: number) => void)(1)
  }
  const sgemm = library.func(
    'void cblas_sgemm(int, int, int, int, int, int, float, uintptr_t, int, uintptr_t, int, float, uintptr_t, int)',
  ) as unknown as Sgemm
  return { library, sgemm, koffi }
}

function has(library: LibraryHandle, symbol: string): boolean {
  try {
    library.symbol(symbol, 'void')
    return true
  } catch {
    return false
  }
}

function describe(library: LibraryHandle): string {
  if (has(library, 'openblas_get_config')) {
    const config = (library.func('str openblas_get_config()') as () => string)()
    const core = has(library, 'openblas_get_corename')
      ? (library.func('str openblas_get_corename()') as () => string)()
      : ''
    return `${config.split(' ').slice(0, 2).join(' ')} ${core}`.trim()
  }
  if (has(library, 'bli_info_get_version_str')) {
    return `BLIS ${(library.func('str bli_info_get_version_str()') as () => string)()}`
  }
  return 'BLAS'
}

/** OpenBLAS takes its oldest kernels, for units of 128 bits, where a processor is newer than itself. */
function adviceFor(description: string): string | undefined {
  if (!description.endsWith(' Prescott')) return undefined
  return 'it does not know this processor; with OPENBLAS_CORETYPE=SkylakeX (AVX-512) or =Haswell (AVX2) it is several times faster'
}
