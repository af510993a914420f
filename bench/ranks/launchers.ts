/** The launchers of ranks that are installed here, with the flags that several ranks on one machine want. */
import { spawnSync } from 'node:child_process'
import { mpiLibraries } from '../../src/native/mpi/find.ts'

export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH'
  readonly command: string
  readonly flags: readonly string[]
}

/** As Debian names them. */
const KNOWN: readonly Launcher[] = [
  {
    name: 'Open MPI',
    command: 'mpirun.openmpi',
    flags: ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'],
  },
  { name: 'MPICH', command: 'mpirun.mpich', flags: ['-bind-to', 'none'] },
]

const isThere = (command: string): boolean => spawnSync(command, ['--version']).status === 0

/** None where there is no library either. */
export const launchers: readonly Launcher[] =
  mpiLibraries(null).length > 0 ? KNOWN.filter(({ command }) => isThere(command)) : []
