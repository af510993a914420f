import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Native libraries are found at run time and never required. This looks; it loads nothing. */

const BLAS_NAMES = ['libopenblas', 'libblis', 'libmkl_rt', 'libblas']
const ACCELERATE = '/System/Library/Frameworks/Accelerate.framework'

/**
 * Full paths of native BLAS libraries, best first. The loader's cache takes a process of its own to read: it is asked
 * only for those after the best one of the usual folders.
 */
export function* findBlas(): Generator<string, void> {
  if (existsSync(ACCELERATE)) yield ACCELERATE
  const best = findLibraries(BLAS_NAMES.slice(0, 1), libraryFolders(), [])
  yield* best
  yield* findLibraries(BLAS_NAMES).filter((path) => !best.some((other) => realPath(other) === realPath(path)))
}

/** Full paths of what a user calls by a name (`openblas`, `blis`, `mkl`, `accelerate`), best first; a path or a file's name as it is. */
export function namedBlas(given: string): string[] {
  if (!/^[\w-]+$/.test(given)) return [given]
  if (given === 'accelerate') return [ACCELERATE]
  const name = given.startsWith('lib') ? given : `lib${given}`
  return findLibraries([name === 'libmkl' ? 'libmkl_rt' : name])
}

/** The launcher of ranks on the search path, if there is one. */
export function findMpirun(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'mpirun')).find((path) => existsSync(path))
}

/** Libraries by the start of their name (`libopenblas` finds `libopenblas.so.0`), in the order of `names`; links once. */
export function findLibraries(names: readonly string[], folders = libraryFolders(), cached = ldconfig()): string[] {
  const pattern = (name: string) => new RegExp(`^${name}[\\w-]*\\.(so|dylib|dll)(\\.\\d+)*$`)
  const inFolders = folders.flatMap((folder) => list(folder).map((file) => join(folder, file)))
  const found = names.flatMap((name) =>
    [...cached, ...inFolders].filter((path) => pattern(name).test(path.slice(path.lastIndexOf('/') + 1))),
  )
  return [...new Map(found.map((path) => [realPath(path), path])).values()]
}

function libraryFolders(): string[] {
  const machine = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string] ?? ''
  const bases = ['/usr/lib', join('/usr/lib', machine), '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib']
  const variants = ['openblas-pthread', 'openblas-openmp', '', 'blis-pthread', 'blis-serial', 'openmpi/lib']
  const own = [process.env.LD_LIBRARY_PATH, process.env.MKLROOT && join(process.env.MKLROOT, 'lib')]
  return [
    ...own.flatMap((paths) => paths?.split(delimiter).filter(Boolean) ?? []),
    ...new Set(bases.flatMap((base) => variants.map((variant) => join(base, variant)))),
    '/opt/homebrew/opt/openblas/lib',
    '/opt/intel/oneapi/mkl/latest/lib',
  ]
}

/** Lines read `libopenblas.so.0 (libc6,x86-64) => /usr/lib/.../libopenblas.so.0`. */
function ldconfig(): string[] {
  if (process.platform !== 'linux') return []
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/sbin:/usr/sbin` }
  const result = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env })
  return (result.stdout ?? '').split('\n').flatMap((line) => line.split(' => ')[1]?.trim() || [])
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
