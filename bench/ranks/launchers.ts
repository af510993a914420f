/** The launchers of ranks that are installed here, with the flags that several ranks on one machine want. */
import { spawnSync } from 'node:child_process'
import { mpiLibraries } from '../../src/native/mpi/find.ts'

export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH'
  readonly command: string
  readonly flags: readonly string[]
}

const OPEN_MPI = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none']
// Copies from process to process want a right that containers mostly withhold; without it each start says so.
const NO_SINGLE_COPY = ['--mca', 'btl_vader_single_copy_mechanism', 'none']

/** As Debian names them. */
const KNOWN: readonly Launcher[] = [
  { name: 'Open MPI', command: 'mpirun.openmpi', flags: [...OPEN_MPI, ...NO_SINGLE_COPY] },
  { name: 'MPICH', command: 'mpirun.mpich', flags: ['-bind-to', 'none'] },
]

const isThere = (command: string): boolean => spawnSync(command, ['--version']).status === 0

/** None where there is no library either. */
export const launchers: readonly Launcher[] =
  mpiLibraries(null).length > 0 ? KNOWN.filter(({ command }) => isThere(command)) : []
