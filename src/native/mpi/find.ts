/** Which MPI library is meant: of several on a machine, the one whose launcher started this process. */
import { basename } from 'node:path'
import type { LibraryHandle } from '../koffi.ts'
import { loadKoffi } from '../koffi.ts'
import { findLibraries } from '../libraries.ts'
import type { MpiFamily } from './abi.ts'

/** Names a library; else the usual places are searched. */
export const MPI_VARIABLE = 'BRIGANTINE_MPI'

export interface MpiLibrary {
  readonly path: string
  readonly family: MpiFamily
  /** What the library says of itself: `Open MPI v4.1.4`. */
  readonly version: string
}

export type MpiAnswer =
  { readonly available: true; readonly library: MpiLibrary } | { readonly available: false; readonly reason: string }

/** Who started this process as one of several ranks, by the variables it left. */
export interface Launch {
  readonly by: 'Open MPI' | 'MPICH' | 'Slurm'
  readonly rank: number
  readonly ranks: number
}

/** `null` where nothing says that this process is one of several. */
export function launchOf(env: NodeJS.ProcessEnv = process.env): Launch | null {
  const read = (by: Launch['by'], rank: string | undefined, ranks: string | undefined): Launch | null =>
    rank !== undefined && ranks !== undefined ? { by, rank: Number(rank), ranks: Number(ranks) } : null
  const launch =
    read('Open MPI', env.OMPI_COMM_WORLD_RANK, env.OMPI_COMM_WORLD_SIZE) ??
    read('MPICH', env.PMI_RANK, env.PMI_SIZE) ??
    read('Slurm', env.SLURM_PROCID, env.SLURM_STEP_NUM_TASKS)
  // A lone task of a Slurm job is no rank of several, and starts without MPI.
  return launch?.by === 'Slurm' && launch.ranks < 2 ? null : launch
}

/** The library for this launch: each is asked for its version, none is initialised. */
export function findMpiLibrary(launch: Launch | null = launchOf(), given = process.env[MPI_VARIABLE]): MpiAnswer {
  const candidates = given ? [given] : mpiLibraries(launch)
  if (candidates.length === 0) {
    return {
      available: false,
      reason: `no MPI library was found; install one (apt-get install openmpi-bin) or name it in ${MPI_VARIABLE}`,
    }
  }
  const seen: string[] = []
  for (const path of candidates) {
    const answer = identify(path)
    if (typeof answer === 'string') seen.push(`${path}: ${answer}`)
    else if (given || fits(answer.version, launch)) return { available: true, library: answer }
    else seen.push(`${path}: is ${answer.version}`)
  }
  const wanted = launch && launch.by !== 'Slurm' ? `a library of the launcher's, ${launch.by}` : 'a working MPI library'
  return {
    available: false,
    reason: `expected ${wanted}, got ${seen.join('; ')}; name the right one in ${MPI_VARIABLE}`,
  }
}

/** Candidates, those that are probably the launcher's first. */
export function mpiLibraries(launch: Launch | null, env: NodeJS.ProcessEnv = process.env): string[] {
  const names = ['libmpi_abi', 'libmpi', 'libmpich']
  const own = /^lib(mpi|mpich|mpi_abi\w*)\.(so|dylib)/
  const found = findLibraries(names).filter((path) => own.test(basename(path)))
  const isMpich = (path: string) => Number(path.includes('mpich'))
  if (launch?.by === 'MPICH') return found.toSorted((a, b) => isMpich(b) - isMpich(a))
  // `srun --mpi=pmix`, which Open MPI speaks, and of MPICH only what was built for it.
  if (env.PMIX_RANK !== undefined) return found.toSorted((a, b) => isMpich(a) - isMpich(b))
  return found
}

function fits(version: string, launch: Launch | null): boolean {
  switch (launch?.by) {
    case 'Open MPI':
      return version.startsWith('Open MPI')
    case 'MPICH':
      return !version.startsWith('Open MPI')
    case 'Slurm':
    case undefined:
      return true
  }
}

/** @returns what the library is, or why it cannot be used */
export function identify(path: string): MpiLibrary | string {
  try {
    const koffi = loadKoffi()
    const library = koffi.load(path)
    const version = versionOf(library)
    const family = familyOf(library, version)
    return family ? { path, family, version } : `is ${version}, whose handles are not known`
  } catch (error) {
    return (error as Error).message
  }
}

/** May be asked before MPI is initialised; the first words: `Open MPI v4.1.4`, `MPICH Version: 4.0.2`. */
function versionOf(library: LibraryHandle): string {
  const text = Buffer.alloc(8192)
  const length = new Int32Array(1)
  library.func('int MPI_Get_library_version(void*, int*)')(text, length)
  return text
    .toString('latin1', 0, length[0])
    .split(/[,\n\0]/)[0]!
    .replace(/\s+/g, ' ')
    .trim()
}

function familyOf(library: LibraryHandle, version: string): MpiFamily | null {
  if (hasStandardAbi(library)) return 'standard'
  if (version.startsWith('Open MPI')) return 'open-mpi'
  return /MPICH|Intel\(R\) MPI|MVAPICH/.test(version) ? 'mpich' : null
}

/** A native library answers -1; one of the standard ABI 1 or more. */
function hasStandardAbi(library: LibraryHandle): boolean {
  try {
    const [major, minor] = [new Int32Array(1), new Int32Array(1)]
    library.func('int MPI_Abi_get_version(int*, int*)')(major, minor)
    return major[0]! >= 1
  } catch {
    return false
  }
}
