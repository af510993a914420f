/** Starts ranks with the launchers that are installed; tests without one say so. */
import { spawn } from 'node:child_process'
import { launchers as installed } from '../../bench/ranks/launchers.ts'
import type { Launcher } from '../../bench/ranks/launchers.ts'

/**
 * Where a container's seccomp forbids process_vm_readv, Open MPI copies twice instead of once, and for every large message
 * writes "Read -1, expected 1048576, errno = 1" to stderr, which tests want to be empty: here it always copies twice.
 */
const COPY_TWICE = ['--mca', 'btl_vader_single_copy_mechanism', 'none']

export const launchers: readonly Launcher[] = installed.map((launcher) =>
  launcher.name === 'Open MPI' ? { ...launcher, flags: [...launcher.flags, ...COPY_TWICE] } : launcher,
)

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
