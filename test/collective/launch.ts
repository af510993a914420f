/** Starts ranks with the launchers that are installed; tests without one say so. */
import { spawn, spawnSync } from 'node:child_process'
import { mpiLibraries } from '../../src/native/mpi/find.ts'

export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH'
  readonly command: string
  readonly flags: readonly string[]
}

const KNOWN: readonly Launcher[] = [
  {
    name: 'Open MPI',
    command: 'mpirun.openmpi',
    flags: [
      '--allow-run-as-root',
      '--oversubscribe',
      '--bind-to',
      'none',
      '--mca',
      'btl_vader_single_copy_mechanism',
      'none',
    ],
  },
  { name: 'MPICH', command: 'mpirun.mpich', flags: ['-bind-to', 'none'] },
]

const isThere = (command: string): boolean => spawnSync(command, ['--version']).status === 0

/** Debian's launchers; a library must be there too. */
export const launchers: readonly Launcher[] =
  mpiLibraries(null).length > 0 ? KNOWN.filter(({ command }) => isThere(command)) : []

export const whyNone = launchers.length > 0 ? '' : ' (skipped: neither mpirun.openmpi nor mpirun.mpich is installed)'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a TypeScript file as `ranks` ranks; kills the job after `seconds`. */
export async function launch(
  { command, flags }: Launcher,
  ranks: number,
  args: readonly string[],
  { seconds = 150, env = {} as Record<string, string> } = {},
): Promise<Ended> {
  const child = spawn(command, [...flags, '-n', String(ranks), process.execPath, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}
